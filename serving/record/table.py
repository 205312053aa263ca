"""The table of the record's entries: how rows are put in, and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from features.database import Prepared
from serving.record.merkle import Entry

LEDGER = sa.Table(
    "ledger",
    sa.MetaData(),
    sa.Column("base", sa.String, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    *(sa.Column(name, sa.String, nullable=False) for name in ("id", "kind", "at")),
    sa.Column("entry", sa.LargeBinary, nullable=False),
    *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("leaf_hash", "chain_hash")),
    sa.UniqueConstraint("base", "id"),
)

HEAD = Prepared(
    sa.select(LEDGER.c.seq, LEDGER.c.chain_hash)
    .where(LEDGER.c.base == sa.bindparam("base"))
    .order_by(LEDGER.c.seq.desc())
    .limit(1)
)
"""The number and the chain's hash of a base's last entry."""

INSERT = Prepared(
    sa.insert(LEDGER).values({held.name: sa.bindparam(held.name) for held in LEDGER.columns})
)


def streamed(connection: sa.Connection, sought: sa.Select[Any]) -> Iterator[Entry]:
    """Read entries, some at a time."""
    rows = connection.execution_options(yield_per=1_000).execute(sought).mappings()
    return map(entry_of, rows)


def first(connection: sa.Connection, sought: sa.Select[Any]) -> Entry | None:
    """Read the first of the entries sought; None if there is none."""
    row = connection.execute(sought.limit(1)).mappings().first()
    return None if row is None else entry_of(row)


def entry_of(row: Mapping[Any, Any]) -> Entry:
    """Return a row of the table as an entry, as it stands."""
    # SQLite lets whoever edits the file put text where bytes were; `verify` must read that too.
    data, leaf, chain = (
        value if isinstance(value, bytes) else str(value).encode()
        for value in (row["entry"], row["leaf_hash"], row["chain_hash"])
    )
    return Entry(row["seq"], row["id"], row["kind"], row["at"], data, leaf, chain)
