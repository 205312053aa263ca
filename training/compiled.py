"""Loops in Python, compiled to machine code; no operation is reordered, no lock is held."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any

import numba as nb
from numba import types

Loop = Callable[..., None]

_COMPILING = Lock()
_kept = True


def keep_nothing() -> None:
    """Compile in this process whatever it needs, and read nothing that another one compiled.

    What is kept lies beside the code, or in the user's cache folder, and is unpickled: whoever may
    write there runs what they like, as with the code itself.
    """
    global _kept
    _kept = False


def given(kind: types.Type, dimensions: int = 1) -> types.Array:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


class Compiled:
    """A loop that is compiled when it is first run, or read from where it was kept.

    Parameters
    ----------
    loop : callable
    signature : tuple of type
        Of its arguments.
    """

    def __init__(self, loop: Loop, signature: tuple[types.Type, ...]) -> None:
        self.__doc__ = loop.__doc__
        self._loop, self._signature = loop, signature
        self._run: Loop | None = None

    def __call__(self, *arguments: Any) -> None:
        """Run it."""
        if self._run is None:
            with _COMPILING:
                self._run = self._run or _compiled(self._loop, self._signature)
        self._run(*arguments)


def compiled(*signature: types.Type) -> Callable[[Loop], Compiled]:
    """Return what compiles a loop of these arguments."""
    return lambda loop: Compiled(loop, signature)


def _compiled(loop: Loop, signature: tuple[types.Type, ...]) -> Loop:
    kind = types.void(*signature)
    try:
        run: Loop = nb.njit(kind, cache=_kept, nogil=True, error_model="numpy")(loop)
    except (RuntimeError, OSError):  # no folder to keep it in can be written to
        run = nb.njit(kind, nogil=True, error_model="numpy")(loop)
    return run


MATRIX, VALUES, SINGLES = given(types.float64, 2), given(types.float64), given(types.float32)
OUT, OUT_2 = types.float64[::1], types.float64[:, ::1]
