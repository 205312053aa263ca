"""What a week's predictions were worth: what is told, shown and kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from training.bootstrap import Interval


@dataclass(frozen=True)
class OutcomeWeek:
    """What a week's predictions of one bundle were worth, or are expected to be.

    Parameters
    ----------
    week : date
        The Monday of the ISO week of the days that the features were of, in the base's zone.
    task, bundle : str
    count : int
        Customers whose outcome can be told: those of the base.
    strangers : int
        Customers besides who were scored, and of whom the base's tables know nothing.
    few : bool
        Whether there are too few for the figures to tell much (`psi.FEW`).
    until : date
        The day from which all outcomes can be known.
    estimate : bool
        Whether it has not come, so that the figures are what is expected.
    metrics : mapping of str to Interval
        With 95 % intervals, NaN where there is none. Those of `training.metrics` by name; of a
        value that is not known yet, its mean alone. Empty where too few are there to be told of.
    """

    week: date
    task: str
    bundle: str
    count: int
    strangers: int
    few: bool
    until: date
    estimate: bool
    metrics: Mapping[str, Interval]
