"""The rows of the table: who is asked what by how many at once, each some times in turn."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.load import Found, Load, put
from tests.benchmarks.serving.base import Base
from tests.benchmarks.serving.peers import Body, Peer, as_mlflow

CONNECTIONS = (1, 16, 64)
BULK = 1_000
BULK_CALLS = 50
LONGER = 2  # a call of a thousand is asked for so many times as long
WARM_S = 1.0
MOST_CALLS_A_SECOND = 1_000  # of one repeat; the bodies of a call are made before it


@dataclass(frozen=True)
class Asking:
    """A row: a peer, the calls made of it, from how many connections, for how many customers."""

    peer: Peer
    what: str
    body: Body
    connections: int
    customers: int = 1

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells the row apart."""
        return self.what, self.peer.name, self.connections


def askings(base: Base, others: Mapping[str, Peer], ours: Sequence[Peer]) -> list[Asking]:
    """Return the rows for single customers."""
    nothing: Body = lambda _: b"{}"  # noqa: E731
    singly: Body = lambda number: base.by_features(number, number + 1)  # noqa: E731
    by_id: Body = lambda number: base.by_id(number, number + 1)  # noqa: E731
    told = [
        ("empty", "nothing", nothing),
        ("empty, with its log", "nothing", nothing),
        ("parsing", "features", singly),
        ("mlflow", "features", as_mlflow(base)),
        ("fastapi", "features", singly),
    ]
    found = [(others[name], what, body) for name, what, body in told]
    found += [(peer, "features", singly) for peer in ours]
    found += [(peer, "id", by_id) for peer in ours]
    return [
        Asking(peer, what, body, connections)
        for connections in CONNECTIONS
        for peer, what, body in found
    ]


def bulk_askings(base: Base, others: Mapping[str, Peer], ours: Sequence[Peer]) -> list[Asking]:
    """Return the rows for a thousand customers a call."""

    def thousand(**more: object) -> Body:
        return lambda number: base.by_features(number, number + BULK, **more)

    told = [(others["bulk"], "1,000 by features", thousand())]
    for peer in ours:
        told += [
            (peer, "1,000 by features, no reasons", thousand(reasons=0)),
            (peer, "1,000 by features", thousand()),
            (peer, "1,000 by id, no reasons", lambda n: base.by_id(n, n + BULK, reasons=0)),
        ]
    return [Asking(peer, what, body, 1, BULK) for peer, what, body in told]


class Unasked:
    """Customers of a base, each handed out once a peer."""

    def __init__(self, base: Base) -> None:
        self._count, self._next = len(base.customer_ids), {}

    def take(self, peer: str, count: int, size: int) -> Iterator[int]:
        """Yield the first customers of so many calls of so many each.

        After the last of the base it begins again.
        """
        for _ in range(count):
            first = self._next.get(peer, 0)
            if first + size > self._count:
                first = 0
            self._next[peer] = first + size
            yield first


def measure(
    rows: Sequence[Asking],
    unasked: Unasked,
    seconds: float,
    repeats: int,
    say: Callable[[str], Any],
) -> list[dict[str, Any]]:
    """Ask every row in turn, some times; return the medians."""
    found: dict[tuple[str, str, int], list[dict[str, float]]] = {row.key: [] for row in rows}
    for turn in range(repeats):
        for row in rows:
            told = _asked(row, unasked, seconds)
            found[row.key].append(told)
            say(f"{turn + 1}/{repeats} {row.key}: p50 {told['p50_ms']:.2f} ms")
    return [_medians(row, found[row.key]) for row in rows]


def _asked(row: Asking, unasked: Unasked, seconds: float) -> dict[str, float]:
    service = row.peer.service
    seconds *= 1 if row.customers == 1 else LONGER
    calls = int(MOST_CALLS_A_SECOND * (seconds + WARM_S)) if row.customers == 1 else BULK_CALLS
    bodies = [row.body(first) for first in unasked.take(row.peer.name, calls, row.customers)]
    headers = tuple(row.peer.headers.items())
    busy = service.cpu_s()
    load = Load(
        service.port, row.peer.path, bodies, seconds, row.connections, headers=headers, warm=WARM_S
    )
    answered = put(load)
    if set(answered.statuses) != {200} or answered.broken or answered.unanswered:
        sys.exit(f"{row.key}: answered {answered.statuses}, {answered.broken} broken")
    return _figures(row, answered, service.cpu_s() - busy, service.peak_mb())


def _figures(row: Asking, answered: Found, cpu_s: float, peak_mb: float) -> dict[str, float]:
    rate = answered.rate * row.customers
    return {
        "p50_ms": answered.ms(0.5),
        "p99_ms": answered.ms(0.99),
        "p99.9_ms": answered.ms(0.999),
        "customers_per_s": rate,
        "cpu_ms": 1e3 * cpu_s / answered.asked,
        "peak_mb": peak_mb,
        "load_us": 1e6 * answered.cpu_s / answered.asked,
        "asked_again": float(answered.asked_again),
    }


def _medians(row: Asking, found: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    medians = {name: statistics.median(held[name] for held in found) for name in found[0]}
    what, peer, connections = row.key
    return {"what": what, "service": peer, "connections": connections, **medians}


def contributions_s(base: Base, repeats: int = 5) -> float:
    """Return the median time of a thousand customers' contributions to churn alone, in seconds."""
    model = base.churn.model
    inputs = model.inputs.decode(base.rows[model.inputs.digest][:BULK])
    matrix = model.complete(model.inputs.encode(inputs))
    times = []
    for _ in range(repeats):
        begun = time.perf_counter()
        for predictor in model.predictors:
            predictor.contributions(matrix)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)
