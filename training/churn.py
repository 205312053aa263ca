"""Churn: who will buy nothing (or cancel, or has left), tuned on a later cut-off and calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import optuna

from configs.schema import Cancel, Config, Label
from features.source import Tables
from training import baselines, metrics, trees
from training.baselines import Contender
from training.calibrate import Sigmoid
from training.model import Model
from training.split import Split, split_by_strata, split_by_time

METRICS = metrics.CHURN_METRICS
DECIDING = "roc_auc"
"""What the gate compares: a churn score is first of all an order in which to act."""

OBJECTIVE = {"objective": "binary:logistic", "eval_metric": "logloss"}
DEFAULTS: dict[str, float] = {}


def split(config: Config, tables: Tables) -> Split:
    """Return the task's examples, apart by time; by strata where there is no time."""
    if isinstance(config.churn, Label):
        return split_by_strata(config, tables, config.churn)
    return split_by_time(config, tables, config.churn)  # type: ignore[arg-type]


def objective(data: Split, seed: int) -> Callable[[optuna.Trial], float]:
    """Return what a study minimises: log loss at the validation cut-off."""

    def loss(trial: optuna.Trial) -> float:
        learner = trees.Learner(data.schema, {**OBJECTIVE, **trees.suggest(trial)}, seed)
        fitted, rounds = learner.fit_until_worse(data.tune, data.validation)
        margin = fitted.margin(data.validation.matrix)
        served = Sigmoid(1.0, 0.0).serve(margin)
        trial.set_user_attr("rounds", rounds)
        trial.set_user_attr("roc_auc", metrics.roc_auc(data.validation.target, served))
        return metrics.log_loss(data.validation.target, served)

    return loss


def tuned(trial: optuna.trial.FrozenTrial) -> float:
    """Return the deciding metric that a trial saw at the validation cut-off."""
    return float(trial.user_attrs[DECIDING])


def fit(data: Split, settings: Mapping[str, Any], rounds: int, seed: int) -> Model:
    """Fit trees on every example whose outcome was known, calibrated on customers unseen."""
    learner = trees.Learner(data.schema, {**OBJECTIVE, **settings}, seed)
    margins = learner.margins_of_strangers(data.fit, rounds)
    return Model(
        task="churn",
        name="xgboost",
        schema=data.schema,
        predictors=(learner.fit(data.fit, rounds),),
        calibration=Sigmoid.fit(margins, data.fit.target),
        population=data.population,
        learned=data.learned,
    )


def contenders(config: Config, data: Split, candidate: Model) -> list[Contender]:
    """Return the candidate beside the naive rule and the baselines."""
    first = Contender(candidate, "candidate", "Boosted trees")
    if isinstance(config.churn, Label):
        return [first, baselines.base_rate(data), baselines.full_logistic(data)]
    if isinstance(config.churn, Cancel):
        return [first, baselines.base_rate(data), baselines.subscription_logistic(data)]
    return [first, baselines.recency_rule(data), baselines.rfm_logistic(data)]
