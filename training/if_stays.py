"""What a customer brings if they stay, by what is expected of them whether they stay or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

FEWEST_IN_BAND = 50
_MOST_BANDS = 20


@dataclass(frozen=True)
class IfStays:
    """A rising, piecewise linear map from the served value to the mean value of who stayed.

    Who stayed is who brought any money within the horizon: of customers with the same served
    value those who left are left out, so that it is at least the served value.

    Parameters
    ----------
    served : tuple of float
        The knots, rising.
    values : tuple of float
        The mean value of who stayed at each, never falling. Below the first knot it is the first
        value, as even who is expected to bring little does not stay for nothing; past the last it
        rises as the served value does.
    """

    served: tuple[float, ...]
    values: tuple[float, ...]

    def of(self, served: np.ndarray) -> np.ndarray:
        """Return the value of each row if that customer stays; NaN stays NaN."""
        between = np.interp(served, self.served, self.values)
        beyond = np.maximum(served - self.served[-1], 0.0)
        return np.maximum(between + beyond, served)

    @classmethod
    def fit(cls, served: np.ndarray, actual: np.ndarray) -> IfStays | None:
        """Fit by isotonic regression on bands of customers who were not in the model's fit.

        Barlow, Bartholomew, Bremner & Brunk (1972). Each band has 50 of those who stayed or more,
        as single values are too skewed to be averaged in less; with fewer in all there is no map.

        Parameters
        ----------
        served, actual : ndarray, shape (rows,)
        """
        stayed = actual > 0
        if np.sum(stayed) < FEWEST_IN_BAND:
            return None
        band = _bands(served[stayed])
        count = np.bincount(band)
        knots = np.bincount(band, served[stayed]) / count
        means = np.bincount(band, actual[stayed]) / count
        rising = isotonic_regression(means, weights=count).x
        return cls(tuple(map(float, knots)), tuple(map(float, rising)))

    def stretched(self, factor: float) -> IfStays:
        """Return the same map of values that are so many times as large."""
        return IfStays(
            tuple(knot * factor for knot in self.served),
            tuple(value * factor for value in self.values),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the map as JSON can hold it."""
        return {"served": list(self.served), "values": list(self.values)}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> IfStays:
        """Read what `to_dict` wrote."""
        return cls(tuple(map(float, held["served"])), tuple(map(float, held["values"])))


def _bands(served: np.ndarray) -> np.ndarray:
    """Return each row's band: equal values share one, and none has fewer than the least rows."""
    least = max(FEWEST_IN_BAND, -(-len(served) // _MOST_BANDS))
    _, place, counts = np.unique(served, return_inverse=True, return_counts=True)
    band = np.zeros(len(counts), dtype=int)
    number, held, left = 0, 0, len(served)
    for index, count in enumerate(counts.tolist()):
        if held >= least and left >= least:
            number, held = number + 1, 0
        band[index] = number
        held, left = held + count, left - count
    return band[place]
