"""Whether the service's memory stays flat under load."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.benchmarks.load import Found, Running
from tests.benchmarks.processes import Service
from tests.benchmarks.soak.target import Target

Sample = tuple[float, float]
"""Seconds since the load began, and the memory then in MB."""


def watched(
    target: Target, service: Service, seconds: float, every: float = 5.0
) -> tuple[Found, list[Sample]]:
    """Put load on the service; return how it answered, and its memory meanwhile."""
    load = Running(target.load(service, seconds))
    begun = time.perf_counter()
    samples = []
    while (passed := time.perf_counter() - begun) < seconds:
        samples.append((passed, service.memory_mb()))
        time.sleep(every)
    return load.found(), samples


def growth(samples: Sequence[Sample], after: float) -> float:
    """Return by how much of itself memory grew from then on: its largest to its first."""
    later = [mb for passed, mb in samples if passed >= after]
    return max(later) / later[0] - 1.0
