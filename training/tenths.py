"""What was predicted beside what came, over equally large parts of the customers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_TENTHS = 10


def tenths(y: ArrayLike, p: ArrayLike, chance: bool) -> list[dict[str, Any]]:
    """Return the tenths of the customers by prediction, the lowest first.

    Parameters
    ----------
    y, p : array_like, shape (customers,)
        What came, and what was predicted.
    chance : bool
        Whether predictions are probabilities, of which it can be told how far off chance alone
        would make them.

    Returns
    -------
    list of dict
        ``customers``, ``predicted`` and ``actual`` (means); of probabilities ``low`` and ``high``,
        the ends of `consistency`.
    """
    y, p = np.asarray(y, float), np.asarray(p, float)
    if not len(y):
        return []
    which = parts(p, _TENTHS)
    predicted, actual, customers = by_part(which, _TENTHS, p, y)
    held: dict[str, Array] = {"predicted": predicted, "actual": actual}
    if chance:
        held["low"], held["high"] = consistency(p, which)
    return [
        {"customers": int(count), **{name: float(each[row]) for name, each in held.items()}}
        for row, count in enumerate(customers)
    ]


def parts(values: Array, count: int) -> NDArray[np.intp]:
    """Return which of equally large parts each value is in, lowest first; ties stay together."""
    _, which, tied = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(tied) - tied / 2
    return np.floor(count * middle / len(values)).astype(np.intp)[which]


def by_part(which: NDArray[np.intp], most: int, *columns: Array) -> tuple[Array, ...]:
    """Return each column's mean over every part that has rows, and how many it has."""
    count = np.bincount(which, minlength=most)
    held = count > 0
    means = [np.bincount(which, column, minlength=most)[held] / count[held] for column in columns]
    return *means, count[held].astype(float)


def consistency(
    p: Array, which: NDArray[np.intp], repeats: int = 1000, seed: int = 0
) -> tuple[Array, Array]:
    """Return the ends between which 95 % of a bin's observed rates lie if p are right.

    Outcomes are drawn from the predictions themselves: Bröcker & Smith (2007).
    """
    rng = np.random.default_rng(seed)
    ends = []
    for part in np.unique(which):
        inside = p[which == part]
        # A bin of many customers is drawn in blocks, so that memory stays small.
        block = max(1, 1_000_000 // len(inside))
        rates = np.concatenate(
            [
                (rng.random((min(block, repeats - start), len(inside))) < inside).mean(axis=1)
                for start in range(0, repeats, block)
            ]
        )
        ends.append(np.quantile(rates, [0.025, 0.975]))
    low, high = np.transpose(ends)
    return low, high
