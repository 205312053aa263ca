"""A shop's receipts of two years, as large as asked, the same in every run."""

from __future__ import annotations

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


def receipts(folder: Path, customers: int) -> Path:
    """Write twenty receipts a customer on average, in eight Parquet files by time; once.

    Customers come and go: each has a rate of its own, a first day and a life. One receipt in
    thirty-three is a return.
    """
    place = folder / f"receipts-{customers}"
    if place.exists():
        return place
    unfinished = folder / f"unfinished-{customers}"
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
    edges = np.linspace(0, rows, PARTS + 1).astype(int)
    for part, (start, end) in enumerate(pairwise(edges)):
        table = pa.table(
            {
                "customer": names.take(pa.array(who[start:end])),
                "bought_at": pa.array(FIRST + second[start:end].astype("timedelta64[s]")),
                "paid": paid[start:end],
            }
        )
        pq.write_table(table, unfinished / f"part-{part}.parquet", compression="zstd")
    return unfinished.rename(place)


def config_of(place: Path, memory: str | None = None) -> Config:
    """Return the config of that shop: defaults throughout."""
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
    return load(written)
