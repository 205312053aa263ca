"""SHAP of ten thousand customers: exact contributions of trees, and the plots made of them."""

from __future__ import annotations

from functools import cache, partial

import numpy as np
import xgboost as xgb

from features.schema import FeatureColumn, FeatureSchema
from tests.benchmarks.measure import in_a_process, report
from training import canvas
from training.calibrate import Sigmoid
from training.figures import explained
from training.model import Model
from training.predictors import Trees

CUSTOMERS, FEATURES = 10_000, 60
USUAL, LARGEST = (200, 3), (300, 6)
"""Rounds and depth: of the settings a study begins with, and of the largest trees it may choose."""

BOUNDS_S = {USUAL: 10.0, LARGEST: 60.0}


@cache
def make_model(rounds: int, depth: int) -> tuple[Model, np.ndarray]:
    """Return trees of a size, and the rows to explain."""
    rng = np.random.default_rng(1)
    matrix = rng.gamma(1.5, 20.0, (CUSTOMERS, FEATURES))
    matrix[rng.random(matrix.shape) < 0.05] = np.nan
    odds = np.nan_to_num(np.log1p(matrix[:, :10])) @ rng.normal(size=10)
    left = rng.random(CUSTOMERS) < 1 / (1 + np.exp(-(odds - np.median(odds))))
    settings = {"objective": "binary:logistic", "max_depth": depth, "eta": 0.05, "nthread": 2}
    booster = xgb.train(settings, xgb.DMatrix(matrix, left), num_boost_round=rounds)
    columns = tuple(
        FeatureColumn(name, "number", (), "", name, name, name, False, None, False, f"made:{name}")
        for name in (f"feature {number}" for number in range(FEATURES))
    )
    model = Model("churn", "xgboost", FeatureSchema(columns), (Trees(booster),), Sigmoid(1.0, 0.0))
    return model, matrix


def explain(rounds: int, depth: int) -> int:
    """Give every customer the exact contribution of every feature."""
    model, matrix = make_model(rounds, depth)
    return len(model.explain(matrix).margin)


def explain_and_draw(rounds: int, depth: int) -> int:
    """Explain them, and draw what MLflow keeps: beeswarm, bar, ten features in detail."""
    model, matrix = make_model(rounds, depth)
    found = model.explain(matrix)
    pictures = [canvas.png(each) for each in explained("churn", model, matrix, found).values()]
    return len(found.margin) if all(pictures) else 0


def main() -> None:
    """Measure both sizes, and write ``var/bench/explain.json``."""
    rows, bars = [], []
    for size, bound in BOUNDS_S.items():
        named = f"{size[0]} trees of depth {size[1]}"
        for what, work in (("contributions", explain), ("with the plots", explain_and_draw)):
            rows.append({"what": f"{named}: {what}", **in_a_process(partial(work, *size), 1)})
        seconds = rows[-1]["median_s"]
        bars.append({"bar": named, "value": seconds, "bound": bound, "met": seconds <= bound})
    report("explain", rows, bars)


if __name__ == "__main__":
    main()
