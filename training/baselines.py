"""What a model must beat: rules a company would otherwise use, as models like any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, ParamSpec

import numpy as np
from scipy.special import logit
from sklearn.linear_model import LogisticRegression

from configs.errors import StamkundeError
from features.schema import FeatureSchema
from training.calibrate import Intervals, Scale, Sigmoid
from training.if_stays import IfStays
from training.model import Model
from training.predictors import (
    Linear,
    Predictor,
    ProbabilityChurn,
    ProbabilityValue,
    Term,
    transform,
)
from training.probability import BGNBD, GammaGamma
from training.split import Split

LEVELS = (80, 95)

SUBSCRIPTION = ("running_subscriptions", "mrr", "subscription_tenure")
"""What is known of anybody with a subscription; not every base tells the revenue."""

HISTORY = ("purchase_days", "active_span", "tenure")
"""What BG/NBD knows of a customer: frequency + 1, recency and age, in days."""

Role = Literal["candidate", "naive rule", "baseline", "champion"]

P = ParamSpec("P")


class BaselineError(StamkundeError, ValueError):
    """A baseline that cannot be fitted, so that there is nothing to compare with."""


@dataclass(frozen=True)
class Contender:
    """A model with its part in the comparison, and its name in words.

    Parameters
    ----------
    model : Model
    role : {"candidate", "naive rule", "baseline", "champion"}
    label : str
    alias : str, optional
        What it goes by where its model's name is another contender's too.
    """

    model: Model
    role: Role
    label: str
    alias: str | None = None

    @property
    def name(self) -> str:
        """What it goes by among the contenders: the model's name unless it has an alias."""
        return self.alias or self.model.name

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return the served values of the test's rows.

        A champion's learned columns are its own: fitted when it was, not at this test's cut-off.
        """
        if self.role == "champion":
            matrix = self.model.complete(matrix[:, : len(self.model.inputs.columns)])
        return self.model.predict(matrix)


@dataclass(frozen=True)
class Absent:
    """A baseline that these data do not allow, and why."""

    why: str


def where_fitted(
    make: Callable[P, Contender], *args: P.args, **kwargs: P.kwargs
) -> Contender | Absent:
    """Return a baseline, or why there is none: a run does not fail for want of a rival."""
    try:
        return make(*args, **kwargs)
    except BaselineError as error:
        return Absent(str(error))


def recency_rule(split: Split) -> Contender:
    """The longer the silence, the likelier the loss: a logistic curve of recency alone."""
    model = logistic(split, "recency", [("days_since_purchase", "log1p")])
    return Contender(model, "naive rule", "Recency rule")


def base_rate(split: Split) -> Contender:
    """Everybody is as likely to leave as anybody."""
    rate = float(np.mean(split.fit.target))
    predictor = Linear(len(split.schema.columns), float(logit(rate)), ())
    return Contender(_churn(split, "base_rate", predictor), "naive rule", "Base rate")


def rfm_logistic(split: Split) -> Contender:
    """Logistic regression on recency, frequency and monetary value."""
    columns = [
        ("days_since_purchase", "log1p"),
        ("purchase_days", "log1p"),
        ("spend_per_purchase_day", "log1p"),
        ("tenure", "log1p"),
    ]
    return Contender(logistic(split, "rfm_logistic", columns), "baseline", "RFM logistic")


def subscription_logistic(split: Split) -> Contender:
    """Logistic regression on how many subscriptions run, what they bring, and since when."""
    columns = [(name, "log1p") for name in SUBSCRIPTION if name in split.schema.names]
    model = logistic(split, "subscription_logistic", columns)
    return Contender(model, "baseline", "Logistic on subscriptions")


def full_logistic(split: Split) -> Contender:
    """Logistic regression on every attribute."""
    columns = [(column.name, "identity") for column in split.schema.columns]
    return Contender(logistic(split, "logistic", columns), "baseline", "Logistic on all attributes")


def last_spend(split: Split, horizon: int, windows: Sequence[int]) -> Contender:
    """The last period's spend, carried forward."""
    window = min(windows, key=lambda days: (abs(days - horizon), days))
    name = f"spend_in_{window}d"
    term = Term(split.schema.names.index(name), "identity", 0.0, 1.0, horizon / window)
    predictor = Linear(len(split.schema.columns), 0.0, (term,))
    return Contender(
        value_model(split, "last_spend", predictor), "naive rule", "Last period's spend"
    )


