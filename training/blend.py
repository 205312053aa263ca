"""Parts of a model that add in the margin, each with a weight that strangers' outcomes gave it.

Stacked generalisation (Wolpert 1992; Breiman 1996, Stacked Regressions): margins for customers
who were not in a part's fit tell how much each part is worth beside the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_expit

from training.predictors import Contributions, Predictor, explained, sum_columns

Link = Literal["identity", "log_chance"]
LINKS: tuple[Link, ...] = get_args(Link)

TOWARDS_EQUAL = 0.001
"""How much, in mean loss, it costs a weight to lie by 1 from its equal share."""

_LEAST_WEIGHT, _MOST_WEIGHT, _MOST_SHIFT = 0.05, 3.0, 5.0


@dataclass(frozen=True)
class Weighted:
    """A predictor's margin, through a link, times a weight.

    Parameters
    ----------
    predictor : Predictor
    weight : float
        Not negative.
    link : {"identity", "log_chance"}
        ``log_chance`` takes log-odds to the logarithm of the chance: added to the logarithm of a
        value given that it comes, they are the logarithm of the value to expect.
    """

    predictor: Predictor
    weight: float = 1.0
    link: Link = "identity"

    @property
    def kind(self) -> str:
        """The predictor's kind."""
        return self.predictor.kind

    @property
    def suffix(self) -> str:
        """The ending of the predictor's file."""
        return self.predictor.suffix

    def to_bytes(self) -> bytes:
        """Return the predictor's file; weight and link stand in the manifest."""
        return self.predictor.to_bytes()

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the weighted margin."""
        return self.weight * self._linked(self.predictor.margin(matrix))

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return weighted contributions; those to log-odds are rescaled to the chance's logarithm.

        Each by the slope between the base's margin and the row's, as on the served scale.
        """
        return self.explained(matrix)[1]

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
        """Return weighted margins and contributions."""
        margin, held = explained(self.predictor, matrix)
        margin = self.weight * self._linked(margin)
        if self.link == "identity":
            return margin, Contributions(self.weight * held.values, self.weight * held.base)
        base = float(log_expit(held.base))
        moved = sum_columns(held.values)
        meets = np.abs(moved) < 1e-9
        rise = (log_expit(held.base + moved) - base) / np.where(meets, 1.0, moved)
        slope = np.where(meets, -np.expm1(base), rise)
        values = self.weight * held.values * slope[:, None]
        return margin, Contributions(values, self.weight * base)

    def _linked(self, margin: np.ndarray) -> np.ndarray:
        return log_expit(margin) if self.link == "log_chance" else margin


Component = tuple[Weighted, ...]
"""Parts that stand or fall together, and share a weight: a chance and a value, say."""


def margin_of(component: Component, matrix: np.ndarray) -> np.ndarray:
    """Return the sum of a component's margins."""
    return sum_columns(np.column_stack([part.margin(matrix) for part in component]))


def blended(components: Sequence[Component], weights: Sequence[float]) -> tuple[Weighted, ...]:
    """Return the parts of the components that weigh anything, weighted."""
    return tuple(
        replace(part, weight=part.weight * float(weight))
        for component, weight in zip(components, weights, strict=True)
        for part in component
        if weight > 0
    )


@dataclass(frozen=True)
class Loss:
    """What predictions cost, and its slope by the margin: the mean over rows.

    Parameters
    ----------
    value : callable
        From margins and outcomes to a row's loss.
    slope : callable
        To its derivative by the margin.
    """

    value: Callable[[np.ndarray, np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray, np.ndarray], np.ndarray]


def surprise() -> Loss:
    """Return log loss of a 0/1 outcome, by its log-odds."""
    return Loss(
        lambda margin, y: np.logaddexp(0.0, margin) - y * margin,
        lambda margin, y: 1.0 / (1.0 + np.exp(-np.clip(margin, -500, 500))) - y,
    )


def tweedie(power: float) -> Loss:
    """Return Tweedie's negative log-likelihood of an outcome, by the logarithm of its mean.

    Jørgensen (1987), Exponential Dispersion Models, JRSS B 49(2); 1 < power < 2.
    """
    down, up = 1.0 - power, 2.0 - power
    return Loss(
        lambda margin, y: np.exp(up * margin) / up - y * np.exp(down * margin) / down,
        lambda margin, y: np.exp(up * margin) - y * np.exp(down * margin),
    )


def weigh(margins: np.ndarray, outcome: np.ndarray, loss: Loss) -> tuple[np.ndarray, float]:
    """Return the components' weights, not negative, and what is added to their sum.

    Parameters
    ----------
    margins : ndarray, shape (rows, components)
        Of customers who were not in the components' fit.
    outcome : ndarray
    loss : Loss

    Returns
    -------
    weights : ndarray, shape (components,)
    shift : float
    """
    count = margins.shape[1]
    equal = 1.0 / count

    def cost(asked: np.ndarray) -> tuple[float, np.ndarray]:
        weights, shift = asked[:-1], asked[-1]
        margin = margins @ weights + shift
        slope = loss.slope(margin, outcome) / len(outcome)
        away = weights - equal
        value = float(np.mean(loss.value(margin, outcome))) + TOWARDS_EQUAL * float(away @ away)
        return value, np.append(margins.T @ slope + 2 * TOWARDS_EQUAL * away, slope.sum())

    bounds = [(0.0, _MOST_WEIGHT)] * count + [(-_MOST_SHIFT, _MOST_SHIFT)]
    found = minimize(cost, [equal] * count + [0.0], jac=True, method="L-BFGS-B", bounds=bounds)
    weights = np.where(found.x[:-1] < 1e-4, 0.0, found.x[:-1])
    if weights.any():
        return weights, float(found.x[-1])
    # Margins that tell nothing: the order of their mean is kept, at the level of the outcomes.
    weights = np.full(count, _LEAST_WEIGHT * equal)
    return weights, float(found.x[-1]) - float(np.mean(margins @ weights))
