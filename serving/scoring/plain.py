"""Features that every customer of a call is given in plain order, laid out in columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa

from features.schema import FeatureColumn
from serving.scoring.customers import Values
from serving.scoring.known import LONGEST_TEXT

EXACT = 2**53
"""An integer below it is a double as it stands."""

_NUMBERS, _TEXTS = {float, int, type(None)}, {str, type(None)}


def plain(
    columns: Mapping[str, FeatureColumn], features: Sequence[dict[str, Any] | None]
) -> dict[str, Values] | None:
    """Return features by column; None where some customer's take a closer look.

    Parameters
    ----------
    columns : mapping of str to FeatureColumn
        What must be given, by name.
    features : sequence of dict or None
        What is given of each customer, by name, as JSON has it.
    """
    if not all(features):
        return None
    order = tuple(features[0] or ())
    if set(map(tuple, features)) != {order} or order == () or set(order) != columns.keys():  # type: ignore[arg-type]
        return None
    flat = list(chain.from_iterable(map(dict.values, features)))  # type: ignore[arg-type]
    texts = _cut(
        flat, [place for place, name in enumerate(order) if _is_text(columns[name])], order
    )
    if texts is None or (numbers := _doubles(flat)) is None:
        return None
    names = [name for name in order if name not in texts]
    matrix = np.ascontiguousarray(numbers.reshape(len(features), len(names)).T)
    found: dict[str, Values] = dict(zip(names, matrix, strict=True))
    found |= {name: pa.array(held, pa.string()).dictionary_encode() for name, held in texts.items()}
    return {name: found[name] for name in columns}


def _is_text(column: FeatureColumn) -> bool:
    return column.kind == "category"


def _cut(
    flat: list[Any], places: Sequence[int], order: Sequence[str]
) -> dict[str, list[str | None]] | None:
    """Take the texts, at these places of each row, out of all values; None if one is none."""
    wide, found = len(order), {}
    for place in reversed(places):
        held = found[order[place]] = flat[place::wide]
        if not set(map(type, held)) <= _TEXTS:
            return None
        if max(map(len, filter(None, set(held))), default=0) > LONGEST_TEXT:
            return None
        del flat[place::wide]
        wide -= 1
    return found


def _doubles(values: list[Any]) -> np.ndarray | None:
    """Return numbers, NaN for none, without negative zeros; None if one is not plainly one."""
    kinds = set(map(type, values))
    if not kinds <= _NUMBERS:
        return None
    try:
        found = pa.array(values, pa.float64()).to_numpy(zero_copy_only=False) + 0.0
    except (pa.ArrowInvalid, OverflowError):
        return None
    return None if int in kinds and (np.abs(found) >= EXACT).any() else found
