"""How good the predictions have been, as sentences and tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from features.figures.definition import Unit
from serving.report.phrases import PHRASES
from serving.report.tables import Cell, Table, told
from serving.report.words import Words, known

Record = Mapping[str, Any]


def said(task: str, record: Record, words: Words) -> list[str]:
    """Return what became of a model's predictions, or why there is nothing to tell."""
    if missing := record.get("missing"):
        return [str(missing)]
    unit: Unit = "count" if task == "churn" else "money"
    fresh = record.get("said_da" if words.language == "da" else "said")
    return [
        words(
            "judged",
            customers=words.value(record["customers"], "count"),
            cutoff=words.day(date.fromisoformat(record["cutoff"])),
            until=words.day(date.fromisoformat(record["until"])),
        ),
        words(
            f"expected_{task}",
            expected=words.value(record["expected"], unit),
            actual=words.value(record["actual"], unit),
        ),
        *([str(fresh)] if fresh else []),
    ]


def tables(task: str, record: Record, words: Words) -> list[Table]:
    """Return a record's measures, and its bands of risk."""
    held = [_metrics(record, words)] if record.get("metrics") else []
    if record.get("bands"):
        unit: Unit = "share" if task == "churn" else "money"
        held.append(_means("bands", "band", record, unit, words))
    return held


def parts(task: str, record: Record, words: Words) -> Table | None:
    """Return predictions beside what happened, by parts of rising prediction."""
    if not record.get("groups"):
        return None
    return _means("groups", "part", record, "share" if task == "churn" else "money", words)


def _metrics(record: Record, words: Words) -> Table:
    rows = []
    for metric in record["metrics"]:
        unit: Unit = "share" if metric.get("unit") == "share" else "ratio"
        low, high = metric.get("low"), metric.get("high")
        interval = (
            f"{words.value(low, unit)} – {words.value(high, unit)}"
            if known(low) and known(high)
            else ""
        )
        value = words.value(metric["value"], unit)
        rows.append([Cell(_measure(metric, words)), Cell(value), Cell(interval)])
    heads = [words("metric"), words("value"), words("interval")]
    return Table(words("metrics_caption"), heads, rows)


def _measure(metric: Mapping[str, Any], words: Words) -> str:
    """Return what a measure is called; one that is not known by name has its own label."""
    phrase = f"metric_{metric.get('name')}"
    return words(phrase) if phrase in PHRASES else str(metric["label"])


def _means(name: str, by: str, record: Record, unit: Unit, words: Words) -> Table:
    rows = []
    for held in record[name]:
        label = words(held[by]) if by == "band" else str(held[by])
        units: Mapping[str, Unit] = {"customers": "count", "predicted": unit, "actual": unit}
        cells = [
            told(held[column], kind, not known(held[column]), words)
            for column, kind in units.items()
        ]
        rows.append([Cell(label), *cells])
    heads = [words(by), words("customers"), words("predicted"), words("actual")]
    return Table(words("parts_caption" if by == "part" else "bands_caption"), heads, rows)
