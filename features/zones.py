"""Local time and UTC, as SQL; over a known span of stamps, without a calendar's work a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb

from features.sql import literal

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEP = timedelta(days=1)
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_MOST_SHIFTS = 64  # past it, a look-up a row costs no more than as many comparisons


class Span(NamedTuple):
    """The first and the last of some stamps, in microseconds since 1970."""

    first: int
    last: int


class Shift(NamedTuple):
    """When a zone's clocks change, in UTC, and how far they are ahead before and after; in µs."""

    at: int
    before: int
    after: int

    @property
    def moves_a_day(self) -> bool:
        """Whether a local time that the clocks leave out is put on another day."""
        first, last = self.at + self.before, self.at + self.after - 1
        return first <= last and _day(first) != _day(last + self.after - self.before)


@dataclass(frozen=True)
class Clock:
    """A zone's clocks over a span of stamps."""

    begins: int
    shifts: tuple[Shift, ...]

    @classmethod
    def of(
        cls, connection: duckdb.DuckDBPyConnection, zone: str, span: Span | None
    ) -> Clock | None:
        """Return the clocks of a zone, or None where they must be looked up row by row.

        That is where they change very often, or where Python's time zone database and DuckDB's
        own are of two minds about the span.
        """
        if zone == "UTC":
            return cls(0, ())
        if span is None:
            return None
        clock = _clock(zone, _day(span.first) - 2 * _STEP, _day(span.last) + 2 * _STEP)
        few = len(clock.shifts) <= _MOST_SHIFTS
        return clock if few and clock._is_duckdbs(connection, zone, span) else None

    def _is_duckdbs(self, connection: duckdb.DuckDBPyConnection, zone: str, span: Span) -> bool:
        """Say whether DuckDB's clocks are the same: on each day, and around each change."""
        edges = [at + by for at, *_ in self.shifts for by in (-_SECOND, 0)]
        found = connection.execute(
            f"SELECT bool_and(({self.to_local('stamp')}) = {to_local('stamp', zone)}) FROM ("
            "SELECT make_timestamp(unnest(list_concat(?, range(?, ?, ?)))) AS stamp)",
            [edges, span.first - _DAY, span.last + 2 * _DAY, _DAY],
        ).fetchone()
        return bool(found and found[0])

    def to_utc(self, stamp: str) -> str:
        """Return SQL for a local stamp in UTC.

        A time that the clocks leave out counts on from before; one that they show twice is the
        later, as in DuckDB.
        """
        ahead = self._ahead(stamp, [shift.at + shift.after for shift in self.shifts])
        return f"{stamp} - {ahead}" if ahead else stamp

    def to_local(self, stamp: str) -> str:
        """Return SQL for a stamp in UTC as the zone's clocks show it."""
        ahead = self._ahead(stamp, [shift.at for shift in self.shifts])
        return f"{stamp} + {ahead}" if ahead else stamp

    def _ahead(self, stamp: str, until: list[int]) -> str:
        """Return SQL for how far the clocks are ahead; nothing where they show UTC throughout."""
        if not self.shifts:
            return _interval(self.begins) if self.begins else ""
        cases = " ".join(
            f"WHEN {stamp} < make_timestamp({end}) THEN {_interval(shift.before)}"
            for end, shift in zip(until, self.shifts, strict=True)
        )
        return f"CASE {cases} ELSE {_interval(self.shifts[-1].after)} END"


def to_utc(stamp: str, zone: str) -> str:
    """Return SQL for a zone's local stamp in UTC, looked up row by row."""
    return f"timezone('UTC', timezone({literal(zone)}, {stamp}))"


def to_local(stamp: str, zone: str) -> str:
    """Return SQL for a stamp in UTC as a zone's clocks show it, looked up row by row."""
    return f"timezone({literal(zone)}, timezone('UTC', {stamp}))"


@cache
def _clock(zone: str, first: date, last: date) -> Clock:
    held = ZoneInfo(zone)
    at = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC)
    begins, shifts = _ahead_at(held, at), []
    while at < end:
        before, after = _ahead_at(held, at), _ahead_at(held, at + _STEP)
        if before != after:
            shifts.append(Shift(_change(held, at, at + _STEP), before, after))
        at += _STEP
    return Clock(begins, tuple(shifts))


def _change(zone: ZoneInfo, before: datetime, after: datetime) -> int:
    """Return the first second between two instants at which the clocks show the later offset."""
    new = _ahead_at(zone, after)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (before, middle) if _ahead_at(zone, middle) == new else (middle, after)
    return _micros(after - _EPOCH)


def _ahead_at(zone: ZoneInfo, at: datetime) -> int:
    return _micros(at.astimezone(zone).utcoffset() or timedelta(0))


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _day(micros: int) -> date:
    return (_EPOCH + timedelta(microseconds=micros)).date()


def _interval(micros: int) -> str:
    return f"to_microseconds({micros})"
