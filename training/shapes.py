"""The fit of an additive model's shapes together, by penalised maximum likelihood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression, Ridge, TweedieRegressor

from features.schema import FeatureColumn, FeatureSchema
from training.additive import Additive, Shape, signed_log

Response = Literal["chance", "mean", "log"]
"""What is fitted: log-odds of a 0/1 target; log of a mean (Tweedie); the target itself."""

_FEWEST_MISSING = 20  # fewer tell nothing of what missing means


def fit(
    schema: FeatureSchema,
    matrix: np.ndarray,
    target: np.ndarray,
    *,
    response: Response,
    shrinkage: float,
    bends: int,
    power: float = 1.5,
) -> Additive:
    """Fit the shapes together, by penalised maximum likelihood.

    Parameters
    ----------
    schema : FeatureSchema
    matrix : ndarray, shape (rows, features)
    target : ndarray
        0 or 1 for ``chance``; not negative for ``mean``; any number for ``log``.
    response : {"chance", "mean", "log"}
    shrinkage : float
        The ridge penalty, against the mean loss of a row: the larger, the flatter the shapes.
    bends : int
        Knots between a shape's ends, at quantiles; 0 makes each a straight line.
    power : float
        Tweedie's variance power, for ``mean``.
    """
    bases = [
        basis
        for index, column in enumerate(schema.columns)
        if (basis := _basis(index, column, matrix[:, index], bends)) is not None
    ]
    inputs = [basis.standardised(matrix[:, basis.feature]) for basis in bases]
    design = np.column_stack(inputs) if inputs else np.zeros((len(matrix), 0))
    intercept, weights = _solve(design, target, response, shrinkage, power)
    shapes, start = [], 0
    for basis, held in zip(bases, inputs, strict=True):
        own = weights[start : start + held.shape[1]]
        start += held.shape[1]
        level = float(np.mean(held @ own))
        intercept += level
        shapes.append(basis.shape(own, level))
    categorical = tuple(
        index for index, column in enumerate(schema.columns) if column.kind == "category"
    )
    return Additive(len(schema.columns), float(intercept), tuple(shapes), categorical)


@dataclass(frozen=True)
class _Basis:
    """The standardised columns that one feature's shape is a weighted sum of."""

    feature: int
    knots: np.ndarray
    categorical: bool
    tells_missing: bool
    mean: np.ndarray
    scale: np.ndarray

    def _raw(self, column: np.ndarray) -> np.ndarray:
        """Return the columns as they are, NaN in a missing row but for the flag of missing."""
        if self.categorical:
            held = [np.where(np.isnan(column), np.nan, column == knot) for knot in self.knots]
        else:
            place = signed_log(column)
            held = [place, *(np.maximum(place - knot, 0.0) for knot in self.knots[1:-1])]
        if self.tells_missing:
            held.append(np.isnan(column).astype(float))
        return np.column_stack(held)

    def standardised(self, column: np.ndarray) -> np.ndarray:
        return np.nan_to_num((self._raw(column) - self.mean) / self.scale)

    def shape(self, weights: np.ndarray, level: float) -> Shape:
        """Return the weighted sum as a shape that averages to nothing."""
        at = self.knots if self.categorical else np.sign(self.knots) * np.expm1(np.abs(self.knots))
        values = self.standardised(at) @ weights - level
        missing = float((self.standardised(np.array([np.nan])) @ weights)[0] - level)
        return Shape(self.feature, tuple(self.knots.tolist()), tuple(values.tolist()), missing)


def _basis(index: int, column: FeatureColumn, values: np.ndarray, bends: int) -> _Basis | None:
    """Return a feature's basis; None where it never varies, or was never seen."""
    lacking = np.isnan(values)
    present = values[~lacking]
    if not len(present):
        return None
    if column.kind == "category":
        knots = np.arange(len(column.categories), dtype=float)
    else:
        place = signed_log(present)
        inner = np.quantile(place, np.arange(1, bends + 1) / (bends + 1)) if bends else []
        knots = np.unique([place.min(), *inner, place.max()])
    few = min(lacking.sum(), len(present)) < _FEWEST_MISSING
    plain = _Basis(index, knots, column.kind == "category", not few, np.zeros(1), np.ones(1))
    raw = plain._raw(values)
    scale = np.nanstd(raw, axis=0)
    if not np.any(scale > 1e-9):
        return None
    scale = np.where(scale > 1e-9, scale, np.inf)  # a column that never varies adds nothing
    return _Basis(index, knots, plain.categorical, not few, np.nanmean(raw, axis=0), scale)


def _solve(
    design: np.ndarray, target: np.ndarray, response: Response, shrinkage: float, power: float
) -> tuple[float, np.ndarray]:
    """Return the intercept and the weights of the standardised columns."""
    rows = len(target)
    if not design.shape[1] or len(np.unique(target)) < 2:
        return _constant(target, response), np.zeros(design.shape[1])
    if response == "chance":
        model = LogisticRegression(
            C=1.0 / (shrinkage * rows), solver="newton-cholesky", max_iter=100
        ).fit(design, target)
        return float(model.intercept_[0]), model.coef_[0]
    if response == "log":
        model = Ridge(alpha=shrinkage * rows, solver="cholesky").fit(design, target)
        return float(model.intercept_), model.coef_
    level = float(np.mean(target))  # the penalty must not depend on the currency
    model = TweedieRegressor(
        power=power, alpha=shrinkage, link="log", solver="newton-cholesky", max_iter=100
    ).fit(design, target / level)
    return float(model.intercept_ + np.log(level)), model.coef_


def _constant(target: np.ndarray, response: Response) -> float:
    """Return the margin where nothing tells rows apart: that of their mean.

    Of outcomes that are all alike no likelihood has a maximum: half an outcome each is added.
    """
    if response == "chance":
        return float(logit((target.sum() + 0.5) / (len(target) + 1)))
    mean = float(np.mean(target))
    return mean if response == "log" else float(np.log(max(mean, _LEAST_MEAN)))


_LEAST_MEAN = 1e-9
