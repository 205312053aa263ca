"""Stamkunde as its users call it: the default config, a budget of minutes, the Python door."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd

from tests.benchmarks.measure import FOLDER
from tests.benchmarks.quality.rows import Case, RowError
from training import train

_OF_TUNING = 0.75
"""The part of the minutes that settings are tried in: the rest is for the last fits."""

HELD = FOLDER / "quality" / "stamkunde"


@dataclass(frozen=True)
class Served:
    """What a run serves.

    Parameters
    ----------
    model : str
    prediction : ndarray
        Of the case's test rows.
    tuning : float, optional
        The ROC-AUC that tuning reports for itself.
    coverage : list of dict
        Of a value's intervals on the later period: level, who, customers, covered, width.
    """

    model: str
    prediction: np.ndarray
    tuning: float | None
    coverage: list[dict[str, Any]]


def stamkunde(case: Case, minutes: float) -> Served:
    """Train from the raw tables, with no study or champion of an earlier run to lean on.

    Raises
    ------
    RowError
        If it was tested on other rows than the case's, or on other outcomes.
    """
    for left in ("var", "mlruns/studies"):  # the database stays: MLflow holds it open
        shutil.rmtree(HELD / left, ignore_errors=True)
    fold = () if case.fold is None else (f"churn.fold={case.fold}",)
    config = case.row.config(
        f"tuning.minutes={_OF_TUNING * minutes}",
        f"paths.var={HELD}/var",
        f"paths.mlruns={HELD}/mlruns",
        *fold,
    )
    made = train(config, case.row.task, now=datetime.now(UTC))
    predictions = pd.read_parquet(made.bundle.path.parent / "predictions.parquet")
    return Served(
        made.verdict.served,
        prediction_of(case, predictions, made.verdict.served),
        _tuning(made.facts, made.bundle.manifest["settings"]),
        made.facts.get("coverage", []),
    )


def prediction_of(case: Case, predictions: pd.DataFrame, name: str) -> np.ndarray:
    """Return a model's predictions in the order of the case's test rows."""
    test = case.split.test
    held = predictions.set_index("customer_id")
    alike = len(held) == len(test) and set(held.index) == set(test.customers)
    if not (alike and np.array_equal(held.loc[test.customers, "actual"], test.target)):
        raise RowError(
            f"{case.row.name}: Stamkunde was tested on {len(held)} customers, its peers on "
            f"{len(test)}, or on other outcomes; mend the row's overrides"
        )
    return held.loc[test.customers, name].to_numpy(float)


def _tuning(facts: dict[str, Any], settings: dict[str, Any]) -> float | None:
    found = (facts.get("claims") or {}).get("tuning", settings.get("roc_auc"))
    return None if found is None else float(found)
