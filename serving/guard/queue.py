"""How many calls are in hand at once: one more than can be served in time is better refused."""

from __future__ import annotations

from typing import Protocol

from serving.guard.refusal import RefusalError


class Counted(Protocol):
    """What is told of each call that is taken or ended."""

    def inc(self) -> None:
        """Count one more."""

    def dec(self) -> None:
        """Count one less."""


class Queue:
    """Calls taken and not yet ended.

    Parameters
    ----------
    most : int
        Calls in hand at once.
    told : Counted
        The figure that follows.
    """

    def __init__(self, most: int, told: Counted) -> None:
        self._most, self._told = most, told
        self._in_hand = 0

    def enter(self) -> None:
        """Take a call in hand.

        Raises
        ------
        RefusalError
            429 if there are as many as may be.
        """
        if self._in_hand >= self._most:
            raise RefusalError(
                429,
                "busy",
                "too many calls are in hand already; try again in a second",
                {"Retry-After": "1"},
            )
        self._in_hand += 1
        self._told.inc()

    def leave(self) -> None:
        """End a call."""
        self._in_hand -= 1
        self._told.dec()
