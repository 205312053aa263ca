"""A shop's receipts of two years, as large as asked, the same in every run."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from configs.load import load
from configs.schema import Config

DAYS = 730
FIRST = np.datetime64("2024-01-01", "us")
PARTS = 8
ROWS_A_CUSTOMER = 20
CHANNELS = ("shop", "web", "telephone")
REGIONS = ("capital", "islands", "north", "south")


def receipts(folder: Path, customers: int, channels: bool = False) -> Path:
    """Write twenty receipts a customer on average, in eight Parquet files by time; once.

    Customers come and go: each has a rate of its own, a first day and a life. One receipt in
    thirty-three is a return. With channels, each customer has one for seven of ten receipts.
    """
    place = folder / f"{'channelled-' if channels else ''}receipts-{customers}"
    if place.exists():
        return place
    unfinished = place.with_name(f"unfinished-{place.name}")
    unfinished.mkdir(parents=True, exist_ok=True)
    rng, rows = np.random.default_rng(20170101), customers * ROWS_A_CUSTOMER
    born = rng.integers(0, DAYS - 30, customers)
    life = np.minimum(rng.exponential(400, customers).astype(int) + 1, DAYS - born)
    rate = (rng.gamma(0.8, 1.0, customers) + 0.02) * life
    who = np.sort(rng.choice(customers, size=rows, p=rate / rate.sum()).astype(np.int32))
    second = (born[who] + rng.random(rows) * life[who]) * 86_400
    order = np.argsort(second)
    who, second = who[order], second[order].astype(np.int64)
    paid = np.round(rng.gamma(2.0, 20.0, rows), 2)
    paid[rng.random(rows) < 0.03] *= -1
    names = pa.array([f"c{number:07d}" for number in range(customers)])
    through = _channels(rng, who, customers) if channels else None
    edges = np.linspace(0, rows, PARTS + 1).astype(int)
    for part, (start, end) in enumerate(pairwise(edges)):
        columns = {
            "customer": names.take(pa.array(who[start:end])),
            "bought_at": pa.array(FIRST + second[start:end].astype("timedelta64[s]")),
            "paid": paid[start:end],
        }
        if through is not None:
            columns["channel"] = pa.array(CHANNELS).take(pa.array(through[start:end]))
        table = pa.table(columns)
        pq.write_table(table, unfinished / f"part-{part}.parquet", compression="zstd")
    return unfinished.rename(place)


def _channels(rng: np.random.Generator, who: np.ndarray, customers: int) -> np.ndarray:
    """Draw the channel of each receipt: the customer's own, or now and then any."""
    own = rng.choice(len(CHANNELS), customers, p=(0.5, 0.4, 0.1))[who]
    any_other = rng.integers(0, len(CHANNELS), len(who))
    return np.where(rng.random(len(who)) < 0.7, own, any_other)


def members(folder: Path, customers: int) -> Path:
    """Write where each customer lives and whether the newsletter goes there, of most; once."""
    place = folder / f"members-{customers}.parquet"
    if not place.exists():
        rng = np.random.default_rng(20170102)
        known = np.flatnonzero(rng.random(customers) < 0.9)
        region = rng.choice(REGIONS, len(known), p=(0.4, 0.1, 0.3, 0.2))
        columns = {
            "customer": [f"c{number:07d}" for number in known],
            "region": region,
            "newsletter": np.where(rng.random(len(known)) < 0.4, "yes", "no"),
        }
        pq.write_table(pa.table(columns), place, compression="zstd")
    return place


def config_of(place: Path, memory: str | None = None, told: Sequence[str] = ()) -> Config:
    """Return the config of that shop: defaults throughout, but for what is told as for --set."""
    written = place.with_name(f"{place.name}-{memory}.yaml")
    written.write_text(
        f"""extends: {Path("configs/base.yaml").resolve()}
name: bench
engine: {{kind: duckdb, memory: {memory or "null"}}}
sources:
  transactions:
    path: {place}/*.parquet
    columns: {{customer_id: customer, occurred_at: bought_at, amount: paid}}
churn: {{kind: lapse, horizon: 30d}}
paths: {{var: {place}-var}}
"""
    )
    return load(written, told)
