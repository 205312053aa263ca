"""How long a thing takes and how much memory it needs, as a table in Markdown and as JSON."""

from __future__ import annotations

import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

FOLDER = Path("var/bench")


def in_a_process(work: Callable[[], int], repeats: int, warm: bool = True) -> dict[str, Any]:
    """Run work some times in a process of its own; return its median time and peak memory.

    Time is on the clock, and that of all processors together, which others' work hardly changes.
    ``work`` returns how many rows it made; its first run is not timed where it is to be warm.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as process:
        return process.submit(_run, work, repeats, warm).result()


def _run(work: Callable[[], int], repeats: int, warm: bool) -> dict[str, Any]:
    rows, times, spent = work() if warm else 0, [], []
    for _ in range(repeats):
        start, busy = time.perf_counter(), time.process_time()
        rows = work()
        times.append(time.perf_counter() - start)
        spent.append(time.process_time() - busy)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "median_s": statistics.median(times),
        "cpu_s": statistics.median(spent),
        "rows": rows,
        "peak_mb": peak,
    }


def report(name: str, rows: list[dict[str, Any]], bars: list[dict[str, Any]]) -> None:
    """Print the rows and the bars as a table, and write them to ``var/bench/NAME.json``."""
    keep(name, {"rows": rows, "bars": bars})
    show(rows)
    show_bars(bars)


def keep(name: str, held: dict[str, Any]) -> None:
    """Write what was found to ``var/bench/NAME.json``."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / f"{name}.json").write_text(json.dumps(held, indent=1) + "\n")


def show(rows: list[dict[str, Any]]) -> None:
    """Print rows as a table in Markdown."""
    columns = list(rows[0])
    told = [columns, *([_figure(row[column]) for column in columns] for row in rows)]
    widths = [max(len(line[i]) for line in told) for i in range(len(columns))]
    told.insert(1, ["-" * width for width in widths])
    for line in told:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(f"| {' | '.join(cells)} |\n")


def show_bars(bars: list[dict[str, Any]]) -> None:
    """Print what is to be met, and whether it is."""
    for bar in bars:
        met = "met" if bar["met"] else "NOT met"
        sys.stdout.write(f"{bar['bar']}: {_figure(bar['value'])}, bound {bar['bound']}, {met}\n")


def _figure(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else str(value)
