"""What PostgreSQL and SQLite each do their own way with a table of scores."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
import pyarrow.csv as pc
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL

from serving.destinations.cells import flat

_PATIENCE = 30.0  # seconds to wait for another process's write
_LOCK = zlib.crc32(b"scores of a base")


class Backend(Protocol):
    """A kind of database."""

    lists: Any
    """Its type of a JSON array."""

    def engine(self, url: URL) -> sa.Engine:
        """Return what makes connections."""

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT that may say what to do with a row that is there."""

    def fill(self, connection: sa.Connection, staging: sa.Table, rows: pa.Table) -> None:
        """Put rows into a table of this connection's own."""

    def alone(self, connection: sa.Connection) -> None:
        """Let no other batch write until the transaction ends; others may read."""


class Postgresql:
    """PostgreSQL by psycopg: rows come by COPY, as CSV, which tells all bits of a double."""

    lists = postgresql.JSONB()

    def engine(self, url: URL) -> sa.Engine:
        """Return what makes connections."""
        return sa.create_engine(url.set(drivername="postgresql+psycopg"), hide_parameters=True)

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT that may say what to do with a row that is there."""
        return postgresql.insert(table)

    def fill(self, connection: sa.Connection, staging: sa.Table, rows: pa.Table) -> None:
        """Put rows into a table of this connection's own."""
        flattened = flat(rows)
        spelt = pa.BufferOutputStream()
        pc.write_csv(flattened, spelt, pc.WriteOptions(include_header=False))
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, flattened.column_names))
        driver: Any = connection.connection.driver_connection
        to = f"{quote(staging.name)} ({names})"
        with (
            _errors_wrapped(connection),
            driver.cursor() as cursor,
            cursor.copy(f"COPY {to} FROM STDIN (FORMAT csv)") as copy,
        ):
            copy.write(memoryview(spelt.getvalue()))

    def alone(self, connection: sa.Connection) -> None:
        """Let no other batch write until the transaction ends; others may read."""
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")


class Sqlite:
    """SQLite: rows come by executemany into a temporary table, which locks nothing."""

    lists = sa.Text()

    def engine(self, url: URL) -> sa.Engine:
        """Return what makes connections; the folder of the file is made."""
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(
            url, connect_args={"timeout": _PATIENCE}, poolclass=sa.NullPool, hide_parameters=True
        )
        sa.event.listen(engine, "connect", _own_transactions)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def insert(self, table: sa.Table) -> Any:
        """Return an INSERT that may say what to do with a row that is there."""
        return sqlite.insert(table)

    def fill(self, connection: sa.Connection, staging: sa.Table, rows: pa.Table) -> None:
        """Put rows into a table of this connection's own."""
        flattened = flat(rows)
        held = [_texts(column).to_pylist() for column in flattened.columns]
        quote = connection.dialect.identifier_preparer.quote
        names = ", ".join(map(quote, flattened.column_names))
        marks = ", ".join("?" * len(held))
        driver: Any = connection.connection.driver_connection
        to = f"{quote(staging.name)} ({names})"
        with _errors_wrapped(connection):
            driver.executemany(f"INSERT INTO {to} VALUES ({marks})", zip(*held, strict=True))

    def alone(self, connection: sa.Connection) -> None:
        """Let nobody else write the file until the transaction ends; others may read."""
        # What was read before would be of an older state, which SQLite refuses to write on.
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _errors_wrapped(connection: sa.Connection) -> Iterator[None]:
    """Raise what a driver says as SQLAlchemy does that of its own calls."""
    try:
        yield
    except connection.dialect.loaded_dbapi.Error as error:
        raise sa.exc.DBAPIError(None, None, error, hide_parameters=True) from error


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string()) if pa.types.is_date(column.type) else column


def _own_transactions(connection: Any, _: Any) -> None:
    # Left to itself the driver ends a transaction at some statements, and begins it late.
    connection.isolation_level = None
    connection.execute("PRAGMA synchronous=FULL")


def _begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN")
