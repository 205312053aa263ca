"""Segments around cluster centres: a customer belongs to the nearest (k-means, Lloyd 1982)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from training.population import Population
from training.predictors import Contributions, Term
from training.segmenters.points import standardised, two_least
from training.segmenters.segmenter import Segment, Worth
from training.segmenters.written import read, write


@dataclass(frozen=True)
class Centres:
    """Cluster centres in standardised features; a row belongs to the nearest.

    A row's margin is how much nearer that is than the second nearest, in squared deviations; what
    each feature adds to it says what sets the segment apart.

    Parameters
    ----------
    way : str
    segments : tuple of Segment
    population : Population, optional
    features : int
        Columns of the schema.
    columns : tuple of Term
        What distances are taken in.
    centres : tuple of tuple of float
        For each segment its centre, in the columns' deviations.
    """

    way: str
    segments: tuple[Segment, ...]
    population: Population | None
    features: int
    columns: tuple[Term, ...]
    centres: tuple[tuple[float, ...], ...]
    kind: ClassVar[str] = "centres"
    suffix: ClassVar[str] = "json"

    @classmethod
    def of(
        cls,
        way: str,
        terms: Sequence[Term],
        centres: np.ndarray,
        segments: Sequence[Segment],
        features: int,
        population: Population | None,
    ) -> Centres:
        """Return the segments around centres, an array of shape (segments, terms)."""
        return cls(
            way=way,
            segments=tuple(segments),
            population=population,
            features=features,
            columns=tuple(terms),
            centres=tuple(tuple(float(x) for x in centre) for centre in centres),
        )

    @cached_property
    def _places(self) -> np.ndarray:
        """The centres by column, shape (columns, segments, 1)."""
        return np.asarray(self.centres).T[:, :, None].copy()

    def _distances(self, points: Sequence[np.ndarray]) -> np.ndarray:
        """Return squared distances, shape (segments, rows), added up column by column."""
        totals = np.zeros((len(self.centres), len(points[0])))
        for point, places in zip(points, self._places, strict=True):
            away = point - places
            totals += away * away
        return totals

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of the nearest centre."""
        return self._distances(standardised(self.columns, matrix)).argmin(axis=0)

    def contributions(
        self,
        matrix: np.ndarray,
        worth: Worth | None = None,
    ) -> Contributions:
        """Return what each feature adds to a row's being nearer its centre than the second."""
        points = standardised(self.columns, matrix)
        own, second = two_least(self._distances(points))
        values = np.zeros((len(matrix), self.features))
        for term, point, places in zip(self.columns, points, self._places[:, :, 0], strict=True):
            near, far = point - places[own], point - places[second]
            values[:, term.feature] += far * far - near * near
        return Contributions(values, 0.0)

    def to_bytes(self) -> bytes:
        """Return the centres as JSON."""
        return write(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Centres:
        """Read what `to_bytes` wrote."""
        held = read(content)
        held["columns"] = tuple(Term(**term) for term in held["columns"])
        held["centres"] = tuple(tuple(centre) for centre in held["centres"])
        return cls(**held)
