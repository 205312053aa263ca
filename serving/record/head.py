"""How far a base's record is: what the next entry is hung on, and the tree it becomes a leaf of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from features.database import Prepared
from serving.record.draft import LedgerError
from serving.record.merkle import START, chain_hash
from serving.record.table import BLOCKS, HEADS
from serving.record.tree import Block, Frontier

_READ = Prepared(
    sa.select(HEADS.c.size, HEADS.c.chain_hash, HEADS.c.frontier).where(
        HEADS.c.base == sa.bindparam("base")
    )
)
_REPLACE = Prepared(
    sa.update(HEADS)
    .where(HEADS.c.base == sa.bindparam("of"))
    .values({name: sa.bindparam(name) for name in ("size", "chain_hash", "frontier")})
)
_INSERT = Prepared(
    sa.insert(BLOCKS).values({held.name: sa.bindparam(held.name) for held in BLOCKS.columns})
)
_EMPTY = Frontier()


@dataclass(frozen=True)
class Head:
    """The end of a base's record.

    Parameters
    ----------
    chain : bytes
        The last entry's chain hash.
    tree : Frontier
        Of the Merkle tree over all entries' leaf hashes.
    """

    chain: bytes = START
    tree: Frontier = _EMPTY

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self.tree.size

    @property
    def root(self) -> bytes:
        """The Merkle root, which commits to all entries."""
        return self.tree.root

    def after(self, leaves: Sequence[bytes]) -> tuple[Head, list[bytes], list[Block]]:
        """Return the head once leaves are appended, their chain hashes, and the blocks made."""
        chains, chain = [], self.chain
        for leaf in leaves:
            chain = chain_hash(chain, leaf)
            chains.append(chain)
        tree, blocks = self.tree.grown(leaves)
        return Head(chain, tree), chains, blocks


def read(connection: sa.Connection, base: str) -> Head:
    """Read the head of a base's record.

    Raises
    ------
    LedgerError
        If it is gone.
    """
    row: Any = _READ(connection, {"base": base}).fetchone()
    if row is None:
        raise LedgerError(
            f"the record of {base} has lost its head, and nothing can be appended; "
            "see what else is missing: stamkunde audit verify"
        )
    return Head(bytes(row[1]), Frontier.from_bytes(row[0], bytes(row[2])))


def replace(connection: sa.Connection, base: str, head: Head, blocks: Sequence[Block]) -> None:
    """Put a head in the place of the last one, with the blocks made since."""
    _REPLACE(connection, {"of": base, **_columns(head)})
    if blocks:
        rows = [{"base": base, "number": number, "hash": held} for number, held in blocks]
        _INSERT(connection, *rows)


def begin(connection: sa.Connection, base: str) -> None:
    """Give a base's record its first head."""
    connection.execute(sa.insert(HEADS), [{"base": base, **_columns(Head())}])


def _columns(head: Head) -> dict[str, int | bytes]:
    return {"size": head.size, "chain_hash": head.chain, "frontier": head.tree.to_bytes()}
