"""Boosted trees: where a study of them begins, and how they are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xgboost as xgb
from xgboost.callback import TrainingCallback

from features.schema import FeatureSchema
from training.predictors import Trees, feature_types
from training.split import Examples

MOST_ROUNDS = 600
PATIENCE = 40
LATER = "later"
"""What XGBoost calls the set that early stopping watches."""

DEFAULTS: dict[str, Any] = {
    "learning_rate": 0.03,
    "max_depth": 3,
    "min_child_weight": 20.0,
    "subsample": 0.7,
    "colsample_bytree": 0.4,
    "reg_lambda": 10.0,
    "scale_pos_weight": 1.0,
}
"""Where a study begins: shallow, shrunk trees, which suit bases of a few thousand customers."""


@dataclass(frozen=True)
class Learner:
    """How trees are fitted for one task.

    Parameters
    ----------
    schema : FeatureSchema
    settings : mapping
        XGBoost's parameters: those of the task and those that were tuned.
    seed : int
    """

    schema: FeatureSchema
    settings: Mapping[str, Any]
    seed: int

    def _data(self, examples: Examples) -> xgb.DMatrix:
        categorical = [column.kind == "category" for column in self.schema.columns]
        return xgb.DMatrix(
            examples.matrix,
            label=examples.target,
            feature_types=feature_types(categorical),
            enable_categorical=True,
        )

    @property
    def _parameters(self) -> dict[str, Any]:
        return {**self.settings, "seed": self.seed, "tree_method": "hist", "verbosity": 0}

    def fit(self, examples: Examples, rounds: int) -> Trees:
        """Fit so many rounds."""
        return Trees(xgb.train(self._parameters, self._data(examples), rounds))

    def fit_until_worse(
        self, examples: Examples, later: Examples, callbacks: Sequence[TrainingCallback] = ()
    ) -> tuple[Trees, int]:
        """Fit until the later examples are no better predicted; keep the trees up to the best."""
        booster = xgb.train(
            self._parameters,
            self._data(examples),
            MOST_ROUNDS,
            evals=[(self._data(later), LATER)],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
            callbacks=list(callbacks),
        )
        best = booster.best_iteration + 1
        return Trees(booster[:best]), best
