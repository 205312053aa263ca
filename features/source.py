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
from features.cast import FLOATS, Cast, as_amount, as_text
from features.contract import CANONICAL, EXPECTED, DataError, Kind, quote_value
from features.reader import files_at, identifier, literal, place_of, read

_NUMBERED = "row of the file"
_WIDE = "DECIMAL(38, 4)"
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

    @property
    def sign(self) -> str:
        """What stands between its parts."""
        return " + " if isinstance(self.origin, Sum) else " × "


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
    refuses_guests = getattr(source, "guests", "") == "refuse"
    columns = [
        _Mapped(
            column.name,
            origins[column.name],
            column.kind,
            column.required or (column.name == "customer_id" and refuses_guests),
        )
        for column in CANONICAL[table]
        if origins.get(column.name) is not None
    ]
    attributes: dict[str, Attribute] = getattr(source, "attributes", {})
    return columns + [
        _Mapped(name, attribute.column or name, _ATTRIBUTE_KINDS[attribute.kind], False)
        for name, attribute in attributes.items()
    ]


@dataclass(frozen=True)
class _Rule:
    """What no row may be: the column as it is told, its value, and when it is wrong, as SQL."""

    name: str
    value: str
    column: _Mapped
    wrong: str


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
        date_format = getattr(source.format, "date_format", None)
        self._to = Cast(source.timezone or timezone, timezone, date_format)

    def admit(self) -> Intake:
        """Read, check and cast the table; return what was met."""
        try:
            return self._admit()
        except duckdb.Error as error:
            found = str(error).splitlines()[0]
            expected = "rows that can be read as the config says"
            raise DataError(self._source.path, expected=expected, found=found) from error

    def _admit(self) -> Intake:
        source = self._source
        read(self._connection, self._raw, source.path, source.format)
        rows, duplicates = self._count(self._raw), self._count_duplicates()
        for join in getattr(source, "join", ()):
            self._join(join)
        types = self._types(self._raw)
        columns = _mapped(self._table, source)
        self._check(columns, types)
        cast = ", ".join(f"{self._cast(column, types)} AS {column.name}" for column in columns)
        dropped = duplicates and getattr(source, "duplicates", "") == "drop"
        kept = f"(SELECT DISTINCT * FROM {self._raw} ORDER BY ALL)" if dropped else self._raw
        self._run(f"CREATE TABLE {self._table} AS SELECT {cast} FROM {kept}")
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

    def _count_duplicates(self) -> int:
        """Count the rows that repeat another in every column."""
        if not isinstance(self._source, Transactions):
            return 0
        return self._count(self._raw) - self._count(f"(SELECT DISTINCT * FROM {self._raw})")

    def _join(self, join: Join) -> None:
        """Look columns of another file up by a key that is unique there; every row stays."""
        read(self._connection, "looked_up", join.path, join.format)
        held, looked_up = self._types(self._raw), self._types("looked_up")
        for column in (join.key, *join.columns):
            self._need(looked_up, join.path, column)
        self._need(held, self._source.path, join.key)
        self._refuse_second_names(join, held)
        self._refuse_repeats("looked_up", join.key, join)
        added = ", ".join(f"looked_up.{identifier(column)}" for column in join.columns)
        keys = [f"{side}.{identifier(join.key)}" for side in ("held", "looked_up")]
        if held[join.key] != looked_up[join.key]:
            types = (held[join.key], looked_up[join.key])
            keys = [as_text(key, kind) for key, kind in zip(keys, types, strict=True)]
        numbered = f"SELECT *, row_number() OVER () AS {identifier(_NUMBERED)} FROM {self._raw}"
        self._run(
            f"CREATE OR REPLACE TABLE {self._raw} AS "
            f"SELECT held.* EXCLUDE ({identifier(_NUMBERED)}), {added} "
            f"FROM ({numbered}) AS held LEFT JOIN looked_up ON {keys[0]} = {keys[1]} "
            f"ORDER BY held.{identifier(_NUMBERED)}"
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
        rules = [rule for column in columns for rule in self._rules(column, types)]
        tests = ", ".join(f"count(*) FILTER (WHERE {rule.wrong})" for rule in rules)
        counts = self._run(f"SELECT {tests} FROM {self._raw}").fetchone() or ()
        for rule, count in zip(rules, counts, strict=True):
            if count:
                self._refuse(rule, count)

    def _rules(self, column: _Mapped, types: Mapping[str, str]) -> list[_Rule]:
        """Return the rules of a column's parts, then that of what they make together."""
        rules = []
        for part in column.parts:
            self._need(types, self._source.path, part)
            rules.append(_Rule(part, identifier(part), column, self._wrong(part, column, types)))
        if len(rules) > 1:
            values = [f"CAST({rule.value} AS VARCHAR)" for rule in rules]
            value = f"concat_ws({literal(column.sign)}, {', '.join(values)})"
            wrong = f"({self._cast(column, types)}) IS NULL"
            if isinstance(column.origin, Product):
                parts = (self._to.kind(column.kind, part, types[part]) for part in column.parts)
                wrong = " AND ".join([*(f"({part}) IS NOT NULL" for part in parts), wrong])
            rules.append(_Rule(column.sign.join(column.parts), value, column, wrong))
        return rules

    def _wrong(self, part: str, column: _Mapped, types: Mapping[str, str]) -> str:
        """Return SQL that is true of a row whose value breaks the column's rule."""
        missing = f"({self._to.kind(column.kind, part, types[part])}) IS NULL"
        if column.required and not isinstance(column.origin, Sum):
            return missing
        raw, held = identifier(part), types[part]
        if held == "VARCHAR":
            return f"{as_text(raw, held)} IS NOT NULL AND {missing}"
        return f"{raw} IS NOT NULL{f' AND NOT isnan({raw})' * (held in FLOATS)} AND {missing}"

    def _refuse(self, rule: _Rule, count: int) -> None:
        row, value = self._run(
            f"SELECT row, value FROM (SELECT row_number() OVER () - 1 AS row, "
            f"CAST({rule.value} AS VARCHAR) AS value, {rule.wrong} AS wrong FROM {self._raw}) "
            "WHERE wrong ORDER BY row LIMIT 1"
        ).fetchall()[0]
        file, line = place_of(self._source.path, self._source.format, row)
        more = f" (and in {count - 1} more rows)" if count > 1 else ""
        names_nobody = hasattr(self._source, "guests") and rule.column.name == "customer_id"
        raise DataError(
            file,
            line=line,
            column=rule.name,
            expected=EXPECTED[rule.column.kind],
            found=quote_value(value) + more,
            step="set guests: drop to leave rows without one out"
            if names_nobody and not (value or "").strip()
            else f"the config maps it to {rule.column.name}",
        )

    def _refuse_second_names(self, join: Join, held: Mapping[str, str]) -> None:
        """Refuse a looked-up column whose name the file has: which is meant is not said."""
        lowered = {name.lower() for name in held}
        for column in join.columns:
            if column.lower() in lowered:
                found = f"it in {self._source.path} too"
                raise DataError(join.path, column=column, expected="a name of its own", found=found)

    def _refuse_repeats(self, table: str, key: str, source: Customers | Snapshot | Join) -> None:
        name = identifier(key)
        if not self._count(f"(SELECT 1 FROM {table} GROUP BY {name} HAVING count(*) > 1)"):
            return
        row, value = self._run(
            f"SELECT row, value FROM (SELECT row_number() OVER () - 1 AS row, "
            f"CAST({name} AS VARCHAR) AS value FROM {table}) "
            "QUALIFY row_number() OVER (PARTITION BY value ORDER BY row) = 2 ORDER BY row LIMIT 1"
        ).fetchall()[0]
        file, line = place_of(source.path, source.format, row)
        column = key if isinstance(source, Join) else source.columns.customer_id
        found = f"{quote_value(value)} more than once"
        raise DataError(file, line=line, column=column, expected="each key once", found=found)

    # Casts: SQL that makes a canonical value, or NULL where there is none to make

    def _cast(self, column: _Mapped, types: Mapping[str, str]) -> str:
        parts = [self._to.kind(column.kind, part, types[part]) for part in column.parts]
        if isinstance(column.origin, Sum):
            return as_amount(f"TRY({' + '.join(f'coalesce({part}, 0)' for part in parts)})")
        if isinstance(column.origin, Product):
            # The product of two DECIMAL(18, 4) would have no more than ten digits before the point.
            return as_amount(f"TRY({' * '.join(f'CAST({part} AS {_WIDE})' for part in parts)})")
        return parts[0]

    # What only the whole table shows

    def _settle(self) -> int:
        """Hold the table to its keys; return how many rows named no customer."""
        if isinstance(self._source, Transactions):
            guests = self._set_guests_aside(self._source)
            self._add_days_and_orders(self._source)
            return guests
        self._refuse_repeats(self._table, "customer_id", self._source)
        return 0

    def _set_guests_aside(self, source: Transactions) -> int:
        guests = self._count(f"{self._table} WHERE customer_id IS NULL")
        if guests == self._count(self._table):
            raise DataError(
                source.path,
                column=source.columns.customer_id,
                expected="an id in some row",
                found="none in any",
                step="the config maps it to customer_id",
            )
        self._run(f"DELETE FROM {self._table} WHERE customer_id IS NULL")
        return guests

    def _add_days_and_orders(self, source: Transactions) -> None:
        """Add each row's local day, when it was known, and the order it belongs to."""
        columns = source.columns
        day = self._to.local_day("occurred_at")
        order = f"CAST({day} AS VARCHAR)"
        kept = [name for name in self._types(self._table) if name not in ("known_at", "order_id")]
        added = {
            "known_at": "coalesce(known_at, occurred_at)" if columns.known_at else "occurred_at",
            "local_day": day,
            "order_id": f"coalesce(order_id, {order})" if columns.order_id else order,
        }
        listed = ", ".join([*kept, *(f"{sql} AS {name}" for name, sql in added.items())])
        self._run(f"CREATE OR REPLACE TABLE {self._table} AS SELECT {listed} FROM {self._table}")
