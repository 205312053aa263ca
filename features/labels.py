"""What happened after a cut-off: the only reader past ``as_of``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import pandas as pd
import pyarrow as pa

from configs.schema import Config
from features.source import Tables
from features.timeline import instant, label_window


def future(
    config: Config,
    tables: Tables,
    cutoffs: Sequence[date],
    horizon: int,
    value: str = "amount",
    known_before: date | None = None,
) -> pd.DataFrame:
    """Return what customers bought in each cut-off's label window.

    What is learned from must have been known by when it is learned: with ``known_before``, rows
    that became known on that day or later are left out.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id``, ``purchases`` (orders of a positive net amount) and ``value``
        (net revenue or margin, in the base's currency); customers who bought nothing are absent.
    """
    windows = []
    for day in sorted(set(cutoffs)):
        start, end = label_window(day, config.timeline.gap, horizon)
        stamps = [instant(edge, config.timezone).replace(tzinfo=None) for edge in (start, end)]
        windows.append((day, *stamps))
    days, starts, ends = zip(*windows, strict=True)
    at = ibis.memtable(
        pa.table(
            [
                pa.array(days, pa.date32()),
                pa.array(starts, pa.timestamp("us")),
                pa.array(ends, pa.timestamp("us")),
            ],
            names=["as_of", "start", "end"],
        )
    )
    rows = tables.need("transactions")
    if known_before is not None:
        learnt = instant(known_before, config.timezone).replace(tzinfo=None)
        rows = rows.filter(rows.known_at < learnt)
    known = rows.join(at, [rows.occurred_at >= at.start, rows.occurred_at < at.end])
    orders = known.group_by(["as_of", "customer_id", "order_id"]).aggregate(
        net=known.amount.sum(), value=known[value].sum()
    )
    table = orders.group_by(["as_of", "customer_id"]).aggregate(
        purchases=(orders.net > 0).sum(), value=orders["value"].sum().cast("float64")
    )
    arrow = tables.backend.to_pyarrow(table.order_by(["as_of", "customer_id"]))
    return arrow.to_pandas(date_as_object=True)


def snapshot_labels(config: Config, tables: Tables) -> pd.DataFrame:
    """Return ``customer_id`` and ``churned`` (0 or 1) of a snapshot, sorted by customer."""
    held = tables.need("snapshot")
    source = config.sources.snapshot
    churned = (held.label == (source.positive if source else "")).cast("int64")
    table = held.select("customer_id", churned=churned).order_by("customer_id")
    return tables.backend.to_pyarrow(table).to_pandas()
