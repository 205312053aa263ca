"""The index follows the record in a process of its own, so that no call waits for it.

In the service itself each step would hold up whatever call came meanwhile, by some milliseconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

from configs.errors import StamkundeError
from serving.guard.log import log
from serving.people.keyring import Keyring
from serving.place import record_place
from serving.record.index import Index
from serving.record.ledger import Ledger

_EVERY = 2.0  # seconds between two looks at a record that has nothing new
_ENTRIES = 200  # a step, for which a search may have to wait
_ENDS_IN = 10.0  # seconds for the step that it is at


@contextmanager
def following(base: str, var: Path) -> Iterator[None]:
    """Keep the index of a base near its record's end while this lasts.

    A search catches up by itself: where the process ends before, only that takes longer.
    """
    told = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    asked = [sys.executable, "-m", __name__, base, str(var)]
    # In a session of its own, as it ends by its input and not by a terminal's interrupt.
    alone = subprocess.Popen(asked, env=told, stdin=subprocess.PIPE, start_new_session=True)
    with alone as process:
        try:
            yield
        finally:
            assert process.stdin is not None
            process.stdin.close()  # as it is too where this process is killed
            try:
                process.wait(_ENDS_IN)
            except subprocess.TimeoutExpired:
                process.kill()  # a step is whole or not at all


def follow(index: Index, ledger: Ledger, ended: Event) -> None:
    """Follow a record until the event is set."""
    rest = 0.0
    while not ended.wait(rest):
        began = time.monotonic()
        try:
            at_end = index.catch_up(ledger, within=0, entries=_ENTRIES)
        except StamkundeError as error:
            log.warning("not indexed", error=type(error).__name__)
            at_end = True
        rest = _EVERY if at_end else time.monotonic() - began


def main(base: str, var: Path) -> None:
    """Follow a base's record until the standard input ends."""
    os.nice(19)  # whoever answers calls comes first
    ended = Event()
    Thread(target=_wait_for_end, args=(ended,), daemon=True).start()
    place, batches = record_place(var), var / "batches"
    index, ledger = Index(place, base, batches), Ledger(place, base, batches, Keyring(place, base))
    follow(index, ledger, ended)
    index.close()
    ledger.close()


def _wait_for_end(ended: Event) -> None:
    sys.stdin.read()
    ended.set()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
