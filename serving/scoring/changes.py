"""What would have changed an answer: the least that a company can act on, asked of the model again.

Of a chance of leaving in the middle or the high band, these are the smallest moves of one feature,
and where one does not do, of two, that bring it under the band; all else as it was, but for what is
tied to them. A move is as large as the share of the training rows that lie between.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from serving.scoring.change_grid import Lever, levers
from serving.scoring.change_ties import follow
from serving.scoring.segmented import in_range
from training.bundle import Bundle
from training.model import Model
from training.quantities import Value
from training.reasons import BANDS, Band

MOST = 3  # sets of changes that are told
_BEAM = 6  # features that are moved together, two at a time: those that do most alone


@dataclass(frozen=True)
class Change:
    """One feature, moved.

    Parameters
    ----------
    feature, unit : str
    label, label_da : str
        In plain words.
    before, after : float or str
    """

    feature: str
    unit: str
    label: str
    label_da: str
    before: Value
    after: Value


@dataclass(frozen=True)
class Alternative:
    """Changes that together bring the chance of leaving under its band.

    Parameters
    ----------
    changes : tuple of Change
        One or two.
    follows : tuple of Change
        What is tied to them, and moves with them.
    probability : float
        What the model says then.
    band : {"low", "middle"}
    distance : float
        The sum of the shares of training rows that lie between before and after.
    """

    changes: tuple[Change, ...]
    follows: tuple[Change, ...]
    probability: float
    band: Band
    distance: float


@dataclass(frozen=True)
class _Tried:
    """Candidates that move the same features."""

    moved: tuple[int, ...]
    rows: np.ndarray
    far: np.ndarray
    chances: np.ndarray

    def nearest(self, edge: float) -> int | None:
        """Return the nearest candidate under an edge."""
        under = np.flatnonzero(self.chances < edge)
        return int(under[np.argmin(self.far[under])]) if len(under) else None


def changes(
    bundle: Bundle, body: Mapping[str, Any], bands: Sequence[float] | None, most: int = MOST
) -> tuple[Alternative, ...]:
    """Return what would have brought a recorded chance of leaving under its band.

    Parameters
    ----------
    bundle : Bundle
        Of churn, that the score was made with.
    body : mapping
        What is on record of the score.
    bands : sequence of float, optional
        The chances from which a customer is in the middle band, and in the high one.
    most : int
        How many sets of changes to return.

    Returns
    -------
    tuple of Alternative
        The nearest first, those of one feature before those of two; none where nothing would have
        done, and where there is no score or it is in the low band.
    """
    scored, inputs = body["scores"].get("churn") or {}, bundle.model.inputs
    place = bisect_right(bands, scored["served"]) if bands and "served" in scored else 0
    if not bands or place == 0:
        return ()
    row, edge = inputs.encode_rows([body["features"][inputs.digest]])[0][0], bands[place - 1]
    held = levers(bundle, row)
    singles = _tried(bundle.model, row, [(lever,) for lever in held])
    found = _told(bundle, row, singles, bands, edge)
    if len(found) < most:
        short = [
            (float(np.min(tried.chances)), lever)
            for tried, lever in zip(singles, held, strict=True)
            if tried.nearest(edge) is None and len(tried.chances)
        ]
        best = [lever.coarse for _, lever in sorted(short, key=lambda each: each[0])[:_BEAM]]
        found += _told(bundle, row, _tried(bundle.model, row, combinations(best, 2)), bands, edge)
    return tuple(found[:most])


def _tried(model: Model, row: np.ndarray, asked: Iterable[tuple[Lever, ...]]) -> list[_Tried]:
    """Ask the model about every candidate of all moves at once."""
    asked = list(asked)
    if not asked:
        return []
    made = [_candidates(model, row, moved) for moved in asked]
    chances = _chances(model, np.concatenate([rows for rows, _ in made]))
    ends = np.cumsum([len(rows) for rows, _ in made])[:-1]
    asked_of = [tuple(lever.index for lever in moved) for moved in asked]
    return [
        _Tried(moved, rows, far, held)
        for moved, (rows, far), held in zip(asked_of, made, np.split(chances, ends), strict=True)
    ]


def _candidates(
    model: Model, row: np.ndarray, moved: tuple[Lever, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row with features moved in every way that contradicts nothing, and how far."""
    values = np.meshgrid(*(lever.values for lever in moved), indexing="ij")
    far = np.sum(np.meshgrid(*(lever.far for lever in moved), indexing="ij"), axis=0).ravel()
    rows = np.tile(row, (len(far), 1))
    for lever, held in zip(moved, values, strict=True):
        rows[:, lever.index] = held.ravel()
    possible = follow(model.inputs, rows, row, [lever.index for lever in moved])
    return rows[possible], far[possible]


def _chances(model: Model, rows: np.ndarray) -> np.ndarray:
    """Return the chance of leaving of each row, as it is served; one where there is none."""
    whole = model.complete(rows)
    answered = model.asked(whole) & in_range(whole)
    chances = np.ones(len(rows))
    if answered.any():
        with np.errstate(over="ignore", invalid="ignore"):
            served = model.predict(whole[answered])
        chances[answered] = np.where(np.isfinite(served), served, 1.0)
    return chances


def _told(
    bundle: Bundle, row: np.ndarray, tried: Sequence[_Tried], bands: Sequence[float], edge: float
) -> list[Alternative]:
    """Tell the nearest candidate of each move that does, the nearest move first."""
    found = []
    for each in tried:
        if (at := each.nearest(edge)) is None:
            continue
        after, chance = each.rows[at], float(each.chances[at]) + 0.0
        tied = [
            index
            for index in np.flatnonzero((after != row) & ~np.isnan(after)).tolist()
            if index not in each.moved
        ]
        found.append(
            Alternative(
                tuple(_change(bundle, index, row, after) for index in each.moved),
                tuple(_change(bundle, index, row, after) for index in tied),
                chance,
                BANDS[bisect_right(bands, chance)],
                float(each.far[at]),
            )
        )
    return sorted(found, key=lambda held: held.distance)


def _change(bundle: Bundle, index: int, row: np.ndarray, after: np.ndarray) -> Change:
    column = bundle.model.inputs.columns[index]

    def plain(value: float) -> Value:
        return column.categories[int(value)] if column.kind == "category" else float(value)

    words = column.label, column.label_da
    return Change(column.name, column.unit, *words, plain(row[index]), plain(after[index]))
