"""The versions of the record's schema, and how a record of an older one is brought up.

1
    Entries, each hung on the one before.
2
    Beside them a head with the frontier of a Merkle tree over them, and the hash of each block.
"""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from serving.record import head
from serving.record.draft import LedgerError
from serving.record.head import Head
from serving.record.table import BLOCKS, HEADS, LEDGER, VERSIONS
from serving.record.tree import Block

VERSION = 2

_TOGETHER = 10_000


def migrate(connection: sa.Connection, base: str) -> int:
    """Bring a base's record to the present schema; return the version it was in.

    No entry is changed. A record that is begun here is in the present version.

    Raises
    ------
    LedgerError
        If it is in a later version than is known here.
    """
    mine = VERSIONS.c.base == base
    held = connection.scalar(sa.select(VERSIONS.c.version).where(mine))
    if held == VERSION:
        return VERSION
    if held is not None:
        raise LedgerError(
            f"the record of {base} is in version {held} of its schema, and this Stamkunde knows "
            f"up to {VERSION}; use the one that wrote it, or a later one"
        )
    for table in (HEADS, BLOCKS):
        connection.execute(sa.delete(table).where(table.c.base == base))
    head.begin(connection, base)
    found = _headed(connection, base)
    connection.execute(sa.insert(VERSIONS), [{"base": base, "version": VERSION}])
    return 1 if found.size else VERSION


def _headed(connection: sa.Connection, base: str) -> Head:
    """Give a record of entries alone its head and its blocks."""
    whole, made = Head(), list[Block]()
    for leaves in _leaves(connection, base):
        whole, _, blocks = whole.after(leaves)
        made += blocks
    head.replace(connection, base, whole, made)
    return whole


def _leaves(connection: sa.Connection, base: str) -> Iterator[list[bytes]]:
    hashes = sa.select(LEDGER.c.leaf_hash).where(LEDGER.c.base == base).order_by(LEDGER.c.seq)
    rows = connection.execute(hashes.execution_options(yield_per=_TOGETHER)).scalars()
    for part in rows.partitions(_TOGETHER):
        yield [bytes(leaf) for leaf in part]
