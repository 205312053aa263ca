"""SQL that makes a canonical value of a raw column, or NULL where there is none to make."""

from __future__ import annotations

from dataclasses import dataclass

from features.contract import MONEY, Kind
from features.reader import identifier, literal

FLOATS = ("DOUBLE", "FLOAT")
"""DuckDB's types of floating point."""

_LARGEST_AMOUNT = 10_000_000_000
_WHOLE = 2**53  # below it a double holds every whole number
_YES = "('yes', 'y', 'true', 't', '1')"
_NO = "('no', 'n', 'false', 'f', '0')"
_NO_ZONED, _NO_STAMP = "CAST(NULL AS TIMESTAMPTZ)", "CAST(NULL AS TIMESTAMP)"
_NAMES_ZONE = "[T ][0-9:.]*[^0-9:.]"  # after the time of day


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
    """

    source_zone: str
    zone: str
    date_format: str | None

    def kind(self, kind: Kind, column: str, held: str) -> str:
        """Return SQL for a column of the type ``held`` as a value of a kind."""
        raw = identifier(column)
        text = as_text(raw, held)
        if kind == "id":
            return f"CASE WHEN {_whole(raw)} THEN {text} END" if held in FLOATS else text
        if kind == "text":
            return text
        if kind == "money":
            return as_amount(text if held == "VARCHAR" else raw)
        if kind == "number":
            cast = f"try_cast({text} AS DOUBLE)"
            return f"CASE WHEN isfinite({cast}) THEN {cast} END"
        if kind == "flag":
            low = f"lower({text})"
            return f"CASE WHEN {low} IN {_YES} THEN true WHEN {low} IN {_NO} THEN false END"
        zoned, written = self._as_written(raw, text, held)
        return self._stamp(zoned, written) if kind == "stamp" else self._day(zoned, written)

    def local_day(self, stamp: str) -> str:
        """Return SQL for the local day of a stamp in UTC."""
        return f"CAST(timezone({literal(self.zone)}, timezone('UTC', {stamp})) AS DATE)"

    def _as_written(self, raw: str, text: str, held: str) -> tuple[str, str]:
        """Return SQL for a stamp that names its zone, and for one that names none."""
        if held == "TIMESTAMP WITH TIME ZONE":
            return raw, _NO_STAMP
        if held.startswith("TIMESTAMP") or held == "DATE":
            return _NO_ZONED, f"CAST({raw} AS TIMESTAMP)"
        if self.date_format:
            stamp = f"try_strptime({text}, {literal(self.date_format)})"
            names_zone = "%z" in self.date_format.lower()
            return (stamp, _NO_STAMP) if names_zone else (_NO_ZONED, stamp)
        named = f"regexp_matches({text}, {literal(_NAMES_ZONE)})"
        begun = f"regexp_matches({text}, '^[0-9]')"  # 'epoch' is a stamp to DuckDB
        return (
            f"CASE WHEN {begun} AND {named} THEN try_cast({text} AS TIMESTAMPTZ) END",
            f"CASE WHEN {begun} AND NOT {named} THEN try_cast({text} AS TIMESTAMP) END",
        )

    def _stamp(self, zoned: str, written: str) -> str:
        """Return SQL for a stamp in UTC."""
        local = f"timezone({literal(self.source_zone)}, {_in_range(written, 1)})"
        return _in_range(f"timezone('UTC', coalesce({_in_range(zoned, 1)}, {local}))")

    def _day(self, zoned: str, written: str) -> str:
        """Return SQL for a date; one with no time of day is a day, whatever the zone."""
        day = f"CASE WHEN {written} = date_trunc('day', {written}) THEN {written} END"
        stamp = self._stamp(zoned, written)
        return f"coalesce(CAST({_in_range(day)} AS DATE), {self.local_day(stamp)})"


def as_text(raw: str, held: str) -> str:
    """Return SQL for a raw column as text, NULL where it is blank.

    A whole number in a column of floats met a missing value on its way: it is given as a whole.
    """
    text = f"nullif(trim(CAST({raw} AS VARCHAR)), '')"
    if held not in FLOATS:
        return text
    whole = f"CAST(CAST({raw} AS BIGINT) AS VARCHAR)"
    return f"CASE WHEN {_whole(raw)} THEN {whole} WHEN NOT isnan({raw}) THEN {text} END"


def as_amount(sql: str) -> str:
    """Return SQL for an amount of money, NULL where it is none or too large."""
    cast = f"try_cast({sql} AS {MONEY})"
    return f"CASE WHEN abs({cast}) < {_LARGEST_AMOUNT} THEN {cast} END"


def _whole(raw: str) -> str:
    return f"(abs({raw}) < {_WHOLE} AND {raw} = trunc({raw}))"


def _in_range(stamp: str, slack: int = 0) -> str:
    """Return SQL for a stamp, NULL where its year is none that can be meant."""
    years = f"{1900 - slack} AND {2100 + slack}"
    return f"CASE WHEN year({stamp}) BETWEEN {years} THEN {stamp} END"
