"""The grid of recency, frequency and monetary value in fifths, under its usual names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from configs.errors import StamkundeError
from features.schema import FeatureSchema
from training.population import Population
from training.predictors import Contributions
from training.segmenters.columns import column_of
from training.segmenters.segmenter import Segment, Worth
from training.segmenters.written import read, write

SEGMENTS = (
    Segment(1, "Champions", "Topkunder"),
    Segment(2, "Loyal customers", "Loyale kunder"),
    Segment(3, "Potential loyalists", "På vej til at blive loyale"),
    Segment(4, "New customers", "Nye kunder"),
    Segment(5, "Promising", "Lovende"),
    Segment(6, "Need attention", "Kræver opmærksomhed"),
    Segment(7, "About to sleep", "Ved at falde i søvn"),
    Segment(8, "At risk", "I farezonen"),
    Segment(9, "Cannot lose them", "Må ikke mistes"),
    Segment(10, "Hibernating", "I dvale"),
    Segment(11, "Lost", "Tabte"),
)
"""The usual names; their ids are these for ever."""

GRID = (
    (11, 10, 7, 5, 4),
    (10, 10, 7, 3, 3),
    (8, 8, 6, 3, 3),
    (8, 8, 2, 2, 1),
    (9, 9, 2, 2, 1),
)
"""Ids by the score of frequency and money together (1 to 5, down) and of recency (1 to 5, across).

The grid in common use, after Putler's (www.putler.com/rfm-analysis), has ten names. The eleventh of
Putler's list is Lost, of the lowest scores in all: it has that one cell, which the grid in common
use leaves with Hibernating.
"""

MIDDLE = 3
_FIFTHS = 5


@dataclass(frozen=True)
class RfmGrid:
    """Scores from 1 to 5 of recency, frequency and monetary value, and the segments of them.

    Parameters
    ----------
    way : str
    segments : tuple of Segment
        `SEGMENTS`.
    population : Population, optional
    features : int
        Columns of the schema.
    columns : tuple of int
        The columns of recency, frequency and monetary value.
    edges : tuple of tuple of float
        For each of the three, the four highest values of a fifth that has others above it.
    """

    way: str
    segments: tuple[Segment, ...]
    population: Population | None
    features: int
    columns: tuple[int, ...]
    edges: tuple[tuple[float, ...], ...]
    kind: ClassVar[str] = "rfm"
    suffix: ClassVar[str] = "json"

    @cached_property
    def _places(self) -> np.ndarray:
        """The grid as places in `segments`."""
        ids = [segment.id for segment in self.segments]
        return np.array([[ids.index(each) for each in row] for row in GRID])

    @cached_property
    def _edges(self) -> tuple[np.ndarray, ...]:
        return tuple(np.asarray(edges) for edges in self.edges)

    def _scored(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        columns = [np.ascontiguousarray(matrix[:, index]) for index in self.columns]
        recency, frequency, money = (
            edges.searchsorted(column) for edges, column in zip(self._edges, columns, strict=True)
        )  # which puts missing values last
        scores = _FIFTHS - recency, frequency + 1, money + 1
        for score, column in zip(scores, columns, strict=True):
            score[np.isnan(column)] = 1
        return scores

    def scores(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's scores of recency (5: the latest), frequency and monetary value.

        Equal values have equal scores, and a missing one the lowest.

        Returns
        -------
        ndarray of int, shape (rows, 3)
        """
        return np.column_stack(self._scored(matrix))

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of the cell's segment; the mean of F and M is rounded half up."""
        recency, frequency, money = self._scored(matrix)
        return self._places[(frequency + money + 1) // 2 - 1, recency - 1]

    def contributions(
        self,
        matrix: np.ndarray,
        worth: Worth | None = None,
    ) -> Contributions:
        """Return by how many points each of the three lies above the middle score."""
        values = np.zeros((len(matrix), self.features))
        for column, score in zip(self.columns, self._scored(matrix), strict=True):
            values[:, column] += score - MIDDLE
        return Contributions(values, 0.0)

    def to_bytes(self) -> bytes:
        """Return the edges as JSON."""
        return write(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> RfmGrid:
        """Read what `to_bytes` wrote."""
        held = read(content)
        held["columns"] = tuple(held["columns"])
        held["edges"] = tuple(tuple(edges) for edges in held["edges"])
        return cls(**held)


def fit(
    way: str,
    schema: FeatureSchema,
    matrix: np.ndarray,
    recency: str,
    frequency: str,
    monetary: str,
    population: Population | None,
) -> RfmGrid:
    """Lay the edges of the fifths.

    Parameters
    ----------
    way : str
        Its name in the config.
    schema : FeatureSchema
    matrix : ndarray, shape (customers, features)
        The customers of the population.
    recency, frequency, monetary : str
        Features of the schema.
    population : Population, optional

    Raises
    ------
    StamkundeError
        If the schema lacks a feature, or nobody has a value of it.
    """
    columns = tuple(column_of(way, schema, name) for name in (recency, frequency, monetary))
    edges = tuple(_fifths(way, schema.names[index], matrix[:, index]) for index in columns)
    return RfmGrid(way, SEGMENTS, population, len(schema.columns), columns, edges)


def _fifths(way: str, name: str, values: np.ndarray) -> tuple[float, ...]:
    """Return the highest value of each fifth but the last; of so many, counted in whole numbers."""
    present: Sequence[float] = np.sort(values[~np.isnan(values)]).tolist()
    if not present:
        raise StamkundeError(
            f"segments.{way}: no customer has a value of {name}, so there are no fifths of it; "
            "bring more history"
        )
    return tuple(present[-(-fifth * len(present) // _FIFTHS) - 1] for fifth in range(1, _FIFTHS))
