"""How stable each segment is: whether other customers of the same kind would give it again."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Assign = Callable[[np.ndarray], np.ndarray]
Refit = Callable[[np.ndarray, int], Assign]

_WORDS = (
    (0.85, "highly stable", "meget stabilt"),
    (0.75, "stable", "stabilt"),
    (
        0.6,
        "a pattern, but who belongs to it is doubtful",
        "et mønster, men hvem der hører til, er usikkert",
    ),
    (0.0, "unstable", "ustabilt"),
)


def stability(
    labels: np.ndarray, places: int, refit: Refit, resamples: int, seed: int
) -> np.ndarray:
    """Return each segment's mean Jaccard similarity with the best of a fit on a bootstrap sample.

    Both are taken on the customers who were drawn (Hennig 2007, Computational Statistics & Data
    Analysis 52(1), section 3).

    Parameters
    ----------
    labels : ndarray of int, shape (customers,)
        Places in the segments of the fit on everybody; negative of who has none.
    places : int
        How many segments there are.
    refit : callable
        Takes the drawn customers' rows, which repeat, and a seed; fits on them and returns what
        gives rows their labels.
    resamples : int
    seed : int

    Returns
    -------
    ndarray of float, shape (places,)
        From 0 to 1; NaN of a segment of whom nobody was ever drawn.
    """
    rng = np.random.default_rng(seed)
    found = np.full((resamples, places), np.nan)
    for repeat in range(resamples):
        drawn = rng.integers(0, len(labels), len(labels))
        rows = np.unique(drawn)
        again = refit(drawn, seed + repeat + 1)(rows)
        found[repeat] = _best_jaccard(labels[rows], again, places)
    met = ~np.isnan(found)
    total, times = np.where(met, found, 0.0).sum(axis=0), met.sum(axis=0)
    return np.where(times > 0, total / np.maximum(times, 1), np.nan)


def _best_jaccard(labels: np.ndarray, again: np.ndarray, places: int) -> np.ndarray:
    """Return, for each place, Jaccard's coefficient (1901) with the other labels' best."""
    best = np.full(places, np.nan)
    others = [again == other for other in np.unique(again[again >= 0])]
    for place in range(places):
        own = labels == place
        if own.any():
            shared = [(own & other).sum() / (own | other).sum() for other in others]
            best[place] = max(shared, default=0.0)
    return best


def words(value: float) -> tuple[str, str]:
    """Return what a stability means, in English and in Danish.

    The bounds are those Hennig gives beside his own implementation, ``clusterboot`` of the R
    package fpc.

    >>> words(0.9)
    ('highly stable', 'meget stabilt')
    """
    if np.isnan(value):
        return "not known", "ukendt"
    return next((en, da) for least, en, da in _WORDS if value >= least)
