"""Parameters that are fitted by maximum likelihood, and what the laws that have them are given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parameters:
    """The positive numbers that a model is."""

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 < value < np.inf:
                raise ValueError(
                    f"{type(self).__name__}.{name} must be positive and finite, got {value}: "
                    "take the parameters from a fit"
                )

    def to_dict(self) -> dict[str, float]:
        """Return the parameters by name, as JSON can hold them."""
        return {name: float(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, parameters: Mapping[str, float]) -> Self:
        """Return the model that `to_dict` described."""
        return cls(**{field.name: float(parameters[field.name]) for field in fields(cls)})


def maximise(
    name: str,
    mean_log_likelihood: Callable[[Array], tuple[float, Array]],
    start: list[float],
    limits: list[tuple[float, float]],
) -> list[float]:
    """Climb in the logarithms of the parameters, by the function's value and slopes."""

    def descent(logarithms: Array) -> tuple[float, Array]:
        parameters = np.exp(logarithms)
        height, slopes = mean_log_likelihood(parameters)
        return -height, -slopes * parameters

    low, high = np.log(limits).T
    at = np.clip(np.log(start), low, high)
    # A line search may stall short of the top, or report failure on one that is flat to the last
    # bit: so the slopes decide, and a stalled climb starts afresh from where it is.
    for _ in range(5):
        result = optimize.minimize(
            descent,
            at,
            jac=True,
            method="L-BFGS-B",
            bounds=optimize.Bounds(low, high),
            options={"maxiter": 1000, "ftol": 1e-13, "gtol": 1e-8},
        )
        at = result.x
        slope = np.max(np.abs(at - np.clip(at - result.jac, low, high)))
        if slope < 1e-5:
            return [float(value) for value in np.exp(at)]
    raise ValueError(
        f"{name}: the slopes must vanish at the maximum, got {slope:.1g} after five climbs "
        f"({result.message}): look for extreme customers, or take a longer period"
    )


def times_ahead(t: ArrayLike) -> Array:
    """Return lengths of time, refusing those that are none."""
    ahead = np.asarray(t, float)
    possible = (ahead >= 0) & np.isfinite(ahead)
    if not np.all(possible):
        found = float(ahead.flat[int(np.argmin(possible))])
        raise ValueError(f"t must be finite and not negative, got {found}: give a length of time")
    return ahead


def weights_like(weights: ArrayLike | None, like: Array) -> Array:
    """Return how many customers each row stands for: one unless given."""
    weight = np.ones_like(like) if weights is None else np.asarray(weights, float)
    if weight.shape != like.shape or not np.all((weight >= 0) & np.isfinite(weight)):
        raise ValueError(
            f"weights must be {like.size} finite numbers >= 0, got {weight.size} numbers with "
            f"a least of {np.min(weight, initial=np.inf)}: give each customer one, or none"
        )
    return weight
