"""What is odd about a customer's features: flags that a score carries."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from features.schema import UNSEEN
from training.bundle import Bundle

MISSING = "missing"
OUT_OF_RANGE = "out_of_range"
OLD = "old_features"
"""Features that were looked up, and were older than the config allows without a word."""


def flags(
    unseen: list[tuple[str, ...]], scored: Iterable[tuple[Bundle, np.ndarray, np.ndarray]]
) -> list[list[str]]:
    """Return what is odd about each row, sorted.

    Parameters
    ----------
    unseen : list of tuple of str
        The features of each row whose category was not seen in training.
    scored : iterable of (Bundle, ndarray, ndarray)
        The bundles that were asked, with their inputs, shape (rows, features), and which rows
        got a score: those of another population are not odd for being so.

    Returns
    -------
    list of list of str
        ``unseen_category:FEATURE``; ``missing:FEATURE``, where training rows hardly ever missed
        it; ``out_of_range:FEATURE``, beyond all that was seen in training.
    """
    found = {
        row: {f"{UNSEEN}:{name}" for name in names} for row, names in enumerate(unseen) if names
    }
    for bundle, matrix, answered in scored:
        ranges, names = bundle.ranges, bundle.model.inputs.names
        beyond = (matrix < ranges.least) | (matrix > ranges.greatest)
        gone = np.isnan(matrix) & ranges.present
        for kind, held in ((OUT_OF_RANGE, beyond), (MISSING, gone)):
            if not held.any():
                continue
            for row, column in np.argwhere(held & answered[:, None]).tolist():
                found.setdefault(row, set()).add(f"{kind}:{names[column]}")
    # A category that was never seen is missing to the model; it is told once.
    return [
        sorted(found[row] - {f"{MISSING}:{name}" for name in names}) if row in found else []
        for row, names in enumerate(unseen)
    ]
