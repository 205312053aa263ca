"""The service's figures for Prometheus, which BentoML's ``/metrics`` tells with its own.

Labels are of closed sets: a route's template, a method, a status, a reason; never what was sent.
"""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1, 2, 4, 8, 16, 32)


class Metrics:
    """What is counted, in files that the processes of a service share.

    `in_hand` is how many calls are being worked on now.
    """

    def __init__(self) -> None:
        self._calls = Counter("stamkunde_calls", "Calls answered", ["route", "method", "status"])
        self._seconds = Histogram(
            "stamkunde_call_seconds", "From a call to its answer", ["route"], buckets=_SECONDS
        )
        self._refused = Counter("stamkunde_refused", "Calls turned away, by reason", ["reason"])
        self._scores = Counter("stamkunde_scores", "Scores given, each of one customer")
        self.in_hand = Gauge(
            "stamkunde_calls_in_hand", "Calls being worked on", multiprocess_mode="livesum"
        )
        # Looking a labelled figure up costs more than counting.
        self._held: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, method: str, status: int, seconds: float, scores: int) -> None:
        """Count a call and the scores it was given."""
        if (held := self._held.get((route, method, status))) is None:
            held = (
                self._calls.labels(route, method, str(status)),
                self._seconds.labels(route),
            )
            self._held[route, method, status] = held
        held[0].inc()
        held[1].observe(seconds)
        if scores:
            self._scores.inc(scores)

    def refused(self, reason: str) -> None:
        """Count a call that was turned away."""
        self._refused.labels(reason).inc()


@cache
def metrics() -> Metrics:
    """Return this process's figures; made late, for a process that only starts others has none."""
    return Metrics()
