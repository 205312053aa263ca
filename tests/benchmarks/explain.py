"""SHAP of ten thousand customers: exact contributions of trees, and the plots made of them."""

from __future__ import annotations

from functools import cache

import numpy as np
import xgboost as xgb

from features.schema import FeatureColumn, FeatureSchema
from tests.benchmarks.measure import in_a_process, report
from training import canvas
from training.calibrate import Sigmoid
from training.figures import explained
from training.model import Model
from training.predictors import Trees

CUSTOMERS, FEATURES, ROUNDS, DEPTH = 10_000, 60, 300, 6
BOUND_S = 10.0


@cache
def make_model(seed: int = 1) -> tuple[Model, np.ndarray]:
    """Return trees as large as tuning may make them, and the rows to explain."""
    rng = np.random.default_rng(seed)
    matrix = rng.gamma(1.5, 20.0, (CUSTOMERS, FEATURES))
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    odds = np.nan_to_num(np.log1p(matrix[:, :10])) @ rng.normal(size=10)
    left = rng.random(CUSTOMERS) < 1 / (1 + np.exp(-(odds - np.median(odds))))
    settings = {"objective": "binary:logistic", "max_depth": DEPTH, "eta": 0.05, "nthread": 2}
    booster = xgb.train(settings, xgb.DMatrix(matrix, left), num_boost_round=ROUNDS)
    columns = tuple(
        FeatureColumn(name, "number", (), "", name, name, name, False, None, False, f"made:{name}")
        for name in (f"feature {number}" for number in range(FEATURES))
    )
    model = Model("churn", "xgboost", FeatureSchema(columns), (Trees(booster),), Sigmoid(1.0, 0.0))
    return model, matrix


def explain() -> int:
    """Give every customer the exact contribution of every feature."""
    model, matrix = make_model()
    return len(model.explain(matrix).margin)


def explain_and_draw() -> int:
    """Explain them, and draw what MLflow keeps: beeswarm, bar, ten features in detail."""
    model, matrix = make_model()
    found = model.explain(matrix)
    drawn = explained("churn", model, matrix, found)
    pictures = [canvas.png(figure) for figure in drawn.values()]
    return len(found.margin) if all(pictures) else 0


def main() -> None:
    """Measure both, and write ``var/bench/explain.json``."""
    rows = [
        {"what": what, **in_a_process(work, 3)}
        for what, work in (("contributions", explain), ("with the plots", explain_and_draw))
    ]
    seconds = rows[-1]["median_s"]
    said = f"SHAP of {CUSTOMERS:,} customers with {FEATURES} features and its plots, seconds"
    bar = {"bar": said, "value": seconds, "bound": BOUND_S, "met": seconds <= BOUND_S}
    report("explain", rows, [bar])


if __name__ == "__main__":
    main()
