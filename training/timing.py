"""Churn's time: the chance of it within so many days, and when the next purchase is due.

A model says what it expects by its horizon. How that chance comes about day by day follows from
proportional cumulative hazards (Cox 1972, JRSS B 34(2)): a customer's chance of silence is
S(t) = S(H) ^ (Λ(t) / Λ(H)), with S(H) as served and Λ as BG/NBD has it of their history. Both are
elementwise: a customer alone gets the same bits as within the whole base.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike

from configs.schema import Config
from configs.tasks import Label

YEAR = 365
"""How far ahead a purchase is looked for, in days, unless the horizon is longer."""

Hazard = Callable[[ArrayLike], np.ndarray]
"""Each row's Λ(t), NaN where there is none: by the days ahead, one for all rows or one a row."""


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
    hazard : callable, optional
        What silence's course follows; where it has no answer, the hazard is constant.
    """

    timing: Timing
    served: np.ndarray
    hazard: Hazard | None = None

    @property
    def _falls(self) -> bool:
        return self.timing.kind == "lapse"

    def times(self) -> Times:
        """Return what a score tells."""
        told = np.column_stack([self.within(day) for day in self.timing.days])
        # Where chances all but touch 0 or 1, rounding must not have them cross.
        onward = np.minimum if self._falls else np.maximum
        return Times(onward.accumulate(told, axis=1), self.next_purchase())

    def within(self, days: ArrayLike) -> np.ndarray:
        """Return the chance of churning within so many days: of all rows, or of each its own."""
        ahead = np.broadcast_to(days, self.served.shape)
        found = self._silent(ahead) if self._falls else self._cancelled(ahead)
        before, after = ahead < self.timing.horizon, ahead > self.timing.horizon
        no_less, no_more = (before, after) if self._falls else (after, before)
        found = np.where(no_less, np.maximum(found, self.served), found)
        found = np.where(no_more, np.minimum(found, self.served), found)
        return np.where(before | after, found, self.served)

    def next_purchase(self) -> np.ndarray | None:
        """Return the fewest days within which silence is no likelier than a purchase."""
        if not self._falls:
            return None
        low = np.zeros(len(self.served), dtype=int)
        high = np.full(len(self.served), self.timing.most)
        due = self.within(high) <= 0.5
        for _ in range(self.timing.most.bit_length()):
            middle = (low + high) // 2
            by_then = self.within(middle) <= 0.5
            low, high = np.where(by_then, low, middle), np.where(by_then, middle, high)
        return np.where(due, high, np.nan)

    def _silent(self, ahead: np.ndarray) -> np.ndarray:
        share = ahead / self.timing.horizon
        if self.hazard is not None:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                found = self.hazard(ahead) / self._whole
            share = np.where(np.isfinite(found), found, share)
        return np.power(np.ascontiguousarray(self.served), np.ascontiguousarray(share))

    def _cancelled(self, ahead: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):  # who is sure to cancel has an infinite hazard
            hazard = -np.log1p(-np.ascontiguousarray(self.served))
        return -np.expm1(-(ahead / self.timing.horizon) * hazard)

    @cached_property
    def _whole(self) -> np.ndarray:
        """Λ(H), NaN throughout where nothing is known of it."""
        if self.hazard is None:
            return np.full_like(self.served, np.nan)
        return self.hazard(self.timing.horizon)
