"""A walk over a stretch of the record, in which every hash is computed again.

What is whole takes a hash of its bytes, one of the chain, one of the tree, and a look at the frame
of its bytes: JSON is read only where one of these does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.database import Prepared
from serving.record import redaction
from serving.record.batch_rows import BATCH, batch_faults
from serving.record.call_rows import CALL, call_faults, emptied, held_of
from serving.record.draft import frame
from serving.record.faults import chain_faults, frame_faults
from serving.record.merkle import START, Entry
from serving.record.retired import is_let_go, through
from serving.record.table import LEDGER, entry_of
from serving.record.tree import BLOCK, Tree

_OF_ROWS = (BATCH, CALL)
_NAMES = tuple(column.name for column in LEDGER.columns)
_OF_BASE = LEDGER.c.base == sa.bindparam("base")
_FROM, _TO = LEDGER.c.seq > sa.bindparam("after"), LEDGER.c.seq <= sa.bindparam("last")
_WITHIN = {
    (lower, upper): Prepared(
        sa.select(LEDGER)
        .where(_OF_BASE, _FROM if lower else sa.true(), _TO if upper else sa.true())
        .order_by(LEDGER.c.seq)
    )
    for lower in (False, True)
    for upper in (False, True)
}
_BEFORE = Prepared(
    sa.select(LEDGER.c.seq, LEDGER.c.chain_hash)
    .where(_OF_BASE, LEDGER.c.seq <= sa.bindparam("last"))
    .order_by(LEDGER.c.seq.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Stretch:
    """Entries of a record by their numbers: those after one, up to another.

    Parameters
    ----------
    after : int
        A multiple of `BLOCK`; 0 for all that there is from below.
    last : int, optional
        None for all that there is.
    sizes : tuple of int
        Where the tree's root is asked for, within the stretch.
    """

    after: int
    last: int | None
    sizes: tuple[int, ...] = ()


@dataclass
class Walked:
    """What a walk found.

    Parameters
    ----------
    entries, rows : int
        How many there are, and how many rows of batches.
    chain : bytes
        The last entry's chain hash.
    faults : list of (int, str)
        Each with the number of an entry that it is at.
    blocks : list of bytes
        The hash of each whole block.
    rest : list of bytes
        The frontier of what is beyond the last whole block.
    sizes : dict of int to (int, list of bytes)
        By each size asked for: how many whole blocks there are up to it, and the frontier beyond.
    """

    entries: int = 0
    rows: int = 0
    chain: bytes = START
    faults: list[tuple[int, str]] = field(default_factory=list)
    blocks: list[bytes] = field(default_factory=list)
    rest: list[bytes] = field(default_factory=list)
    sizes: dict[int, tuple[int, list[bytes]]] = field(default_factory=dict)


class Walk:
    """A walk over one stretch.

    Parameters
    ----------
    connection : Connection
    base : str
    folder : Path
        Where the rows of batches lie.
    stretch : Stretch
    """

    def __init__(
        self, connection: sa.Connection, base: str, folder: Path, stretch: Stretch
    ) -> None:
        self._connection, self._base, self._folder = connection, base, folder
        self._stretch = stretch
        self._tree = Tree()
        self._asked = sorted({size - stretch.after for size in stretch.sizes})
        self._found = Walked()
        self._leaves: list[bytes] = []
        self._stop = 0
        self._let_go = through(connection, base)
        self._erased = redaction.on_record(connection, base)
        self._grow()

    def walked(self) -> Walked:
        """Walk, and return what was found."""
        after = self._stretch.after
        seq, chain = self._start()
        while True:
            try:
                for row in self._rows(after):
                    if not self._whole(row, seq, chain):
                        self._look(row, seq, chain)
                    seq = row[1] if isinstance(row[1], int) else seq + 1
                    chain = _bytes(row[7])
                    self._take(_bytes(row[6]))
                break
            except self._connection.dialect.loaded_dbapi.Error as error:
                after = seq = seq + 1  # what cannot be read is passed over
                told = f"seq {seq} (unknown id): cannot be read: {error}"
                self._found.faults.append((seq, told))
                if self._stretch.last is None:
                    break
        self._grow()
        self._found.chain, self._found.rest = chain, self._tree.full
        return self._found

    def _start(self) -> tuple[int, bytes]:
        """Return the number and the chain hash of what stands before the stretch."""
        if self._stretch.after == 0:
            return 0, START
        given = {"base": self._base, "last": self._stretch.after}
        row: Any = _BEFORE(self._connection, given).fetchone()
        return (0, START) if row is None else (row[0], _bytes(row[1]))

    def _rows(self, after: int) -> Iterator[Sequence[Any]]:
        """Read rows of the table as the driver gives them."""
        given = {"base": self._base, "after": after, "last": self._stretch.last}
        lower, upper = after > 0, self._stretch.last is not None
        given = {
            name: value
            for name, value in given.items()
            if {"after": lower, "last": upper}.get(name, True)
        }
        cursor: Any = _WITHIN[lower, upper](self._connection, given)
        return iter(cursor)

    def _whole(self, row: Sequence[Any], seq: int, chain: bytes) -> bool:
        """Say whether a row is an entry that follows; a batch is to be looked at in any case."""
        _, number, name, kind, at, data, leaf, hung = row
        try:
            before, behind = frame(self._base, name, kind, at)
            return bool(
                number == seq + 1
                and kind not in _OF_ROWS
                and sha256(chain + leaf).digest() == hung
                and (
                    (
                        sha256(b"\x00" + data).digest() == leaf
                        and data.startswith(before + b"{")
                        and data.endswith(b"}" + behind)
                        # A name with a quote could be found in what the body says.
                        and '"' not in name + kind + at
                    )
                    or is_let_go(number, kind, data, self._let_go)
                )
            )
        except (TypeError, AttributeError):  # text in the place of bytes
            return False

    def _look(self, row: Sequence[Any], seq: int, chain: bytes) -> None:
        """Find what is wrong with an entry, or with a batch's rows."""
        entry = entry_of(dict(zip(_NAMES, row, strict=True)))
        retired = is_let_go(entry.seq, entry.kind, entry.bytes, self._let_go)
        faulty = [] if retired else list(frame_faults(entry, self._base))
        if not faulty and not retired:
            faulty += self._look_at_rows(entry)
        faulty += chain_faults(entry, seq, chain, retired)
        place = entry.seq if isinstance(entry.seq, int) else seq + 1
        told = ((place, f"seq {entry.seq} ({entry.id}): {fault}") for fault in faulty)
        self._found.faults += told

    def _look_at_rows(self, entry: Entry) -> list[str]:
        if entry.kind == BATCH:
            if self._may_be_gone(entry) and not (self._folder / f"{entry.id}.parquet").exists():
                return []
            held, faulty = batch_faults(entry, self._folder)
            if not faulty:
                kept = redaction.kept(self._folder / f"{entry.id}.parquet")
                faulty = redaction.faults(kept, self._erased.get(entry.id, ()))
        elif entry.kind == CALL:
            rows = held_of(self._connection, entry, self._base)
            if self._may_be_gone(entry) and rows is None:
                return []
            held, faulty = call_faults(entry, rows)
            if rows is not None and not faulty:
                faulty = redaction.faults(emptied(rows), self._erased.get(entry.id, ()))
        else:
            return []
        self._found.rows += held
        return faulty

    def _may_be_gone(self, entry: Entry) -> bool:
        """Say whether an entry's rows may have been let go at the end of their time."""
        return entry.seq <= self._let_go

    def _take(self, leaf: bytes) -> None:
        """Take an entry's leaf, for the tree."""
        self._leaves.append(leaf)
        if len(self._leaves) == self._stop:
            self._grow()

    def _grow(self) -> None:
        """Put the leaves taken into the tree, up to the end of a block or to a size asked for."""
        found, tree, asked = self._found, self._tree, self._asked
        tree.add(self._leaves)
        found.entries += len(self._leaves)
        self._leaves.clear()
        if tree.count == BLOCK:
            found.blocks.append(tree.root)
            self._tree = tree = Tree()
        if asked and found.entries == asked[0]:
            size = self._stretch.after + asked.pop(0)
            found.sizes[size] = (len(found.blocks), list(tree.full))
        due = [size - found.entries for size in asked[:1]]
        self._stop = min([BLOCK - tree.count, *due])


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
