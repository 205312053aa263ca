"""The loops over a row's terms and shapes, and what they come to."""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from training.compiled import MATRIX, OUT, OUT_2, VALUES, compiled, given

INTS = given(types.int64)

IDENTITY, LOG, LOG1P, LOGIT, EQUALS = range(5)


@nb.njit(error_model="numpy")
def _transform(x, kind, argument, least):  # type: ignore[no-untyped-def]
    """Apply a term's transform to what is not missing."""
    if kind == LOG1P:
        return np.log1p(max(x, 0.0))
    if kind == LOG:
        return np.log(max(x, least))
    if kind == LOGIT:
        inside = min(max(x, least), 1.0 - least)
        return np.log(inside / (1.0 - inside))
    if kind == EQUALS:
        return 1.0 if x == argument else 0.0
    return x


@compiled(MATRIX, INTS, INTS, MATRIX, types.float64, OUT_2)
def add_terms(matrix, features, kinds, numbers, least, out):  # type: ignore[no-untyped-def]
    """Add w · (x − mean) / scale of each term; `numbers` are its argument, mean, scale, weight."""
    for row in range(len(matrix)):
        for term in range(len(features)):
            x = matrix[row, features[term]]
            if not np.isnan(x):
                x = _transform(x, kinds[term], numbers[term, 0], least)
                x = (x - numbers[term, 1]) / numbers[term, 2]
                out[row, features[term]] += numbers[term, 3] * x


@compiled(MATRIX, INTS, INTS, INTS, VALUES, VALUES, VALUES, OUT_2)
def set_shapes(  # type: ignore[no-untyped-def]
    matrix, features, logs, begins, knots, values, missing, out
):
    """Set each shape's value at the row's: on a straight line between two knots."""
    for row in range(len(matrix)):
        for shape in range(len(features)):
            x = matrix[row, features[shape]]
            if np.isnan(x):
                out[row, features[shape]] = missing[shape]
                continue
            if logs[shape]:
                x = np.log1p(x) if x >= 0 else -np.log1p(-x)
            low, high = begins[shape], begins[shape + 1] - 1
            if x <= knots[low] or x >= knots[high]:
                out[row, features[shape]] = values[low if x <= knots[low] else high]
                continue
            while high - low > 1:
                middle = (low + high) // 2
                if knots[middle] <= x:
                    low = middle
                else:
                    high = middle
            slope = (values[high] - values[low]) / (knots[high] - knots[low])
            out[row, features[shape]] = slope * (x - knots[low]) + values[low]


@compiled(MATRIX, OUT)
def sum_columns(matrix, out):  # type: ignore[no-untyped-def]
    """Set each row's sum, column by column."""
    for row in range(len(matrix)):
        total = matrix[row, 0]
        for column in range(1, matrix.shape[1]):
            total += matrix[row, column]
        out[row] = total


@compiled(MATRIX, types.float64, VALUES, OUT_2, OUT)
def set_settled(values, base, margin, settled, off):  # type: ignore[no-untyped-def]
    """Set contributions that meet their margin, and by how much of their size they missed it."""
    for row in range(len(values)):
        moved, size = values[row, 0], abs(values[row, 0])
        for column in range(1, values.shape[1]):
            moved += values[row, column]
            size += abs(values[row, column])
        missed = margin[row] - (base + moved)
        off[row] = abs(missed) / max(1.0, abs(base) + size)
        part = missed / size if size > 0 else missed
        for column in range(values.shape[1]):
            settled[row, column] = values[row, column] + abs(values[row, column]) * part
