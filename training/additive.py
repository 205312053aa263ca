"""A generalised additive model: a shape of each feature, added up in the margin.

Hastie & Tibshirani (1986), Generalized Additive Models, Statistical Science 1(3). The shapes are
piecewise linear in the signed logarithm of the feature, with a value of their own where it is
missing, and shrunk towards nothing. On bases of a few thousand customers they lose less than
trees do where data are thin, and each shape can be drawn.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from functools import cached_property
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
        from training import term_kernels  # compiled by then

        values = np.zeros((len(matrix), self.features))
        term_kernels.set_shapes(np.ascontiguousarray(matrix, float), *self._arrays, values)
        return Contributions(values, self.intercept)

    @cached_property
    def _arrays(self) -> tuple[np.ndarray, ...]:
        """The shapes one after the other, as `set_shapes` takes them."""
        features = [shape.feature for shape in self.shapes]
        begins = np.cumsum([0, *(len(shape.knots) for shape in self.shapes)])
        knots = [knot for shape in self.shapes for knot in shape.knots]
        values = [value for shape in self.shapes for value in shape.values]
        return (
            np.array(features, np.int64),
            np.array([feature not in self.categorical for feature in features], np.int64),
            begins.astype(np.int64),
            *(np.array(held, float) for held in (knots, values)),
            np.array([shape.missing for shape in self.shapes], float),
        )

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
