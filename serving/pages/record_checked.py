"""The record verified while a reader waits: all of it, or of a long one the latest part."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from serving import settings
from serving.record import checkpoint as checkpoints
from serving.record.checkpoint import Checkpoint
from serving.record.ledger import Ledger
from serving.record.note import NoteError
from serving.record.tree import BLOCK
from serving.record.walk import Stretch, Walk

FOLDER = "checkpoints"
"""Where in a base's run-time folder the pages look for checkpoints."""

ALL = 1_000_000
"""Entries up to which all of a record is verified: a few seconds' work."""

LATEST = 400_000
"""Of a longer record so many of the latest are, a whole block of them at the beginning."""


@dataclass(frozen=True)
class Checked:
    """What verifying found: how much was looked at, the faults, and how long it took."""

    entries: int
    rows: int
    faults: tuple[str, ...]
    seconds: float
    all: bool

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


def kept(var: Path, base: str) -> tuple[list[Checkpoint], list[str]]:
    """Return the checkpoints in a base's folder of them, and what is wrong with others."""
    place = var / FOLDER
    if not place.is_dir():
        return [], []
    try:
        notes = checkpoints.read(place, base)
        found, faults = checkpoints.trusted(notes, base, settings.checkpoint_key(var))
    except NoteError:
        return [], []
    return found, [Path(fault.partition(": ")[0]).name for fault in faults]


def checked(ledger: Ledger, held: list[Checkpoint], most: int = ALL) -> Checked:
    """Verify a record against its checkpoints, or the latest part of a long one by itself."""
    start, size = time.perf_counter(), ledger.head().size
    if size <= most:
        found = ledger.verify(checkpoints=held)
        entries, rows, faults = found.entries, found.batches_rows, found.faults
    else:
        entries, rows, faults = _latest(ledger, max(0, size - min(most, LATEST)) // BLOCK * BLOCK)
    return Checked(entries, rows, faults, time.perf_counter() - start, size <= most)


def _latest(ledger: Ledger, after: int) -> tuple[int, int, tuple[str, ...]]:
    with ledger.database.reading() as connection:
        found = Walk(connection, ledger.base, ledger.folder, Stretch(after, None)).walked()
    return found.entries, found.rows, tuple(fault for _, fault in found.faults)
