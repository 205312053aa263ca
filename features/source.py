"""The user's tables as canonical ones, behind Ibis. Below it, nothing names a backend."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import ibis
import ibis.expr.types as ir

from configs.schema import (
    Attribute,
    Column,
    Config,
    Customers,
    Join,
    Product,
    Snapshot,
    Sum,
    Transactions,
)
from features.contract import CANONICAL, EXPECTED, MONEY, DataError, Kind, quote_value
from features.reader import files_at, first_row, identifier, literal, read

_LARGEST_AMOUNT = 10_000_000_000
_YES = "('yes', 'y', 'true', 't', '1')"
_NO = "('no', 'n', 'false', 'f', '0')"
_ATTRIBUTE_KINDS: dict[str, Kind] = {
    "category": "text",
    "number": "number",
    "flag": "flag",
    "date": "date",
}


@dataclass(frozen=True)
class Intake:
    """What came through the door of one table."""

    file: str
    rows: int
    guests: int = 0
    duplicates: int = 0


@dataclass(frozen=True)
class Tables:
    """The canonical tables of one customer base, with what was met while loading them."""

    backend: ibis.BaseBackend
    intake: Mapping[str, Intake]
    transactions: ir.Table | None = None
    customers: ir.Table | None = None
    snapshot: ir.Table | None = None

    def need(self, name: str) -> ir.Table:
        """Return a table that the caller cannot do without."""
        table = getattr(self, name)
        if table is None:
            raise ValueError(f"this customer base has no {name}")
        return table


@dataclass(frozen=True)
class _Mapped:
    """A canonical column: where it comes from, what it must be, whether every row has it."""

    name: str
    origin: Column
    kind: Kind
    required: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The columns of the user's file that it is made of."""
        if isinstance(self.origin, Product):
            return self.origin.product
        return self.origin.sum if isinstance(self.origin, Sum) else (self.origin,)


def load_tables(config: Config) -> Tables:
    """Load and check every table that the config names.

    Raises
    ------
    DataError
        At the first rule that a file breaks, with its line and column.
    """
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
    given = {name: source for name, source in dict(config.sources).items() if source is not None}
    intake = {
        name: _Door(connection, name, source, config.timezone).admit()
        for name, source in given.items()
    }
    backend = ibis.duckdb.from_connection(connection)
    return Tables(backend, intake, **{name: backend.table(name) for name in given})


def first_and_last_day(tables: Tables) -> tuple[date, date]:
    """Return the first and the last local day with a row of transactions."""
    rows = tables.need("transactions")
    days = rows.aggregate(first=rows.local_day.min(), last=rows.local_day.max())
    found = tables.backend.to_pyarrow(days).to_pylist()[0]
    return found["first"], found["last"]


def fingerprint(config: Config) -> str:
    """Return the SHA-256 of the content of every file that the config names, in hexadecimal."""
    whole = hashlib.sha256()
    for source in filter(None, dict(config.sources).values()):
        for path in (source.path, *(join.path for join in getattr(source, "join", ()))):
            for file in files_at(path):
                with Path(file).open("rb") as content:
                    whole.update(hashlib.file_digest(content, "sha256").digest())
    return whole.hexdigest()


def _mapped(table: str, source: Transactions | Customers | Snapshot) -> list[_Mapped]:
    origins = dict(source.columns)
    columns = [
        _Mapped(column.name, origins[column.name], column.kind, column.required)
        for column in CANONICAL[table]
        if origins.get(column.name) is not None
    ]
    attributes: dict[str, Attribute] = getattr(source, "attributes", {})
    return columns + [
        _Mapped(name, attribute.column or name, _ATTRIBUTE_KINDS[attribute.kind], False)
        for name, attribute in attributes.items()
    ]


