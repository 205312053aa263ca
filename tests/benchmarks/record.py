"""A record of many millions of entries: appended to, read one at a time, and verified.

The entries are as long as those of scores with sixty features and their contributions. About 30 GB
of disk are needed for ten million. ``python -m tests.benchmarks.record [ENTRIES] [FOLDER]``
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import psutil

from serving.record import checkpoint as checkpoints
from serving.record.draft import Draft
from serving.record.ledger import Ledger
from serving.record.merkle import canonical
from serving.record.note import signer
from serving.record.proof import proof
from tests.benchmarks.index import BEGAN
from tests.benchmarks.measure import report

ENTRIES, TOGETHER, ASKED = 10_000_000, 1_000, 400
AT = "2026-01-01T00:00:00.000000Z"
PER_SECOND, QUICK_MS, MEMORY_MB = 200_000, 20.0, 600

_TOKEN = "c" * 32
_BODY = canonical(
    {
        "customer": _TOKEN,
        "as_of": "2026-01-01",
        "features": {"d" * 64: [n / 7 for n in range(1, 55)]},
        "scores": {"churn": {"served": 0.25, "contributions": [n / 13 for n in range(1, 55)]}},
        "bundles": {"churn": "d" * 64},
    }
)


def draft(number: int) -> Draft:
    """Return a score as it is put on record, named by its number."""
    body = _BODY.replace(_TOKEN.encode(), b"%032x" % (number % 1_000_000))
    return Draft("shop", f"{number:032x}", "score", AT, body)


def fill(ledger: Ledger, first: int, last: int) -> float:
    """Put entries on record, a thousand a commit; return how many a second."""
    began = time.perf_counter()
    for start in range(first, last, TOGETHER):
        ledger.write([draft(number) for number in range(start, min(start + TOGETHER, last))])
    return (last - first) / (time.perf_counter() - began)


def timed(work: Callable[[int], object]) -> dict[str, float]:
    """Return how long a thing takes, in milliseconds."""
    took = []
    for number in range(ASKED):
        began = time.perf_counter()
        work(number)
        took.append(1_000 * (time.perf_counter() - began))
    took.sort()
    return {"p50_ms": statistics.median(took), "p99_ms": took[int(0.99 * len(took))]}


@contextmanager
def watched() -> Iterator[dict[str, float]]:
    """Note the most memory, and all time of processors, that this process and its own take."""
    me, found, ended = psutil.Process(), {"peak_mb": 0.0, "cpu_s": 0.0}, threading.Event()

    def look() -> None:
        spent: dict[int, float] = {}
        while not ended.wait(0.1):
            held = 0
            for each in [me, *me.children(recursive=True)]:
                try:
                    held += each.memory_info().rss
                    times = each.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                spent[each.pid] = times.user + times.system
            found["peak_mb"] = max(found["peak_mb"], held / 2**20)
            found["cpu_s"] = sum(spent.values())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()


def verified(ledger: Ledger, made: checkpoints.Checkpoint) -> dict[str, Any]:
    """Verify the record against a checkpoint; return how quick it was."""
    began, busy = time.perf_counter(), time.process_time()
    with watched() as found:
        whole = ledger.verify(checkpoints=[made])
    took = time.perf_counter() - began
    assert whole.whole, whole.faults[:3]
    spent = found["cpu_s"] - busy
    return {
        "seconds": took,
        "entries_a_second": whole.entries / took,
        "entries_a_second_of_processor": whole.entries / max(spent, 1e-9),
        "peak_mb": found["peak_mb"],
    }


def measure(folder: Path, entries: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return what was measured of a record that is made in a folder, and what is to be met."""
    ledger = Ledger(folder / "ledger.db", "shop")
    key = signer(folder / "checkpoint.key", checkpoints.name("shop"))
    few = timed(lambda n: ledger.write([draft(n)]))
    filled = fill(ledger, ASKED, entries)
    drawn = Random(1)
    one = timed(lambda n: ledger.write([draft(entries + n)]))
    read = timed(lambda _: ledger.get(f"{drawn.randrange(entries):032x}").body)
    made = checkpoints.made("shop", ledger.head(), key, BEGAN)
    proven = timed(lambda _: proof(ledger, f"{drawn.randrange(entries):032x}", made))
    whole = verified(ledger, made)
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    ledger.close()
    rows = [
        {"what": "an append, of the first hundreds", **few},
        {"what": f"an append, after {entries:,}", **one},
        {"what": "an entry read", **read},
        {"what": "a proof made", **proven},
    ]
    sys.stdout.write(
        f"{entries:,} entries of {len(draft(0).body):,} bytes, {size / entries:,.0f} bytes each on "
        f"disk, {filled:,.0f} put on record a second, verified in {whole['seconds']:,.1f} s\n"
    )
    return rows, _bars(one, read, proven, whole)


def _bars(
    one: dict[str, float], read: dict[str, float], proven: dict[str, float], whole: dict[str, Any]
) -> list[dict[str, Any]]:
    processors = min(2, os.cpu_count() or 1)
    alone = processors * whole["entries_a_second_of_processor"]
    return [
        _bar("entries verified a second", whole["entries_a_second"], PER_SECOND, least=True),
        _bar(f"the same, of {processors} processors to itself", alone, PER_SECOND, least=True),
        _bar("an append, p50 ms", one["p50_ms"], QUICK_MS),
        _bar("an entry read, p50 ms", read["p50_ms"], QUICK_MS),
        _bar("a proof made, p50 ms", proven["p50_ms"], 5 * QUICK_MS),
        _bar("memory of verifying, MB", whole["peak_mb"], MEMORY_MB),
    ]


def _bar(what: str, value: float, bound: float, least: bool = False) -> dict[str, Any]:
    met = value >= bound if least else value <= bound
    return {"bar": what, "value": value, "bound": bound, "met": met}


def main() -> None:
    """Measure, and write ``var/bench/record.json``."""
    entries = int(sys.argv[1]) if len(sys.argv) > 1 else ENTRIES
    place = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with TemporaryDirectory(prefix="stamkunde-", dir=place) as folder:
        report("record", *measure(Path(folder), entries))


if __name__ == "__main__":
    main()
