"""The demonstration, killed again and again: what was done stays done, and nothing lives on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from configs.load import load
from serving.releases.release import current
from serving.settings import open_ledger
from tests.trading import make_trading_shop
from training import bundle
from training.track import Tracker

COMMAND = str(Path(sys.executable).with_name("stamkunde"))
CHANGES = ("--set", "clv=null", "--set", "tuning.trials=2")
PATIENCE = 300.0  # seconds after which a demo that does not come on is given up

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")


def processes_of(folder: Path) -> dict[int, str]:
    """Every process whose command line or environment names the folder, whoever started it."""
    found = {}
    for each in Path("/proc").glob("[0-9]*"):
        try:
            command = (each / "cmdline").read_bytes()
            named = str(folder).encode() in command + (each / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile, or is another user's
        if named and int(each.name) != os.getpid():
            found[int(each.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def left_behind(folder: Path, seconds: float = 30.0) -> dict[int, str]:
    """What still runs of a demo, after giving it the time to notice that its parent is gone."""
    deadline = time.monotonic() + seconds
    while (found := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@contextmanager
def running(config: Path) -> Iterator[subprocess.Popen[str]]:
    """Run the demo as a shell does; its folder in the environment marks all that it starts."""
    demo = subprocess.Popen(
        [COMMAND, "demo", "--config", str(config), *CHANGES],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=config.parent,
        env={**os.environ, "PYTHONUNBUFFERED": "1", "DEMO": str(config.parent)},
    )
    too_long = threading.Timer(PATIENCE, demo.kill)
    too_long.start()
    try:
        with demo:
            yield demo
    finally:
        too_long.cancel()


def run_until(config: Path, awaited: str) -> list[str]:
    """Run the demo until it says what is awaited, and kill it then and there."""
    said = []
    with running(config) as demo:
        for line in demo.stdout or ():
            said.append(line)
            if awaited in line:
                demo.kill()
                break
    return said


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A demo killed while it tunes, explains, has promoted and serves, then let run to its end."""
    config = make_trading_shop(tmp_path_factory.mktemp("demo"))
    killed, alive = {}, {}
    for moment in (
        "tuning: 1 of 2",
        "churn: explaining",
        "segments: version",
        "the service answers",
    ):
        killed[moment] = run_until(config, moment)
        alive[moment] = left_behind(config.parent)
    with running(config) as last:
        said, _ = last.communicate()
    return config, killed, alive, last.returncode, said


def test_each_run_was_killed_where_it_should_be(demo):
    _, killed, _, _, _ = demo
    for moment, said in killed.items():
        assert moment in said[-1]


def test_a_study_goes_on_where_the_kill_cut_it(demo):
    _, killed, _, _, said = demo
    later = "".join(killed["churn: explaining"])
    assert "churn: tuning: 2 of 2" in later
    assert "churn: tuning: 1 of 2" not in later
    assert "churn: tuning:" not in said


def test_the_last_run_ends_well(demo):
    _, _, _, code, said = demo
    assert code == 0, said
    assert "Traceback" not in said
    assert "Where to look next" in said
    assert "whom to call first" in said


def test_the_record_of_all_runs_is_whole(demo):
    config, _, _, _, said = demo
    (line,) = [each for each in said.splitlines() if each.startswith("the record: ")]
    assert line.endswith(", whole")
    told = load(config)
    found = open_ledger(told.name, told.var).verify()
    assert found.whole
    batches = list(open_ledger(told.name, told.var).entries("batch"))
    assert found.batches_rows == sum(each.body["rows"] for each in batches)
    # Of the run that was killed while it served, and of the last, whose report came after that.
    *scored, called = batches
    assert (len(scored), called.id.partition("-")[0]) == (2, "calls")
    rows = found.batches_rows - called.body["rows"]
    assert f"{found.entries - 1} entries, {rows} rows" in line


def test_every_score_replays_to_the_same_bytes(demo):
    said = demo[-1]
    assert "replayed 6 scores from the record: 6 gave the same bytes" in said


def test_what_the_kills_cut_short_is_not_taken_for_whole(demo):
    told = load(demo[0], ["clv=null"])
    assert list(current(told.var).bundles) == ["churn", "segments"]
    assert list((told.var / "releases" / "bundles").glob("*.part")) == []
    registry = Tracker(told)
    for task in told.tasks:
        versions = registry.versions(task)
        assert len(versions) == 3  # two of runs that were killed later, one of the last
        for version in versions:
            assert bundle.load(registry.bundle_folder(version)).digest == version.digest


def test_nothing_lives_on_after_a_kill_or_the_end(demo):
    config, _, alive, _, _ = demo
    assert {moment: found for moment, found in alive.items() if found} == {}
    assert left_behind(config.parent) == {}
