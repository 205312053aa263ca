"""A search of the index: what is sought, and the pages that it finds."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from configs.errors import StamkundeError
from serving.record.index_batch import BANDS, Roster
from serving.record.index_rows import Row, microseconds, token
from serving.record.index_table import BATCHES, GROUPS, NEWEST, OF_GROUP, SCORES

_END = 2**62
_CURSOR = re.compile(r"(\d{1,18}):(\d{1,18}):(\d{1,12})")


class SearchError(StamkundeError):
    """A search that cannot be made as it was asked for."""


@dataclass(frozen=True)
class Search:
    """What scores are sought by; all of it must hold.

    Parameters
    ----------
    customer : str, optional
        The customer's token in the record.
    since, until : datetime, optional
        The first instant, and the one after the last.
    model : str, optional
        The digest of a bundle.
    band : str, optional
        ``low``, ``middle`` or ``high``.
    after : str, optional
        What the page before said of the next.
    limit : int
        How many at most.
    """

    customer: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    model: str | None = None
    band: str | None = None
    after: str | None = None
    limit: int = 50


@dataclass(frozen=True)
class Found:
    """A score that was sought: an entry's, or a row's, whose id is ``ENTRY/ROW``."""

    id: str
    at: str
    customer: str
    as_of: str | None
    band: str | None
    probability: float | None
    value: float | None
    bundles: dict[str, str]


@dataclass(frozen=True)
class Page:
    """Some of the scores, newest first.

    Parameters
    ----------
    rows : list of Found
    next : str or None
        What gives the page after, if there is one.
    unread : tuple of str
        Batches whose files cannot be read.
    """

    rows: list[Found]
    next: str | None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sought:
    """A search as the tables take it: times in microseconds, before a place, at or after one."""

    customer: bytes | None
    since: int
    before: tuple[int, int, int]
    model: str | None
    band: str | None
    limit: int

    @classmethod
    def of(cls, search: Search) -> Sought:
        """Read a search.

        Raises
        ------
        SearchError
            If its token, band, cursor or limit is none.
        """
        customer = token(search.customer) if search.customer is not None else None
        if search.customer is not None and customer is None:
            raise SearchError("customer: is no token of the record; give 32 hexadecimal digits")
        if search.band is not None and search.band not in BANDS[:-1]:
            raise SearchError(f"band: is one of {', '.join(BANDS[:-1])}, got {search.band!r}")
        if search.limit < 1:
            raise SearchError(f"limit: must be at least 1, got {search.limit}")
        until = _END if search.until is None else microseconds(search.until)
        before = min((until, 0, 0), place_of(search.after) if search.after else (_END, 0, 0))
        since = 0 if search.since is None else microseconds(search.since)
        return cls(customer, since, before, search.model, search.band, search.limit + 1)

    def of_model(self, bundles: str) -> bool:
        """Say whether a set of bundles has the one sought."""
        return self.model is None or self.model in json.loads(bundles).values()

    def within(self, first: int, last: int) -> bool:
        """Say whether some of a span of time is sought."""
        return first <= self.before[0] and last >= self.since


@dataclass(frozen=True)
class Source:
    """Scores of which the newest is of a time, and what reads those sought, newest first."""

    newest: int
    read: Callable[[], Iterable[Row]]


def newest(sources: Sequence[Source], limit: int) -> list[Row]:
    """Return the newest rows of all sources; what has none of them is not read."""
    found: list[Row] = []
    for source in sorted(sources, key=lambda held: held.newest, reverse=True):
        if len(found) == limit and found[-1].at > source.newest:
            break
        found = sorted([*found, *source.read()], key=place, reverse=True)[:limit]
    return found


def place(row: Row) -> tuple[int, int, int]:
    """Return where a score stands: its time, its entry, its row."""
    return row.at, row.seq, row.row


def cursor(row: Row) -> str:
    """Spell the place of the last row of a page."""
    return base64.urlsafe_b64encode(":".join(map(str, place(row))).encode()).decode().rstrip("=")


def place_of(cursor: str) -> tuple[int, int, int]:
    """Read what `cursor` spelt.

    Raises
    ------
    SearchError
        If it is none.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        held = _CURSOR.fullmatch(base64.b64decode(padded, altchars=b"-_", validate=True).decode())
    except ValueError:
        held = None
    if held is None:
        raise SearchError("after: is none of this search's pages; leave it out to begin")
    at, seq, row = map(int, held.groups())
    return at, seq, row


def of_entries(connection: sa.Connection, base: str, sought: Sought) -> list[Source]:
    """Return what reads the scores that stand in the index itself."""
    held = connection.execute(sa.select(GROUPS).where(GROUPS.c.base == base)).mappings()
    groups = {
        group["number"]: group
        for group in held
        if sought.band in (None, group["band"])
        and sought.within(group["first"], group["last"])
        and sought.of_model(group["bundles"])
    }
    if not groups:
        return []
    at, seq, row = sought.before
    given = {"at": at, "seq": seq, "row": row, "since": sought.since, "limit": sought.limit}
    if sought.customer is not None:
        # A sum, lest the database look through groups for a customer of whom it has an index.
        asked = NEWEST.where(
            SCORES.c.customer == sought.customer, (SCORES.c.group + 0).in_(list(groups))
        )
        return [Source(at, lambda: _rows(connection.execute(asked, given), groups))]

    def read(number: int) -> Iterable[Row]:
        return _rows(OF_GROUP(connection, {**given, "group": number}), groups)

    return [
        Source(min(at, group["last"]), lambda number=number: read(number))  # type: ignore[misc]
        for number, group in groups.items()
    ]


def _rows(held: Iterable[Any], groups: Mapping[int, Mapping[Any, Any]]) -> list[Row]:
    found = []
    for number, at, seq, row, customer, as_of, chance, value in held:
        bundles, band = groups[number]["bundles"], groups[number]["band"]
        found.append(Row(at, seq, row, bytes(customer), as_of, bundles, band, chance, value))
    return found


def of_batches(
    connection: sa.Connection,
    base: str,
    sought: Sought,
    roster_of: Callable[[Mapping[Any, Any]], Roster | None],
) -> list[Source]:
    """Return what reads the rows of batches where they lie."""
    chosen = (
        sa.select(BATCHES)
        .where(BATCHES.c.base == base)
        .where(BATCHES.c.at >= sought.since, BATCHES.c.at <= sought.before[0])
    )
    return [
        Source(batch["at"], lambda batch=batch: _rows_of(batch, roster_of(batch), sought))  # type: ignore[misc]
        for batch in connection.execute(chosen).mappings()
        if (batch["at"], batch["seq"]) <= sought.before[:2] and sought.of_model(batch["bundles"])
    ]


def _rows_of(batch: Mapping[Any, Any], held: Roster | None, sought: Sought) -> Iterable[Row]:
    if held is None:
        return
    began = (batch["at"], batch["seq"]) == sought.before[:2]
    before = max(0, sought.before[2] - 1) if began else len(held.bands)
    if sought.customer is None:
        rows = held.newest(sought.band, before, sought.limit)
    else:
        rows = [
            row
            for row in held.find(sought.customer)
            if row < before and sought.band in (None, BANDS[held.bands[row]])
        ]
    for row in rows:
        yield Row(
            batch["at"],
            batch["seq"],
            row + 1,
            bytes(held.tokens[row]),
            batch["as_of"],
            batch["bundles"],
            BANDS[held.bands[row]],
            _number(held.probability[row]),
            _number(held.value[row]),
        )


def _number(value: float) -> float | None:
    return None if value != value else float(value)
