"""The rows of the table: who is asked what by how many at once, each some times in turn."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.benchmarks.load import Found, Load, put
from tests.benchmarks.serving.base import Base
from tests.benchmarks.serving.peers import MOST, Body, Peer, as_numbers, by_name

CONNECTIONS = (1, 16, MOST)
BULK = 1_000
BULK_CALLS = 12  # of a thousand customers each
BULK_S = 60.0
WARM_S = 1.0
MOST_CALLS_A_SECOND = 2_000  # of one repeat; the bodies of a call are made before it


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
        ("mlflow", "features", by_name(base)),
        ("mlflow, as logged", "features", as_numbers(base)),
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
    """Customers of a base, each asked for once of a service."""

    def __init__(self, base: Base) -> None:
        self._count = len(base.customer_ids)
        self._next: dict[str, int] = {}

    def first(self, row: Asking, calls: int) -> range:
        """Return the first customer of each of so many calls.

        After the last of the base it begins again.
        """
        first = self._next.get(row.peer.name, 0)
        if first + row.customers * calls > self._count:
            first = self._next[row.peer.name] = 0
        return range(first, first + row.customers * calls, row.customers)

    def asked(self, row: Asking, calls: int) -> None:
        """Put down that of those so many calls were made."""
        self._next[row.peer.name] = self._next.get(row.peer.name, 0) + row.customers * calls


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
    service, in_bulk = row.peer.service, row.customers > 1
    most = BULK_CALLS if in_bulk else int(MOST_CALLS_A_SECOND * (seconds + WARM_S))
    load = Load(
        service.port,
        row.peer.path,
        [row.body(first) for first in unasked.first(row, most)],
        BULK_S if in_bulk else seconds,
        row.connections,
        headers=tuple(row.peer.headers.items()),
        warm=0.0 if in_bulk else WARM_S,
        once=in_bulk,
    )
    busy = service.cpu_s()
    answered = put(load)
    if set(answered.statuses) != {200} or answered.broken or answered.unanswered:
        sys.exit(f"{row.key}: answered {answered.statuses}, {answered.broken} broken")
    unasked.asked(row, answered.asked)
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
