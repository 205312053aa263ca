"""A report's figures for machines: one JSON document, and the long table as Parquet.

Text stands in both as it came, also what a spreadsheet would take for a formula.

The JSON document::

    format          1
    base, as_of, currency, timezone
    period          {start, end, days}, or null of a snapshot
    least           of fewer customers than this nothing is told
    definitions     {figure: {label, label_da, unit, definition, definition_da}}
    dimensions      {dimension: {label, label_da}}
    figures         {dimension: {group: {figure: {value, customers, withheld}}}}
    trend           [{start, end, figures: {figure: {value, customers, withheld}}}], oldest first
    cohorts         {retention: [...], revenue: [...]}, a row a cell
    survival        [{dimension, group, days, surviving, low, high, at_risk, withheld}]
    clv             {customers, mean, quantiles: {"0.1": ...}}, or null
    segments        {way: [a segment in words and numbers]}
    migration       {way: {from, to, customers, shares, before, after, stay_share, ...}}
    risk            [a row a dimension and group], the most at stake first
    calls           [a row a customer to call]: personal data
    track_record    {task: what was predicted and what happened}
    cautions        [what to know first]
    origin          files, fingerprint, config hash, digests

Not-a-number and what is withheld is null; ``withheld`` says which.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from features.figures.definition import Figure
from serving.report.contents import Report
from serving.report.words import Words

FORMAT = 1
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)

SCHEMA = pa.schema(
    [
        pa.field("dimension", pa.string(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("figure", pa.string(), nullable=False),
        ("value", pa.float64()),
        ("customers", pa.int64()),
        pa.field("withheld", pa.bool_(), nullable=False),
        pa.field("unit", pa.string(), nullable=False),
    ]
)
"""The columns of the long table; the base's currency and period are in the file's metadata."""


def parquet(report: Report, sink: Any) -> None:
    """Write the long table of figures."""
    held = report.figures
    units = held["figure"].map({name: each.unit for name, each in report.definitions.items()})
    table = held.assign(unit=units)[SCHEMA.names]
    told = {"base": report.base, "as_of": str(report.as_of), "currency": report.currency}
    if report.period:
        told |= {"start": str(report.period.start), "end": str(report.period.end)}
    made = pa.Table.from_pandas(table, SCHEMA, preserve_index=False)
    pq.write_table(made.replace_schema_metadata(told), sink, compression="zstd")


def as_json(report: Report) -> bytes:
    """Return the report as a JSON document."""
    held = {"format": FORMAT, **_about(report), **_told(report)}
    return (json.dumps(plain(held), indent=1, allow_nan=False, ensure_ascii=False) + "\n").encode()


def _about(report: Report) -> dict[str, Any]:
    period = report.period
    return {
        "base": report.base,
        "as_of": report.as_of,
        "period": period and {"start": period.start, "end": period.end, "days": period.days},
        "currency": report.currency,
        "timezone": report.zone,
        "least": report.least,
        "definitions": {name: _definition(each) for name, each in report.definitions.items()},
        "dimensions": {
            name: {"label": label, "label_da": label_da}
            for name, (label, label_da) in report.names.items()
        },
    }


def _told(report: Report) -> dict[str, Any]:
    english = Words("en", report.currency)
    return {
        "figures": _figures(report.figures),
        "trend": _trend(report.trend),
        "cohorts": {"retention": _rows(report.retention), "revenue": _rows(report.revenue)},
        "survival": _rows(report.survival),
        "clv": distribution(report.values, report.least),
        "segments": report.personas,
        "migration": report.migration,
        "risk": _rows(report.risk),
        "calls": _rows(report.calls),
        "track_record": report.track_record,
        "cautions": [english(phrase, **named) for phrase, named in report.cautions],
        "origin": asdict(report.origin),
    }


def _definition(figure: Figure) -> dict[str, str]:
    said = ("label", "label_da", "unit", "definition", "definition_da")
    return {name: getattr(figure, name) for name in said}


def _figures(table: pd.DataFrame) -> dict[str, Any]:
    held: dict[str, Any] = {}
    for row in _rows(table):
        group = held.setdefault(row["dimension"], {}).setdefault(row["group"], {})
        group[row["figure"]] = _figure(row)
    return held


def _trend(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    if table is None:
        return []
    return [
        {"start": start, "end": end, "figures": {r["figure"]: _figure(r) for r in _rows(rows)}}
        for (start, end), rows in table.groupby(["start", "end"], sort=True)
    ]


def _figure(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("value", "customers", "withheld")}


def _rows(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    return (
        []
        if table is None
        else [{str(name): held for name, held in row.items()} for row in table.to_dict("records")]
    )


def distribution(values: np.ndarray | None, least: int) -> dict[str, Any] | None:
    """Return how lifetime values are spread, without anybody's own; None of fewer than 20.

    A quantile is told if at least ``least`` customers lie beyond it.
    """
    held = values[np.isfinite(values)] if values is not None else np.empty(0)
    if len(held) < max(20, least):
        return None
    told = [at for at in QUANTILES if min(at, 1 - at) * len(held) >= least]
    cut = np.quantile(held, told)
    return {
        "customers": len(held),
        "mean": math.fsum(held) / len(held),
        "quantiles": {f"{at:g}": float(value) for at, value in zip(told, cut, strict=True)},
    }


def plain(held: Any) -> Any:
    """Return data as JSON can hold it: dates as text, what is missing or not finite as null."""
    if isinstance(held, Mapping):
        return {str(key): plain(value) for key, value in held.items()}
    if isinstance(held, np.ndarray | np.generic):
        return plain(held.tolist())
    if isinstance(held, Sequence) and not isinstance(held, str):
        return [plain(value) for value in held]
    if held is None or held is pd.NA or held is pd.NaT:
        return None
    if isinstance(held, date):  # a timestamp too
        return str(held)[:10]
    return None if isinstance(held, float) and not math.isfinite(held) else held
