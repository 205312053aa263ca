"""Which study a run takes up: that of the same data, config, features, libraries and code."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import ModuleType

from configs.schema import Config
from features import labels, timeline
from features.schema import FeatureSchema
from training import (
    additive,
    blend,
    curve,
    draws,
    ensemble,
    families,
    learned,
    metrics,
    predictors,
    probability,
    pruning,
    shapes,
    split,
    trees,
    tune,
)
from training import space as space_of_study
from training.facts import Origin
from training.model import Task
from training.segmenters import mixture, points
from training.study import Place

SEARCH = (
    *(additive, blend, ensemble, families, shapes, trees),
    *(learned, probability, split, metrics, predictors, labels, timeline),
    *(space_of_study, draws, pruning, curve, mixture, points),
)
"""What the value of a trial depends on besides its task."""


def study_place(
    config: Config, task: Task, origin: Origin, schema: FeatureSchema, kind: ModuleType
) -> Place:
    """Return where the study of a run is kept.

    Parameters
    ----------
    config : Config
    task : {"churn", "clv", "segments"}
    origin : Origin
    schema : FeatureSchema
    kind : module
        What the task's trials are made by.
    """
    code = [inspect.getsource(module) for module in (kind, *SEARCH)]
    depends = repr((schema.digest, sorted(origin.papers["libraries"].items()), code))
    name = tune.study_name(config, task, origin.fingerprint, depends)
    return Place(Path(config.paths.mlruns) / "studies", name, config.tuning.storage)
