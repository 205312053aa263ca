"""Services as processes: started, awaited, weighed with all they started, and ended by their id."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import IO

import psutil

from configs.schema import Config
from serving import server
from serving.demo import free_port
from serving.server import end_with_parent


@dataclass(frozen=True)
class Service:
    """A service that runs beside this process.

    Parameters
    ----------
    process : Popen
    port : int
        Of the loopback.
    begun : float
        When it was started, on the clock of ``time.perf_counter``.
    """

    process: subprocess.Popen[bytes]
    port: int
    begun: float

    def all(self) -> list[psutil.Process]:
        """Return its process and all that come of it."""
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            return [first, *first.children(recursive=True)]
        return []

    def memory_mb(self) -> float:
        """Return the resident memory of all of it."""
        return sum(held.memory_info().rss for held in self.all()) / 2**20

    def peak_mb(self) -> float:
        """Return the sum of the most that each of its processes had."""
        told = [Path(f"/proc/{held.pid}/status").read_text() for held in self.all()]
        return sum(int(re.search(r"VmHWM:\s+(\d+)", text)[1]) for text in told) / 1024

    def cpu_s(self) -> float:
        """Return the processor time that all of it has used."""
        times = [held.cpu_times() for held in self.all()]
        return sum(held.user + held.system for held in times)

    def kill(self) -> None:
        """End all of it at once with a signal that cannot be caught."""
        for held in self.all():
            with suppress(psutil.NoSuchProcess):
                held.kill()
        self.process.wait(30)

    def end(self) -> None:
        """Ask it to end, and see that all of it does."""
        children = self.all()
        self.process.terminate()
        _, left = psutil.wait_procs(children, timeout=30)
        for held in left:
            held.kill()


@contextmanager
def running(
    start: Callable[[IO[bytes]], subprocess.Popen[bytes]], port: int, log: Path
) -> Iterator[Service]:
    """Start a service whose output goes to the file ``log``, and end it in the end."""
    with log.open("wb") as output:
        begun = time.perf_counter()
        service = Service(start(output), port, begun)
        try:
            yield service
        finally:
            service.end()


@contextmanager
def running_command(
    command: Sequence[str], told: Mapping[str, str], port: int, log: Path
) -> Iterator[Service]:
    """Start a service by a command with an environment, and end it in the end."""

    def start(output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=dict(told),
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent,
        )

    with running(start, port, log) as service:
        yield service


@contextmanager
def running_stamkunde(config: Config, log: Path) -> Iterator[Service]:
    """Start our own service of the current release, and end it in the end."""
    port = free_port()
    with running(lambda output: server.start(config, port=port, log=output), port, log) as service:
        yield service


def first_answer(
    service: Service, path: str, body: bytes, headers: Mapping[str, str], seconds: float = 120.0
) -> float:
    """Ask until a service answers 200; return the seconds since it was started.

    Raises
    ------
    RuntimeError
        If its process ends before, it refuses the call, or it takes longer.
    """
    status = 0
    while time.perf_counter() - service.begun < seconds and service.process.poll() is None:
        connection = HTTPConnection("127.0.0.1", service.port, timeout=10)
        with suppress(OSError):
            connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.read()
            status = answer.status
            if status == 200:
                return time.perf_counter() - service.begun
            if status < 500 and status != 404:
                break
        connection.close()
        time.sleep(0.02)
    raise RuntimeError(
        f"{' '.join(service.process.args)}: no answer, the last {status}; see its log"
    )
