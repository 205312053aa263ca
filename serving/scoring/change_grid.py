"""How far each feature that the company can act on may be moved, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.scoring.change_ties import followers
from training.bundle import Bundle

CANDIDATES = 2_400  # of all features together: what a model answers in a moment
_FINE, _COARSE = 40, 12  # values of a feature, alone and beside another
_OTHER = 0.5  # another category is as far as half of the training rows
_DIGITS = 3


@dataclass(frozen=True)
class Lever:
    """A feature that can be moved, and where to.

    Parameters
    ----------
    index : int
        Its place in the model's inputs.
    values : ndarray
        Ascending, without the present one; a category by its number.
    far : ndarray
        How far each is, as a share of the training rows between.
    """

    index: int
    values: np.ndarray
    far: np.ndarray

    @property
    def coarse(self) -> Lever:
        """The same with fewer values, for moving two at once."""
        if len(self.values) <= _COARSE:
            return self
        chosen = np.linspace(0, len(self.values) - 1, _COARSE).round().astype(int)
        return Lever(self.index, self.values[chosen], self.far[chosen])


def levers(bundle: Bundle, row: np.ndarray) -> list[Lever]:
    """Return what can be moved of a row of a model's inputs, within the training range.

    What is missing of a customer stays missing: nobody knows what it would be moved from.
    """
    columns, follow = bundle.model.inputs.columns, followers(bundle.model.inputs.names)
    moved = [
        index
        for index, column in enumerate(columns)
        if column.actionable and column.name not in follow and not np.isnan(row[index])
    ]
    most = min(_FINE, CANDIDATES // max(len(moved), 1))
    found = []
    for index in moved:
        column, held = columns[index], bundle.reference.get(columns[index].name, {})
        if column.kind == "category":
            counts = [held.get("counts", {}).get(name, 0) for name in column.categories]
            values = np.flatnonzero(counts).astype(float)
            far = np.full(len(values), _OTHER)
        else:
            values = _grid(held, column.unit in ("days", "count"), most)
            far = np.abs(_shares(held, values) - _shares(held, row[index : index + 1]))
        other = values != row[index]
        if other.any():
            found.append(Lever(index, values[other], far[other]))
    return found


def _grid(held: Mapping[str, Any], whole: bool, most: int) -> np.ndarray:
    """Return values over a number's training range, close together where many rows are."""
    if "values" in held:
        return np.array(held["values"])
    edges = np.array(held.get("edges") or [])
    if len(edges) < 2:
        return np.empty(0)
    steps = np.linspace(0, len(edges) - 1, most)
    spread = np.interp(steps, np.arange(len(edges)), edges)
    rounded = np.round(spread) if whole else [float(f"{value:.{_DIGITS}g}") for value in spread]
    return np.unique(np.clip(rounded, edges[0], edges[-1]))


def _shares(held: Mapping[str, Any], values: np.ndarray) -> np.ndarray:
    """Return the share of training rows that are below values."""
    if "values" in held:
        counts = np.concatenate(([0], np.cumsum(held["of_each"])))
        return counts[np.searchsorted(held["values"], values)] / counts[-1]
    edges, counts = held.get("edges") or [0.0], np.cumsum([0, *held.get("counts", [])])
    if len(edges) < 2:
        return np.zeros(len(values))
    return np.interp(values, edges, counts / counts[-1])
