"""Inclusion proofs (RFC 6962, section 2.1.1): that an entry is in the record of a checkpoint."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from serving.record.batch_layout import Layout, leaves
from serving.record.batch_rows import leaf_hashes
from serving.record.call_rows import CALL
from serving.record.checkpoint import Checkpoint
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.merkle import Entry
from serving.record.table import BLOCKS, LEDGER
from serving.record.tree import BLOCK, Tree, folded, merkle_root

Root = Callable[[int, int], bytes]
"""From the first leaf and the one past the last to the root of the tree over them."""

SCRIPT = Path(__file__).with_name("proven.py")
"""A script of the standard library alone that verifies a proof."""


def path(index: int, size: int, root: Root) -> list[bytes]:
    """Return the hashes that lead from a leaf to the root of a tree, from below.

    Parameters
    ----------
    index, size : int
        The leaf's place from 0, and how many leaves there are.
    root : callable
    """
    found, first, last = [], 0, size
    while last - first > 1:
        split = first + (1 << (last - first - 1).bit_length() - 1)
        if index < split:
            found.append(root(split, last))
            last = split
        else:
            found.append(root(first, split))
            first = split
    return found[::-1]


def proof(ledger: Ledger, entry_id: str, checkpoint: Checkpoint) -> dict[str, Any]:
    """Prove that an entry, or a row of a batch or call, is in the record of a checkpoint.

    Returns
    -------
    dict
        As JSON: the entry's bytes, its place and the path to the checkpoint's root; and of a row
        the same, to the root that its entry holds.

    Raises
    ------
    LedgerError
        If it is not on record, or came after the checkpoint.
    """
    of, _, number = entry_id.partition("/")
    entry, found = ledger.get(of), ledger.get(entry_id)
    if entry.seq > checkpoint.size:
        raise LedgerError(
            f"{entry.id}: is entry {entry.seq:,}, and the checkpoint has {checkpoint.size:,}; "
            "prove it by a later one"
        )
    with ledger.database.reading() as connection:
        steps = path(entry.seq - 1, checkpoint.size, _kept(connection, ledger.base))
    proven: dict[str, Any] = {
        "checkpoint": checkpoint.note,
        "entry": _step(entry.bytes, entry.seq - 1, checkpoint.size, steps),
    }
    if number:
        hashes = _rows(ledger, entry)
        steps = path(int(number) - 1, len(hashes), lambda low, high: merkle_root(hashes[low:high]))
        proven["row"] = _step(found.bytes, int(number) - 1, len(hashes), steps)
    return proven


def _rows(ledger: Ledger, entry: Entry) -> list[bytes]:
    """Return the leaf hash of each row that an entry commits to."""
    if entry.kind == CALL:
        return leaves(Layout.from_dict(entry.body["layout"]), ledger.rows(entry))
    file = ledger.folder / f"{entry.id}.parquet"
    return [leaf for part in leaf_hashes(file, entry.body) for leaf in part]


def _step(data: bytes, index: int, size: int, steps: Sequence[bytes]) -> dict[str, Any]:
    return {
        "bytes": b64encode(data).decode(),
        "index": index,
        "size": size,
        "path": [step.hex() for step in steps],
    }


def _kept(connection: sa.Connection, base: str) -> Root:
    """Return what tells roots within a record, by the blocks that are kept and the leaves."""

    @cache
    def block(number: int) -> list[bytes]:
        within = (LEDGER.c.seq > number * BLOCK, LEDGER.c.seq <= (number + 1) * BLOCK)
        sought = sa.select(LEDGER.c.leaf_hash).where(LEDGER.c.base == base, *within)
        return list(connection.execute(sought.order_by(LEDGER.c.seq)).scalars())

    def below(first: int, last: int) -> list[bytes]:
        if first == last:
            return []
        number = first // BLOCK
        return block(number)[first - number * BLOCK : last - number * BLOCK]

    def blocks(first: int, last: int) -> list[bytes]:
        within = (BLOCKS.c.base == base, BLOCKS.c.number >= first, BLOCKS.c.number < last)
        sought = sa.select(BLOCKS.c.hash).where(*within).order_by(BLOCKS.c.number)
        return list(connection.execute(sought).scalars())

    def root(first: int, last: int) -> bytes:
        if last - first < BLOCK:
            return merkle_root(below(first, last))
        upper, rest = Tree(), Tree()  # a part of a block's length or more begins with a block
        upper.add(blocks(first // BLOCK, last // BLOCK))
        rest.add(below(last // BLOCK * BLOCK, last))
        return folded([*upper.full, *rest.full])

    return root
