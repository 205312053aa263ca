"""Churn's time: the chance of it within so many days, and when the next purchase is due.

A model says what it expects by its horizon. How that chance comes about day by day follows from
proportional cumulative hazards (Cox 1972, JRSS B 34(2)): a customer's chance of silence is
S(t) = S(H) ^ (Λ(t) / Λ(H)), with S(H) as served and Λ as BG/NBD has it of their history. Both are
elementwise: a customer alone gets the same bits as within the whole base.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from configs.schema import Config
from configs.tasks import Label
from training.likelihood import times_ahead

YEAR = 365
"""How far ahead a purchase is looked for, in days, unless the horizon is longer."""


@dataclass(frozen=True)
class Timing:
    """How the chance by the horizon is told for other days.

    Parameters
    ----------
    kind : {"lapse", "cancel"}
        Churn as silence, or as cancelling.
    horizon : int
        The days that the served chance is about.
    days : tuple of int
        The days to tell it for, rising.
    gap : int
        Days between the cut-off and the first that counts.
    """

    kind: Literal["lapse", "cancel"]
    horizon: int
    days: tuple[int, ...]
    gap: int = 0

    def __post_init__(self) -> None:
        if self.kind not in ("lapse", "cancel"):
            raise ValueError(f"the kind must be lapse or cancel, got {self.kind!r}")
        rising = list(self.days) == sorted(set(self.days))
        if not (rising and self.days and self.horizon > 0 and self.days[0] > 0 and self.gap >= 0):
            raise ValueError(f"horizon and days must be positive, and the days rise, got {self}")

    @classmethod
    def of(cls, config: Config) -> Self | None:
        """Return what a config asks; None where churn is a label, which has no time."""
        churn = config.churn
        if churn is None or isinstance(churn, Label):
            return None
        return cls(churn.kind, churn.horizon, churn.within, config.timeline.gap)

    @property
    def most(self) -> int:
        """How many days ahead a purchase is looked for."""
        return max(YEAR, self.horizon)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {**asdict(self), "days": list(self.days)}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Self:
        """Read what `to_dict` returned."""
        return cls(held["kind"], held["horizon"], tuple(held["days"]), held["gap"])


@dataclass(frozen=True)
class Times:
    """When each row's customer is expected to churn, or to be back.

    Parameters
    ----------
    within : ndarray, shape (rows, days)
        The chance of churning within so many days: of buying nothing, which falls with the days,
        or of cancelling, which rises.
    next_purchase : ndarray, shape (rows,), optional
        The fewest days within which a purchase is as likely as not; NaN where it is not within
        the days that are looked ahead. None where it is cancelling that is asked about.
    """

    within: np.ndarray
    next_purchase: np.ndarray | None


@dataclass(frozen=True)
class Course:
    """How each row's chance of churning runs over the days.

    Parameters
    ----------
    timing : Timing
    served : ndarray, shape (rows,)
        The chance by the horizon; told for those days, it is this to the bit.
    silence : ndarray, shape (3, rows), optional
        What silence's course follows, as `BGNBD.silence` has it; where it has no answer, the
        hazard is constant.
    """

    timing: Timing
    served: np.ndarray
    silence: np.ndarray | None = None

    @property
    def _falls(self) -> bool:
        return self.timing.kind == "lapse"

    def times(self) -> Times:
        """Return what a score tells."""
        from training import course_kernels  # compiled by then

        rows, days = len(self.served), np.array(self.timing.days, float)
        within, due = np.empty((rows, len(days))), np.empty(rows)
        course_kernels.set_times(*self._asked, self.timing.most, days, within, due)
        return Times(within, due if self._falls else None)

    def within(self, days: ArrayLike) -> np.ndarray:
        """Return each row's chance of churning within so many days: one number of all, or a row."""
        from training import course_kernels  # compiled by then

        ahead = np.array(np.broadcast_to(times_ahead(days), self.served.shape))
        found = np.empty(len(ahead))
        course_kernels.set_within(*self._asked, ahead, found)
        return found

    def next_purchase(self) -> np.ndarray | None:
        """Return the fewest days within which silence is no likelier than a purchase."""
        return self.times().next_purchase

    @property
    def _asked(self) -> tuple[np.ndarray, np.ndarray, bool, float]:
        silence = np.full((3, len(self.served)), np.nan) if self.silence is None else self.silence
        return np.ascontiguousarray(self.served), silence, self._falls, self.timing.horizon
