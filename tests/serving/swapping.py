"""Promotions and rollbacks under load: every answer is of one release, and none fails."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx


@dataclass
class Load:
    """What callers were answered while models were swapped.

    Parameters
    ----------
    statuses : Counter
        Answers by status; a call that was cut is counted under 0.
    bundles : Counter
        Scores by the digests of their models, as sorted pairs.
    errors : Counter
        Customers without a score, by code.
    mixed : int
        Answers whose scores are of more than one release.
    seconds : list of float
        How long each call took.
    """

    statuses: Counter[int] = field(default_factory=Counter)
    bundles: Counter[tuple[tuple[str, str], ...]] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    mixed: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, other: Load) -> None:
        """Count another's answers in."""
        self.statuses += other.statuses
        self.bundles += other.bundles
        self.errors += other.errors
        self.mixed += other.mixed
        self.seconds += other.seconds

    def quantile(self, share: float) -> float:
        """Return the seconds within which a share of the calls was answered."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(share * len(self.seconds)))]


def swap_under_load(
    url: str,
    moves: Sequence[Callable[[], str]],
    customers: Sequence[str],
    connections: int = 8,
    headers: Mapping[str, str] | None = None,
    patience: float = 30.0,
    pause: float = 0.0,
) -> Load:
    """Make moves one after the other, each once the one before serves, while callers ask by id.

    Parameters
    ----------
    url : str
        Of the running service.
    moves : sequence of callable
        Each promotes or rolls back, and returns the digest of the release that is to serve then.
    customers : sequence of str
        Who are asked about, three a call.
    connections : int
        Callers at a time.
    headers : mapping of str to str, optional
        Of every call: the key.
    patience : float
        Seconds within which a move must reach the service.
    pause : float
        Seconds between two calls of a caller.

    Raises
    ------
    TimeoutError
        If a move does not.
    """
    over = threading.Event()
    loads = [Load() for _ in range(connections)]
    callers = [
        threading.Thread(
            target=_call, args=(url, customers[n:] or customers, headers, pause, over, load)
        )
        for n, load in enumerate(loads)
    ]
    for caller in callers:
        caller.start()
    try:
        with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
            for move in moves:
                _await(client, move(), patience)
    finally:
        over.set()
        for caller in callers:
            caller.join()
    total = Load()
    for load in loads:
        total.add(load)
    return total


def _await(client: httpx.Client, digest: str, patience: float) -> None:
    deadline = time.monotonic() + patience
    while (told := client.get("/v1/models").json())["release"] != digest:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{digest} does not serve after {patience:g} s: {told['waiting']}")
        time.sleep(0.05)


def _call(
    url: str,
    customers: Sequence[str],
    headers: Mapping[str, str] | None,
    pause: float,
    over: threading.Event,
    load: Load,
) -> None:
    turn = 0
    with httpx.Client(base_url=url, headers=headers, timeout=30) as client:
        while not over.wait(pause):
            turn += 1
            asked = [customers[(turn + n) % len(customers)] for n in range(3)]
            begun = time.perf_counter()
            try:
                answer = client.post(
                    "/v1/score", json={"customers": [{"customer_id": held} for held in asked]}
                )
            except httpx.TransportError:
                load.statuses[0] += 1
                continue
            load.seconds.append(time.perf_counter() - begun)
            load.statuses[answer.status_code] += 1
            if answer.status_code == 200:
                _count(answer.json()["results"], load)


def _count(results: Sequence[Mapping], load: Load) -> None:
    found = Counter(
        tuple(sorted(result["bundles"].items())) for result in results if "bundles" in result
    )
    load.mixed += len(found) > 1
    load.bundles += found
    load.errors += Counter(result["error"]["code"] for result in results if "error" in result)
