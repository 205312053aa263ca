"""Searches of a record of many millions of entries, and of a batch of a million.

The entries are short, as the index holds little of them; how long ones are read is measured by the
record's own benchmark. ``python -m tests.benchmarks.index [ENTRIES] [ROWS]``
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pyarrow as pa

from serving.record.batch_layout import Layout
from serving.record.batch_rows import Part
from serving.record.index import Index, Search
from serving.record.ledger import Ledger
from tests.benchmarks.measure import report

ENTRIES, ROWS, CUSTOMERS = 10_000_000, 1_000_000, 1_000_000
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TOGETHER, SEARCHES, BAR = 1_000, 200, 0.020
MODELS = [sha256(b"%d" % number).hexdigest() for number in range(12)]
EDGES = (0.3, 0.6)
LAYOUT = Layout({"churn.served": 1, "clv.served": 1}, ())


def token(number: int) -> str:
    """Name a customer as the record does."""
    return sha256(b"%d" % number).hexdigest()[:32]


def make_score(number: int, customer: int, probability: float, entries: int) -> dict[str, Any]:
    """Return a score as a year of twelve models gives it."""
    band = ("low", "middle", "high")[sum(probability >= edge for edge in EDGES)]
    return {
        "customer": token(customer),
        "as_of": "2026-01-01",
        "bundles": {"churn": MODELS[number * len(MODELS) // entries], "clv": MODELS[0]},
        "scores": {"churn": {"served": probability, "band": band}, "clv": {"served": 99.5}},
    }


def fill(ledger: Ledger, entries: int) -> int:
    """Put scores on record, a thousand a commit, over a year."""
    numbers = np.random.default_rng(1)
    for first in range(0, entries, TOGETHER):
        at = BEGAN + timedelta(days=365 * first / entries)
        chances = numbers.random(TOGETHER).tolist()
        customers = numbers.integers(0, CUSTOMERS, TOGETHER).tolist()
        records = [
            (f"{first + row:032x}", "score", make_score(first + row, customer, chance, entries))
            for row, (customer, chance) in enumerate(zip(customers, chances, strict=True))
        ]
        ledger.write(ledger.drafts(records, at))
    return entries


def make_batch(ledger: Ledger, rows: int) -> int:
    """Put a batch on record; its leaves, which nobody looks at here, are all the same."""
    chances = np.random.default_rng(2).random(rows)
    tokens = [token(customer) for customer in range(rows)]
    table = pa.table([tokens, chances, chances * 1_000], schema=LAYOUT.schema)
    step = 65_536
    parts = (
        Part(held, [bytes(32)] * len(held))
        for held in (table.slice(first, step) for first in range(0, rows, step))
    )
    body = {"as_of": "2026-06-30", "bundles": {"churn": MODELS[5]}, "options": {"bands": EDGES}}
    ledger.append_columns("batch", LAYOUT, parts, body, BEGAN + timedelta(days=366))
    return rows


def searches(index: Index) -> dict[str, Callable[[int], Search]]:
    """Return what is sought, by what it is called."""
    deep: list[str | None] = [None]

    def paged(_: int) -> Search:
        deep.append(index.find(Search(after=deep[-1])).next)
        return Search(after=deep[-2])

    return {
        "the newest": lambda _: Search(),
        "a customer": lambda n: Search(customer=token(n * 7_919 % CUSTOMERS)),
        "nobody": lambda n: Search(customer=token(-n - 1)),
        "a day": lambda n: Search(since=_day(n), until=_day(n + 1)),
        "a band": lambda _: Search(band="high"),
        "a band in a month": lambda n: Search(band="high", since=_day(n), until=_day(n + 30)),
        "a model": lambda n: Search(model=MODELS[n % len(MODELS)]),
        "a model, a band, a day": lambda n: Search(
            model=MODELS[n % 300 // 31], band="low", until=_day(n % 300 + 20)
        ),
        "a customer, a band": lambda n: Search(customer=token(n), band="middle"),
        "page after page": paged,
    }


def _day(number: int) -> datetime:
    return BEGAN + timedelta(days=number % 330)


def timed(index: Index, search: Callable[[int], Search]) -> dict[str, float]:
    """Return how long searches take, in milliseconds."""
    took = []
    for number in range(SEARCHES):
        asked = search(number)
        began = time.perf_counter()
        index.find(asked)
        took.append(1_000 * (time.perf_counter() - began))
    took.sort()
    return {"p50_ms": statistics.median(took), "p99_ms": took[int(0.99 * len(took))]}


def _spent(work: Callable[[], int]) -> tuple[int, float]:
    began = time.perf_counter()
    return work(), time.perf_counter() - began


def _made(
    ledger: Ledger, index: Index, entries: int, rows: int
) -> Iterator[tuple[str, int, float]]:
    yield "entries put on record", *_spent(lambda: fill(ledger, entries))
    yield "entries followed by the index", *_spent(lambda: index.catch_up(ledger) and entries)
    make_batch(ledger, rows)
    yield "a batch followed by the index", *_spent(lambda: index.catch_up(ledger) and rows)


def main() -> None:
    """Measure, and write ``var/bench/index.json``."""
    asked = [int(held) for held in sys.argv[1:]]
    entries, rows = [*asked, *(ENTRIES, ROWS)[len(asked) :]]
    with TemporaryDirectory(prefix="stamkunde-") as folder:
        place = Path(folder) / "ledger.db"
        ledger, index = Ledger(place, "shop"), Index(place, "shop")
        for what, count, seconds in _made(ledger, index, entries, rows):
            sys.stdout.write(f"{what}: {count:,} in {seconds:,.1f} s, {count / seconds:,.0f}/s\n")
        size = (place.with_name("index.db").stat().st_size) / entries
        sys.stdout.write(f"bytes of the index an entry: {size:,.0f}\n")
        found = [{"sought": name, **timed(index, what)} for name, what in searches(index).items()]
    bars = [
        {"bar": f"{each['sought']}: p50 in ms", "value": each["p50_ms"], "bound": 1_000 * BAR}
        | {"met": each["p50_ms"] <= 1_000 * BAR}  # type: ignore[operator]
        for each in found
    ]
    report("index", found, bars)


if __name__ == "__main__":
    main()
