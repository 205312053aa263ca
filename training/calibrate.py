"""From margin to the served scale, by maps that strictly increase, and back for the reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit, log_expit


class Calibration(Protocol):
    """A strictly increasing map from margin to the served scale."""

    kind: ClassVar[str]

    def serve(self, margin: np.ndarray) -> np.ndarray:
        """Return the served value of each margin."""

    def slope(self, margin: np.ndarray) -> np.ndarray:
        """Return the map's slope at each margin."""


@dataclass(frozen=True)
class Sigmoid:
    """Platt's (1999) map of log-odds to a probability: 1 / (1 + exp(−(slope·m + intercept)))."""

    steepness: float
    intercept: float
    kind: ClassVar[str] = "sigmoid"

    def serve(self, margin: np.ndarray) -> np.ndarray:
        """Return the probability."""
        return expit(self.steepness * margin + self.intercept)

    def slope(self, margin: np.ndarray) -> np.ndarray:
        """Return the probability's derivative."""
        served = self.serve(margin)
        return self.steepness * served * (1 - served)

    @classmethod
    def fit(cls, margin: np.ndarray, outcome: np.ndarray) -> Sigmoid:
        """Fit on margins of customers who were not in the model's fit, by maximum likelihood.

        The steepness is kept above 0.05, so that the map strictly increases even where the
        margins tell nothing.
        """

        def loss(parameters: np.ndarray) -> float:
            logit = parameters[0] * margin + parameters[1]
            return -float(np.mean(np.where(outcome == 1, log_expit(logit), log_expit(-logit))))

        found = minimize(loss, [1.0, 0.0], method="L-BFGS-B", bounds=[(0.05, 20.0), (-20, 20)])
        return cls(float(found.x[0]), float(found.x[1]))


@dataclass(frozen=True)
class Exponential:
    """Log-money to money: factor · exp(m)."""

    factor: float
    kind: ClassVar[str] = "exponential"

    def serve(self, margin: np.ndarray) -> np.ndarray:
        """Return the money."""
        return self.factor * np.exp(margin)

    def slope(self, margin: np.ndarray) -> np.ndarray:
        """Return the money's derivative, which is the money."""
        return self.serve(margin)


@dataclass(frozen=True)
class Scale:
    """Money to money: factor · m."""

    factor: float
    kind: ClassVar[str] = "scale"

    def serve(self, margin: np.ndarray) -> np.ndarray:
        """Return the scaled margin."""
        return self.factor * margin

    def slope(self, margin: np.ndarray) -> np.ndarray:
        """Return the factor."""
        return np.full_like(margin, self.factor)


CALIBRATIONS: dict[str, Any] = {kind.kind: kind for kind in (Sigmoid, Exponential, Scale)}


def to_dict(calibration: Calibration) -> dict[str, Any]:
    """Return a calibration as JSON-able data."""
    return {"kind": calibration.kind, **asdict(calibration)}  # type: ignore[call-overload]


def from_dict(held: dict[str, Any]) -> Calibration:
    """Read what `to_dict` wrote."""
    rest = {key: value for key, value in held.items() if key != "kind"}
    return CALIBRATIONS[held["kind"]](**rest)


Reach = tuple[float, float]
"""How far an interval reaches below and above a value, in parts of |value| + offset."""


