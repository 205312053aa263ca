"""How many calls a minute each caller may make."""

from __future__ import annotations

import math
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from serving.guard.refusal import RefusalError

_SECONDS = 60


class Rate:
    """A window of a minute that moves, kept in two counts a caller, in this process.

    The window's earlier part is reckoned as its share of the minute before: a list of each call's
    time would take megabytes a caller and be no fairer.

    Parameters
    ----------
    most : int
        Calls a minute.
    """

    def __init__(self, most: int) -> None:
        self._item = RateLimitItemPerMinute(most)
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def take(self, caller: str) -> None:
        """Count a call.

        Parameters
        ----------
        caller : str
            A key's id, or an address.

        Raises
        ------
        RefusalError
            429 if the caller has made as many as may be; with ``Retry-After``, and the headers
            of the IETF's draft "RateLimit header fields for HTTP".
        """
        if self._limiter.hit(self._item, caller):
            return
        free_at = self._limiter.get_window_stats(self._item, caller).reset_time
        wait = min(_SECONDS, max(1, math.ceil(free_at - time.time())))
        most = self._item.amount
        raise RefusalError(
            429,
            "rate",
            f"{most:,} calls a minute are allowed; try again in {wait} s",
            {
                "Retry-After": str(wait),
                "RateLimit-Policy": f'"calls";q={most};w={_SECONDS}',
                "RateLimit": f'"calls";r=0;t={wait}',
            },
        )
