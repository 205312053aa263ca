"""What is to be met: Stamkunde's figures in proportion to its peers', of the same run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

OURS = "stamkunde"


def bars(
    rows: Sequence[Mapping[str, Any]], contributions_s: float, started_s: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Return what is to be met, and whether it is."""
    held = {(row["what"], row["service"], row["connections"]): row for row in rows}
    nothing = held["nothing", "empty", 1]["p50_ms"]
    features, by_id = held["features", OURS, 1], held["id", OURS, 1]
    many, mlflow = (held["features", name, 16]["customers_per_s"] for name in (OURS, "mlflow"))
    bulk = held["1,000 by features", "bulk", 1]
    plain = held["1,000 by features, no reasons", OURS, 1]
    explained = held["1,000 by features", OURS, 1]
    both_ms = bulk["p50_ms"] + 1e3 * contributions_s
    return [
        _most("by features, p50, to the empty service's", features["p50_ms"] / nothing, 2.0),
        _most("by features, p99, to its own p50", features["p99_ms"] / features["p50_ms"], 3.0),
        _most("by id, p50, to the empty service's", by_id["p50_ms"] / nothing, 1.5),
        _least("16 connections, calls a second, to mlflow models serve's", many / mlflow, 8.0),
        _least(
            "1,000 a call without reasons, rows a second, to a service's that parses and predicts",
            bulk["p50_ms"] / plain["p50_ms"],
            0.9,
        ),
        _most(
            "1,000 a call with reasons, time, to that and the contributions together",
            explained["p50_ms"] / both_ms,
            1.25,
        ),
        _most(
            "start to first score, seconds beyond the empty service's",
            started_s[OURS] - started_s["empty"],
            5.0,
        ),
    ]


def _most(bar: str, value: float, bound: float) -> dict[str, Any]:
    return {"bar": bar, "value": value, "bound": f"≤ {bound:g}", "met": value <= bound}


def _least(bar: str, value: float, bound: float) -> dict[str, Any]:
    return {"bar": bar, "value": value, "bound": f"≥ {bound:g}", "met": value >= bound}
