"""Things to minimise in no time, in a module that a worker loads in no time."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import optuna

from configs.tuning import ChoiceDimension, FloatDimension, IntDimension
from training.space import suggest

SPACE = {
    "learning_rate": FloatDimension(kind="float", low=0.02, high=0.8, log=True),
    "max_depth": IntDimension(kind="int", low=1, high=4),
    "grow_policy": ChoiceDimension(kind="choice", of=("depthwise", "lossguide")),
}
FIRST = {"learning_rate": 0.3, "max_depth": 2, "grow_policy": "depthwise"}


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


def endless(begun: Path, trial: optuna.Trial) -> float:
    """Never ends; says which process is at it."""
    with begun.open("a") as told:
        told.write(f"{os.getpid()}\n")
    time.sleep(3600)
    return bowl(trial)
