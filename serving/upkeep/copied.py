"""A database's tables copied whole, from one kind of database to another."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Any

import sqlalchemy as sa

CHUNK = 5_000  # rows a statement writes


def tables(connection: sa.Connection, without: Iterable[str] = ()) -> list[sa.Table]:
    """Return the tables of customer bases, by name, without those named."""
    found = sa.MetaData()
    found.reflect(connection)
    left_out = set(without)
    return [
        table
        for name, table in sorted(found.tables.items())
        if name not in left_out and "base" in table.columns
    ]


def copy(source: sa.Connection, target: sa.Connection, table: sa.Table, base: str) -> int:
    """Put a base's rows of a table in the place of those that another database has of the base.

    That database gets the table if it has none. Rows go in by the order of their key, so that
    equal tables make equal files.

    Returns
    -------
    int
        How many.
    """
    made = _portable(table)
    made.create(target, checkfirst=True)
    target.execute(sa.delete(made).where(made.c.base == base))
    ordered = sa.select(table).where(table.c.base == base).order_by(*table.primary_key.columns)
    streamed = source.execution_options(yield_per=CHUNK).execute(ordered)
    rows = iter(streamed.mappings())
    count = 0
    while chunk := [dict(row) for row in islice(rows, CHUNK)]:
        target.execute(sa.insert(made), chunk)
        count += len(chunk)
    return count


def _portable(table: sa.Table) -> sa.Table:
    """Return a table of the same columns, key and unique columns, that any database can make."""
    columns = [
        sa.Column(
            column.name,
            _kind(column.type),
            primary_key=column.primary_key,
            nullable=column.nullable,
            autoincrement=False,
        )
        for column in table.columns
    ]
    unique = [
        sa.UniqueConstraint(*(column.name for column in held.columns))
        for held in sorted(table.constraints, key=lambda each: str(each.name))
        if isinstance(held, sa.UniqueConstraint)
    ]
    indexes = [
        sa.Index(held.name, *(column.name for column in held.columns), unique=bool(held.unique))
        for held in sorted(table.indexes, key=lambda each: str(each.name))
    ]
    return sa.Table(table.name, sa.MetaData(), *columns, *unique, *indexes)


def _kind(held: Any) -> Any:
    """Return a column's type as SQLAlchemy has it for all databases."""
    for kind in (sa.LargeBinary, sa.BigInteger, sa.Boolean, sa.Double, sa.Float):
        if isinstance(held, kind):
            return kind()
    if isinstance(held, sa.Integer):
        return sa.BigInteger()
    return sa.Text() if isinstance(held, sa.Text) else sa.String()
