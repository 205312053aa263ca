"""All that a base's models see: the features that are built, then the columns that they learn."""

from __future__ import annotations

from configs.schema import Config
from features.catalogue import Described
from features.catalogue import describe as describe_built
from training.learned import HISTORY, columns


def describe(config: Config) -> list[Described]:
    """Return the features of a base, then the columns that are learned for each task's horizon."""
    told = describe_built(config)
    if set(HISTORY) <= {each.column.name for each in told}:
        horizons = {getattr(task, "horizon", 0) for task in (config.churn, config.clv)}
        for horizon in sorted(horizons - {0}):
            told += [Described(column, "learned") for column in columns(horizon)]
    return told
