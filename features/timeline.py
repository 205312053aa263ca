"""Observation, gap and label windows: dates in, dates out.

A cut-off ``as_of`` is the first instant of its day in the base's zone, and excluded: what happens
at it is not known. Its label window is [as_of + gap, as_of + gap + horizon), in local days.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from configs.errors import StamkundeError
from configs.schema import Timeline

ORIGINS = 3
"""How many later cut-offs settings are tuned on at the most."""

EARLIEST, LATEST = date(1900, 1, 1), date(2200, 12, 31)

DAYS_A_MONTH = 30.4375
"""A month, as MRR counts it: a twelfth of 365.25 days, which a double holds exactly."""


class HistoryError(StamkundeError, ValueError):
    """The data hold too little history for what the config asks."""


def instant(day: date, zone: str) -> datetime:
    """Return the first instant of a local day, in UTC."""
    if not EARLIEST <= day <= LATEST:
        raise HistoryError(f"the date {day} is not between {EARLIEST} and {LATEST}; name another")
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def stamp(day: date, zone: str) -> datetime:
    """Return the first instant of a local day as tables hold it: in UTC, naming no zone."""
    return instant(day, zone).replace(tzinfo=None)


def label_window(as_of: date, gap: int, horizon: int) -> tuple[date, date]:
    """Return the first day of the label window, and the day after its last.

    >>> label_window(date(2017, 12, 4), 0, 28)
    (datetime.date(2017, 12, 4), datetime.date(2018, 1, 1))
    """
    start = as_of + timedelta(days=gap)
    return start, start + timedelta(days=horizon)


@dataclass(frozen=True)
class CutOffs:
    """The cut-offs of a task, rising: those that fit the model, and those reported on.

    Every label window of ``fit`` has ended by the first of ``tests``.

    Parameters
    ----------
    fit, tests : tuple of date
    span : timedelta
        From a training cut-off to the end of its label window.
    """

    fit: tuple[date, ...]
    tests: tuple[date, ...]
    span: timedelta

    @property
    def test(self) -> date:
        """The first cut-off that is reported on: what trains was known by it."""
        return self.tests[0]

    @property
    def origins(self) -> tuple[tuple[tuple[date, ...], date], ...]:
        """Rolling origins (Tashman 2000): the cut-offs that train, and the later one that tunes.

        The label windows of those that train have ended by the one that tunes: cut-offs between
        them, whose windows overlap it, are purged. The latest `ORIGINS` are taken. None where the
        history allows no two windows apart.
        """
        held = ((self._purged(day), day) for day in self.fit[-ORIGINS:])
        return tuple((before, day) for before, day in held if before)

    @property
    def validation(self) -> date:
        """The latest cut-off that settings are tuned on."""
        return self.fit[-1]

    @property
    def tune(self) -> tuple[date, ...]:
        """The cut-offs that train for the latest that tunes."""
        return self._purged(self.validation)

    def _purged(self, later: date) -> tuple[date, ...]:
        return tuple(day for day in self.fit if day + self.span <= later)


def cut_offs(
    timeline: Timeline,
    horizon: int,
    first: date,
    last: date,
    training_horizon: int | None = None,
) -> CutOffs:
    """Lay the cut-offs into a base's history.

    Parameters
    ----------
    timeline : Timeline
        The config's wishes.
    horizon : int
        Days in the label window.
    first, last : date
        The first and the last local day that the data tell of; ``timeline.last`` goes before.
    training_horizon : int, optional
        Days in the label windows that train, where the history bears no whole horizon.

    Raises
    ------
    HistoryError
        If the history is too short to train, tune and test on label windows of their own.
    """
    window = timedelta(days=timeline.gap + horizon)
    span = timedelta(days=timeline.gap + (training_horizon or horizon))
    end = (timeline.last or last) + timedelta(days=1)
    test = timeline.test or end - window
    if test + window > end:
        raise HistoryError(
            f"the label window of the test cut-off {test} must end by {end}, the day after the "
            f"data's last, but ends {test + window}; name a timeline.test of {end - window} or "
            "earlier, or a shorter horizon"
        )
    tests = tuple(
        day
        for k in reversed(range(timeline.reported))
        if (day := test - timedelta(days=k * timeline.every)) > first or k == 0
    )
    earliest = first + timedelta(days=timeline.history)
    steps = (timedelta(days=k * timeline.every) for k in reversed(range(timeline.cutoffs)))
    reach = tests[0] - span - earliest
    fit = tuple(tests[0] - span - step for step in steps if step <= reach)
    cut = CutOffs(fit, tests, span)
    if not fit or not (cut.origins or training_horizon):
        held = (tests[0] + window - first).days
        raise HistoryError(_too_short(timeline, horizon, span.days, held))
    return cut


def _too_short(timeline: Timeline, horizon: int, span: int, held: int) -> str:
    """Say which is too short: the reach of the training cut-offs, or the history."""
    steps = -(-span // timeline.every)  # from the validation cut-off back to one that can train
    if timeline.cutoffs <= steps:
        return (
            f"timeline.cutoffs of {timeline.cutoffs}, {timeline.every}d apart, leave none to tune "
            f"on: label windows of {span}d must not overlap; set timeline.cutoffs to "
            f"{steps + 1} or more, or shorten the horizon of {horizon}d"
        )
    needed = timeline.history + 2 * span + steps * timeline.every
    return (
        f"a horizon of {horizon}d needs {needed}d of history before the end of the test "
        f"window ({timeline.history}d to look back on, then three label windows that do not "
        f"overlap: train, tune, test), but there are {held}d; shorten "
        "the horizon or timeline.history, or bring more history"
    )
