"""Segments over three successive months: how many keep their id, and how many customers theirs.

Each month is a training of its own, as a company would run it, on what was known by then. Its
segments are held against those of the month before, and the customers of both months are looked up
in both.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd

from configs.load import load
from features.source import load_tables
from tests.benchmarks.measure import report
from training import train
from training.champion import before
from training.progress import Reporter
from training.registration import Trained
from training.segmentation.segments import data_at, places

MONTHS = {
    "online_retail": (date(2011, 9, 1), date(2011, 10, 1), date(2011, 11, 1)),
    "complete_journey": (date(2017, 10, 1), date(2017, 11, 1), date(2017, 12, 1)),
}
WAY = "behaviour"
LEAST_SAME = 0.8
"""The share of customers that both months' segments should call the same, on the same day."""


def main() -> None:
    """Train both bases month by month, and write ``var/bench/segments.json``."""
    rows: list[dict[str, Any]] = []
    for name, months in MONTHS.items():
        with TemporaryDirectory() as folder:
            rows += by_month(name, months, Path(folder))
    later = [row for row in rows if row["same"] is not None]
    bars = [
        {
            "bar": f"{row['base']}, {row['month']}: called the same by both months' segments",
            "value": row["same"],
            "bound": LEAST_SAME,
            "met": row["same"] >= LEAST_SAME,
        }
        for row in later
    ]
    report("segments", rows, bars)


def by_month(name: str, months: tuple[date, ...], folder: Path) -> list[dict[str, Any]]:
    """Return a row a month."""
    rows: list[dict[str, Any]] = []
    earlier: Trained | None = None
    for month in months:
        settings = [f"timeline.test={month}", f"paths.var={folder}", f"paths.mlruns={folder}"]
        config = load(Path("configs") / f"{name}.yaml", settings)
        tables = load_tables(config)
        previous = before(config)
        now = datetime(month.year, month.month, month.day, tzinfo=UTC)
        made = train(config, "segments", now=now, tables=tables, reporter=Reporter(quiet=True))
        segmenter = next(held for held in made.bundle.model.segmenters if held.way == WAY)
        row: dict[str, Any] = {
            "base": name,
            "month": month.isoformat(),
            "segments": len(segmenter.segments),
            "stability": round(made.verdict.figures["gate.stability"], 3),
            "ids": " ".join(str(held.id) for held in segmenter.segments),
            "same": None,
            "stayed": None,
        }
        if previous is not None and earlier is not None:
            data = data_at(config, tables)
            old = next(held for held in previous.model.segmenters if held.way == WAY)
            then, now_ = places(data, old), places(data, segmenter)
            both = (then >= 0) & (now_ >= 0)
            ids = [[held.id for held in each.segments] for each in (old, segmenter)]
            alike = [ids[0][a] == ids[1][b] for a, b in zip(then[both], now_[both], strict=True)]
            row["same"] = sum(alike) / len(alike)
            row["stayed"] = stayed(earlier, made)
        rows.append(row)
        earlier = made
    return rows


def stayed(earlier: Trained, later: Trained) -> float:
    """Return the share of the customers with a segment in both months whose id is the same."""
    held = [
        pd.read_parquet(made.bundle.path.parent / "predictions.parquet").set_index("customer_id")[
            WAY
        ]
        for made in (earlier, later)
    ]
    both = pd.concat(held, axis=1, keys=["then", "now"]).dropna()
    return float((both["then"] == both["now"]).mean())


if __name__ == "__main__":
    main()
