"""Things to minimise, quick ones: in a module of its own, which workers can load by its name."""

from __future__ import annotations

import os
import signal
import time
from functools import cache
from pathlib import Path

import numpy as np
import optuna
import xgboost as xgb

from configs.tuning import ChoiceDimension, FloatDimension, IntDimension
from training.pruning import Pruning
from training.space import suggest

SPACE = {
    "learning_rate": FloatDimension(kind="float", low=0.02, high=0.8, log=True),
    "max_depth": IntDimension(kind="int", low=1, high=4),
    "grow_policy": ChoiceDimension(kind="choice", of=("depthwise", "lossguide")),
}
FIRST = {"learning_rate": 0.3, "max_depth": 2, "grow_policy": "depthwise"}
ROUNDS = 30


@cache
def _examples() -> tuple[xgb.DMatrix, xgb.DMatrix]:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 4))
    target = (rows[:, 0] * rows[:, 1] + 0.7 * rng.normal(size=300) > 0).astype(float)
    return xgb.DMatrix(rows[:200], target[:200]), xgb.DMatrix(rows[200:], target[200:])


def boosted(trial: optuna.Trial) -> float:
    """The log loss of trees on rows they did not see; its curve has a point each five rounds."""
    fit, later = _examples()
    told: dict = {}
    xgb.train(
        {**suggest(trial, SPACE), "objective": "binary:logistic", "nthread": 1},
        fit,
        ROUNDS,
        evals=[(later, "later")],
        evals_result=told,
        callbacks=[Pruning(trial, "later", "logloss", every=5, not_before=10)],
        verbose_eval=False,
    )
    return told["later"]["logloss"][-1]


def bowl(trial: optuna.Trial) -> float:
    """A bowl over the space's numbers."""
    drawn = suggest(trial, SPACE)
    return (np.log(drawn["learning_rate"]) + 1.0) ** 2 + (drawn["max_depth"] - 3) ** 2


def slow_bowl(trial: optuna.Trial) -> float:
    """The bowl, long enough that two workers have something to do at once."""
    value = bowl(trial)
    trial.set_user_attr("process", os.getpid())
    time.sleep(0.05)
    return value


def deadly(flag: Path, trial: optuna.Trial) -> float:
    """The bowl, but whoever is the first to try it dies of it."""
    value = slow_bowl(trial)
    try:
        flag.touch(exist_ok=False)
    except FileExistsError:
        return value
    os.kill(os.getpid(), signal.SIGKILL)
    return value


def always_deadly(trial: optuna.Trial) -> float:
    """Kills whoever tries it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return bowl(trial)


def faulty(trial: optuna.Trial) -> float:
    """Fails with the name of what was wrong."""
    raise ZeroDivisionError(f"trial {trial.number} has nothing to divide by")
