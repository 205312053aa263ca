"""What a model adds up in its margin: trees, weights, a probability model.

Each predictor gives margins and their contributions, one a feature, that sum to the margin less
a base. A row's numbers never depend on the rows beside it: sums run over columns one by one, not
through BLAS. Each is kept as one file, XGBoost's own format or JSON, in which nothing can run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import combinations
from math import factorial
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
import xgboost as xgb
from scipy.special import logit

from training.probability import BGNBD, GammaGamma
from training.tree_shap import Explainer

_LEAST = 1e-6  # what logarithms are kept off
_TRANSFORMS = ("identity", "log", "log1p", "logit", "equals")
_NEAR_NOTHING = 1e-12  # chances are kept so far off 0 and 1, where log-odds have no bound


@dataclass(frozen=True)
class Contributions:
    """An additive explanation: ``base + values.sum(axis=1)`` is the margin.

    Parameters
    ----------
    values : ndarray, shape (rows, features)
    base : float
    """

    values: np.ndarray
    base: float

    @property
    def margin(self) -> np.ndarray:
        """The margin that the contributions add up to, summed feature by feature."""
        return self.base + self.moved

    @cached_property
    def moved(self) -> np.ndarray:
        """How far they move each row's margin from the base."""
        return sum_columns(self.values)


class Predictor(Protocol):
    """A part of a model's margin."""

    @property
    def kind(self) -> str:
        """What the manifest calls it."""

    @property
    def suffix(self) -> str:
        """The ending of its file's name."""

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's margin."""

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return what each feature adds to each row's margin."""

    def to_bytes(self) -> bytes:
        """Return the predictor as its file's content."""


