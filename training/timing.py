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
from training.learned import Hazards

YEAR = 365
"""How far ahead a purchase is looked for, in days, unless the horizon is longer."""

_ROUNDING = 1e-9

Hazard = Callable[[ArrayLike], np.ndarray]
"""Each row's Λ(t), NaN where there is none: by the days ahead, one for all rows, one a row, or
rows of such."""


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
        days = np.array(self.timing.days)
        rows = np.broadcast_to(days[:, None], (len(days), len(self.served)))
        if not self._falls:
            return Times(np.maximum.accumulate(self.within(rows).T, axis=1), None)
        low, high = self._guess()
        most = np.full_like(high, self.timing.most)
        found = self.within(np.vstack([rows, low, high, most]))
        # Where chances all but touch 0 or 1, rounding must not have them cross.
        told = np.minimum.accumulate(found[: len(days)].T, axis=1)
        return Times(told, self._settle(high, *found[len(days) :]))

    def within(self, days: ArrayLike) -> np.ndarray:
        """Return the chance of churning within so many days.

        They are one number of all rows, one of each row, or rows of such.
        """
        asked = np.asarray(days)
        ahead = np.broadcast_to(asked, np.broadcast_shapes(asked.shape, self.served.shape))
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
        low, high = self._guess()
        most = np.full_like(high, self.timing.most)
        return self._settle(high, *self.within(np.vstack([low, high, most])))

    def _guess(self) -> tuple[np.ndarray, np.ndarray]:
        """Return about the first day with even odds, and the one before it."""
        with np.errstate(all="ignore"):
            share = np.log(0.5) / np.log(self.served)  # of Λ(H): S(H) to this is a half
            days = share * self.timing.horizon
            if isinstance(self.hazard, Hazards):
                found = self.hazard.days(share * self._whole)
                days = np.where(np.isnan(self._whole), days, found)
        days = np.where(np.isnan(days), self.timing.most, np.ceil(days))
        high = np.clip(days, 1, self.timing.most).astype(int)
        return high - 1, high

    def _settle(
        self, guess: np.ndarray, before: np.ndarray, by_then: np.ndarray, at_most: np.ndarray
    ) -> np.ndarray:
        """Return the days that were guessed where silence's chances prove them, or look for them.

        Proved is what leaves room for rounding: chances fall with the days, but for their last
        bits.
        """
        due = at_most <= 0.5
        proved = (before > 0.5 + _ROUNDING) & (by_then < 0.5 - _ROUNDING)
        high = guess if np.all(proved | ~due) else self._bisected()
        return np.where(due, high, np.nan)

    def _bisected(self) -> np.ndarray:
        """Return the first day with even odds, by halves."""
        low = np.zeros(len(self.served), dtype=int)
        high = np.full(len(self.served), self.timing.most)
        for _ in range(self.timing.most.bit_length()):
            middle = (low + high) // 2
            by_then = self.within(middle) <= 0.5
            low, high = np.where(by_then, low, middle), np.where(by_then, middle, high)
        return high

    def _silent(self, ahead: np.ndarray) -> np.ndarray:
        share = ahead / self.timing.horizon
        if self.hazard is not None:
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                found = self.hazard(ahead) / self._whole
            share = np.where(np.isfinite(found), found, share)
        served = np.broadcast_to(self.served, share.shape)
        return np.power(np.ascontiguousarray(served), np.ascontiguousarray(share))

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