def probability_churn(split: Split, horizon: int) -> Contender:
    """BG/NBD's probability of no purchase within the horizon, on all known at the test.

    Not the probability of having left: that is 0 for everybody who bought but once.

    Raises
    ------
    BaselineError
        If nobody came back, or the likelihood has no maximum to be found.
    """
    columns = [split.schema.names.index(name) for name in HISTORY]
    rows = split.known[:, columns]
    rows = rows[~np.isnan(rows).any(axis=1)]
    alike, counts = np.unique(rows, axis=0, return_counts=True)
    days, span, tenure = alike.T
    try:
        purchases = BGNBD.fit(days - 1, span, tenure, counts)
    except ValueError as error:
        raise BaselineError(f"the baseline BG/NBD cannot be fitted: {error}") from None
    predictor = ProbabilityChurn(
        features=len(split.schema.columns),
        purchase_days=columns[0],
        active_span=columns[1],
        tenure=columns[2],
        horizon=float(horizon),
        purchases=purchases,
        reference=tuple(float(value) for value in np.median(rows, axis=0)),  # type: ignore[arg-type]
    )
    return Contender(_churn(split, "bgnbd", predictor), "baseline", "BG/NBD")


def probability_value(split: Split, horizon: int) -> Contender:
    """BG/NBD's expected purchases × Gamma-Gamma's expected value, on all known at the test."""
    names = (*HISTORY, "spend_per_purchase_day")
    columns = [split.schema.names.index(name) for name in names]
    rows = split.known[:, columns]
    rows = rows[~np.isnan(rows).any(axis=1) & (rows[:, 3] > 0)]
    days, span, tenure, spend = rows.T
    try:
        purchases, value = BGNBD.fit(days - 1, span, tenure), GammaGamma.fit(days, spend)
    except ValueError as error:
        raise BaselineError(
            f"the baseline BG/NBD × Gamma-Gamma cannot be fitted: {error}"
        ) from None
    predictor = ProbabilityValue(
        features=len(split.schema.columns),
        purchase_days=columns[0],
        active_span=columns[1],
        tenure=columns[2],
        spend=columns[3],
        horizon=float(horizon),
        purchases=purchases,
        value=value,
        reference=tuple(float(value) for value in np.median(rows, axis=0)),  # type: ignore[arg-type]
    )
    return Contender(value_model(split, "bgnbd_gg", predictor), "baseline", "BG/NBD × Gamma-Gamma")


def logistic(split: Split, name: str, columns: Sequence[tuple[str, str]]) -> Model:
    """Fit a regularised logistic regression on standardised columns."""
    matrix, target = split.fit.matrix, split.fit.target
    terms = [term for column in columns for term in terms_of(split.schema, matrix, *column)]
    inputs = np.column_stack([term.standardised(matrix) for term in terms])
    fitted = LogisticRegression(C=1.0, max_iter=2000).fit(inputs, target)
    weighted = tuple(
        Term(term.feature, term.transform, term.mean, term.scale, float(weight), term.argument)
        for term, weight in zip(terms, fitted.coef_[0], strict=True)
    )
    predictor = Linear(len(split.schema.columns), float(fitted.intercept_[0]), weighted)
    return _churn(split, name, predictor)


def terms_of(
    schema: FeatureSchema, matrix: np.ndarray, name: str, how: str, weight: float = 1.0
) -> list[Term]:
    """Return a feature's standardised terms: one for a number, one a category."""
    index = schema.names.index(name)
    column = schema.columns[index]
    if column.kind == "number":
        return [_term(matrix, index, how, weight, 0.0)]
    return [
        _term(matrix, index, "equals", weight, float(number))
        for number in range(len(column.categories))
    ]


def _term(matrix: np.ndarray, index: int, how: str, weight: float, argument: float) -> Term:
    values = transform(matrix[:, index], how, argument)
    present = values[~np.isnan(values)]
    mean = float(np.mean(present)) if len(present) else 0.0
    scale = float(np.std(present)) if len(present) else 0.0
    return Term(index, how, mean, scale or 1.0, weight, argument)  # type: ignore[arg-type]


def _churn(split: Split, name: str, predictor: Linear | ProbabilityChurn) -> Model:
    return Model(
        "churn",
        name,
        split.schema,
        (predictor,),
        Sigmoid(1.0, 0.0),
        population=split.population,
        learned=split.learned,
    )


def value_model(split: Split, name: str, predictor: Predictor) -> Model:
    """Return a model of CLV whose margin is money, with intervals by what then came."""
    served = predictor.margin(split.fit.matrix)
    floor = value_floor(split)
    return Model(
        "clv",
        name,
        split.schema,
        (predictor,),
        Scale(1.0),
        intervals=Intervals.fit(served, split.fit.target, LEVELS),
        population=split.population,
        floor=floor,
        learned=split.learned,
        # Who stayed within a shorter training horizon says nothing of who does within the whole.
        if_stays=None if split.step else IfStays.fit(served, split.fit.target),
    )


def value_floor(split: Split) -> float | None:
    """Return 0 where no customer's value was ever negative, which bounds intervals."""
    return None if np.any(split.fit.target < 0) else 0.0