class _Door:
    """Where one table of the user's becomes canonical, or is refused."""

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        table: str,
        source: Transactions | Customers | Snapshot,
        timezone: str,
    ) -> None:
        self._connection = connection
        self._table, self._raw = table, f"raw_{table}"
        self._source = source
        self._zone = literal(timezone)

    def admit(self) -> Intake:
        """Read, check and cast the table; return what was met."""
        source = self._source
        read(self._connection, self._raw, source.path, source.format)
        rows = self._count(self._raw)
        duplicates = self._set_duplicates_aside()
        for join in getattr(source, "join", ()):
            self._join(join)
        types = self._types(self._raw)
        columns = _mapped(self._table, source)
        self._check(columns, types)
        cast = ", ".join(f"{self._cast(column, types)} AS {column.name}" for column in columns)
        self._run(f"CREATE TABLE {self._table} AS SELECT {cast} FROM {self._raw}")
        self._run(f"DROP TABLE {self._raw}")
        guests = self._settle()
        return Intake(source.path, rows, guests, duplicates)

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        return self._connection.execute(sql)

    def _count(self, relation: str) -> int:
        found = self._run(f"SELECT count(*) FROM {relation}").fetchone()
        return int(found[0]) if found else 0

    def _types(self, table: str) -> dict[str, str]:
        return {name: held for name, held, *_ in self._run(f"DESCRIBE {table}").fetchall()}

    def _set_duplicates_aside(self) -> int:
        """Count rows that repeat another in every column; drop them where the config says so."""
        if not isinstance(self._source, Transactions):
            return 0
        duplicates = self._count(self._raw) - self._count(f"(SELECT DISTINCT * FROM {self._raw})")
        if duplicates and self._source.duplicates == "drop":
            self._run(
                f"CREATE OR REPLACE TABLE {self._raw} AS SELECT DISTINCT * FROM {self._raw} "
                "ORDER BY ALL"
            )
        return duplicates

    def _join(self, join: Join) -> None:
        """Look columns of another file up by a key that is unique there."""
        read(self._connection, "looked_up", join.path, join.format)
        for column in (join.key, *join.columns):
            self._need(self._types("looked_up"), join.path, column)
        self._need(self._types(self._raw), self._source.path, join.key)
        self._refuse_repeats("looked_up", join.key, join.path)
        added = ", ".join(f"looked_up.{identifier(column)}" for column in join.columns)
        self._run(
            f"CREATE OR REPLACE TABLE {self._raw} AS SELECT held.*, {added} "
            f"FROM {self._raw} AS held LEFT JOIN looked_up USING ({identifier(join.key)}) "
            "ORDER BY held.rowid"
        )
        self._run("DROP TABLE looked_up")

    # Checks

    def _need(self, types: Mapping[str, str], file: str, column: str) -> None:
        if column not in types:
            raise DataError.of_missing_column(file, column, list(types))

    def _check(self, columns: Sequence[_Mapped], types: Mapping[str, str]) -> None:
        """Refuse the first row whose value is not of its kind, or is missing where it must not.

        One scan tells whether any row is wrong; only then is it looked for.
        """
        rules = {
            (part, column): self._wrong(part, column, types)
            for column in columns
            for part in column.parts
        }
        tests = ", ".join(f"count(*) FILTER (WHERE {wrong})" for wrong in rules.values())
        counts = self._run(f"SELECT {tests} FROM {self._raw}").fetchone() or ()
        for (part, column), wrong, count in zip(rules, rules.values(), counts, strict=True):
            if count:
                self._refuse(part, column, wrong, count)

    def _wrong(self, part: str, column: _Mapped, types: Mapping[str, str]) -> str:
        """Return SQL that is true of a row whose value breaks the column's rule."""
        self._need(types, self._source.path, part)
        cast = self._cast_part(part, column.kind, types)
        given = (
            f"{_text(part)} IS NOT NULL"
            if types[part] == "VARCHAR"
            else (f"{identifier(part)} IS NOT NULL")
        )
        if column.required and not isinstance(column.origin, Sum):
            return f"({cast}) IS NULL"
        return f"{given} AND ({cast}) IS NULL"

    def _refuse(self, part: str, column: _Mapped, wrong: str, count: int) -> None:
        row, value = self._run(
            f"SELECT rowid, {identifier(part)} FROM {self._raw} WHERE {wrong} ORDER BY 1 LIMIT 1"
        ).fetchall()[0]
        more = f" (and in {count - 1} more rows)" if count > 1 else ""
        raise DataError(
            self._source.path,
            line=row + first_row(self._source.path, self._source.format),
            column=part,
            expected=EXPECTED[column.kind],
            found=quote_value(value) + more,
            step=f"the config maps it to {column.name}",
        )

    def _refuse_repeats(self, table: str, key: str, file: str) -> None:
        name = identifier(key)
        twice = self._run(
            f"SELECT {name} FROM {table} GROUP BY 1 HAVING count(*) > 1 ORDER BY 1 LIMIT 1"
        ).fetchone()
        if twice:
            found = f"{quote_value(twice[0])} more than once"
            raise DataError(file, column=key, expected="each key once", found=found)

    # Casts: SQL that makes a canonical value, or NULL where there is none to make

    def _cast(self, column: _Mapped, types: Mapping[str, str]) -> str:
        parts = [self._cast_part(part, column.kind, types) for part in column.parts]
        if isinstance(column.origin, Sum):
            return f"CAST({' + '.join(f'coalesce({part}, 0)' for part in parts)} AS {MONEY})"
        if isinstance(column.origin, Product):
            return f"CAST({' * '.join(parts)} AS {MONEY})"
        return parts[0]

    def _cast_part(self, column: str, kind: Kind, types: Mapping[str, str]) -> str:
        raw, text, held = identifier(column), _text(column), types[column]
        if kind in ("id", "text"):
            # A whole number in a float column is an id that met a missing value on its way.
            floats = held in ("DOUBLE", "FLOAT")
            return f"CAST(CAST({raw} AS BIGINT) AS VARCHAR)" if floats else text
        if kind == "money":
            cast = f"try_cast({text if held == 'VARCHAR' else raw} AS {MONEY})"
            return f"CASE WHEN abs({cast}) < {_LARGEST_AMOUNT} THEN {cast} END"
        if kind == "number":
            cast = f"try_cast({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) THEN {cast} END"
        if kind == "flag":
            low = f"lower({text})"
            return f"CASE WHEN {low} IN {_YES} THEN true WHEN {low} IN {_NO} THEN false END"
        stamp = self._stamp(raw, text, held)
        return self._local_day(stamp) if kind == "date" else stamp

    def _stamp(self, raw: str, text: str, held: str) -> str:
        """Return SQL for a stamp in UTC; one that names no zone is in the source's."""
        zone = literal(self._source.timezone)
        given = getattr(self._source.format, "date_format", None)
        if held == "TIMESTAMP WITH TIME ZONE":
            utc = f"timezone('UTC', {raw})"
        elif held.startswith("TIMESTAMP") or held == "DATE":
            utc = f"timezone('UTC', timezone({zone}, CAST({raw} AS TIMESTAMP)))"
        elif given:
            utc = f"timezone('UTC', timezone({zone}, try_strptime({text}, {literal(given)})))"
        else:
            named = f"regexp_matches({text}, '[T ].*(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$')"
            utc = (
                f"CASE WHEN {named} THEN timezone('UTC', try_cast({text} AS TIMESTAMPTZ)) "
                f"ELSE timezone('UTC', timezone({zone}, try_cast({text} AS TIMESTAMP))) END"
            )
        return f"CASE WHEN year({utc}) BETWEEN 1900 AND 2100 THEN {utc} END"

    def _local_day(self, stamp: str) -> str:
        return f"CAST(timezone({self._zone}, timezone('UTC', {stamp})) AS DATE)"

    # What only the whole table shows

    def _settle(self) -> int:
        """Hold the table to its keys; return how many rows named no customer."""
        if isinstance(self._source, Transactions):
            guests = self._set_guests_aside(self._source)
            self._add_days_and_orders(self._source)
            return guests
        self._refuse_repeats(self._table, "customer_id", self._source.path)
        return 0

    def _set_guests_aside(self, source: Transactions) -> int:
        guests = self._count(f"{self._table} WHERE customer_id IS NULL")
        if guests and source.guests == "refuse":
            raise DataError(
                source.path,
                column=source.columns.customer_id,
                expected="an id in every row",
                found=f"{guests} rows without one",
                step="set guests: drop to leave them out",
            )
        self._run(f"DELETE FROM {self._table} WHERE customer_id IS NULL")
        return guests

    def _add_days_and_orders(self, source: Transactions) -> None:
        """Add each row's local day, when it was known, and the order it belongs to."""
        columns = source.columns
        day = self._local_day("occurred_at")
        order = f"CAST({day} AS VARCHAR)"
        kept = [name for name in self._types(self._table) if name not in ("known_at", "order_id")]
        added = {
            "known_at": "coalesce(known_at, occurred_at)" if columns.known_at else "occurred_at",
            "local_day": day,
            "order_id": f"coalesce(order_id, {order})" if columns.order_id else order,
        }
        listed = ", ".join([*kept, *(f"{sql} AS {name}" for name, sql in added.items())])
        self._run(f"CREATE OR REPLACE TABLE {self._table} AS SELECT {listed} FROM {self._table}")


def _text(column: str) -> str:
    """Return SQL for a raw column as text, NULL where it is blank."""
    return f"nullif(trim(CAST({identifier(column)} AS VARCHAR)), '')"
