"""What is odd about a customer's features: flags that a score carries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress

import numpy as np

from features.schema import UNSEEN
from training.bundle import Bundle

MISSING = "missing"
OUT_OF_RANGE = "out_of_range"
OLD = "old_features"
"""Features that were looked up, and were older than the config allows without a word."""


def flags(
    unseen: Sequence[tuple[str, ...]], scored: Iterable[tuple[Bundle, np.ndarray, np.ndarray]]
) -> list[tuple[str, ...]]:
    """Return what is odd about each row, sorted.

    Parameters
    ----------
    unseen : sequence of tuple of str
        The features of each row whose category was not seen in training.
    scored : iterable of (Bundle, ndarray, ndarray)
        The bundles that were asked, with their inputs, shape (rows, features), and which rows
        got a score: those of another population are not odd for being so.

    Returns
    -------
    list of tuple of str
        ``unseen_category:FEATURE``; ``missing:FEATURE``, where training rows hardly ever missed
        it; ``out_of_range:FEATURE``, beyond all that was seen in training.
    """
    found: dict[str, np.ndarray] = {}
    for flag, rows in _flagged(scored):
        found[flag] = found[flag] | rows if flag in found else rows
    nothing: list[tuple[str, ...]] = [()] * len(unseen)
    told = _of_rows(found) if found else nothing
    if any(unseen):
        for row, names in enumerate(unseen):
            if names:
                # A category that was never seen is missing to the model; it is told once.
                others = set(told[row]) - {f"{MISSING}:{name}" for name in names}
                told[row] = tuple(sorted(others | {f"{UNSEEN}:{name}" for name in names}))
    return told


def _flagged(
    scored: Iterable[tuple[Bundle, np.ndarray, np.ndarray]],
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each flag that some rows have, and which."""
    for bundle, matrix, answered in scored:
        ranges, names = bundle.ranges, bundle.model.inputs.names
        beyond = (matrix < ranges.least) | (matrix > ranges.greatest)
        gone = np.isnan(matrix) & ranges.present
        for kind, held in ((OUT_OF_RANGE, beyond), (MISSING, gone)):
            held &= answered[:, None]
            for column in np.flatnonzero(held.any(axis=0)).tolist():
                yield f"{kind}:{names[column]}", held[:, column]


def _of_rows(found: dict[str, np.ndarray]) -> list[tuple[str, ...]]:
    """Return each row's flags; rows that have the same are worked out once."""
    names = sorted(found)
    if len(found[names[0]]) == 1:  # a flag is there as some row has it
        return [tuple(names)]
    bits = np.packbits(np.column_stack([found[name] for name in names]), axis=1)
    content, wide = bits.tobytes(), bits.shape[1]
    keys = [content[start : start + wide] for start in range(0, len(content), wide)]
    told = {
        key: tuple(compress(names, np.unpackbits(np.frombuffer(key, np.uint8)).tolist()))
        for key in set(keys)
    }
    return [told[key] for key in keys]
