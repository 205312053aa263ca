"""Checkpoints that a running service writes by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from configs.errors import StamkundeError
from serving.guard.log import log
from serving.record.beside import beside
from serving.record.checkpoint import made, write
from serving.record.ledger import Ledger
from serving.record.note import Signer

_LOOKS_EVERY = 5.0  # seconds


@dataclass
class Checkpointing:
    """Writes a checkpoint once enough was recorded since the last, or enough time has passed.

    Parameters
    ----------
    ledger : Ledger
    signer : Signer
    folder : Path
    entries : int
        Recorded since the last.
    time : timedelta
        Since the last, with anything recorded.
    """

    ledger: Ledger
    signer: Signer
    folder: Path
    entries: int
    time: timedelta
    _size: int = -1
    _at: datetime | None = None

    def look(self, at: datetime) -> Path | None:
        """Write a checkpoint if one is due; return its file.

        Raises
        ------
        StamkundeError, OSError
            If the record cannot be read, or the folder written to.
        """
        head = self.ledger.head()
        late = self._at is None or at - self._at >= self.time
        if head.size == self._size or not (late or head.size - self._size >= self.entries):
            return None
        file = write(made(self.ledger.base, head, self.signer, at), self.folder)
        self._size, self._at = head.size, at
        return file


@contextmanager
def checkpointing(
    work: Checkpointing | None, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Iterator[None]:
    """Look at once, and every few seconds until the block ends; do nothing for None."""
    if work is None:
        yield
        return

    def run(ended: Event) -> None:
        while not ended.wait(_LOOKS_EVERY):
            _looked(work, now())

    _looked(work, now())
    with beside(run, "checkpoints"):
        yield


def _looked(work: Checkpointing, at: datetime) -> None:
    try:
        work.look(at)
    except (StamkundeError, OSError) as error:  # scores are given all the same
        log.error("no checkpoint", why=str(error))
