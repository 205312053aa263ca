"""SQL that makes a canonical value of a raw column, or NULL where there is none to make."""

from __future__ import annotations

from dataclasses import dataclass

from features import zones
from features.contract import MONEY, Kind
from features.sql import identifier, literal
from features.zones import Clock

FLOATS = ("DOUBLE", "FLOAT")
"""DuckDB's types of floating point."""

_INTEGERS = {f"{sign}{size}INT" for sign in ("", "U") for size in ("TINY", "SMALL", "BIG", "HUGE")}
_WHOLES = {*_INTEGERS, "INTEGER", "UINTEGER"}

_ZONED = "TIMESTAMP WITH TIME ZONE"
_LARGEST_AMOUNT = 10_000_000_000
_WHOLE = 2**53  # below it a double holds every whole number
_YES = "('yes', 'y', 'true', 't', '1')"
_NO = "('no', 'n', 'false', 'f', '0')"
_NO_ZONED, _NO_STAMP = "CAST(NULL AS TIMESTAMPTZ)", "CAST(NULL AS TIMESTAMP)"
_NO_TEXT = "CAST(NULL AS VARCHAR)"
# A year of four digits: any other would be past the clocks, and 'epoch' is a stamp to DuckDB.
_ZONE_NAMED = "^[0-9]{4}[^0-9].*[T ][0-9:.]*[^0-9:.]"
_NO_ZONE_NAMED = "^[0-9]{4}[^0-9][^T ]*([T ][0-9:.]*)?$"
_BLANKS = literal("".join(filter(str.isspace, map(chr, range(0x3001)))))  # all of Unicode's


@dataclass(frozen=True)
class Cast:
    """How a source's columns become canonical ones.

    Parameters
    ----------
    source_zone : str
        The zone of stamps that name none.
    zone : str
        The customer base's, whose days are counted.
    date_format : str, optional
        How stamps are written as text; ISO 8601 unless given.
    plain : frozenset of (Kind, str)
        The columns that have been shown to hold nothing but right values of a kind, just as they
        are.
    source_clock, clock : Clock, optional
        The clocks of both zones over the stamps of plain columns; they are looked up row by row
        unless given.
    """

    source_zone: str
    zone: str
    date_format: str | None
    plain: frozenset[tuple[Kind, str]] = frozenset()
    source_clock: Clock | None = None
    clock: Clock | None = None

    def kind(self, kind: Kind, column: str, held: str) -> str:
        """Return SQL for a column of the type ``held`` as a value of a kind."""
        if kind == "money":
            return self.amount(column, held)
        if (kind, column) in self.plain:
            return self._as_it_is(kind, identifier(column), held)
        raw, held = _readable(kind, column, held)
        text = as_text(raw, held)
        if kind == "id":
            return f"CASE WHEN {_whole(raw)} THEN {text} END" if held in FLOATS else text
        if kind == "text":
            return text
        if kind == "number":
            cast = f"try_cast({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) THEN {cast} END"
        if kind == "flag":
            low = f"lower({text})"
            return f"CASE WHEN {low} IN {_YES} THEN true WHEN {low} IN {_NO} THEN false END"
        zoned, written = self._as_written(raw, text, held)
        return self._stamp(zoned, written) if kind == "stamp" else self._day(zoned, written)

    def amount(self, column: str, held: str, to: str = MONEY) -> str:
        """Return SQL for a column as an amount of money, rounded to a decimal type."""
        if ("money", column) in self.plain:
            return f"CAST({identifier(column)} AS {to})"
        raw, held = _readable("money", column, held)
        return as_amount(as_text(raw, held) if held == "VARCHAR" else raw, to)

    def day_of(self, column: str, held: str) -> str:
        """Return SQL for the local day of a column of stamps."""
        is_plain = ("stamp", column) in self.plain
        same = self.source_zone == self.zone and _is_naive(held) and is_plain
        if same and self.clock and not any(shift.moves_a_day for shift in self.clock.shifts):
            return f"CAST({identifier(column)} AS DATE)"
        stamp = self.kind("stamp", column, held)
        if is_plain and self.clock:
            return f"CAST({self.clock.to_local(stamp)} AS DATE)"
        return self._local_day(stamp)

    def _local_day(self, stamp: str) -> str:
        return f"CAST({zones.to_local(stamp, self.zone)} AS DATE)"

    def proof(self, kind: Kind, column: str, held: str) -> str | None:
        """Return SQL that is true of a table where each value of a column is right as it is.

        It costs little, and may be false of a right column too. None where a column's values
        must be read one by one.
        """
        raw = identifier(column)
        if not is_read(kind, held):
            return None
        if held == "VARCHAR" and kind in ("id", "text"):
            # Letters of ASCII at both ends leave nothing to trim.
            first = f"{raw} >= '!' AND {raw} < {literal(chr(127))}"
            return f"coalesce(bool_and({first} AND {raw}[-1] BETWEEN '!' AND '~'), true)"
        if kind == "id" and held in _WHOLES:
            return "true"
        if kind == "money" and (held in FLOATS or held in _WHOLES or held.startswith("DECIMAL")):
            # The least and largest that a Parquet file tells of itself leave NaN out.
            finite = f"coalesce(bool_and(isfinite({raw})), true) AND " * (held in FLOATS)
            largest = _LARGEST_AMOUNT - 1
            return f"{finite}coalesce(max({raw}) < {largest} AND min({raw}) > -{largest}, true)"
        if kind == "stamp" and (_is_naive(held) or held == _ZONED):
            low, high = f"CAST('1900-01-02' AS {held})", f"CAST('2100-12-30' AS {held})"
            return f"coalesce(min({raw}) >= {low} AND max({raw}) <= {high}, true)"
        return None

    def _as_it_is(self, kind: Kind, raw: str, held: str) -> str:
        """Return SQL for a column that holds nothing but right values."""
        if kind == "id" and held != "VARCHAR":
            return f"CAST({raw} AS VARCHAR)"
        if kind != "stamp":
            return raw
        if held == _ZONED:
            return f"timezone('UTC', {raw})"
        stamp = raw if held == "TIMESTAMP" else f"CAST({raw} AS TIMESTAMP)"
        if self.source_clock:
            return self.source_clock.to_utc(stamp)
        return zones.to_utc(stamp, self.source_zone)

    def _as_written(self, raw: str, text: str, held: str) -> tuple[str, str]:
        """Return SQL for a stamp that names its zone, and for one that names none."""
        if held == _ZONED:
            return _in_range(raw, 1), _NO_STAMP
        if _is_naive(held):
            return _NO_ZONED, f"CAST({_in_range(raw, 1)} AS TIMESTAMP)"
        if self.date_format:
            stamp = f"try_strptime({text}, {literal(self.date_format)})"
            names_zone = "%z" in self.date_format.lower()
            return (stamp, _NO_STAMP) if names_zone else (_NO_ZONED, stamp)
        return (
            f"CASE WHEN regexp_matches({text}, '{_ZONE_NAMED}') "
            f"THEN try_cast({text} AS TIMESTAMPTZ) END",
            f"CASE WHEN regexp_matches({text}, '{_NO_ZONE_NAMED}') "
            f"THEN try_cast({text} AS TIMESTAMP) END",
        )

    def _stamp(self, zoned: str, written: str) -> str:
        """Return SQL for a stamp in UTC."""
        named, local = f"timezone('UTC', {zoned})", zones.to_utc(written, self.source_zone)
        if zoned == _NO_ZONED:
            return _in_range(local)
        return _in_range(named if written == _NO_STAMP else f"coalesce({named}, {local})")

    def _day(self, zoned: str, written: str) -> str:
        """Return SQL for a date; one with no time of day is a day, whatever the zone."""
        day = f"CASE WHEN {written} = date_trunc('day', {written}) THEN {written} END"
        stamp = self._stamp(zoned, written)
        return f"coalesce(CAST({_in_range(day)} AS DATE), {self._local_day(stamp)})"


