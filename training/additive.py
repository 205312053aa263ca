"""A generalised additive model: a shape of each feature, added up in the margin.

Hastie & Tibshirani (1986), Generalized Additive Models, Statistical Science 1(3). The shapes are
piecewise linear in the signed logarithm of the feature, with a value of their own where it is
missing, and shrunk towards nothing. On bases of a few thousand customers they lose less than
trees do where data are thin, and each shape can be drawn.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from training.predictors import Contributions


@dataclass(frozen=True)
class Shape:
    """What one feature adds.

    Parameters
    ----------
    feature : int
        The column in the schema.
    knots : tuple of float
        Rising, on the scale of `signed_log`; a category's numbers for a category.
    values : tuple of float
        What is added at each knot: between them in a straight line, beyond them as at the last.
    missing : float
        What is added where the feature is missing.
    """

    feature: int
    knots: tuple[float, ...]
    values: tuple[float, ...]
    missing: float

    def at(self, column: np.ndarray, categorical: bool) -> np.ndarray:
        """Return what the feature adds to each row."""
        place = column if categorical else signed_log(column)
        return np.where(np.isnan(column), self.missing, np.interp(place, self.knots, self.values))


@dataclass(frozen=True)
class Additive:
    """The sum of the shapes; each averages to nothing over the training rows."""

    features: int
    intercept: float
    shapes: tuple[Shape, ...]
    categorical: tuple[int, ...]
    kind: ClassVar[str] = "additive"
    suffix: ClassVar[str] = "json"

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return each feature's shape at the row's value; the intercept is the base."""
        values = np.zeros((len(matrix), self.features))
        for shape in self.shapes:
            column = matrix[:, shape.feature]
            values[:, shape.feature] = shape.at(column, shape.feature in self.categorical)
        return Contributions(values, self.intercept)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the intercept and the sum of the shapes."""
        return self.contributions(matrix).margin

    def explained(self, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
        """Return margins and contributions, worked out once."""
        found = self.contributions(matrix)
        return found.margin, found

    def to_bytes(self) -> bytes:
        """Return the shapes as JSON."""
        held = {**asdict(self), "shapes": [asdict(shape) for shape in self.shapes]}
        return (json.dumps(held, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> Additive:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        shapes = tuple(
            Shape(each["feature"], tuple(each["knots"]), tuple(each["values"]), each["missing"])
            for each in held["shapes"]
        )
        return cls(held["features"], held["intercept"], shapes, tuple(held["categorical"]))


def signed_log(values: np.ndarray) -> np.ndarray:
    """Return sign(x) · log(1 + |x|), in which counts and money spread evenly."""
    return np.sign(values) * np.log1p(np.abs(values))
