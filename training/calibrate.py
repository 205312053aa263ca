"""From margin to the served scale, by maps that strictly increase, and back for the reasons."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Intervals:
    """Split-conformal intervals around a served value (Lei et al. 2018), by level.

    The half-width grows with the value: radius · (|value| + offset), the radii being quantiles
    of |actual − value| / (|value| + offset) among customers who were not in the fit.
    """

    offset: float
    radii: dict[str, float]

    def around(self, served: np.ndarray, level: str, floor: float | None) -> np.ndarray:
        """Return lower and upper ends, shape (rows, 2), cut at the least possible value."""
        half = self.radii[level] * (np.abs(served) + self.offset)
        low = served - half if floor is None else np.maximum(served - half, floor)
        return np.column_stack([low, served + half])

    @classmethod
    def fit(cls, served: np.ndarray, actual: np.ndarray, levels: tuple[int, ...]) -> Intervals:
        """Fit on values of customers who were not in the model's fit."""
        offset = float(np.mean(np.abs(served))) or 1.0
        score = np.sort(np.abs(actual - served) / (np.abs(served) + offset))
        rank = {level: int(np.ceil((len(score) + 1) * level / 100)) for level in levels}
        radii = {str(level): float(score[min(r, len(score)) - 1]) for level, r in rank.items()}
        return cls(offset, radii)
