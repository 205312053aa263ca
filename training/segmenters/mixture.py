"""Segments as the components of a Gaussian mixture: a customer belongs to the most probable."""

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
class Mixture:
    """A Gaussian mixture with diagonal covariances in standardised features.

    A row belongs to the component of the highest log density plus log weight. Its margin, which
    the features add up to, is the log density under that one less that under the next; the
    weights' part is of no feature and left out, so where a large component takes a row from
    between two, the margin may be below 0.

    Parameters
    ----------
    way : str
    segments : tuple of Segment
    population : Population, optional
    features : int
        Columns of the schema.
    columns : tuple of Term
        What densities are taken in.
    weights : tuple of float
        Each segment's share of the customers it was fitted on.
    means, variances : tuple of tuple of float
        For each segment, in the columns' deviations and their squares.
    """

    way: str
    segments: tuple[Segment, ...]
    population: Population | None
    features: int
    columns: tuple[Term, ...]
    weights: tuple[float, ...]
    means: tuple[tuple[float, ...], ...]
    variances: tuple[tuple[float, ...], ...]
    kind: ClassVar[str] = "mixture"
    suffix: ClassVar[str] = "json"

    @classmethod
    def of(
        cls,
        way: str,
        terms: Sequence[Term],
        weights: np.ndarray,
        means: np.ndarray,
        variances: np.ndarray,
        segments: Sequence[Segment],
        features: int,
        population: Population | None,
    ) -> Mixture:
        """Return the segments of a mixture; means and variances of shape (segments, terms)."""
        return cls(
            way=way,
            segments=tuple(segments),
            population=population,
            features=features,
            columns=tuple(terms),
            weights=tuple(float(x) for x in weights),
            means=tuple(tuple(float(x) for x in mean) for mean in means),
            variances=tuple(tuple(float(x) for x in variance) for variance in variances),
        )

    @cached_property
    def _by_column(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Means, variances and their logarithms, each of shape (columns, segments, 1)."""
        means = np.asarray(self.means).T[:, :, None].copy()
        variances = np.asarray(self.variances).T[:, :, None].copy()
        return means, variances, np.log(variances)

    @cached_property
    def _start(self) -> np.ndarray:
        return -2.0 * np.log(np.asarray(self.weights))[:, None]

    def _surprise(self, points: Sequence[np.ndarray]) -> np.ndarray:
        """Return −2 (log density + log weight), less what all share, shape (segments, rows)."""
        totals = np.repeat(self._start, len(points[0]), axis=1)
        for point, mean, variance, log in zip(points, *self._by_column, strict=True):
            away = point - mean
            totals += away * away / variance + log
        return totals

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of the most probable component."""
        return self._surprise(standardised(self.columns, matrix)).argmin(axis=0)

    def probabilities(self, matrix: np.ndarray) -> np.ndarray:
        """Return how probable each component is, shape (rows, segments); rows sum to 1."""
        surprise = self._surprise(standardised(self.columns, matrix))
        shares = np.exp(-0.5 * (surprise - surprise.min(axis=0)))
        total = np.zeros(len(matrix))
        for share in shares:
            total += share
        return np.ascontiguousarray((shares / total).T)

    def contributions(
        self,
        matrix: np.ndarray,
        worth: Worth | None = None,
    ) -> Contributions:
        """Return each feature's log density under the own component less that under the next."""
        points = standardised(self.columns, matrix)
        own, second = two_least(self._surprise(points))
        values = np.zeros((len(matrix), self.features))
        for term, point, mean, variance, log in zip(
            self.columns, points, *(held[:, :, 0] for held in self._by_column), strict=True
        ):
            near, far = point - mean[own], point - mean[second]
            surprise = far * far / variance[second] + log[second]
            values[:, term.feature] += 0.5 * (surprise - near * near / variance[own] - log[own])
        return Contributions(values, 0.0)

    def to_bytes(self) -> bytes:
        """Return the mixture as JSON."""
        return write(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Mixture:
        """Read what `to_bytes` wrote."""
        held = read(content)
        held["columns"] = tuple(Term(**term) for term in held["columns"])
        held["weights"] = tuple(held["weights"])
        held["means"] = tuple(tuple(mean) for mean in held["means"])
        held["variances"] = tuple(tuple(variance) for variance in held["variances"])
        return cls(**held)
