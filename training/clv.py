"""Customer lifetime value: the money of the coming horizon, with what it may well be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import optuna

from configs.schema import Config
from configs.tasks import Clv
from configs.tuning import Dimension
from features.source import Tables
from training import baselines, ensemble, metrics, trees
from training.baselines import LEVELS, Absent, Contender
from training.blend import tweedie
from training.calibrate import Exponential, Intervals
from training.ensemble import Outlook, Plan, Trials, Tried, judged
from training.families import VALUE, not_negative
from training.if_stays import IfStays
from training.model import Model
from training.space import Setting, suggest
from training.split import Split, all_by_time, split_by_time
from training.subscription_baselines import mrr_baselines

METRICS = metrics.VALUE_METRICS
DECIDING = "normalised_gini"
"""What the gate compares: how much of the value the order by prediction finds first."""

POWER = 1.5
"""Tweedie's power of what is minimised: between counting every customer alike and every coin."""

DEFAULTS: dict[str, Any] = {
    **trees.DEFAULTS,
    "shrinkage": 0.1,
    "bends": 4,
    "family": "tweedie",
    "tweedie_variance_power": 1.5,
}
"""Where a study begins."""

SETTINGS: Mapping[str, Setting] = {
    **ensemble.SETTINGS,
    "family": Setting(words=tuple(VALUE)),
    "tweedie_variance_power": Setting(1.01, 1.99),
}
"""What may be searched."""


def _log_mean(target: np.ndarray) -> float:
    """Return the logarithm of the mean value: weights must not depend on the currency."""
    return float(np.log(np.mean(not_negative(target)) or 1.0))


PLAN = Plan(
    families=VALUE,
    loss=tweedie(POWER),
    outlook=Outlook("expected_value", "log", 1.0),
    outcome=not_negative,
    level=_log_mean,
)


def split(config: Config, tables: Tables) -> Split:
    """Return the task's examples, apart by time."""
    return split_by_time(config, tables, _task(config))


def known_by_now(config: Config, tables: Tables) -> Split:
    """Return all examples whose outcome is known by now, to fit on."""
    return all_by_time(config, tables, _task(config))


def objective(
    data: Split, space: Mapping[str, Dimension], seed: int
) -> Callable[[optuna.Trial], float]:
    """Return what a study minimises: the deviance left unexplained at the later cut-offs."""
    return partial(_loss, Trials(data, seed), space)


def _loss(trials: Trials, space: Mapping[str, Dimension], trial: optuna.Trial) -> float:
    settings = {**DEFAULTS, **suggest(trial, space)}
    value, tried = judged(trial, trials, PLAN, settings, _unexplained)
    served = [np.exp(margin) for margin in tried.margins]
    ginis = map(metrics.normalised_gini, tried.targets, served)
    trial.set_user_attr("rounds", tried.rounds)
    trial.set_user_attr(DECIDING, float(np.nanmean(list(ginis))))
    actual, told = np.concatenate(tried.targets), np.concatenate(served)
    trial.set_user_attr("rmse", metrics.rmse(actual, told))
    return value


def _unexplained(tried: Tried) -> float:
    told = np.exp(np.concatenate(tried.margins))
    return metrics.unexplained_deviance(np.concatenate(tried.targets), told)


def fit(data: Split, settings: Mapping[str, Any], rounds: Sequence[int], seed: int) -> Model:
    """Fit with a log link; weights, level and intervals come from customers unseen."""
    fitted = ensemble.fit(PLAN, data, settings, rounds, seed)
    strangers = np.exp(fitted.strangers)
    level = float(np.sum(data.fit.target) / np.sum(strangers))
    factor = level if level > 0 else 1.0  # a base that loses money by returns keeps its order
    calibration = Exponential(factor * float(np.exp(fitted.shift)))
    intervals = Intervals.fit(factor * strangers, data.fit.target, LEVELS, data.fit.as_of)
    if_stays = IfStays.fit(factor * strangers, data.fit.target)
    model = Model(
        task="clv",
        name=ensemble.NAME,
        schema=data.schema,
        predictors=fitted.parts,
        calibration=calibration,
        intervals=intervals,
        population=data.population,
        floor=baselines.value_floor(data),
        learned=data.learned,
        if_stays=if_stays,
    )
    if data.step is None:
        return model
    whole = _whole_horizon(data, model)
    longer = whole / calibration.factor
    return replace(
        model,
        calibration=Exponential(whole),
        intervals=intervals.stretched(longer),
        if_stays=if_stays.stretched(longer) if if_stays else None,
    )


def _whole_horizon(data: Split, model: Model) -> float:
    """Return the factor by which customers bring as much as can be expected of the whole horizon.

    That is as much as the probability models expect, off by as much as they were off within the
    training horizon.
    """
    assert data.step is not None
    asked = data.asked_first
    early, whole = (
        float(np.nanmean(part.matrix[:, data.step.column])) for part in (data.fit, asked)
    )
    expected = whole * float(data.fit.target.mean()) / early
    told = float(np.exp(model.margin(asked.matrix)).mean())
    return expected / told if expected > 0 else whole / told


def contenders(config: Config, data: Split, candidate: Model) -> list[Contender | Absent]:
    """Return the candidate beside the naive rule and the probability models."""
    task = _task(config)
    horizon, first = task.horizon, Contender(candidate, "candidate", "Ensemble")
    if task.of_subscriptions:
        return [first, *mrr_baselines(data, horizon, config.timeline.gap)]
    return [
        first,
        baselines.last_spend(data, horizon, config.features.windows),
        baselines.where_fitted(baselines.probability_value, data, horizon),
    ]


def _task(config: Config) -> Clv:
    if config.clv is None:
        raise ValueError("the config has no clv section")
    return config.clv
