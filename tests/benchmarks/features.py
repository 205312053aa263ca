"""All features of a real base at eight cut-offs: at once, in a loop, and some by pandas."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import pandas as pd

from configs.load import load
from configs.schema import Config
from features.build import build
from features.source import Tables, load_tables
from tests.benchmarks.measure import in_a_process, report

CUTOFFS = [date(2017, 12, 4) - timedelta(days=28 * k) for k in range(8)]


@cache
def base() -> tuple[Config, Tables]:
    config = load("configs/complete_journey.yaml")
    return config, load_tables(config)


@cache
def lines() -> pd.DataFrame:
    rows = base()[1].need("transactions").select("customer_id", "order_id", "amount", "local_day")
    frame = rows.to_pandas()
    frame["amount"] = frame["amount"].astype(float)
    frame["local_day"] = pd.to_datetime(frame["local_day"])
    return frame


def at_once() -> int:
    config, tables = base()
    return len(build(config, tables, CUTOFFS))


def in_a_loop() -> int:
    config, tables = base()
    return sum(len(build(config, tables, [day])) for day in CUTOFFS)


def rfm_in_pandas() -> int:
    """Seven features (recency, tenure, orders, spend; orders, spend, lines in 90 days) by hand."""
    frame, count = lines(), 0
    for day in CUTOFFS:
        known = frame[frame["local_day"] < pd.Timestamp(day)]
        recent = known[known["local_day"] >= pd.Timestamp(day) - pd.Timedelta(days=90)]
        ever = known.groupby("customer_id").agg(
            last=("local_day", "max"),
            first=("local_day", "min"),
            orders=("order_id", "nunique"),
            spend=("amount", "sum"),
        )
        late = recent.groupby("customer_id").agg(
            orders_90=("order_id", "nunique"),
            spend_90=("amount", "sum"),
            lines_90=("amount", "size"),
        )
        count += len(ever.join(late))
    return count


def main() -> None:
    ways = {
        "56 features, one expression": at_once,
        "56 features, a query a cut-off": in_a_loop,
        "7 features, pandas by hand": rfm_in_pandas,
    }
    found = {way: in_a_process(work, repeats=5) for way, work in ways.items()}
    one = found["56 features, one expression"]["median_s"]
    rows = [{"what": way, **held, "ratio": held["median_s"] / one} for way, held in found.items()]
    by_hand = found["7 features, pandas by hand"]["median_s"] / 7
    ratio = by_hand / (one / 56)
    bar = {
        "bar": "time of a feature in pandas over time of one of ours",
        "value": ratio,
        "bound": ">= 1",
        "met": ratio >= 1,
    }
    report("features", rows, [bar])


if __name__ == "__main__":
    main()
