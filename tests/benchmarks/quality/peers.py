"""What a data scientist would otherwise use, on the very rows that Stamkunde learns from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import xgboost as xgb
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from tests.benchmarks.quality import automl, histories
from tests.benchmarks.quality.rows import Case

RFM = ("days_since_purchase", "purchase_days", "spend_per_purchase_day", "tenure")

Peer = Callable[[Case], np.ndarray]
"""Fits on a case's training rows; returns the predictions of its test rows."""


def peers(case: Case, minutes: float) -> Mapping[str, Peer]:
    """Return those that can be asked of a case, by name; FLAML first, as it takes longest."""
    found: dict[str, Peer] = {"FLAML": partial(automl.flaml, minutes=minutes)}
    if case.purged is not None:
        found["FLAML, purged"] = partial(automl.flaml, minutes=minutes, is_purged=True)
    if case.row.task == "churn":
        found["logistic, all features"] = full_logistic
    if case.histories is None:
        return found
    if case.row.task == "churn":
        found |= {"RFM logistic": rfm_logistic, "BG/NBD": silence}
    else:
        found["BG/NBD × Gamma-Gamma"] = value
    return found | {"XGBoost on RFM": default_trees}


def rfm_logistic(case: Case) -> np.ndarray:
    """Logistic regression on the logarithms of recency, frequency, monetary value and tenure."""
    fit, test = (rfm(case, part.matrix) for part in (case.split.fit, case.split.test))
    model = make_pipeline(_numbers(), LogisticRegression(max_iter=2000))
    return model.fit(fit, case.split.fit.target).predict_proba(test)[:, 1]


def full_logistic(case: Case) -> np.ndarray:
    """Logistic regression on every feature: logarithms of numbers, categories one by one."""
    is_category = np.array([column.kind == "category" for column in case.split.schema.columns])
    prepared = ColumnTransformer(
        [
            ("numbers", _numbers(), ~is_category),
            ("categories", OneHotEncoder(handle_unknown="ignore"), is_category),
        ]
    )
    model = make_pipeline(prepared, LogisticRegression(max_iter=2000))
    fitted = model.fit(case.split.fit.matrix, case.split.fit.target)
    return fitted.predict_proba(case.split.test.matrix)[:, 1]


def _numbers() -> Pipeline:
    """Logarithms, of either sign, which lower every logistic's log loss here; standardised."""
    return make_pipeline(
        FunctionTransformer(lambda held: np.sign(held) * np.log1p(np.abs(held))),
        SimpleImputer(keep_empty_features=True),
        StandardScaler(),
    )


def default_trees(case: Case) -> np.ndarray:
    """XGBoost as scikit-learn users call it, with no setting changed, on RFM and tenure."""
    fit, test = (rfm(case, part.matrix) for part in (case.split.fit, case.split.test))
    kept = {"random_state": case.config.seed, "n_jobs": 2}
    if case.row.task == "churn":
        classifier = xgb.XGBClassifier(**kept).fit(fit, case.split.fit.target)
        return classifier.predict_proba(test)[:, 1].astype(float)
    return xgb.XGBRegressor(**kept).fit(fit, case.split.fit.target).predict(test).astype(float)


def silence(case: Case) -> np.ndarray:
    """BG/NBD's probability of no purchase within the horizon."""
    return histories.silence(_known(case), case.split.test.customers, case.horizon)


def value(case: Case) -> np.ndarray:
    """BG/NBD's expected purchases × Gamma-Gamma's expected value of each."""
    return histories.value(_known(case), case.split.test.customers, case.horizon)


def rfm(case: Case, matrix: np.ndarray) -> np.ndarray:
    """Return the columns of recency, frequency, monetary value and tenure."""
    return matrix[:, [case.split.schema.names.index(name) for name in RFM]]


def _known(case: Case) -> histories.Histories:
    if case.histories is None:
        raise ValueError(f"{case.row.name} has no time: there are no histories")
    return case.histories
