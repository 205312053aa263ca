"""Which segments a release's bundle puts customers in, way by way; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.bundle import Bundle
from training.reasons import Vocabulary
from training.segmenters.segmenter import NOBODY, Segment, Segmenter, Worth
from training.segmenters.value import ValueTenths

INACTIVE = "inactive"
NO_VALUE = "no_value"
OUT_OF_RANGE = "out_of_range"

_LARGEST = 1e15  # XGBoost takes float32, and refuses all rows over one infinity


@dataclass(frozen=True)
class WayScores:
    """What one way of telling customers apart says of every row.

    Parameters
    ----------
    segmenter : Segmenter
    places : ndarray of int
        Of each row's segment among the way's; `NOBODY` where a code stands instead.
    codes : list of str or None
        ``inactive`` outside its population, ``out_of_range`` where features are so extreme that
        there is no finite answer, ``no_value`` where no lifetime value is served that it is of.
    contributions : ndarray, shape (rows, features)
        What each feature adds to being of the segment.
    potential : ndarray, optional
        In money over the horizon of lifetime value: what customers alike spend at their best.
    """

    segmenter: Segmenter
    places: np.ndarray
    codes: list[str | None]
    contributions: np.ndarray
    potential: np.ndarray | None = None

    def segment(self, row: int) -> Segment | None:
        """Return a row's segment."""
        place = int(self.places[row])
        return None if place == NOBODY else self.segmenter.segments[place]


@dataclass(frozen=True)
class Segmented:
    """What a bundle of segments says of every row."""

    bundle: Bundle
    vocabulary: Vocabulary
    ways: Mapping[str, WayScores]


def in_range(matrix: np.ndarray) -> np.ndarray:
    """Return which rows have no feature so extreme that a model has no finite answer."""
    return ~np.any(np.abs(matrix) > _LARGEST, axis=1)


def segmented(
    bundle: Bundle,
    matrix: np.ndarray,
    vocabulary: Vocabulary,
    worth: Worth | None,
    explained: bool = True,
) -> Segmented:
    """Return the segments of rows.

    Parameters
    ----------
    bundle : Bundle
    vocabulary : Vocabulary
        The words of its features.
    matrix : ndarray, shape (rows, features)
    worth : Worth, optional
        The rows' lifetime values, where the release serves them.
    explained : bool
        Whether to find contributions; without, there are none of any feature.
    """
    sane = in_range(matrix)
    return Segmented(
        bundle,
        vocabulary,
        {
            held.way: _scores(bundle, held, matrix, worth, sane, explained)
            for held in bundle.model.segmenters
        },
    )


def _scores(
    bundle: Bundle,
    held: Segmenter,
    matrix: np.ndarray,
    worth: Worth | None,
    sane: np.ndarray,
    explained: bool,
) -> WayScores:
    everybody = np.ones(len(matrix), dtype=bool)
    asked = held.population.holds(bundle.model.schema, matrix) if held.population else everybody
    rows = np.flatnonzero(asked & sane)
    theirs = Worth(worth.values[rows], worth.edges) if worth else None
    places = np.full(len(matrix), NOBODY)
    places[rows] = held.assign(matrix[rows], theirs)
    contributions = np.full((len(matrix), matrix.shape[1] if explained else 0), np.nan)
    if explained:
        contributions[rows] = held.contributions(matrix[rows], theirs).values + 0.0
    potential = None
    if isinstance(held, ValueTenths):
        potential = np.full(len(matrix), np.nan)
        potential[rows] = held.potential(matrix[rows])
    codes = [
        None if place != NOBODY else _code(within, fine)
        for place, within, fine in zip(places, asked, sane, strict=True)
    ]
    return WayScores(held, places, codes, contributions, potential)


def _code(asked: bool, sane: bool) -> str:
    if not asked:
        return INACTIVE
    return NO_VALUE if sane else OUT_OF_RANGE
