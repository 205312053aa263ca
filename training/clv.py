"""Customer lifetime value: the money of the coming horizon, with what it may well be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import optuna

from configs.schema import Clv, Config
from features.source import Tables
from training import baselines, metrics, trees
from training.baselines import LEVELS, Contender
from training.calibrate import Exponential, Intervals
from training.model import Model
from training.split import Split, split_by_time

METRICS = metrics.VALUE_METRICS
DECIDING = "normalised_gini"
"""What the gate compares: how much of the value the order by prediction finds first."""

OBJECTIVE = {"objective": "reg:tweedie"}
DEFAULTS = {"tweedie_variance_power": 1.5}


def split(config: Config, tables: Tables) -> Split:
    """Return the task's examples, apart by time."""
    return split_by_time(config, tables, _task(config))


def objective(data: Split, seed: int) -> Callable[[optuna.Trial], float]:
    """Return what a study minimises: 1 − normalised Gini at the validation cut-off."""

    def loss(trial: optuna.Trial) -> float:
        power = trial.suggest_float("tweedie_variance_power", 1.1, 1.9)
        settings = {**trees.suggest(trial), "tweedie_variance_power": power}
        learner = trees.Learner(data.schema, {**OBJECTIVE, **settings}, seed)
        fitted, rounds = learner.fit_until_worse(data.tune, data.validation)
        served = np.exp(fitted.margin(data.validation.matrix))
        trial.set_user_attr("rounds", rounds)
        trial.set_user_attr("rmse", metrics.rmse(data.validation.target, served))
        return 1.0 - metrics.normalised_gini(data.validation.target, served)

    return loss


def tuned(trial: optuna.trial.FrozenTrial) -> float:
    """Return the deciding metric that a trial saw at the validation cut-off."""
    return 1.0 - float(trial.value or 0.0)


def fit(data: Split, settings: Mapping[str, Any], rounds: int, seed: int) -> Model:
    """Fit trees with a log link; level and intervals come from customers unseen."""
    learner = trees.Learner(data.schema, {**OBJECTIVE, **settings}, seed)
    values = np.exp(learner.margins_of_strangers(data.fit, rounds))
    level = float(np.sum(data.fit.target) / np.sum(values))
    factor = level if level > 0 else 1.0  # a base that loses money by returns keeps its order
    return Model(
        task="clv",
        name="xgboost",
        schema=data.schema,
        predictors=(learner.fit(data.fit, rounds),),
        calibration=Exponential(factor),
        intervals=Intervals.fit(factor * values, data.fit.target, LEVELS),
        population=data.population,
        floor=baselines.value_floor(data),
        learned=data.learned,
    )


def contenders(config: Config, data: Split, candidate: Model) -> list[Contender]:
    """Return the candidate beside the naive rule and the probability models."""
    horizon = _task(config).horizon
    return [
        Contender(candidate, "candidate", "Boosted trees"),
        baselines.last_spend(data, horizon, config.features.windows),
        baselines.probability_value(data, horizon),
    ]


def _task(config: Config) -> Clv:
    if config.clv is None:
        raise ValueError("the config has no clv section")
    return config.clv
