"""Churn: who will buy nothing (or cancel, or has left), tuned on later cut-offs and calibrated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import optuna
from scipy.optimize import brentq
from scipy.special import expit, logit

from configs.schema import Config
from configs.tasks import Cancel, Label
from configs.tuning import Dimension
from features.source import Tables
from training import baselines, ensemble, metrics, trees
from training.baselines import Absent, Contender
from training.blend import surprise
from training.calibrate import Sigmoid
from training.ensemble import Outlook, Plan, Trials, Tried, judged
from training.families import CHANCE
from training.model import Model
from training.space import suggest
from training.split import Split, all_by_time, all_of_snapshot, split_by_strata, split_by_time

METRICS = metrics.CHURN_METRICS
DECIDING = "roc_auc"
"""What the gate compares: a churn score is first of all an order in which to act."""

PLAN = Plan(
    families={"chance": CHANCE},
    loss=surprise(),
    outlook=Outlook("purchase_probability", "logit", -1.0),
    outcome=lambda churned: churned,
    level=lambda _: 0.0,
)
DEFAULTS: dict[str, Any] = {**trees.DEFAULTS, "shrinkage": 0.03, "bends": 4}
"""Where a study begins."""

SETTINGS = ensemble.SETTINGS
"""What may be searched."""


def split(config: Config, tables: Tables) -> Split:
    """Return the task's examples, apart by time; by strata where there is no time."""
    if isinstance(config.churn, Label):
        return split_by_strata(config, tables, config.churn)
    return split_by_time(config, tables, config.churn)  # type: ignore[arg-type]


def known_by_now(config: Config, tables: Tables) -> Split:
    """Return all examples whose outcome is known by now, to fit on."""
    if isinstance(config.churn, Label):
        return all_of_snapshot(config, tables)
    return all_by_time(config, tables, config.churn)  # type: ignore[arg-type]


def objective(
    data: Split, space: Mapping[str, Dimension], seed: int
) -> Callable[[optuna.Trial], float]:
    """Return what a study minimises: log loss at the later cut-offs."""
    return partial(_loss, Trials(data, seed), space)


def _loss(trials: Trials, space: Mapping[str, Dimension], trial: optuna.Trial) -> float:
    settings = {**DEFAULTS, **suggest(trial, space)}
    value, tried = judged(trial, trials, PLAN, settings, _surprise)
    areas = map(metrics.roc_auc, tried.targets, map(expit, tried.margins))
    trial.set_user_attr("rounds", tried.rounds)
    trial.set_user_attr(DECIDING, float(np.nanmean(list(areas))))
    return value


def _surprise(tried: Tried) -> float:
    return metrics.log_loss(np.concatenate(tried.targets), expit(np.concatenate(tried.margins)))


def fit(data: Split, settings: Mapping[str, Any], rounds: Sequence[int], seed: int) -> Model:
    """Fit on every example whose outcome was known, weighted and calibrated on strangers."""
    fitted = ensemble.fit(PLAN, data, settings, rounds, seed)
    shift = fitted.shift
    model = Model(
        task="churn",
        name=ensemble.NAME,
        schema=data.schema,
        predictors=fitted.parts,
        calibration=Sigmoid(1.0, shift),
        population=data.population,
        learned=data.learned,
    )
    if data.step is None:
        return model
    return replace(model, calibration=Sigmoid(1.0, _whole_horizon(data, model)))


def _whole_horizon(data: Split, model: Model) -> float:
    """Return the intercept by which as many churn within the whole horizon as can be expected.

    That is as many as the probability model expects, off by as much as it was off, in log-odds,
    within the training horizon.
    """
    assert data.step is not None
    asked = data.asked_first
    silent = [1.0 - np.nanmean(part.matrix[:, data.step.column]) for part in (data.fit, asked)]
    expected = expit(logit(silent[1]) + logit(data.fit.target.mean()) - logit(silent[0]))
    margin = model.margin(asked.matrix)
    return float(brentq(lambda shift: expit(margin + shift).mean() - expected, -50.0, 50.0))


def contenders(config: Config, data: Split, candidate: Model) -> list[Contender | Absent]:
    """Return the candidate beside the naive rule and the baselines."""
    first = Contender(candidate, "candidate", "Ensemble")
    if isinstance(config.churn, Label):
        return [first, baselines.base_rate(data), baselines.full_logistic(data)]
    if isinstance(config.churn, Cancel):
        return [first, baselines.base_rate(data), baselines.subscription_logistic(data)]
    return [
        first,
        baselines.recency_rule(data),
        baselines.rfm_logistic(data),
        baselines.where_fitted(baselines.probability_churn, data, config.churn.horizon),  # type: ignore[union-attr]
    ]
