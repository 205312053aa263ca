"""The tables of the record: how rows are put in, and read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import sqlalchemy as sa

from features.database import Prepared
from serving.record.merkle import Entry
from serving.record.seal import Seals

_RECORD = sa.MetaData()


def _base(*more: sa.Column[Any]) -> tuple[sa.Column[Any], ...]:
    return sa.Column("base", sa.String, primary_key=True), *more


LEDGER = sa.Table(
    "ledger",
    _RECORD,
    *_base(sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False)),
    *(sa.Column(name, sa.String, nullable=False) for name in ("id", "kind", "at")),
    sa.Column("entry", sa.LargeBinary, nullable=False),
    *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("leaf_hash", "chain_hash")),
    sa.UniqueConstraint("base", "id"),
)

OTHERS = sa.text("kind <> 'score'")
"""Which entries are no scores: few, so that an index finds them among millions of scores."""

OF_KIND = sa.Index(
    "ledger_kind",
    LEDGER.c.base,
    LEDGER.c.kind,
    LEDGER.c.seq,
    sqlite_where=OTHERS,
    postgresql_where=OTHERS,
)

HEADS = sa.Table(
    "heads",
    _RECORD,
    *_base(sa.Column("size", sa.BigInteger, nullable=False)),
    *(sa.Column(name, sa.LargeBinary, nullable=False) for name in ("chain_hash", "frontier")),
)
"""How far each base's record is: `serving.record.head.Head`."""

BLOCKS = sa.Table(
    "blocks",
    _RECORD,
    *_base(sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False)),
    sa.Column("hash", sa.LargeBinary, nullable=False),
)
"""The complete subtrees of `serving.record.tree.BLOCK` leaves, numbered from 0."""

VERSIONS = sa.Table("versions", _RECORD, *_base(sa.Column("version", sa.Integer, nullable=False)))
"""The version of the schema that each base's record is in."""

PEOPLE = sa.Table(
    "people",
    _RECORD,
    *_base(sa.Column("token", sa.String, primary_key=True)),
    sa.Column("key_id", sa.String, nullable=False),
    sa.Column("key", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("base", "key_id"),
    sqlite_with_rowid=False,  # one B-tree fewer to write for each new customer
)
"""Each customer's key, by the token that the record names them by: `serving.people.keyring`."""

ROWS = sa.Table(
    "rows",
    _RECORD,
    *_base(sa.Column("id", sa.String, primary_key=True)),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)
"""The rows of each call of many customers: `serving.record.call_rows`."""

TABLES = (LEDGER, HEADS, BLOCKS, VERSIONS, PEOPLE, ROWS)


def _insert(table: sa.Table) -> Prepared:
    given: dict[str, Any] = {held.name: sa.bindparam(held.name) for held in table.columns}
    return Prepared(sa.insert(table).values(given))


INSERT, INSERT_ROWS = _insert(LEDGER), _insert(ROWS)


def streamed(
    connection: sa.Connection, sought: sa.Select[Any], seals: Seals | None = None
) -> Iterator[Entry]:
    """Read entries, some at a time."""
    rows = connection.execution_options(yield_per=1_000).execute(sought).mappings()
    return (entry_of(row, seals) for row in rows)


def first(
    connection: sa.Connection, sought: sa.Select[Any], seals: Seals | None = None
) -> Entry | None:
    """Read the first of the entries sought; None if there is none."""
    row = connection.execute(sought.limit(1)).mappings().first()
    return None if row is None else entry_of(row, seals)


def entry_of(row: Mapping[Any, Any], seals: Seals | None = None) -> Entry:
    """Return a row of the table as an entry, as it stands."""
    # SQLite lets whoever edits the file put text where bytes were; `verify` must read that too.
    data, leaf, chain = (
        value if isinstance(value, bytes) else str(value).encode()
        for value in (row["entry"], row["leaf_hash"], row["chain_hash"])
    )
    return Entry(
        row["seq"], row["id"], row["kind"], row["at"], data, leaf, chain, said=None, seals=seals
    )
