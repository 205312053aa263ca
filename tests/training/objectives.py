"""Trees to tune: few, small and quick."""

from __future__ import annotations

from functools import cache

import numpy as np
import optuna
import xgboost as xgb

from tests.training.bowls import SPACE
from training.curve import Curve
from training.space import suggest

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
        callbacks=[Curve(trial, "later", "logloss", every=5, not_before=10)],
        verbose_eval=False,
    )
    return told["later"]["logloss"][-1]
