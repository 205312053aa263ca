"""The loops over a chance of churning's course: so many days ahead, and when a purchase is due."""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from training.compiled import MATRIX, OUT, OUT_2, VALUES, compiled

_ROUNDING = 1e-9
_HALF = np.log(0.5)


@nb.njit(error_model="numpy")
def _log_sum(x, y):  # type: ignore[no-untyped-def]
    """Return log(e^x + e^y)."""
    if x == y:
        return x + np.log(2.0)
    return max(x, y) + np.log1p(np.exp(-abs(x - y)))


@nb.njit(error_model="numpy")
def _hazard(t, left, shape, scale):  # type: ignore[no-untyped-def]
    """Return Λ(t) of a customer; digits are kept of the busiest, and of who all but surely left."""
    silence = shape * np.log1p(t / scale)
    if left > 0:
        return -np.log1p(np.expm1(-silence) / (1 + np.exp(left)))
    return _log_sum(left, 0.0) - _log_sum(left, -silence)


@nb.njit(error_model="numpy")
def _time(hazard, left, shape, scale):  # type: ignore[no-untyped-def]
    """Return about when Λ comes to this; infinity or NaN where it never does."""
    silence = -np.log1p(np.expm1(-hazard) * (1 + np.exp(left)))
    return scale * np.expm1(silence / shape)


@nb.njit(error_model="numpy")
def _churned(t, served, whole, falls, horizon, left, shape, scale):  # type: ignore[no-untyped-def]
    """Return the chance of churning within so many days, of who has Λ(H) as a whole."""
    if t == horizon or np.isnan(served):
        return served
    share = t / horizon
    if not falls:
        found = -np.expm1(share * np.log1p(-served))
        return min(found, served) if t < horizon else max(found, served)
    known = _hazard(t, left, shape, scale) / whole
    found = served ** (known if np.isfinite(known) else share)
    return max(found, served) if t < horizon else min(found, served)


@nb.njit(error_model="numpy")
def _due(served, whole, horizon, most, left, shape, scale):  # type: ignore[no-untyped-def]
    """Return the first day by which silence is no likelier than a purchase, NaN without one.

    It is guessed where the days next to it prove it, with room for rounding: chances fall with
    the days, but for their last bits. Elsewhere it is looked for by halves.
    """
    if not _churned(float(most), served, whole, True, horizon, left, shape, scale) <= 0.5:
        return np.nan
    share = _HALF / np.log(served)  # of Λ(H): S(H) to this is a half
    days = share * horizon
    if not np.isnan(whole):
        days = _time(share * whole, left, shape, scale)
    high = most if np.isnan(days) else int(min(max(np.ceil(days), 1.0), float(most)))
    before = _churned(high - 1.0, served, whole, True, horizon, left, shape, scale)
    by_then = _churned(float(high), served, whole, True, horizon, left, shape, scale)
    if before > 0.5 + _ROUNDING and by_then < 0.5 - _ROUNDING:
        return float(high)
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if _churned(float(middle), served, whole, True, horizon, left, shape, scale) <= 0.5:
            high = middle
        else:
            low = middle
    return float(high)


@compiled(MATRIX, VALUES, OUT)
def set_hazards(silence, days, out):  # type: ignore[no-untyped-def]
    """Set each row's Λ of so many days."""
    for row in range(len(days)):
        out[row] = _hazard(days[row], silence[0, row], silence[1, row], silence[2, row])


@compiled(VALUES, MATRIX, types.boolean, types.float64, VALUES, OUT)
def set_within(served, silence, falls, horizon, days, out):  # type: ignore[no-untyped-def]
    """Set each row's chance of churning within as many days as are asked of it."""
    for row in range(len(served)):
        law = silence[0, row], silence[1, row], silence[2, row]
        whole = _hazard(horizon, *law)
        out[row] = _churned(days[row], served[row], whole, falls, horizon, *law)


@compiled(VALUES, MATRIX, types.boolean, types.float64, types.int64, VALUES, OUT_2, OUT)
def set_times(  # type: ignore[no-untyped-def]
    served, silence, falls, horizon, most, days, within, due
):
    """Set each row's chance of churning within each of the days, and when a purchase is due."""
    for row in range(len(served)):
        law = silence[0, row], silence[1, row], silence[2, row]
        whole = _hazard(horizon, *law)
        for day in range(len(days)):
            told = _churned(days[day], served[row], whole, falls, horizon, *law)
            if day:  # where chances all but touch 0 or 1, rounding must not have them cross
                last = within[row, day - 1]
                told = min(told, last) if falls else max(told, last)
            within[row, day] = told
        if falls:
            due[row] = _due(served[row], whole, horizon, most, *law)