def explained(predictor: Predictor, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
    """Return a predictor's margins and contributions; both at once where it can."""
    both = getattr(predictor, "explained", None)
    if both is not None:
        found: tuple[np.ndarray, Contributions] = both(matrix)
        return found
    return predictor.margin(matrix), predictor.contributions(matrix)


def sum_columns(values: np.ndarray) -> np.ndarray:
    """Sum the columns of a matrix in their order, so that a row's sum is its own alone."""
    if not values.size:
        return np.zeros(len(values))
    from training import term_kernels  # compiled by then

    found = np.empty(len(values))
    term_kernels.sum_columns(np.ascontiguousarray(values, float), found)
    return found


def feature_types(categorical: Sequence[bool]) -> list[str]:
    """Return XGBoost's names of column types."""
    return ["c" if flag else "q" for flag in categorical]


@dataclass(frozen=True)
class Trees:
    """Boosted trees; categories come as their numbers in the schema.

    The booster holds the trees it is to use and no more: a reloaded one would use them all.
    """

    booster: xgb.Booster
    kind: ClassVar[str] = "trees"
    suffix: ClassVar[str] = "ubj"

    @cached_property
    def explainer(self) -> Explainer:
        """The trees as arrays: XGBoost itself would answer a row alone a hundred times slower."""
        return Explainer.of(self.booster)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the sum of the trees' leaves and the base score, in float32's precision."""
        return self.explainer.margins(matrix)

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return exact TreeSHAP values (Lundberg et al. 2020)."""
        return self.explained(matrix)[1]

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
        """Return margins and contributions, which one walk through the trees gives."""
        margin, values = self.explainer.shares(matrix)
        return margin, Contributions(values, self.explainer.plan.base)

    def to_bytes(self) -> bytes:
        """Return the booster in XGBoost's UBJSON."""
        return bytes(self.booster.save_raw("ubj"))

    @classmethod
    def from_bytes(cls, content: bytes) -> Trees:
        """Read what `to_bytes` wrote."""
        booster = xgb.Booster()
        booster.load_model(bytearray(content))
        trees = cls(booster)
        _ = trees.explainer  # which refuses here, and not with the first row, what it cannot score
        return trees


@dataclass(frozen=True)
class Term:
    """One column of a linear predictor.

    Parameters
    ----------
    feature : int
        The column in the schema.
    transform : {"identity", "log", "log1p", "logit", "equals"}
        ``log1p`` takes negative values as 0; ``log`` and ``logit`` keep off their ends; ``equals``
        is 1 where the category's number is ``argument``.
    argument : float
        The category of ``equals``.
    mean : float
        Its mean in training, after the transform: it stands in for missing values, and
        contributions are counted from it.
    scale : float
        Its deviation in training; 1 where it does not vary.
    weight : float
        Per deviation.
    """

    feature: int
    transform: Literal["identity", "log", "log1p", "logit", "equals"]
    mean: float
    scale: float
    weight: float
    argument: float = 0.0

    def standardised(self, matrix: np.ndarray) -> np.ndarray:
        """Return the column in deviations from its mean; 0 where it is missing."""
        raw = transform(matrix[:, self.feature], self.transform, self.argument)
        return np.where(np.isnan(raw), 0.0, (raw - self.mean) / self.scale)


def transform(values: np.ndarray, name: str, argument: float = 0.0) -> np.ndarray:
    """Apply a term's transform; missing stays missing."""
    if name == "identity":
        return values
    if name == "log1p":
        return np.log1p(np.maximum(values, 0.0))
    if name == "log":
        return np.log(np.maximum(values, _LEAST))
    if name == "logit":
        inside = np.clip(values, _LEAST, 1.0 - _LEAST)
        return np.log(inside / (1.0 - inside))
    return np.where(np.isnan(values), np.nan, (values == argument).astype(float))


@dataclass(frozen=True)
class Linear:
    """A weighted sum of transformed features."""

    features: int
    intercept: float
    terms: tuple[Term, ...]
    kind: ClassVar[str] = "linear"
    suffix: ClassVar[str] = "json"

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return w·(x − mean) of each feature; the intercept is the base."""
        from training import term_kernels  # compiled by then

        values = np.zeros((len(matrix), self.features))
        rows = np.ascontiguousarray(matrix, float)
        term_kernels.add_terms(rows, *self._arrays, _LEAST, values)
        return Contributions(values, self.intercept)

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        """The terms one after the other, as `add_terms` takes them."""
        kinds = [_TRANSFORMS.index(term.transform) for term in self.terms]
        numbers = [(term.argument, term.mean, term.scale, term.weight) for term in self.terms]
        features = np.array([term.feature for term in self.terms], np.int64)
        return features, np.array(kinds, np.int64), np.array(numbers, float).reshape(-1, 4)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the intercept and the weighted sum."""
        return self.contributions(matrix).margin

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
        """Return margins and contributions, worked out once."""
        found = self.contributions(matrix)
        return found.margin, found

    def to_bytes(self) -> bytes:
        """Return the weights as JSON."""
        return _json({**asdict(self), "terms": [asdict(term) for term in self.terms]})

    @classmethod
    def from_bytes(cls, content: bytes) -> Linear:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        terms = tuple(Term(**term) for term in held["terms"])
        return cls(held["features"], held["intercept"], terms)


@dataclass(frozen=True)
class ProbabilityValue:
    """BG/NBD's expected purchases within the horizon × Gamma-Gamma's expected value of each.

    Fader, Hardie & Lee (2005); Fader & Hardie (2013).

    Parameters
    ----------
    features : int
        Columns of the schema.
    purchase_days, active_span, tenure, spend : int
        The columns of frequency + 1, recency, age and mean value.
    horizon : float
        In the unit of the ages, days.
    purchases : BGNBD
    value : GammaGamma
    reference : tuple of float
        A typical customer in the four columns: contributions are counted from it.
    """

    features: int
    purchase_days: int
    active_span: int
    tenure: int
    spend: int
    horizon: float
    purchases: BGNBD
    value: GammaGamma
    reference: tuple[float, float, float, float]
    kind: ClassVar[str] = "probability_value"
    suffix: ClassVar[str] = "json"

    @property
    def _columns(self) -> tuple[int, int, int, int]:
        return self.purchase_days, self.active_span, self.tenure, self.spend

    def _expected(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return expected money of customers given as (purchase days, span ÷ tenure, tenure, z)."""
        days, part, tenure, spend = inputs
        history = _history(days, part, tenure)
        count = self.purchases.expected_purchases(self.horizon, *history)
        each = self.value.expected_average_value(np.maximum(days, 0.0), np.maximum(spend, 1e-9))
        return count * each

    def _inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        return _mixable(rows, self.reference)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the expected money within the horizon."""
        return self._expected(self._inputs(matrix[:, list(self._columns)]))

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return exact Shapley values of the four inputs against the typical customer.

        All orders of replacing the typical customer's inputs by the row's are averaged, which
        for a product of two parts is the mean of both orders.
        """
        rows = self._inputs(matrix[:, list(self._columns)])
        typical = self._inputs(np.tile(np.asarray(self.reference), (len(matrix), 1)))
        return _shapley(self._expected, rows, typical, self._columns, self.features)

    def to_bytes(self) -> bytes:
        """Return the parameters as JSON."""
        held = {
            **{key: getattr(self, key) for key in ("features", "purchase_days", "active_span")},
            **{key: getattr(self, key) for key in ("tenure", "spend", "horizon")},
            "purchases": self.purchases.to_dict(),
            "value": self.value.to_dict(),
            "reference": list(self.reference),
        }
        return _json(held)

    @classmethod
    def from_bytes(cls, content: bytes) -> ProbabilityValue:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        held["purchases"] = BGNBD.from_dict(held["purchases"])
        held["value"] = GammaGamma.from_dict(held["value"])
        held["reference"] = tuple(held["reference"])
        return cls(**held)


@dataclass(frozen=True)
class ProbabilityChurn:
    """The log-odds of no purchase within the horizon, by BG/NBD.

    Fader, Hardie & Lee (2005).

    Parameters
    ----------
    features : int
        Columns of the schema.
    purchase_days, active_span, tenure : int
        The columns of frequency + 1, recency and age.
    horizon : float
        In the unit of the ages, days.
    purchases : BGNBD
    reference : tuple of float
        A typical customer in the three columns: contributions are counted from it.
    """

    features: int
    purchase_days: int
    active_span: int
    tenure: int
    horizon: float
    purchases: BGNBD
    reference: tuple[float, float, float]
    kind: ClassVar[str] = "probability_churn"
    suffix: ClassVar[str] = "json"

    @property
    def _columns(self) -> tuple[int, int, int]:
        return self.purchase_days, self.active_span, self.tenure

    def _log_odds(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Return the log-odds of silence of customers given as (purchase days, part, tenure)."""
        buys = self.purchases.probability_of_purchase(self.horizon, *_history(*inputs))
        return -logit(np.clip(buys, _NEAR_NOTHING, 1 - _NEAR_NOTHING))

    def _inputs(self, rows: np.ndarray) -> list[np.ndarray]:
        return _mixable(rows, self.reference)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the log-odds of no purchase within the horizon."""
        return self._log_odds(self._inputs(matrix[:, list(self._columns)]))

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return exact Shapley values of the three inputs against the typical customer."""
        rows = self._inputs(matrix[:, list(self._columns)])
        typical = self._inputs(np.tile(np.asarray(self.reference), (len(matrix), 1)))
        return _shapley(self._log_odds, rows, typical, self._columns, self.features)

    def to_bytes(self) -> bytes:
        """Return the parameters as JSON."""
        return _json(
            {
                **{key: getattr(self, key) for key in ("features", "purchase_days", "active_span")},
                **{key: getattr(self, key) for key in ("tenure", "horizon")},
                "purchases": self.purchases.to_dict(),
                "reference": list(self.reference),
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> ProbabilityChurn:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        held["purchases"] = BGNBD.from_dict(held["purchases"])
        held["reference"] = tuple(held["reference"])
        return cls(**held)


def _mixable(rows: np.ndarray, reference: Sequence[float]) -> list[np.ndarray]:
    """Return inputs in which any mixture of two customers is a possible one.

    Missing values become the typical customer's. The span is taken as a part of the tenure, as a
    span beyond the tenure cannot be. Columns after these three stay as they are.
    """
    held = np.where(np.isnan(rows), np.asarray(reference), rows)
    days, span, tenure, *rest = (np.ascontiguousarray(column) for column in held.T)
    part = np.clip(span / np.maximum(tenure, 1.0), 0.0, 1.0)
    return [days, part, np.maximum(tenure, 1.0), *rest]


def _history(
    days: np.ndarray, part: np.ndarray, tenure: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return frequency, recency and age of customers given as (purchase days, part, tenure)."""
    frequency = np.maximum(days - 1.0, 0.0)
    return frequency, np.where(frequency > 0, part * tenure, 0.0), tenure


def _shapley(
    value: Callable[[Sequence[np.ndarray]], np.ndarray],
    rows: Sequence[np.ndarray],
    typical: Sequence[np.ndarray],
    columns: Sequence[int],
    features: int,
) -> Contributions:
    """Return exact Shapley values (1953) of a function of few inputs, as columns of a schema."""
    count = len(columns)
    worth = {
        chosen: value([(rows if i in chosen else typical)[i] for i in range(count)])
        for size in range(count + 1)
        for chosen in combinations(range(count), size)
    }
    values = np.zeros((len(rows[0]), features))
    for i, column in enumerate(columns):
        for chosen in (held for held in worth if i not in held):
            weight = factorial(len(chosen)) * factorial(count - 1 - len(chosen)) / factorial(count)
            with_it = tuple(sorted((*chosen, i)))
            values[:, column] += weight * (worth[with_it] - worth[chosen])
    base = float(worth[()][0]) if len(values) else 0.0
    return Contributions(values, base)


def _json(held: dict[str, Any]) -> bytes:
    return (json.dumps(held, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
