"""A model asked in a service as a data scientist would write it: no reasons, no record, no checks.

The environment variable ``BENCH_BUNDLE`` names the bundle's folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from training.bundle import load
from training.model import Model

VARIABLE = "BENCH_BUNDLE"


class Plain:
    """The model of a bundle, and how the features that customers are given by are encoded."""

    def __init__(self) -> None:
        self._model: Model = load(Path(os.environ[VARIABLE])).model
        self._codes = {
            column.name: {text: float(code) for code, text in enumerate(column.categories)}
            for column in self._model.inputs.columns
            if column.kind == "category"
        }

    def probabilities(self, customers: list[dict[str, Any]]) -> list[float]:
        """Return the chance that each customer leaves."""
        names = self._model.inputs.names
        rows = [[self._number(asked["features"], name) for name in names] for asked in customers]
        return self._model.predict(self._model.complete(np.array(rows))).tolist()

    def _number(self, features: dict[str, Any], name: str) -> float:
        value = features[name]
        if value is None:
            return np.nan
        return self._codes[name].get(value, np.nan) if name in self._codes else value
