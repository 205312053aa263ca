"""Boosted trees: their search space, their fit, and their margins for customers they never saw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.model_selection import GroupKFold

from features.schema import FeatureSchema
from training.predictors import Trees, feature_types
from training.split import Examples

MOST_ROUNDS = 600
PATIENCE = 40
FOLDS = 3

DEFAULTS: dict[str, float] = {
    "learning_rate": 0.05,
    "max_depth": 3,
    "min_child_weight": 10.0,
    "subsample": 0.8,
    "colsample_bytree": 0.6,
    "reg_lambda": 5.0,
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
            label=self._label(examples.target),
            feature_types=feature_types(categorical),
            enable_categorical=True,
        )

    def _label(self, target: np.ndarray) -> np.ndarray:
        # Tweedie's mean is positive: what is brought back counts as nothing bought.
        tweedie = self.settings["objective"] == "reg:tweedie"
        return np.maximum(target, 0.0) if tweedie else target

    @property
    def _parameters(self) -> dict[str, Any]:
        return {**self.settings, "seed": self.seed, "tree_method": "hist", "verbosity": 0}

    def fit(self, examples: Examples, rounds: int) -> Trees:
        """Fit so many rounds."""
        return Trees(xgb.train(self._parameters, self._data(examples), rounds))

    def fit_until_worse(self, examples: Examples, later: Examples) -> tuple[Trees, int]:
        """Fit until the later examples are no better predicted; keep the trees up to the best."""
        booster = xgb.train(
            self._parameters,
            self._data(examples),
            MOST_ROUNDS,
            evals=[(self._data(later), "later")],
            early_stopping_rounds=PATIENCE,
            verbose_eval=False,
        )
        best = booster.best_iteration + 1
        return Trees(booster[:best]), best

    def margins_of_strangers(self, examples: Examples, rounds: int) -> np.ndarray:
        """Return each row's margin from trees that never saw its customer."""
        margins = np.empty(len(examples))
        groups, _ = pd.factorize(examples.customers)  # numbers are grouped much faster than text
        folds = GroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        for seen, held in folds.split(examples.matrix, groups=groups):
            trees = self.fit(examples.take(seen), rounds)
            margins[held] = trees.margin(examples.matrix[held])
        return margins
