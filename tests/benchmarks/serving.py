"""One customer a call over HTTP, with reasons and record: by id, by features, by their own rows."""

from __future__ import annotations

import itertools
import json
import statistics
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pandas as pd

from configs.load import load
from features.source import load_tables
from serving.demo import free_port
from serving.release import current
from serving.server import start, wait_until_ready
from serving.settings import open_store
from tests.benchmarks.measure import report
from tests.factories import make_posted

CALLS, WARM, ROWS = 300, 50, 100


def ask(connection: HTTPConnection, body: dict[str, Any]) -> float:
    """Send one call; return its seconds."""
    content = json.dumps(body)
    begun = time.perf_counter()
    connection.request("POST", "/v1/score", content, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        sys.exit(f"the service answered {answer.status}")
    return time.perf_counter() - begun


def timed(port: int, bodies: list[dict[str, Any]]) -> dict[str, float]:
    """Return the p50 and p99 of calls, in milliseconds, each asking for another customer."""
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    turn = itertools.cycle(bodies)
    for _ in range(WARM):
        ask(connection, next(turn))
    times = sorted(ask(connection, next(turn)) for _ in range(CALLS))
    return {"p50_ms": 1e3 * statistics.median(times), "p99_ms": 1e3 * times[int(0.99 * CALLS)]}


def latest(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return a customer's rows, but of the transactions the latest alone."""
    lines = sorted(rows["transactions"], key=lambda row: str(row["occurred_at"]))
    return {**rows, "transactions": lines[-ROWS:]}


def main() -> None:
    config = load("configs/complete_journey.yaml")
    schema = current(config.var).bundles["churn"].model.inputs
    ids = pd.read_parquet(config.var / "scores.parquet", columns=["customer_id"])["customer_id"]
    stored = open_store(config.var).get(config.name, schema.digest, ids.tolist())
    by_id = [{"customers": [{"customer_id": held}]} for held in ids]
    by_features = [
        {
            "customers": [
                {
                    "customer_id": held,
                    "as_of": str(stored[held].as_of),
                    "features": dict(zip(schema.names, stored[held].values, strict=True)),
                }
            ]
        }
        for held in ids
    ]
    posted = make_posted(load_tables(config))
    by_rows = [
        {
            "customers": [
                {
                    "customer_id": held,
                    "as_of": str(stored[held].as_of),
                    "rows": latest(posted[held]),
                }
            ]
        }
        for held in ids[:300]
    ]
    port = free_port()
    with Path(config.var / "bench.log").open("wb") as log:
        service = start(config, port=port, log=log)
        try:
            wait_until_ready(f"http://127.0.0.1:{port}", service)
            bulk = [{"customers": [{"customer_id": held} for held in ids[:1000]]}]
            connection = HTTPConnection("127.0.0.1", port, timeout=60)
            rows = [
                {"what": "one customer by id", **timed(port, by_id)},
                {"what": "one customer by features", **timed(port, by_features)},
                {"what": f"one customer by {ROWS} rows", **timed(port, by_rows)},
            ]
            seconds = statistics.median(ask(connection, bulk[0]) for _ in range(5))
        finally:
            service.terminate()
            service.wait(timeout=30)
    rows.append({"what": "1,000 customers by id", "p50_ms": 1e3 * seconds, "p99_ms": None})
    report("serving", rows, [])


if __name__ == "__main__":
    main()
