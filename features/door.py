"""Where a table of the user's becomes canonical, or is refused."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import duckdb

from configs.sources import Behaviour, Join, ParquetFormat, Source
from features import parquet
from features.cast import Cast, as_text
from features.contract import DataError, quote_value
from features.inspection import Findings, refusal, scan, without_bad_rows
from features.location import files_at, format_of, told
from features.mapping import Translation
from features.reader import ROW, Raw, Reader
from features.rejects import Rejects
from features.sql import identifier
from features.zones import Clock

VIEWED = 5_000_000
"""Rows of Parquet past which a canonical table is read from the files each time, not held."""

FEW = 10_000  # rows whose local times are looked up one by one


@dataclass(frozen=True)
class Intake:
    """What came through the door of one table.

    Parameters
    ----------
    file : str
        Its name to the user.
    rows : int
        How many were read and not set aside.
    guests : int
        Rows of these without a customer's id, left out.
    duplicates : int or None
        Rows of these that repeat another in every column; None if nobody counted.
    undeclared : mapping of str to int
        Rows of events by kinds that the config does not declare, left out.
    rejects : int
        Bad rows set aside.
    """

    file: str
    rows: int
    guests: int = 0
    duplicates: int | None = None
    undeclared: Mapping[str, int] = field(default_factory=dict)
    rejects: int = 0

    def and_of(self, other: Intake) -> Intake:
        """Return what came through together with another source of the table."""
        counted = None not in (self.duplicates, other.duplicates)
        both = Counter(self.undeclared) + Counter(other.undeclared)
        return Intake(
            f"{self.file}, {other.file}",
            self.rows + other.rows,
            self.guests + other.guests,
            (self.duplicates or 0) + (other.duplicates or 0) if counted else None,
            dict(both.most_common()),
            self.rejects + other.rejects,
        )


def unreadable(table: str, error: duckdb.Error) -> DataError:
    """Return what DuckDB could not read as an error of a table."""
    found = next(iter(str(error).splitlines()), type(error).__name__)
    return DataError(table, expected="rows that can be read as the config says", found=found)


@dataclass(frozen=True)
class Door:
    """The door of one table.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where the canonical table comes to lie.
    table : str
        Which canonical table it is.
    source : Source
        The user's.
    zone : str
        The customer base's.
    name : str
        What the canonical table is called there.
    scope : {"", "TEMP"}
        Whether it is this connection's alone, where others share the database.
    """

    connection: duckdb.DuckDBPyConnection
    table: str
    source: Source
    zone: str
    name: str
    scope: Literal["", "TEMP"] = ""

    def read(
        self, reader: Reader, rejects: Rejects | None = None, count_duplicates: bool = False
    ) -> Intake:
        """Read, check and cast the user's table; return what was met."""
        try:
            raw = reader.read(f"raw_{self.name}", self.source, rejects)
            drops = isinstance(self.source, Behaviour) and self.source.duplicates == "drop"
            counts = isinstance(self.source, Behaviour) and (drops or count_duplicates)
            duplicates = self._count_duplicates(raw) if counts else None
            for join in getattr(self.source, "join", ()):
                raw = self._join(raw, reader, join)
            intake = self.admit(raw, rejects, distinct=drops and bool(duplicates))
            if not intake.rows:
                raise DataError(raw.told, expected="a row that is right", found="none")
            return replace(intake, duplicates=duplicates)
        except duckdb.Error as error:
            raise self._broken(error) from error

    def admit(self, raw: Raw, rejects: Rejects | None = None, distinct: bool = False) -> Intake:
        """Check and cast a raw table."""
        to = Cast(self.source.timezone or self.zone, self.zone, self._date_format)
        table = Translation(self.table, self.source, raw.types, to)
        for column in table.columns:
            for part in column.parts:
                self._need(raw, part)
        found = scan(self.connection, raw, table)
        while found.broken:
            if rejects is None:
                raise refusal(self.connection, raw, found)
            raw = without_bad_rows(self.connection, raw, found, rejects)
            found = scan(self.connection, raw, table)
        table = replace(table, to=self._sharpened(to, found, raw.rows))
        guests = self._count_guests(raw, table, found)
        others = self._count_undeclared(raw, table)
        leave_out = [f"({self._customer(table)}) IS NOT NULL"] if guests else []
        leave_out += [f"NOT ({table.undeclared()[1]})"] if others else []  # type: ignore[index]
        self._make(raw, table, leave_out, distinct)
        aside = rejects.count if rejects else 0
        return Intake(raw.told, raw.rows, guests, None, others, aside)

    @property
    def _date_format(self) -> str | None:
        return getattr(self.source.format, "date_format", None)

    def _run(self, sql: str, parameters: object = None) -> duckdb.DuckDBPyConnection:
        return self.connection.execute(sql, parameters)

    def _one(self, sql: str) -> tuple[int, ...]:
        return self._run(sql).fetchone() or ()

    def _count_duplicates(self, raw: Raw) -> int:
        """Count the rows that repeat another in every column."""
        (distinct,) = self._one(f"SELECT count(*) FROM (SELECT DISTINCT * FROM {raw.relation})")
        return raw.rows - distinct

    def _need(self, raw: Raw, column: str) -> None:
        if column not in raw.types:
            raise DataError.of_missing_column(raw.told, column, list(raw.types))

    def _broken(self, error: duckdb.Error) -> DataError:
        """Return what DuckDB could not read as an error that says where."""
        if isinstance(format_of(self.source), ParquetFormat):
            where = parquet.broken_part(self.source.path, files_at(self.source.path))
            if where is not None:
                return where
        return unreadable(told(self.source), error)

    # Joins

    def _join(self, raw: Raw, reader: Reader, join: Join) -> Raw:
        """Look columns of another table up by a key that is unique there; every row stays."""
        other = reader.read("looked_up", join)
        for column in (join.key, *join.columns):
            self._need(other, column)
        self._need(raw, join.key)
        lowered = {name.lower() for name in raw.types}
        for column in join.columns:
            if column.lower() in lowered:
                found = f"it in {raw.told} too"
                raise DataError(
                    other.told, column=column, expected="a name of its own", found=found
                )
        self._refuse_repeats(other, join.key)
        keys = [
            as_text(f"{side}.{identifier(join.key)}", table.types[join.key])
            for side, table in (("held", raw), ("looked_up", other))
        ]
        self._refuse_strangers(raw, other, join.key, " = ".join(keys))
        relation = f"{raw.relation}_with_{len(raw.types)}"
        added = ", ".join(f"looked_up.{identifier(column)}" for column in join.columns)
        self._run(
            f"CREATE TABLE {relation} AS SELECT held.* EXCLUDE ({identifier(ROW)}), {added} "
            f"FROM {raw.numbered} AS held LEFT JOIN looked_up ON {' = '.join(keys)} "
            f"ORDER BY held.{identifier(ROW)}"
        )
        self._run(raw.dropping)
        self._run(other.dropping)
        types = {**raw.types, **{column: other.types[column] for column in join.columns}}
        return replace(raw, relation=relation, types=types, is_view=False)

    def _refuse_repeats(self, other: Raw, key: str) -> None:
        text = as_text(identifier(key), other.types[key])
        first = self._run(
            f"SELECT {identifier(ROW)}, {text} FROM {other.numbered} WHERE {text} IS NOT NULL "
            f"QUALIFY row_number() OVER (PARTITION BY {text} ORDER BY {identifier(ROW)}) = 2 "
            f"ORDER BY {identifier(ROW)} LIMIT 1"
        ).fetchone()
        if first is not None:
            file, line = other.place_of(first[0])
            found = f"{quote_value(first[1])} more than once"
            raise DataError(file, line=line, column=key, expected="each key once", found=found)

    def _refuse_strangers(self, raw: Raw, other: Raw, key: str, is_same: str) -> None:
        met = self._one(
            f"SELECT 1 FROM {raw.relation} AS held SEMI JOIN looked_up ON {is_same} LIMIT 1"
        )
        if not met:
            raise DataError(
                other.told,
                column=key,
                expected=f"a key of {raw.told}",
                found="none in any row",
                step="both columns must spell their keys alike",
            )

    # What is let in

    def _sharpened(self, to: Cast, found: Findings, rows: int) -> Cast:
        """Return the casts for a table that is known to hold right values alone."""
        span = found.span if rows > FEW else None
        return replace(
            to,
            plain=found.plain,
            source_clock=Clock.of(self.connection, to.source_zone, span),
            clock=Clock.of(self.connection, to.zone, span),
        )

    def _count_guests(self, raw: Raw, table: Translation, found: Findings) -> int:
        """Count the rows that name no customer, which may not be all of them."""
        if not isinstance(self.source, Behaviour) or self.source.guests == "refuse":
            return 0
        guests = found.nobody
        if ("id", table.part_of_customer) not in found.plain:
            asked = f"SELECT count(*) - count({self._customer(table)}) FROM {raw.relation}"
            (guests,) = self._one(asked)
        if 0 < guests == raw.rows:
            raise DataError(
                raw.told,
                column=table.part_of_customer,
                expected="an id in some row",
                found="none in any",
                step="the config maps it to customer_id",
            )
        return guests

    @staticmethod
    def _customer(table: Translation) -> str:
        return next(table.value(each) for each in table.columns if each.name == "customer_id")

    def _count_undeclared(self, raw: Raw, table: Translation) -> dict[str, int]:
        """Count the rows of each kind of event that the config does not declare."""
        asked = table.undeclared()
        if asked is None:
            return {}
        kind, is_undeclared = asked
        return dict(
            self._run(
                f"SELECT {kind} AS kind, count(*) AS n FROM {raw.relation} WHERE {is_undeclared} "
                "GROUP BY ALL ORDER BY n DESC, kind"
            ).fetchall()
        )

    def _make(self, raw: Raw, table: Translation, leave_out: Sequence[str], distinct: bool) -> None:
        """Make the canonical table: held, or as a view where it is much of Parquet."""
        rows = f"(SELECT DISTINCT * FROM {raw.relation} ORDER BY ALL)" if distinct else raw.relation
        where = f" WHERE {' AND '.join(leave_out)}" if leave_out else ""
        made = f"AS SELECT {table.select()} FROM {rows}{where}"
        if raw.is_view and raw.rows > VIEWED and not distinct:
            self._run(f"CREATE {self.scope} VIEW {self.name} {made}")
        else:
            self._run(f"CREATE {self.scope} TABLE {self.name} {made}")
            self._run(raw.dropping)