def is_read(kind: Kind, held: str) -> bool:
    """Say whether a type's values may be of a kind: those of a list or a blob never are."""
    if held == "BOOLEAN":
        return kind in ("text", "flag")
    is_one = held in _WHOLES or held in (*FLOATS, "VARCHAR", "UUID", "DATE")
    return is_one or (held.startswith(("DECIMAL", "TIMESTAMP", "ENUM")) and held[-1] != "]")


def _readable(kind: Kind, column: str, held: str) -> tuple[str, str]:
    """Return SQL for a raw column and its type; for nothing where its type is none of the kind."""
    return (identifier(column), held) if is_read(kind, held) else (_NO_TEXT, "VARCHAR")


def as_text(raw: str, held: str) -> str:
    """Return SQL for a raw column as text without white space around it, NULL where it is blank.

    A whole number in a column of floats met a missing value on its way: it is given as a whole.
    """
    if held not in FLOATS:
        return f"nullif(trim(CAST({raw} AS VARCHAR), {_BLANKS}), '')"
    whole = f"CAST(CAST({raw} AS BIGINT) AS VARCHAR)"
    return f"CASE WHEN {_whole(raw)} THEN {whole} ELSE nullif(CAST({raw} AS VARCHAR), 'nan') END"


def as_amount(sql: str, to: str = MONEY) -> str:
    """Return SQL for an amount of money as a decimal type, NULL where it is none or too large."""
    cast = f"try_cast({sql} AS {to})"
    return f"CASE WHEN abs({cast}) < {_LARGEST_AMOUNT} THEN {cast} END"


def _is_naive(held: str) -> bool:
    """Say whether a type is of stamps that name no zone."""
    return held == "DATE" or (held.startswith("TIMESTAMP") and held != _ZONED)


def _whole(raw: str) -> str:
    return f"(isfinite({raw}) AND abs({raw}) < {_WHOLE} AND {raw} = trunc({raw}))"


def _in_range(stamp: str, slack: int = 0) -> str:
    """Return SQL for a stamp, NULL where its year is none that can be meant."""
    years = f"{1900 - slack} AND {2100 + slack}"
    return f"CASE WHEN year({stamp}) BETWEEN {years} THEN {stamp} END"
