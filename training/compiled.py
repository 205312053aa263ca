"""Loops in Python, compiled to machine code; no operation is reordered, no lock is held."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
from numba import types

Loop = Callable[..., Any]


def given(kind: types.Type, dimensions: int = 1) -> types.Array:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


def compiled(*signature: types.Type) -> Callable[[Loop], Loop]:
    """Compile a loop of these arguments, or read it from where it was kept when last compiled."""

    def compile_(loop: Loop) -> Loop:
        kind = types.void(*signature)
        try:
            return nb.njit(kind, cache=True, nogil=True, error_model="numpy")(loop)
        except (RuntimeError, OSError):  # no folder to keep it in can be written to
            return nb.njit(kind, nogil=True, error_model="numpy")(loop)

    return compile_


MATRIX, VALUES, SINGLES = given(types.float64, 2), given(types.float64), given(types.float32)
OUT, OUT_2 = types.float64[::1], types.float64[:, ::1]
