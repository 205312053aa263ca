"""Tables and queries of databases, which are only read, as raw tables of an embedded DuckDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from configs.sources import DuckDbFormat, Located, PostgresFormat
from configs.values import passwords, without_password
from features.contract import DataError
from features.location import files_at, told
from features.sql import identifier, literal

_PLAIN = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "numeric"),
    *("text", "varchar", "bpchar", "name", "uuid", "date", "timestamp", "timestamptz"),
}
"""PostgreSQL's types that arrive as what they are; of the others, their text is asked for."""


def read_duckdb(
    connection: duckdb.DuckDBPyConnection, table: str, located: Located, layout: DuckDbFormat
) -> None:
    """Read a table or a query of a DuckDB file into a raw table."""
    for file in files_at(located.path):
        try:
            connection.execute(f"ATTACH {literal(file)} AS asked (TYPE duckdb, READ_ONLY)")
        except duckdb.Error as error:
            raise _refusal(located, "a DuckDB file", error) from None
        try:
            connection.execute(f"USE asked; CREATE TABLE memory.{table} AS {_asked(layout)}")
        except duckdb.Error as error:
            raise _refusal(located, "a table or a SELECT that it can answer", error) from None
        finally:
            connection.execute("USE memory; DETACH asked")


def read_postgres(
    connection: duckdb.DuckDBPyConnection, table: str, located: Located, layout: PostgresFormat
) -> None:
    """Stream a table or a query of a PostgreSQL database into a raw table."""
    with _connected(located) as database, database.cursor() as cursor:
        try:
            cursor.execute(_typed(cursor, located, _asked(layout)))
            connection.register("streamed", cursor.fetch_record_batch())
            connection.execute(f"CREATE TABLE {table} AS SELECT * FROM streamed")
        except (duckdb.Error, database.Error, pa.ArrowException) as error:
            raise _refusal(located, "a table or a SELECT that it can answer", error) from None
        finally:
            connection.unregister("streamed")


@contextmanager
def _connected(located: Located) -> Iterator[Any]:
    """Give a connection that can only read."""
    try:
        from adbc_driver_postgresql import dbapi
    except ModuleNotFoundError:
        step = "install it with: .venv/bin/python -m pip install adbc-driver-postgresql"
        raise DataError(
            told(located), expected="the driver of PostgreSQL", found="none", step=step
        ) from None
    try:
        database = dbapi.connect(located.path)
    except dbapi.Error as error:
        raise _refusal(located, "a PostgreSQL database that answers", error) from None
    with closing(database):
        with database.cursor() as cursor:
            cursor.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY")
        database.commit()
        yield database


def _asked(layout: DuckDbFormat | PostgresFormat) -> str:
    if layout.table is not None:
        return f"SELECT * FROM {'.'.join(map(identifier, layout.table.split('.')))}"
    query = (layout.query or "").strip().removesuffix(";")
    return f"SELECT * FROM ({query}\n) AS asked"  # the query may end in a comment


def _typed(cursor: Any, located: Located, asked: str) -> str:
    """Return a SELECT with columns of odd types as text, and PostgreSQL's money as a number."""
    fields = list(cursor.adbc_execute_schema(asked))
    names = [field.name for field in fields]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(told(located), column=twice, expected="it once", found="it twice")
    types = [(field.metadata or {}).get(b"POSTGRESQL:type", b"").decode() for field in fields]
    if set(types) <= _PLAIN:
        return asked
    casts = dict.fromkeys(_PLAIN, "") | {"money": "::numeric"}
    columns = ", ".join(
        f"{identifier(name)}{casts.get(kind, '::text')} AS {identifier(name)}"
        for name, kind in zip(names, types, strict=True)
    )
    return f"SELECT {columns} FROM ({asked}) AS typed"


def _refusal(located: Located, expected: str, error: Exception) -> DataError:
    """Return what a database said as an error of a line that holds no password."""
    said = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    said = said.replace(located.path, without_password(located.path))
    for spelling in sorted(passwords(located.path), key=len, reverse=True):
        said = said.replace(spelling, "…")
    step = "check the path, the name and who may read it"
    return DataError(told(located), expected=expected, found=without_password(said), step=step)


def content_of(connection: duckdb.DuckDBPyConnection, table: str) -> bytes:
    """Return what a raw table holds, in few bytes, whatever the order of its rows."""
    types = connection.execute(f"DESCRIBE {table}").fetchall()
    whole = identifier("_" + max((name for name, *_ in types), key=len))  # no column's name
    row = "CAST(held AS VARCHAR)"
    sums = connection.execute(
        f"SELECT count(*), sum(md5_number_lower({row})), sum(md5_number_upper({row})), "
        f"bit_xor(md5_number({row})) FROM (SELECT {whole} AS held FROM {table} AS {whole})"
    ).fetchone()
    return repr(([column[:2] for column in types], sums)).encode()
