"""How many of a week's scores fell in each bin, added up in the record's database: nobody's row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa

from features.database import Database
from serving.watching.bins import SCORE

SEEN = sa.Table(
    "seen",
    sa.MetaData(),
    *(sa.Column(name, sa.String, primary_key=True) for name in ("base", "week", "bundle")),
    sa.Column("task", sa.String, nullable=False),
    sa.Column("counts", sa.Text, nullable=False),
)

Counted = Mapping[str, np.ndarray]
"""How many of some scores fell in each bin, by feature and of `SCORE`; as `Reference.count` has."""


@dataclass(frozen=True)
class Of:
    """What scores are counted together.

    Parameters
    ----------
    week : date
        The Monday of the ISO week that they were given in, in the base's zone.
    task : str
    bundle : str
        The digest of what they were given by.
    """

    week: date
    task: str
    bundle: str


Counts = dict[Of, Counted]


def week_of(at: datetime | date, zone: str) -> date:
    """Return the Monday of the ISO week that a time or a local day lies in."""
    day = at.astimezone(ZoneInfo(zone)).date() if isinstance(at, datetime) else at
    return day - timedelta(days=day.weekday())


def add(counts: Counts, of: Of, counted: Counted) -> None:
    """Add what was counted to the counts; the order of additions makes no difference."""
    held = counts.get(of)
    counts[of] = counted if held is None else _sum(held, counted)


def add_all(counts: Counts, more: Counts) -> None:
    """Add what was counted elsewhere to the counts."""
    for of, found in more.items():
        add(counts, of, found)


def _sum(held: Counted, more: Counted) -> Counted:
    return {name: held[name] + more[name] for name in more}


class Seen:
    """The counts of one base's scores, by week and bundle.

    Parameters
    ----------
    place
        Of the record: a file's path (SQLite), or a database's URL.
    base
        The customer base.
    """

    def __init__(self, place: str | Path, base: str) -> None:
        self._database = Database(place, SEEN)
        self._base = base

    def add(self, counts: Counts) -> None:
        """Add counts to those that are there, whichever process wrote them; all or none.

        Raises
        ------
        DatabaseError
            If they cannot be written.
        """
        if not counts:
            return
        with self._database.writing() as connection:
            for of, counted in counts.items():
                key = {"base": self._base, "week": str(of.week), "bundle": of.bundle}
                there = sa.and_(*(SEEN.c[name] == value for name, value in key.items()))
                row = connection.execute(sa.select(SEEN.c.counts).where(there)).first()
                if row is None:
                    held = {**key, "task": of.task, "counts": _written(counted)}
                    connection.execute(sa.insert(SEEN).values(held))
                else:
                    whole = _written(_sum(_read(row.counts), counted))
                    connection.execute(sa.update(SEEN).where(there).values(counts=whole))

    def since(self, week: date) -> Counts:
        """Return the counts of a week and of those after it.

        Raises
        ------
        DatabaseError
            If they cannot be read.
        """
        asked = (
            sa.select(SEEN)
            .where(SEEN.c.base == self._base, SEEN.c.week >= str(week))
            .order_by(SEEN.c.week, SEEN.c.bundle)
        )
        with self._database.reading() as connection:
            return {
                Of(date.fromisoformat(row.week), row.task, row.bundle): _read(row.counts)
                for row in connection.execute(asked)
            }

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()


def scores_in(counted: Counted) -> int:
    """Return how many scores were counted."""
    return int(counted[SCORE].sum())


def _written(counted: Counted) -> str:
    return json.dumps({name: held.tolist() for name, held in counted.items()}, sort_keys=True)


def _read(text: str) -> Counted:
    return {name: np.array(held, dtype=np.int64) for name, held in json.loads(text).items()}
