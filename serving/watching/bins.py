"""The bins that a bundle's reference counted its training rows in, and how others fall in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from features.schema import FeatureColumn
from training.bundle import Bundle

_FEW_CUTS = 64  # up to so many, comparing with each is quicker than searching


@dataclass(frozen=True)
class Bins:
    """The bins of one column: those between its cuts, then missing, and of a category unseen.

    Parameters
    ----------
    name : str
        The column's, or `SCORE`.
    cuts : ndarray, rising
        A value of a cut or above lies beyond it; the bins at the ends are open.
    expected : ndarray of int, shape (cuts + 3,)
        How many rows of the reference are in each: between the cuts, missing, unseen.
    """

    name: str
    cuts: np.ndarray
    expected: np.ndarray

    def count(self, values: np.ndarray, unseen: int = 0) -> np.ndarray:
        """Return how many values are in each bin.

        Parameters
        ----------
        values : ndarray, shape (rows,)
            NaN for missing; of a category its number.
        unseen : int
            How many of the missing have a category that was not seen in training.
        """
        missing = int(np.count_nonzero(np.isnan(values)))
        if len(self.cuts) > _FEW_CUTS:
            places = np.searchsorted(self.cuts, values[~np.isnan(values)], side="right")
            between = np.bincount(places, minlength=len(self.cuts) + 1)
        else:
            beyond = [np.count_nonzero(values >= cut) for cut in self.cuts]  # NaN is beyond none
            between = -np.diff([len(values) - missing, *beyond, 0])
        return np.array([*between, missing - unseen, unseen], dtype=np.int64)


SCORE = "score"
"""What stands in a column's place for the scores themselves."""


@dataclass(frozen=True)
class Reference:
    """The bins of what a bundle of churn or CLV takes, and of what it serves.

    Parameters
    ----------
    bundle : Bundle
    """

    bundle: Bundle

    @cached_property
    def features(self) -> tuple[Bins, ...]:
        """The bins of its features in the schema's order, those that are learned too."""
        held = self.bundle.reference
        return tuple(_of(column, held[column.name]) for column in self.bundle.model.schema.columns)

    @cached_property
    def scores(self) -> Bins:
        """The bins of the values that it served on the rows it was reported on."""
        held = self.bundle.scores or {}
        edges = np.unique(held["edges"])
        inner = edges[1:-1] if len(edges) > 1 else _around(edges)
        # What was made before the counts were kept has distinct tenths, each of a tenth.
        counts = held.get("counts", [held["rows"] / (len(edges) - 1)] * (len(edges) - 1))
        if len(edges) == 1:
            counts = [0, held["rows"], 0]
        return Bins(SCORE, inner, np.array([*counts, 0, 0]))

    def count(self, rows: Rows, learned: np.ndarray, served: np.ndarray) -> dict[str, np.ndarray]:
        """Return how rows that have a score fall into the bins, by feature and of `SCORE`.

        Parameters
        ----------
        rows : Rows
            The features that the model is given.
        learned : ndarray, shape (rows, learned columns)
        served : ndarray, shape (rows,)
        """
        wide = len(rows.columns)
        own, more = self.features[:wide], self.features[wide:]
        counted = {bins.name: rows.count(place, bins) for place, bins in enumerate(own)}
        counted |= {b.name: b.count(held) for b, held in zip(more, learned.T.copy(), strict=True)}
        return {**counted, SCORE: self.scores.count(served)}


class Rows:
    """Rows of features by column, each counted once though several bundles ask for its bins.

    Parameters
    ----------
    matrix : ndarray, shape (rows, features)
    unseen : mapping of str to int
        How many rows have a category of a feature that was not seen in training.
    """

    def __init__(self, matrix: np.ndarray, unseen: Mapping[str, int]) -> None:
        self.columns = np.ascontiguousarray(matrix.T)
        self._unseen = unseen
        self._counted: dict[tuple[int, bytes], np.ndarray] = {}

    def count(self, place: int, bins: Bins) -> np.ndarray:
        """Return how many values of a column are in each bin."""
        key = place, bins.cuts.tobytes()
        if key not in self._counted:
            self._counted[key] = bins.count(self.columns[place], self._unseen.get(bins.name, 0))
        return self._counted[key]


def _of(column: FeatureColumn, held: Mapping[str, Any]) -> Bins:
    missing = held["missing"]
    if column.kind == "category":
        counts = [held["counts"].get(name, 0) for name in column.categories]
        cuts = np.arange(1.0, len(column.categories))
        return _bins(column.name, cuts, counts or [0], missing)
    if "values" in held:
        # Each value is a bin, and what lies below the least and above the greatest is two more.
        values = np.array(held["values"])
        cuts = np.append(values, np.nextafter(values[-1], np.inf))
        return _bins(column.name, cuts, [0, *held["of_each"], 0], missing)
    edges = np.array(held.get("edges", []))
    if len(edges) > 1:
        return _bins(column.name, edges[1:-1], held["counts"], missing)
    if len(edges) == 1:
        return _bins(column.name, _around(edges), [0, held["rows"] - missing, 0], missing)
    return _bins(column.name, np.empty(0), [0], missing)


def _bins(name: str, cuts: np.ndarray, counts: Sequence[int], missing: int) -> Bins:
    return Bins(name, cuts, np.array([*counts, missing, 0]))


def _around(one: np.ndarray) -> np.ndarray:
    """Return the cuts that set one value apart from all below and above."""
    return np.array([one[0], np.nextafter(one[0], np.inf)])