@dataclass(frozen=True)
class Intervals:
    """Conformal intervals around a served value, by bands of it and by level.

    In each band of the value (Mondrian: Vovk, Gammerman & Shafer 2005, chapter 4) the shortest
    reach is taken that held the asked part of customers who were not in the fit (Lei, Robins &
    Wasserman 2013, JASA 108(501)), as long as it holds the value itself. So an interval may be
    lopsided, as the values are: most of those who bought once spend nothing more.

    Parameters
    ----------
    offset : float
        In money: what keeps reaches of small values from vanishing.
    edges : tuple of float
        Rising: the values between the bands.
    reaches : mapping of str to tuple
        By level, a reach for each band.
    """

    offset: float
    edges: tuple[float, ...]
    reaches: Mapping[str, tuple[Reach, ...]]

    def around(self, served: np.ndarray, level: str, floor: float | None) -> np.ndarray:
        """Return lower and upper ends, shape (rows, 2), cut at the least possible value."""
        band = np.searchsorted(np.asarray(self.edges), served, side="right")
        reach = np.asarray(self.reaches[level])[band]
        ends = served[:, None] + reach * (np.abs(served) + self.offset)[:, None]
        return ends if floor is None else np.maximum(ends, floor)

    @classmethod
    def fit(
        cls,
        served: np.ndarray,
        actual: np.ndarray,
        levels: Sequence[int],
        periods: np.ndarray | None = None,
    ) -> Intervals:
        """Fit on values of customers who were not in the model's fit.

        Parameters
        ----------
        served, actual : ndarray, shape (rows,)
        levels : sequence of int
            In percent.
        periods : ndarray, optional
            The cut-off of each row. Times change: an interval must have held its part in the
            worst of them, not only of all together (Cauchois et al. 2024, JASA 119(548)).
        """
        offset = float(np.mean(np.abs(served))) or 1.0
        bands = max(1, min(_MOST_BANDS, len(served) // _FEWEST_IN_BAND))
        edges = np.unique(np.quantile(served, np.arange(1, bands) / bands))
        score = (actual - served) / (np.abs(served) + offset)
        band = np.searchsorted(edges, served, side="right")
        held = [np.sort(score[band == number]) for number in range(len(edges) + 1)]
        times = [np.arange(len(score))] if periods is None else _rows_of(periods)
        reaches: dict[str, tuple[Reach, ...]] = {}
        least: tuple[Reach, ...] = ((0.0, 0.0),) * len(held)
        for level in sorted(levels):
            for raised in np.arange(level, 100.0, _STEP):
                found = tuple(
                    _reach(scores, raised, within)
                    for scores, within in zip(held, least, strict=True)
                )
                low, high = np.asarray(found)[band].T
                holds = (low <= score) & (score <= high)
                if all(np.mean(holds[rows]) >= level / 100 for rows in times):
                    break
            least = found
            reaches[str(level)] = found
        return cls(offset, tuple(float(edge) for edge in edges), reaches)

    def stretched(self, factor: float) -> Intervals:
        """Return the same intervals of values that are so many times as large."""
        edges = tuple(edge * factor for edge in self.edges)
        return Intervals(self.offset * factor, edges, self.reaches)

    def to_dict(self) -> dict[str, Any]:
        """Return the intervals as JSON can hold them."""
        return {"offset": self.offset, "edges": list(self.edges), "reaches": dict(self.reaches)}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Intervals:
        """Read what `to_dict` wrote."""
        reaches = {
            level: tuple((float(low), float(high)) for low, high in bands)
            for level, bands in held["reaches"].items()
        }
        return cls(held["offset"], tuple(held["edges"]), reaches)


_MOST_BANDS, _FEWEST_IN_BAND = 10, 200
_STEP = 0.5  # percent


def _rows_of(periods: np.ndarray) -> list[np.ndarray]:
    """Return the rows of each period that has enough of them to be held to."""
    order = [np.flatnonzero(periods == day) for day in sorted(set(periods))]
    return [rows for rows in order if len(rows) >= _FEWEST_IN_BAND] or [np.arange(len(periods))]


def _reach(scores: np.ndarray, level: float, within: Reach) -> Reach:
    """Return the shortest reach that holds a level's rank of the scores, and a lesser level's."""
    if not len(scores):
        return within
    count = min(int(np.ceil((len(scores) + 1) * level / 100)), len(scores))
    first = int(np.argmin(scores[count - 1 :] - scores[: len(scores) - count + 1]))
    low, high = float(scores[first]), float(scores[first + count - 1])
    return min(low, within[0]), max(high, within[1])
