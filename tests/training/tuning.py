"""Studies as the tests run them."""

from __future__ import annotations

from typing import Any

import optuna

from tests.training.bowls import FIRST, bowl
from training.progress import Reporter
from training.study import Place
from training.tune import ENDED, Budget, tune


def run(
    place: Place,
    objective: Any = bowl,
    *,
    trials: int = 12,
    minutes: float = 5.0,
    patience: int | None = None,
    **changes: Any,
) -> optuna.Study:
    told = {
        "seed": 11,
        "first": FIRST,
        "prune": True,
        "workers": 1,
        "reporter": Reporter(quiet=True),
        "label": "made",
    }
    return tune(place, objective, budget=Budget(trials, minutes, patience), **{**told, **changes})


def tried(study: optuna.Study) -> list[tuple]:
    """What came to an end, all that a model could depend on."""
    return [
        (trial.state.name, trial.params, trial.value, trial.intermediate_values)
        for trial in study.get_trials(states=ENDED)
    ]
