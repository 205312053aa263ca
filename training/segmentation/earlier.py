"""The clusters of the fit before, asked of today's customers: what a new fit is to be like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from features.schema import FeatureError, FeatureSchema
from training.bundle import Bundle
from training.segmentation import behaviour
from training.segmentation.matching import Matching, match, persisting, starting_centres
from training.segmenters.centres import Centres
from training.segmenters.mixture import Mixture
from training.segmenters.segmenter import NOBODY

Clusters = Centres | Mixture


@dataclass(frozen=True)
class Earlier:
    """The clusters of the fit before.

    Parameters
    ----------
    clusters : Centres or Mixture
    first_free : int
        The first id that no segment ever had.
    labels : ndarray of int, shape (customers,), optional
        Each of today's customers' place in them; None where they can no longer be asked.
    found_with : mapping
        The settings of their study; empty where today's features are others.
    unmatched : str
        Why they can't, in a sentence.
    """

    clusters: Clusters
    first_free: int
    labels: np.ndarray | None
    found_with: Mapping[str, Any] = field(default_factory=dict)
    unmatched: str = ""

    @classmethod
    def of(
        cls, previous: Bundle | None, way: str, frame: pd.DataFrame, schema: FeatureSchema
    ) -> Earlier | None:
        """Return the clusters that a bundle has of a way; None if it has none.

        Parameters
        ----------
        previous : Bundle, optional
        way : str
        frame : DataFrame
            Today's customers, as `build` makes them.
        schema : FeatureSchema
            Of what is built today.
        """
        held = previous.model.segmenters if previous else ()
        old = next((each for each in held if each.way == way), None)
        if previous is None or not isinstance(old, Centres | Mixture):
            return None
        first_free = int(previous.manifest["settings"][f"{way}.next_id"])
        try:
            previous.model.schema.check_definitions(schema)
            matrix = previous.model.schema.encode(frame)
        except FeatureError as error:
            told = f"The segments of the version before could not be held against these: {error}."
            return cls(old, first_free, None, unmatched=told)
        labels = old.assign(matrix)
        if old.population:
            labels = np.where(old.population.holds(previous.model.schema, matrix), labels, NOBODY)
        same = previous.model.schema.digest == schema.digest
        return cls(old, first_free, labels, settings(previous) if same else {})

    def stand(
        self, fresh: Clusters, chosen: Mapping[str, Any], matrix: np.ndarray, rows: np.ndarray
    ) -> bool:
        """Say whether the earlier segments are of today's customers nearly as good as new ones.

        They are where they were found with the same settings, of the same population, and the
        squares within them, in the columns of the new fit, are not clearly more.

        Parameters
        ----------
        fresh : Centres or Mixture
            The new fit.
        chosen : mapping
            Its settings.
        matrix : ndarray, shape (customers, features)
            Today's.
        rows : ndarray of bool, shape (customers,)
            Who of them is of its population.
        """
        of_today = self.labels is not None and self.clusters.population == fresh.population
        if not of_today or self.found_with != chosen:
            return False
        points = behaviour.points_of(matrix[rows], fresh.columns)
        assert self.labels is not None
        held = _squares_within(points, self.labels[rows])
        return held <= (1 + behaviour.CLEARLY) * _squares_within(points, fresh.assign(matrix[rows]))

    def kept_by(
        self, fresh: Clusters, matrix: np.ndarray, rows: np.ndarray
    ) -> tuple[Clusters, Matching | None]:
        """Give a new fit's segments the ids and names of those that they were.

        Parameters
        ----------
        fresh : Centres or Mixture
            Numbered from 1.
        matrix : ndarray, shape (customers, features)
            Today's.
        rows : ndarray of bool, shape (customers,)
            Who of them is of its population.
        """
        if self.labels is None:
            moved = (replace(each, id=self.first_free + each.id - 1) for each in fresh.segments)
            return replace(fresh, segments=tuple(moved)), None
        both = rows & (self.labels != NOBODY)
        then, now = self.labels[both], fresh.assign(matrix[both])
        points = behaviour.points_of(matrix[both], fresh.columns)
        before = _middles(points, then, len(self.clusters.segments))
        after = _middles(points, now, len(fresh.segments))
        whole = not (np.isnan(before).any() or np.isnan(after).any())  # else members alone decide
        found = match(
            self.clusters.segments,
            len(fresh.segments),
            self.first_free,
            then,
            now,
            before if whole else None,
            after if whole else None,
        )
        names, names_da = zip(*((each.name, each.name_da) for each in fresh.segments), strict=True)
        segments = persisting(self.clusters.segments, found, names, names_da)
        return replace(fresh, segments=segments), found


def begun(earlier: Earlier | None, points: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
    """Return where a new fit of these points may begin: at the means of the earlier segments."""
    if earlier is None or earlier.labels is None:
        return None
    return starting_centres(points, earlier.labels[rows], len(earlier.clusters.segments))


def settings(previous: Bundle | None) -> dict[str, Any]:
    """Return what the clusters of a bundle were found with; nothing if it has none."""
    held: Mapping[str, Any] = previous.manifest["settings"] if previous else {}
    return {name: held[name] for name in behaviour.SETTINGS if name in held}


def _squares_within(points: np.ndarray, places: np.ndarray) -> float:
    """Return the sum of squared distances to the means of the segments."""
    means = _middles(points, places, int(places.max()) + 1)
    return float(np.sum((points - means[places]) ** 2))


def _middles(points: np.ndarray, places: np.ndarray, count: int) -> np.ndarray:
    """Return the mean of each segment's customers; not a number of a segment without any."""
    sums, sizes = np.zeros((count, points.shape[1])), np.bincount(places, minlength=count)
    np.add.at(sums, places, points)
    return np.where(sizes[:, None] > 0, sums / np.maximum(sizes, 1)[:, None], np.nan)
