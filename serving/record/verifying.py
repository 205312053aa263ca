"""The whole record computed anew, by as many processes as there are processors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import zip_longest
from multiprocessing import get_context
from pathlib import Path

import sqlalchemy as sa

from features.database import Database
from serving.record import head as heads
from serving.record.checkpoint import Checkpoint
from serving.record.checkpoint import faults as checkpoint_faults
from serving.record.draft import LedgerError
from serving.record.head import Head
from serving.record.table import BLOCKS, LEDGER
from serving.record.tree import BLOCK, Frontier, Tree, folded
from serving.record.walk import Stretch, Walk, Walked

ALONE = 100_000
"""Up to so many entries, other processes would take longer to start than they save."""

_STRETCH = 16 * BLOCK

Told = Callable[[int, int], None]
"""What is told of the progress: how many entries are done, of how many."""


@dataclass(frozen=True)
class Verification:
    """What a walk over the whole record found: how much there is, and each fault by its place."""

    entries: int
    batches_rows: int
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


@dataclass
class Record:
    """What was found of the record so far.

    Parameters
    ----------
    upper : Tree
        Over the blocks.
    blocks : list of bytes
    faults : list of (int, str)
        Each with the number of an entry that it is at.
    roots : dict of int to bytes
        By the sizes asked for.
    last : Walked
        The last stretch.
    """

    entries: int = 0
    rows: int = 0
    upper: Tree = field(default_factory=Tree)
    blocks: list[bytes] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)
    last: Walked = field(default_factory=Walked)

    @property
    def head(self) -> Head:
        """The head that the entries found have."""
        tree = Frontier(self.entries, (*self.upper.full, *self.last.rest))
        return Head(self.last.chain, tree)

    def take(self, found: Walked) -> None:
        """Take what was found of the stretch that follows."""
        for size, (blocks, rest) in found.sizes.items():
            upper = Tree(self.upper.count, self.upper.full)
            upper.add(found.blocks[:blocks])
            self.roots[size] = folded([*upper.full, *rest])
        self.entries += found.entries
        self.rows += found.rows
        self.upper.add(found.blocks)
        self.blocks += found.blocks
        self.faults += found.faults
        self.last = found


def walked(
    database: Database,
    base: str,
    folder: Path,
    checkpoints: Sequence[Checkpoint] = (),
    told: Told = lambda _, __: None,
) -> Verification:
    """Compute every hash of a base's record anew, and of the rows of its batches.

    What is appended meanwhile is part of it or not, as one moment has it.

    Parameters
    ----------
    database : Database
    base : str
    folder : Path
        Where the rows of batches lie.
    checkpoints : sequence of Checkpoint
        By their size; what the record must have been.
    told : callable
        Is told how many entries are done, of how many.
    """
    record = Record()
    with database.reading() as connection:
        size = _count(connection, base)
    stretches = list(_stretches(size, [held.size for held in checkpoints]))
    for found in _found(database, base, folder, stretches[:-1]):
        record.take(found)
        told(record.entries, size)
    with database.reading() as connection:
        record.take(Walk(connection, base, folder, stretches[-1]).walked())
        record.faults += _head_faults(connection, base, record)
    told(record.entries, record.entries)
    first = min((seq for seq, _ in record.faults), default=None)
    others = checkpoint_faults(checkpoints, record.roots, record.entries, first)
    return Verification(
        record.entries, record.rows, (*(fault for _, fault in record.faults), *others)
    )


def _count(connection: sa.Connection, base: str) -> int:
    """Return the number of the last entry, 0 without any."""
    highest = sa.select(sa.func.max(LEDGER.c.seq)).where(LEDGER.c.base == base)
    found = connection.scalar(highest)
    return found if isinstance(found, int) else 0


def _stretches(size: int, sizes: Sequence[int]) -> Iterator[Stretch]:
    """Part a record into stretches; the last has no end, and is read in one moment with the head.

    It is short, for a walk that others make meanwhile is part of none.
    """
    for after in range(0, size - BLOCK, _STRETCH):
        last = min(after + _STRETCH, size // BLOCK * BLOCK)
        yield Stretch(after, last, tuple(held for held in sizes if after < held <= last))
    after = size // BLOCK * BLOCK if size > BLOCK else 0
    yield Stretch(after, None, tuple(held for held in sizes if held > after))


def _found(
    database: Database, base: str, folder: Path, stretches: Sequence[Stretch]
) -> Iterator[Walked]:
    processes = min(len(stretches), os.cpu_count() or 1)
    if len(stretches) * _STRETCH <= ALONE or processes == 1:
        for stretch in stretches:
            with database.reading() as connection:
                yield Walk(connection, base, folder, stretch).walked()
        return
    place = database.url.render_as_string(hide_password=False)
    with ProcessPoolExecutor(
        processes, get_context("spawn"), _begin, (place, base, folder)
    ) as pool:
        yield from pool.map(_walk, stretches)


_mine: list[tuple[Database, str, Path]] = []
"""What a process of the walk works on."""


def _begin(place: str, base: str, folder: Path) -> None:
    _mine[:] = [(Database(place, LEDGER), base, folder)]


def _walk(stretch: Stretch) -> Walked:
    ((database, base, folder),) = _mine
    with database.reading() as connection:
        return Walk(connection, base, folder, stretch).walked()


def _head_faults(connection: sa.Connection, base: str, record: Record) -> Iterator[tuple[int, str]]:
    """Say where the record's head and its blocks are not those of its entries."""
    try:
        due = heads.read(connection, base)
    except LedgerError as error:
        yield record.entries, str(error)
        return
    if not record.faults:
        yield from _end_faults(record.head, due)
    yield from _block_faults(connection, base, record)


def _end_faults(found: Head, due: Head) -> Iterator[tuple[int, str]]:
    """Say where entries that are whole in themselves are not those of the record's head."""
    if found.size < due.size:
        yield found.size + 1, f"seq {found.size + 1} to {due.size}: removed from the end"
    elif found.size > due.size:
        yield due.size + 1, f"seq {due.size + 1} to {found.size}: stand behind the record's head"
    elif found.tree != due.tree:
        first = 1
        bits = (bit for bit in reversed(range(found.size.bit_length())) if found.size >> bit & 1)
        for bit, mine, its in zip_longest(bits, found.tree.hashes, due.tree.hashes):
            length = 1 << bit if bit is not None else 1
            if mine != its:
                yield first, _other(first, length)
                return
            first += length
    elif found != due:
        yield found.size, "the record's head is not that of its entries"


def _other(first: int, length: int) -> str:
    return f"seq {first} to {first + length - 1}: not those over which the record's tree was made"


def _block_faults(
    connection: sa.Connection, base: str, record: Record
) -> Iterator[tuple[int, str]]:
    """Say which blocks are not those kept, where no entry of them has told already."""
    kept = sa.select(BLOCKS.c.number, BLOCKS.c.hash).where(BLOCKS.c.base == base)
    held = dict(connection.execute(kept).tuples().all())
    found = dict(enumerate(record.blocks))
    told = {(seq - 1) // BLOCK for seq, _ in record.faults}
    if record.faults and len(held) != len(found):
        return  # entries are missing, or there are too many, and so all blocks behind are others
    for number in sorted(held.keys() | found.keys()):
        if held.get(number) != found.get(number) and number not in told:
            first = number * BLOCK + 1
            yield (
                first,
                (
                    f"seq {first} to {first + BLOCK - 1}: "
                    "not those over which the record's tree was made"
                ),
            )
