"""The service over a long time and in bad ones, with MLflow and the network away throughout.

Ten minutes of load with flat memory; promotions and rollbacks under load; kills under load with no
answered score missing from the record; three times the load that it can carry; and the same
customers through every door, to the bit.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import FOLDER, report
from tests.benchmarks.serving.base import Base, base, fresh
from tests.benchmarks.serving.key import headers_of
from tests.benchmarks.soak.killed import faults, kill_under_load, missing
from tests.benchmarks.soak.memory import growth, watched
from tests.benchmarks.soak.overload import overload
from tests.benchmarks.soak.target import Target, alone

LOG = FOLDER / "soak.log"
Rows = list[dict[str, Any]]


def main() -> None:
    given = _arguments()
    made = fresh(base("churn"), "soak")
    count = len(made.customer_ids)
    bodies = [made.by_features(number, number + 1) for number in range(0, count, 2)]
    by_id = [made.by_id(number, number + 1) for number in range(1, count, 2)]
    turn = itertools.chain.from_iterable(zip(bodies, by_id, strict=True))
    target = Target(made.config, list(turn), headers_of(made) if given.keys else {})
    told = FOLDER / "soak-alone.txt"
    found: Rows = []
    with alone(told):
        for name in given.only:
            found += PARTS[name](target, made, given)
    reached = told.read_text().splitlines()
    found.append(_row("MLflow and the network away: attempts to reach them", len(reached), 0))
    report("soak", [{"what": row["bar"], "value": row["value"]} for row in found], found)


def flat(target: Target, _: Base, given: argparse.Namespace) -> Rows:
    """Put load on for minutes."""
    with target.running(LOG) as service:
        found, samples = watched(target, service, 60 * given.minutes)
    from_then = min(60.0, 15 * given.minutes)
    grown = growth(samples, from_then)
    bad = sum(found.statuses.values()) - found.statuses.get(200, 0) + found.broken
    return [
        _row(f"calls in {given.minutes:g} minutes", found.statuses.get(200, 0), None),
        _row("calls not answered with 200", bad + found.unanswered, 0),
        _row("p99 in ms", found.ms(0.99), None),
        _row(f"memory's growth after {from_then:g} s of {samples[0][1]:.0f} MB", grown, 0.02),
    ]


def swaps(target: Target, made: Base, given: argparse.Namespace) -> Rows:
    """Promote and roll back under load."""
    from tests.benchmarks.soak.swaps import swapped

    with target.running(LOG) as service:
        ids = list(made.customer_ids[:1000])
        load = swapped(target, service, ids, given.moves, Path(FOLDER) / "serving" / "twin")
    failed = sum(load.statuses.values()) - load.statuses[200]
    return [
        _row(f"{given.moves} promotions and rollbacks: calls", load.statuses[200], None),
        _row("failed", failed + sum(load.errors.values()), 0),
        _row("mixed", load.mixed, 0),
    ]


def kills(target: Target, _: Base, given: argparse.Namespace) -> Rows:
    """Kill the service under load, some times."""
    ids: list[str] = []
    moment = random.Random(20171231)
    for _ in range(given.rounds):
        with target.running(LOG) as service:
            ids += kill_under_load(target, service, moment.uniform(0.5, 3.0))
    with target.running(LOG):  # it comes up again
        lost = missing(target, ids)
    return [
        _row(f"{given.rounds} kills: scores answered before", len(ids), None),
        _row("of them not on record", len(lost), 0),
        _row("faults of the record", len(faults(target)), 0),
    ]


def three_times(target: Target, _: Base, given: argparse.Namespace) -> Rows:
    """Put three times the load on that the service carries."""
    with target.running(LOG) as service:
        found = overload(target, service, given.seconds)
    over = found.over
    other = sum(n for status, n in over.statuses.items() if status not in (200, 429))
    return [
        _row("calls a second it carries at 16 connections", found.usual.rate, None),
        _row("p99 then, in ms", found.usual.ms(0.99), None),
        _row("three times that: served a second", over.rate, None),
        _row("refused with 429", over.statuses.get(429, 0), None),
        _row("answered otherwise, or not", other + over.broken + over.unanswered, 0),
        _row("accepted calls' p99, to the usual", found.slower, 2.0),
    ]


def same(_: Target, __: Base, given: argparse.Namespace) -> Rows:
    """Ask for the same customers in every way."""
    from tests.benchmarks.soak.parity import parities

    found = parities(FOLDER / "parity", given.customers, lambda way: sys.stderr.write(f"{way}\n"))
    told = []
    for held in found:
        first = f"; the first is {held.first}" if held.first else ""
        what = f"{held.customers:,} customers, {held.way}: told otherwise{first}"
        told.append(_row(what, held.different, 0))
    return told


PARTS: dict[str, Callable[[Target, Base, argparse.Namespace], Rows]] = {
    "memory": flat,
    "swaps": swaps,
    "kills": kills,
    "overload": three_times,
    "parity": same,
}


def _row(bar: str, value: float, bound: float | None) -> dict[str, Any]:
    """Return what was found, with the most it may be; anything where that is None."""
    met = bound is None or value <= bound
    return {
        "bar": bar,
        "value": value,
        "bound": "none" if bound is None else f"≤ {bound:g}",
        "met": met,
    }


def _arguments() -> argparse.Namespace:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--only", action="append", choices=list(PARTS), metavar="PART")
    asked.add_argument("--minutes", type=float, default=10.0, help="of load, for the memory")
    asked.add_argument("--moves", type=int, default=50, help="promotions and rollbacks")
    asked.add_argument("--rounds", type=int, default=10, help="of kills")
    asked.add_argument("--customers", type=int, default=10_000, help="asked for in every way")
    asked.add_argument("--seconds", type=float, default=20.0, help="of an overload")
    asked.add_argument("--keys", action="store_true", help="ask with a key, as strangers must")
    given = asked.parse_args()
    given.only = given.only or list(PARTS)
    return given


if __name__ == "__main__":
    main()
