"""The same segment next month: which segment of a new fit is which of the one before.

Both fits are asked about the same customers with the same features, so that what differs is the
fits and not the customers. A segment that is found again keeps its id, and with it its name; an id
is never given to another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from training.segmentation.changes import Change, changes
from training.segmenters.segmenter import NOBODY, Segment

MEMBERS, CENTRES = 0.75, 0.25
"""What members and centres weigh in how alike two segments are.

A segment is who is in it, so members decide. Centres count for a third as much: they let one whose
border moved keep its id while it is still of the same kind.
"""

DISSOLVED = 0.5
"""Segments no more alike than this are not the same.

A cluster whose Jaccard similarity with every cluster of another fit is at most a half is dissolved
(Hennig 2008, Journal of Multivariate Analysis 99(6)). At a half, two segments of one size share two
thirds of their customers. Centres that coincide bring the bound on members down to a third, where
segments of one size share half of their customers, and never below.
"""

_TIE = 1e-9  # well below the difference between two shares of customers that differ


@dataclass(frozen=True)
class Matching:
    """Which segments of a new fit are which of the old.

    Parameters
    ----------
    ids : tuple of int
        The id of each new place: an old one where it is the same segment, else a fresh one.
    changes : tuple of Change
        What became of every segment.
    next_id : int
        The next id that was never given.
    kept_share : float
        The share of the customers with a segment in either fit whose id is the same in both; NaN
        if there are none.
    """

    ids: tuple[int, ...]
    changes: tuple[Change, ...]
    next_id: int
    kept_share: float


def match(
    old: Sequence[Segment],
    places: int,
    next_id: int,
    old_labels: np.ndarray,
    new_labels: np.ndarray,
    old_centres: np.ndarray | None = None,
    new_centres: np.ndarray | None = None,
) -> Matching:
    """Find the segments of an old fit again in a new one.

    The pairs that are most alike in all are taken (Kuhn 1955, the Hungarian method), among those
    alike enough to be the same; ties go to the lower id and then to the earlier place.

    Parameters
    ----------
    old : sequence of Segment
    places : int
        How many segments the new fit has.
    next_id : int
        Above every id ever given.
    old_labels, new_labels : ndarray of int, shape (customers,)
        The same customers' places in `old` and in the new fit, or `NOBODY`.
    old_centres, new_centres : ndarray, shape (segments, columns), optional
        In the same standardised columns; only if both fits have such.

    Raises
    ------
    ValueError
        If the labels are not of the same customers, or `next_id` was given before.
    """
    _check(old, next_id, old_labels, new_labels)
    shared = _shared(len(old), places, old_labels, new_labels)
    alike = _alike(shared, old_centres, new_centres)
    kept = _pairs([segment.id for segment in old], alike)
    ids = _ids(old, kept, shared[: len(old), :places], shared[:, :places].sum(axis=0), next_id)
    same = sum(int(shared[before, place]) for before, place in kept.items())
    asked = int(shared.sum())
    return Matching(
        ids=ids,
        changes=changes(old, ids, shared),
        next_id=next_id + places - len(kept),
        kept_share=same / asked if asked else float("nan"),
    )


def starting_centres(points: np.ndarray, old_labels: np.ndarray, places: int) -> np.ndarray:
    """Return where a refit begins so that it finds the old segments again where they still are.

    Begun anywhere else, k-means may end in another of its many near-equal optima (Bubeck et al.
    2012, How the initialization affects the stability of the k-means algorithm), and segments
    change that customers did not.

    Parameters
    ----------
    points : ndarray, shape (customers, columns)
        In the coordinates of the refit.
    old_labels : ndarray of int, shape (customers,)
        Their places by the old fit, or `NOBODY`.
    places : int
        How many segments the old fit has.

    Returns
    -------
    ndarray, shape (old segments with a customer, columns)
        The mean of each old segment's customers.
    """
    held = [old_labels == place for place in range(places)]
    return np.array([points[own].mean(axis=0) for own in held if own.any()])


def persisting(
    old: Sequence[Segment], matching: Matching, names: Sequence[str], names_da: Sequence[str]
) -> tuple[Segment, ...]:
    """Return the new fit's segments: those found again under their old names.

    A fresh segment whose name another bears already gets a number after it.

    Parameters
    ----------
    old : sequence of Segment
    matching : Matching
    names, names_da : sequence of str
        What the new fit would call each place.
    """
    held = {segment.id: segment for segment in old}
    kept = [held[one] for one in matching.ids if one in held]
    borne, borne_da = {s.name for s in kept}, {s.name_da for s in kept}
    found = []
    for one, name, name_da in zip(matching.ids, names, names_da, strict=True):
        if one in held:
            found.append(held[one])
        else:
            found.append(Segment(one, _unborne(name, borne), _unborne(name_da, borne_da)))
    return tuple(found)


def _unborne(name: str, borne: set[str]) -> str:
    """Return a name that nobody bears, and take note of it."""
    number, free = 2, name
    while free in borne:
        number, free = number + 1, f"{name} {number}"
    borne.add(free)
    return free


def _check(
    old: Sequence[Segment], next_id: int, old_labels: np.ndarray, new_labels: np.ndarray
) -> None:
    if len(old_labels) != len(new_labels):
        raise ValueError(
            f"labels must be of the same customers, got {len(old_labels)} and {len(new_labels)}"
        )
    if any(segment.id >= next_id for segment in old):
        raise ValueError(f"next_id must be above every id given, got {next_id}")


def _shared(olds: int, places: int, old_labels: np.ndarray, new_labels: np.ndarray) -> np.ndarray:
    """Count customers by both places, shape (olds + 1, places + 1); the last are nobody's."""
    before = np.where(old_labels == NOBODY, olds, old_labels).astype(np.int64)
    after = np.where(new_labels == NOBODY, places, new_labels).astype(np.int64)
    shape = (olds + 1, places + 1)
    found = np.bincount(before * shape[1] + after, minlength=shape[0] * shape[1]).reshape(shape)
    found[olds, places] = 0  # who has no segment in either fit says nothing of them
    return found


