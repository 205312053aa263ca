"""The loops over customers' histories: whether they left, and what they will buy."""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from training.compiled import MATRIX, OUT_2, VALUES, compiled, given

STANDING = 7
LEFT, SHAPE, SCALE, REPEATS, ALIVE, BUYS, SHARE = range(STANDING)
"""What `set_standing` sets of each history, one after the other."""

_GONE = 400.0  # past it the chance of being alive is so small that its hazard keeps its course

LAW = types.UniTuple(types.float64, 4)
VALUE = types.UniTuple(types.float64, 3)


def average_value(p, q, v, x, mean):  # type: ignore[no-untyped-def]
    """Return E[value of a purchase | history] (Fader & Hardie 2013, eq. 5)."""
    return p * (v + x * mean) / (p * x + q - 1)


_average_value = nb.njit(error_model="numpy")(average_value)


@compiled(MATRIX, given(types.int64), types.float64, LAW, VALUES, OUT_2)
def set_standing(matrix, places, first, law, ahead, out):  # type: ignore[no-untyped-def]
    """Set what BG/NBD's answers are made of; NaN throughout where it is no possible history.

    `places` are the columns of purchases, recency and age, and `first` of the purchases do not
    repeat; `law` is r, alpha, a and b; `ahead` is how far to look of each row. Out come the
    log-odds of having left, the Lomax law of who has not, the repeat purchases, P(alive),
    P(a purchase | alive), and 2F1's argument.
    """
    r, alpha, a, b = law
    for row in range(len(matrix)):
        x = matrix[row, places[0]] - first
        t_x, age = matrix[row, places[1]], matrix[row, places[2]]
        if not (x >= 0 and t_x >= 0 and t_x <= age and np.isfinite(x + age)):
            out[:, row] = np.nan
            continue
        shape, scale, left = r + x, alpha + age, -np.inf
        if x > 0:
            left = np.log(a / (b + max(x, 1.0) - 1)) + shape * np.log(scale / (alpha + t_x))
        out[LEFT, row], out[SHAPE, row], out[SCALE, row] = min(left, _GONE), shape, scale
        out[REPEATS, row] = x
        out[ALIVE, row] = 1 / (1 + np.exp(left))
        out[BUYS, row] = -np.expm1(-shape * np.log1p(ahead[row] / scale))
        out[SHARE, row] = ahead[row] / (scale + ahead[row])


@compiled(MATRIX, MATRIX, VALUES, LAW, VALUES, OUT_2)
def set_purchases(standing, series, sides, law, ahead, out):  # type: ignore[no-untyped-def]
    """Set E[purchases] (eq. 10) and P(a purchase), by the 2F1 of each row on each side of a."""
    _, _, _, b = law
    for row in range(len(ahead)):
        shape, scale, x = standing[SHAPE, row], standing[SCALE, row], standing[REPEATS, row]
        alive, buys = standing[ALIVE, row], standing[BUYS, row]
        longer, total = np.log1p(ahead[row] / scale), 0.0
        for side in range(len(sides)):
            a = sides[side]
            shrunk = np.exp((1 - a) * longer)
            total += (a + b - 1 + x) / (a - 1) * (1 - shrunk * series[side, row])
        count = total / len(sides)
        # Rounding must not leave the bounds that hold of any number of purchases.
        most = shape * ahead[row] / scale
        if count > most:
            count = most
        if count < buys:
            count = buys
        out[row, 0], out[row, 1] = alive * count, alive * buys


@compiled(MATRIX, types.int64, types.int64, VALUE, types.float64, OUT_2)
def set_values(matrix, purchases, spend, law, least, out):  # type: ignore[no-untyped-def]
    """Set the expected value: that of each purchase, of so many as are expected."""
    p, q, v = law
    for row in range(len(matrix)):
        mean = matrix[row, spend]
        if not mean > least:  # NaN is not
            mean = least
        out[row, 2] = out[row, 0] * _average_value(p, q, v, matrix[row, purchases], mean)
