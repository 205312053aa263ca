"""Models to report with, as large as those that a training ends with.

Churn and value are 200 trees of depth 4, fitted on what came of one cut-off, with the columns that
a probability model adds; segments are of four ways. Nothing is searched for, and no gate is passed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import xgboost as xgb

from configs.schema import Clv, Config, Lapse
from features.build import build, schema_of
from features.schema import FeatureSchema
from features.source import Tables, load_tables
from tests import factories
from training.calibrate import Exponential, Scale, Sigmoid
from training.if_stays import IfStays
from training.learned import Learned
from training.model import Model, Task
from training.population import Population
from training.predictors import Trees, feature_types
from training.probability import BGNBD
from training.segmentation import potential
from training.segmenters import rfm
from training.segmenters.value import ValueTenths
from training.split import Examples, population_of, with_outcomes
from training.timing import Timing

LAST = date(2025, 12, 31)
"""The day that outcomes are known until."""

TREES = 200
SETTINGS = {"max_depth": 4, "eta": 0.05, "subsample": 0.8, "seed": 1, "nthread": 2}


@dataclass(frozen=True)
class _Sample:
    """Customers as of a cut-off: their features, those learned among them, and who is asked."""

    config: Config
    tables: Tables
    inputs: FeatureSchema
    schema: FeatureSchema
    built: np.ndarray
    rows: Examples
    learned: Learned
    active: Population

    def trees(self, task: Lapse | Clv, objective: str) -> tuple[Trees, Examples]:
        """Fit trees to what came of those who are asked."""
        asked = self.rows.take(self.active.holds(self.schema, self.rows.matrix))
        came = with_outcomes(self.config, self.tables, task, asked)
        kinds = feature_types([column.kind == "category" for column in self.schema.columns])
        label = np.maximum(came.target, 0.0)
        data = xgb.DMatrix(came.matrix, label, feature_types=kinds, enable_categorical=True)
        settings = {**SETTINGS, "objective": objective}
        return Trees(xgb.train(settings, data, num_boost_round=TREES)), came


def make(folder: Path, config: Config) -> dict[Task, Path]:
    """Fit the models of a base, and write a bundle of each."""
    sample = _sample(config)
    made = {
        model.task: factories.make_bundle(
            folder / model.task, config, model, sample.rows.matrix[:, : len(model.schema.columns)]
        )
        for model in (_churn(sample), _value(sample), _segments(sample))
    }
    return {task: bundle.path for task, bundle in made.items()}


def _sample(config: Config) -> _Sample:
    assert config.clv is not None
    tables, cutoff = load_tables(config), LAST - timedelta(days=config.clv.horizon)
    inputs, frame = schema_of(config, tables), build(config, tables, [cutoff])
    built = inputs.encode(frame)
    learned = Learned(config.clv.horizon, BGNBD(r=0.9, alpha=30.0, a=0.8, b=2.4))
    matrix = np.column_stack([built, learned.values(inputs, built)])
    ids, as_of = frame["customer_id"].to_numpy(), frame["as_of"].to_numpy()
    rows = Examples(ids, as_of, matrix, np.zeros(len(matrix)))
    schema, active = learned.extend(inputs), population_of(config.clv)
    return _Sample(config, tables, inputs, schema, built, rows, learned, active)


def _churn(sample: _Sample) -> Model:
    task = sample.config.churn
    assert isinstance(task, Lapse)
    trees, _ = sample.trees(task, "binary:logistic")
    return Model(
        "churn",
        "xgboost",
        sample.schema,
        (trees,),
        Sigmoid(1.0, 0.0),
        population=sample.active,
        learned=sample.learned,
        timing=Timing.of(sample.config),
    )


def _value(sample: _Sample) -> Model:
    assert sample.config.clv is not None
    trees, came = sample.trees(sample.config.clv, "reg:tweedie")
    told = np.exp(trees.margin(came.matrix))
    return Model(
        "clv",
        "xgboost",
        sample.schema,
        (trees,),
        Exponential(1.0),
        population=sample.active,
        floor=0.0,
        learned=sample.learned,
        if_stays=IfStays.fit(told, came.target),
    )


def _segments(sample: _Sample) -> Model:
    config, inputs, built = sample.config, sample.inputs, sample.built
    window = config.features.windows[-1]
    grid = ("days_since_purchase", f"purchases_in_{window}d", f"spend_in_{window}d")
    asked = built[sample.active.holds(inputs, built)]
    ways = (
        factories.make_centres(inputs, built),
        rfm.fit("rfm", inputs, built, *grid, None),
        factories.make_lifecycle(inputs, config.features.windows),
        ValueTenths("value", sample.active, potential.fit(config, "value", inputs, asked)),
    )
    return Model("segments", "segments", inputs, (), Scale(1.0), segmenters=ways)