def _alike(
    shared: np.ndarray, old_centres: np.ndarray | None, new_centres: np.ndarray | None
) -> np.ndarray:
    """Return how alike each old segment and new place are, from 0 to 1.

    Members: Jaccard's coefficient (1901). Centres: 1 less their distance, as a part of the mean
    distance between all pairs, at least 0.
    """
    either = shared.sum(axis=1)[:-1, None] + shared.sum(axis=0)[None, :-1] - shared[:-1, :-1]
    members = shared[:-1, :-1] / np.maximum(either, 1)
    if old_centres is None or new_centres is None or members.size == 0:
        return members
    apart = np.linalg.norm(old_centres[:, None, :] - new_centres[None, :, :], axis=2)
    near = np.clip(1 - apart / apart.mean(), 0, 1) if apart.any() else np.ones_like(apart)
    return np.where(members > 0, MEMBERS * members + CENTRES * near, 0.0)


def _pairs(ids: Sequence[int], alike: np.ndarray) -> dict[int, int]:
    """Return which old segments are the same as which new places."""
    rows = np.argsort(ids, kind="stable")
    ordered = alike[rows]
    enough = ordered > DISSOLVED + _TIE
    later = np.add.outer(np.arange(len(rows)) * alike.shape[1], np.arange(alike.shape[1]))
    worth = np.where(enough, ordered - _TIE * later / max(later.size, 1), 0.0)
    taken = zip(*linear_sum_assignment(worth, maximize=True), strict=True)
    return {int(rows[row]): int(place) for row, place in taken if enough[row, place]}


def _ids(
    old: Sequence[Segment],
    kept: dict[int, int],
    shared: np.ndarray,
    sizes: np.ndarray,
    next_id: int,
) -> tuple[int, ...]:
    """Return each place's id; fresh ones go to the largest first."""
    found = {place: old[before].id for before, place in kept.items()}
    fresh = [place for place in range(len(sizes)) if place not in found]
    by_id = np.argsort([segment.id for segment in old], kind="stable")
    fresh.sort(key=lambda place: (-sizes[place], *(-shared[by_id, place]), place))
    found |= {place: next_id + number for number, place in enumerate(fresh)}
    return tuple(found[place] for place in range(len(sizes)))
