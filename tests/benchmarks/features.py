"""The default features of twenty million receipts: Stamkunde beside SQL, Polars and pandas by hand.

Every way reads the same Parquet files and ends with the same table in memory. ``--customers N``
takes another size, ``--largest N`` adds one of so many customers, within 8 GB, once.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features.build import expression, table
from features.source import load_tables
from tests.benchmarks import peers, shop
from tests.benchmarks.measure import FOLDER, in_a_process, report

AS_OF = date(2025, 12, 31)
TWELVE = [AS_OF - timedelta(days=30 * k) for k in range(12)]
OURS, BY_SQL, BY_POLARS, BY_PANDAS = "Stamkunde", "DuckDB SQL", "Polars", "pandas"
LATER = "Stamkunde, twelve cut-offs"
SPILLING = "Stamkunde within 2 GB"


def stamkunde(place: Path, cutoffs: list[date], memory: str | None = None) -> int:
    config = shop.config_of(place, memory)
    return table(config, load_tables(config), cutoffs).num_rows


def door(place: Path) -> int:
    return load_tables(shop.config_of(place)).intake["transactions"].rows


def rows_of(way: Callable[[Path, date], pa.Table], place: Path) -> int:
    return way(place, AS_OF).num_rows


def building(place: Path, repeats: int = 7) -> float:
    """Return the median seconds that the expression and its SQL take, before any row is read."""
    config = shop.config_of(place)
    tables = load_tables(config)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        tables.backend.compile(expression(config, tables, AS_OF))
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds))


def check_alike(place: Path) -> None:
    """Hold every way to the same values: SQL to the last bit, the others to 1e-9."""
    config = shop.config_of(place)
    ours = table(config, load_tables(config), [AS_OF]).drop_columns("as_of").to_pandas()
    for way in (peers.by_sql, peers.by_polars, peers.by_pandas):
        theirs = way(place, AS_OF).to_pandas()[ours.columns]
        assert theirs["customer_id"].tolist() == ours["customer_id"].tolist()
        one, two = (frame.drop(columns="customer_id").astype(float) for frame in (ours, theirs))
        tolerance = 0.0 if way is peers.by_sql else 1e-9
        np.testing.assert_allclose(two, one, rtol=tolerance, atol=tolerance, err_msg=way.__name__)


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--largest", type=int, default=0, metavar="CUSTOMERS")
    asked.add_argument("--repeats", type=int, default=3)
    given = asked.parse_args()
    check_alike(shop.receipts(FOLDER, 20_000))
    place = shop.receipts(FOLDER, given.customers)
    ways: dict[str, Callable[[], int]] = {
        "the bare scan": partial(peers.bare_scan, place, AS_OF),
        "Stamkunde's door alone": partial(door, place),
        OURS: partial(stamkunde, place, [AS_OF]),
        BY_SQL: partial(rows_of, peers.by_sql, place),
        BY_POLARS: partial(rows_of, peers.by_polars, place),
        BY_PANDAS: partial(rows_of, peers.by_pandas, place),
        LATER: partial(stamkunde, place, TWELVE),
        SPILLING: partial(stamkunde, place, [AS_OF], "2GB"),
    }
    found = {way: in_a_process(work, given.repeats, warm=False) for way, work in ways.items()}
    if given.largest:
        larger = shop.receipts(FOLDER, given.largest)
        rows = given.largest * shop.ROWS_A_CUSTOMER
        found[f"Stamkunde, {rows:,} receipts within 8 GB"] = in_a_process(
            partial(stamkunde, larger, [AS_OF], "8GB"), 1, warm=False
        )
    base = found[BY_SQL]["median_s"]
    rows = [{"what": way, **held, "ratio": held["median_s"] / base} for way, held in found.items()]
    report("features", rows, bars(found, building(place)))


def bars(found: dict[str, dict[str, Any]], built: float) -> list[dict[str, Any]]:
    """Return what is to be met, and whether it is."""
    seconds = {way: held["median_s"] for way, held in found.items()}
    memory = {way: held["peak_mb"] for way, held in found.items()}
    asked = [
        ("time, over that of SQL by hand", seconds[OURS] / seconds[BY_SQL], 1.25),
        ("peak memory, over that of SQL by hand", memory[OURS] / memory[BY_SQL], 1.2),
        ("time, over that of Polars", seconds[OURS] / seconds[BY_POLARS], 1.0),
        ("time, over that of pandas", seconds[OURS] / seconds[BY_PANDAS], 0.2),
        ("time of twelve cut-offs, over that of one", seconds[LATER] / seconds[OURS], 6.0),
        ("time within 2 GB, over that without a limit", seconds[SPILLING] / seconds[OURS], 2.0),
        ("seconds to build the expression", built, 0.3),
    ]
    return [
        {"bar": bar, "value": value, "bound": f"<= {bound:g}", "met": value <= bound}
        for bar, value, bound in asked
    ]


if __name__ == "__main__":
    main()
