"""How many calls a minute each caller may make."""

from __future__ import annotations

import math
from dataclasses import dataclass

from serving.guard.refusal import RefusalError

HERE = "here"
"""Whoever calls without a key: a machine has more addresses of its own than can be counted."""

_SECONDS = 60


@dataclass(slots=True)
class _Made:
    """A caller's calls in the minute that runs, and in the one before it."""

    minute: float
    now: int = 0
    before: int = 0


class Rate:
    """A window of a minute that moves, kept in two counts a caller, in this process.

    Of the minute before, the window holds its share: a list of each call's time would take
    megabytes a caller and be no fairer. The library for it forgets old counts in a thread that it
    starts up to a hundred times a second, for each of which all calls wait.

    Parameters
    ----------
    most : int
        Calls a minute.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._made: dict[str, _Made] = {}  # a few, as keys are

    def take(self, caller: str, now: float) -> None:
        """Count a call.

        Parameters
        ----------
        caller : str
            A key's id, or `HERE`.
        now : float
            Seconds of a clock that never goes back.

        Raises
        ------
        RefusalError
            429 if the caller has made as many as may be; with ``Retry-After``, and the headers
            of the IETF's draft "RateLimit header fields for HTTP".
        """
        minute, passed = divmod(now, _SECONDS)
        made = self._made.get(caller)
        if made is None:
            made = self._made[caller] = _Made(minute)
        elif made.minute != minute:
            made.before = made.now if made.minute == minute - 1 else 0
            made.minute, made.now = minute, 0
        if made.now + made.before * (_SECONDS - passed) / _SECONDS + 1 > self._most:
            raise self._refusal(_until_free(made, passed, self._most))
        made.now += 1

    def _refusal(self, wait: int) -> RefusalError:
        return RefusalError(
            429,
            "rate",
            f"{self._most:,} calls a minute are allowed; try again in {wait} s",
            {
                "Retry-After": str(wait),
                "RateLimit-Policy": f'"calls";q={self._most};w={_SECONDS}',
                "RateLimit": f'"calls";r=0;t={wait}',
            },
        )


def _until_free(made: _Made, passed: float, most: int) -> int:
    """Return the whole seconds until one more call is within bounds."""
    if made.now < most:  # once enough of the minute before has left the window
        free_at = _SECONDS * (made.before + made.now + 1 - most) / made.before
    else:  # in the next minute, once one of this minute's has left it
        free_at = _SECONDS * (made.now + 1) / made.now
    return max(1, math.ceil(free_at - passed))
