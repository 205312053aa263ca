"""A service that is killed under load: whatever score it answered is on record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from serving.settings import open_ledger
from tests.benchmarks.load import Found, Running
from tests.benchmarks.processes import Service
from tests.benchmarks.soak.target import Target


def kill_under_load(
    target: Target, service: Service, after: float, connections: int = 16
) -> list[str]:
    """Kill a service in the midst of load; return the ids of the scores it had answered."""
    load = Running(target.load(service, after + 0.5, connections, keep=True))
    time.sleep(after)
    service.kill()
    return score_ids(load.found())


def score_ids(found: Found) -> list[str]:
    """Return the ids of the scores that were answered."""
    results = (held for body in found.answers for held in json.loads(body)["results"])
    return [held["id"] for held in results if "id" in held]


def missing(target: Target, ids: Sequence[str]) -> set[str]:
    """Return which of these ids are not on record."""
    ledger = open_ledger(target.config.name, target.config.var)
    try:
        return {held for held in ids if not ledger.holds(held)}
    finally:
        ledger.close()


def faults(target: Target) -> tuple[str, ...]:
    """Return what is wrong with the record, from its first entry to its last."""
    ledger = open_ledger(target.config.name, target.config.var)
    try:
        return ledger.verify().faults
    finally:
        ledger.close()
