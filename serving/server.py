"""A running service: started on a port of this machine, awaited, and never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NoReturn

from configs.errors import StamkundeError
from configs.schema import Config
from serving import settings
from serving.guard.caller import listens_on_loopback
from serving.guard.keys import FILE, KeyStore
from serving.record.merkle import put, sync, temporary_beside
from serving.releases.package import environment
from serving.releases.release import current

SERVICE = "serving.service:Stamkunde"

# The loopback is no business of a proxy that the environment may name.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))

_ROOT = Path(__file__).parents[1]
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class ServerError(StamkundeError):
    """A service that does not come up."""


def serve(
    config: Config, host: str = "127.0.0.1", port: int = 3000, bento: str | None = None
) -> NoReturn:
    """Become the service, from a Bento or from the current release, until a signal ends it.

    Raises
    ------
    StamkundeError
        If nothing is promoted, or what is was altered, or the host is reached from beyond this
        machine and there is no valid key.
    """
    arguments, told = _command(config, host, port, bento)
    os.execve(arguments[0], arguments, told)


def start(
    config: Config,
    host: str = "127.0.0.1",
    port: int = 3000,
    bento: str | None = None,
    log: IO[bytes] | None = None,
) -> subprocess.Popen[bytes]:
    """Start the service beside this process, with which it ends.

    Raises
    ------
    StamkundeError
        If nothing is promoted, or what is was altered, or the host is reached from beyond this
        machine and there is no valid key.
    """
    arguments, told = _command(config, host, port, bento)
    output = None if log is None else subprocess.STDOUT
    return subprocess.Popen(
        arguments, env=told, stdout=log, stderr=output, preexec_fn=end_with_parent
    )


def _command(
    config: Config, host: str, port: int, bento: str | None
) -> tuple[list[str], dict[str, str]]:
    _require_keys(config, host)
    if bento is None:
        current(config.var)  # a service that cannot load it would be restarted for ever
        _tell(config)
    told = {**environment(config), settings.VARIABLE: str(config.var.absolute())}
    if bento is not None:
        _require_bento(bento, Path(told["BENTOML_HOME"]) / "bentos")
    source = [bento] if bento else [SERVICE, "--working-dir", str(_ROOT)]
    where = ["--host", host, "--port", str(port)]
    return [sys.executable, "-m", "bentoml", "serve", *source, *where], told


def _require_keys(config: Config, host: str) -> None:
    """Refuse to listen beyond this machine with nobody who may call."""
    if listens_on_loopback(host):
        return
    now = datetime.now(UTC)
    if not any(key.is_valid(now) for key in KeyStore(config.var / FILE).keys(now).values()):
        raise ServerError(
            f"--host {host} is reached from beyond this machine, and {config.name} has no valid "
            "key of a caller; make one: stamkunde keys add NAME --scope score"
        )


def _require_bento(tag: str, store: Path) -> None:
    name, _, version = tag.partition(":")
    if not (store / name / (version or "latest")).exists():
        raise ServerError(f"no Bento {tag!r} in {store}; build one with: stamkunde package")


def _tell(config: Config) -> None:
    file = config.var / settings.FILE
    with temporary_beside(file) as temporary:
        temporary.write_bytes(settings.written(config, {}))
        sync(temporary)
        put(temporary, file)


def wait_until_ready(
    url: str, process: subprocess.Popen[bytes] | None = None, seconds: float = 120.0
) -> None:
    """Wait until a service takes calls.

    It answers at all only once its models are loaded, and this it says without a key.

    Raises
    ------
    ServerError
        If its process ends before, or it takes longer.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process is not None and process.poll() is not None:
            raise ServerError(f"{url}: the service ended with {process.returncode}; see its log")
        with suppress(OSError), DIRECT.open(f"{url}/livez", timeout=2):
            return
        time.sleep(0.1)
    raise ServerError(f"{url}: the service is not ready after {seconds:g} s; see its log")


def end_with_parent() -> None:
    """Have this process ended with the thread that started it; only Linux can."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
