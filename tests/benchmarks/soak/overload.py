"""More load than the service can carry: what is too much is refused, the rest served as ever."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.load import Found, put
from tests.benchmarks.processes import Service
from tests.benchmarks.soak.target import Target

USUAL = 16  # connections, one call after the other on each
CALLERS = 128  # connections that the calls of an overload are sent over


@dataclass(frozen=True)
class Overload:
    """How the service answered at its capacity, and at a multiple of it.

    Parameters
    ----------
    usual, over : Found
    """

    usual: Found
    over: Found

    @property
    def refused_alone(self) -> bool:
        """Whether every call was answered, and by nothing but 200 and 429."""
        whole = not (self.over.broken or self.over.unanswered)
        return whole and set(self.over.statuses) <= {200, 429} and 200 in self.over.statuses

    @property
    def slower(self) -> float:
        """The accepted calls' p99, to that of the usual load."""
        return self.over.ms(0.99) / self.usual.ms(0.99)


def overload(target: Target, service: Service, seconds: float, times: float = 3.0) -> Overload:
    """Measure what the service carries, then put a multiple of it on the service."""
    put(target.load(service, seconds / 4, USUAL))  # so that it is warm
    usual = put(target.load(service, seconds, USUAL))
    over = put(target.load(service, seconds, CALLERS, rate=times * usual.rate))
    return Overload(usual, over)
