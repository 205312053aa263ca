"""Whom a model may be asked about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.schema import FeatureSchema


@dataclass(frozen=True)
class Population:
    """Whom a model may be asked about: customers with a feature within bounds, both included."""

    feature: str
    at_most: float | None = None
    at_least: float | None = None

    def __post_init__(self) -> None:
        if self.at_most is None and self.at_least is None:
            raise ValueError(f"a population by {self.feature} needs a bound: at_most or at_least")

    def holds(self, schema: FeatureSchema, matrix: np.ndarray) -> np.ndarray:
        """Return which rows are of it; one whose feature is missing is not."""
        values = matrix[:, schema.names.index(self.feature)]
        least = -np.inf if self.at_least is None else self.at_least
        most = np.inf if self.at_most is None else self.at_most
        return (values >= least) & (values <= most)
