"""What a CLV of subscriptions must beat: MRR × the months that somebody is expected to stay."""

from __future__ import annotations

from math import exp

import numpy as np
from sklearn.linear_model import LogisticRegression

from features.timeline import DAYS_A_MONTH
from training.baselines import (
    SUBSCRIPTION,
    BaselineError,
    Contender,
    Role,
    terms_of,
    value_model,
)
from training.predictors import Linear, Predictor, Term
from training.recurring import MonthsByOdds, MonthsByTenure, RecurringRevenue
from training.retention import ShiftedBetaGeometric
from training.split import Split

_ROUNDING = 1e-9
_NOBODY_LEFT = "the baseline {} cannot be fitted: it needs some who left, got none"


def mrr_baselines(split: Split, horizon: int, gap: int) -> list[Contender]:
    """Return the naive rule, then each baseline that can be fitted.

    Where nobody ever left, all of them would be the naive rule over again.
    """
    found = [mrr_forward(split, horizon)]
    if np.isfinite(lifetimes(split)[1]).any():
        found += [constant_churn(split, horizon, gap), tenure_retention(split, horizon, gap)]
    lost, weight = _lost(split, horizon)
    if np.any(weight * lost):
        found.append(logistic_retention(split, horizon))
    return found


def mrr_forward(split: Split, horizon: int) -> Contender:
    """Everybody stays, at today's price."""
    predictor = _mrr_times(split, horizon / DAYS_A_MONTH)
    return _contender(split, "mrr_forward", predictor, "naive rule", "MRR carried forward")


def constant_churn(split: Split, horizon: int, gap: int) -> Contender:
    """Everybody leaves at the rate at which anybody has, so many a day of subscription."""
    stayed, left_by = lifetimes(split)
    rate = float(np.sum(np.isfinite(left_by)) / np.sum(stayed + 1))
    if not rate > 0:
        raise BaselineError(_NOBODY_LEFT.format("MRR × constant churn"))
    stays = exp(-rate * gap) * (1 - exp(-rate * horizon)) / rate
    predictor = _mrr_times(split, stays / DAYS_A_MONTH)
    return _contender(split, "geometric_mrr", predictor, "baseline", "MRR × constant churn")


def tenure_retention(split: Split, horizon: int, gap: int) -> Contender:
    """The longer somebody has stayed, the longer they stay: the shifted-beta-geometric."""
    stays = np.column_stack(lifetimes(split)) / DAYS_A_MONTH
    alike, counts = np.unique(stays, axis=0, return_counts=True)
    try:
        retention = ShiftedBetaGeometric.fit(alike[:, 0], alike[:, 1], counts)
    except ValueError as error:
        raise BaselineError(f"the baseline sBG × MRR cannot be fitted: {error}") from None
    names = split.schema.names
    tenure = names.index("subscription_tenure")
    months = MonthsByTenure(
        features=len(names),
        tenure=tenure,
        gap=gap,
        horizon=horizon,
        retention=retention,
        typical=_median(split, tenure),
    )
    return _contender(split, "sbg_mrr", _revenue(split, months), "baseline", "sBG × MRR")


def logistic_retention(split: Split, horizon: int) -> Contender:
    """Each customer keeps a share of the revenue: the logistic curve of their subscriptions.

    It is a fractional logistic regression (Papke & Wooldridge 1996) on the share of the window's
    months that were paid for, every unit of MRR a trial, so that the level is right in money.
    """
    lost, weight = _lost(split, horizon)
    if not np.any(weight * lost):
        raise BaselineError(_NOBODY_LEFT.format("logistic retention × MRR"))
    columns = [(name, "log1p") for name in SUBSCRIPTION if name in split.schema.names]
    matrix = split.fit.matrix
    terms = [term for each in columns for term in terms_of(split.schema, matrix, *each)]
    inputs = np.column_stack([term.standardised(matrix) for term in terms])
    twice = np.vstack([inputs, inputs])
    kept = np.repeat([1.0, 0.0], len(inputs))
    weights = np.concatenate([weight * (1 - lost), weight * lost])
    fitted = LogisticRegression(C=1.0, max_iter=2000).fit(twice, kept, sample_weight=weights)
    weighted = tuple(
        Term(term.feature, term.transform, term.mean, term.scale, float(found), term.argument)
        for term, found in zip(terms, fitted.coef_[0], strict=True)
    )
    odds = Linear(len(split.schema.columns), float(fitted.intercept_[0]), weighted)
    predictor = _revenue(split, MonthsByOdds(horizon / DAYS_A_MONTH, odds))
    return _contender(split, "logistic_mrr", predictor, "baseline", "Logistic retention × MRR")


def lifetimes(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Return how long everybody known at the test cut-off has stayed, in days.

    The first is how long at least, the second by which age they had left: a day later, infinite of
    those with a subscription. A break that somebody came back from is no leaving.
    """
    names = ("subscription_tenure", "days_since_subscription_end", "running_subscriptions")
    columns = [split.schema.names.index(name) for name in names]
    tenure, ended, running = split.known[:, columns].T
    held = ~np.isnan(tenure)
    tenure, ended, runs = tenure[held], ended[held], running[held] > 0
    stayed = np.where(runs, tenure, np.maximum(tenure - ended, 0.0))
    return stayed, np.where(runs, np.inf, stayed + 1)


def _lost(split: Split, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of the window's revenue that each customer did not pay, and its weight.

    The weight is their MRR, on average 1; who pays nothing tells nothing.
    """
    mrr = np.maximum(np.nan_to_num(split.fit.matrix[:, split.schema.names.index("mrr")]), 0.0)
    whole = mrr * horizon / DAYS_A_MONTH
    paid = np.divide(split.fit.target, whole, out=np.ones(len(mrr)), where=whole > 0)
    lost = 1 - np.clip(paid, 0.0, 1.0)
    return np.where(lost > _ROUNDING, lost, 0.0), mrr / (np.mean(mrr) or 1.0)


def _mrr_times(split: Split, months: float) -> Linear:
    names = split.schema.names
    column = names.index("mrr")
    mean = _median(split, column)
    term = Term(column, "identity", mean, 1.0, months)
    return Linear(len(names), months * mean, (term,))


def _revenue(split: Split, months: MonthsByTenure | MonthsByOdds) -> RecurringRevenue:
    names = split.schema.names
    column = names.index("mrr")
    return RecurringRevenue(len(names), column, _median(split, column), months)


def _median(split: Split, column: int) -> float:
    """Return the typical subscriber's: of those who are asked."""
    return float(np.nanmedian(split.fit.matrix[:, column]))


def _contender(split: Split, name: str, predictor: Predictor, role: Role, label: str) -> Contender:
    return Contender(value_model(split, name, predictor), role, label)
