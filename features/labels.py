"""What happened after a cut-off: the only reader past ``as_of``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from configs.schema import Config
from features.contract import DataError
from features.frames import day_number
from features.running import end_is_known, running, start_is_known
from features.source import Tables
from features.timeline import DAYS_A_MONTH, label_window, stamp


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

    Raises
    ------
    DataError
        If a row's value is missing: what is not known is not nothing.
    """
    at = _windows(config, cutoffs, horizon)
    rows = tables.need("transactions")
    _refuse_missing(config, tables, value)
    if known_before is not None:
        learnt = "known_at" if "known_at" in rows.columns else "occurred_at"
        rows = rows.filter(rows[learnt] < stamp(known_before, config.timezone))
    known = rows.join(at, [rows.occurred_at >= at.start, rows.occurred_at < at.end])
    order = "order_id" if "order_id" in known.columns else "local_day"
    orders = known.group_by(["as_of", "customer_id", order]).aggregate(
        net=known.amount.sum(), value=known[value].sum()
    )
    table = orders.group_by(["as_of", "customer_id"]).aggregate(
        purchases=(orders.net > 0).sum(), value=orders["value"].sum().cast("float64")
    )
    return _read(tables, table)


def first_purchase(
    config: Config, tables: Tables, cutoffs: Sequence[date], days: int
) -> pd.DataFrame:
    """Return when customers first bought within so many days of each label window's start.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id`` and ``after``: whole days from the window's first to that of the
        first order of a positive net amount, so that who bought within t days has one below t.
        Customers who bought nothing are absent.
    """
    rows = tables.need("transactions")
    at = _windows(config, cutoffs, days)
    known = rows.join(at, [rows.occurred_at >= at.start, rows.occurred_at < at.end])
    order = "order_id" if "order_id" in known.columns else "local_day"
    orders = known.group_by(["as_of", "customer_id", order]).aggregate(
        net=known.amount.sum(), begun=known.local_day.min()
    )
    bought = orders.filter(orders.net > 0).group_by(["as_of", "customer_id"])
    found = _read(tables, bought.aggregate(first=ibis._.begun.min()))
    opened = pd.to_datetime(found["as_of"]) + pd.Timedelta(days=config.timeline.gap)
    after = (pd.to_datetime(found["first"]) - opened).dt.days
    return found.drop(columns="first").assign(after=after)


def _refuse_missing(config: Config, tables: Tables, value: str) -> None:
    source = config.sources.transactions
    if value == "amount" or source is None:
        return
    rows = tables.need("transactions")
    missing = rows.filter(rows[value].isnull()).count().as_table()
    count = tables.backend.to_pyarrow(missing).column(0)[0].as_py()
    if count:
        raise DataError(
            tables.intake["transactions"].file,
            expected=f"a {value} in every row, which clv.value asks for",
            found=f"none in {count:,} rows",
            step="fill them in, or set clv.value: amount",
        )


def cancelled(
    config: Config,
    tables: Tables,
    cutoffs: Sequence[date],
    horizon: int,
    known_before: date | None = None,
) -> pd.DataFrame:
    """Return which customers with a subscription at a cut-off have none as its window ends.

    A change of plan is no loss, nor is one who left and is back by then. With ``known_before``,
    what became known on that day or later has not happened: neither starts nor ends.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id``, ``churned`` (0 or 1) and, where the subscriptions have one, the
        monthly revenue (MRR) in the base's currency: ``mrr`` at the cut-off, ``mrr_after`` at the
        window's end, and ``mrr_lost``, what the latter lacks of the former: all of it where the
        customer churned, and else what they cut down.
    """
    at = _windows(config, cutoffs, horizon)
    rows = tables.need("subscriptions")
    rows = rows.join(at, rows.started_at < at.end)
    learnt = None if known_before is None else ibis.literal(stamp(known_before, config.timezone))
    now, later = running(rows, rows.instant, rows.instant), running(rows, rows.end, learnt)
    held = rows.group_by(["as_of", "customer_id"]).aggregate(
        now=now.sum(), later=later.sum(), **_revenue(rows, now, later)
    )
    asked = held.filter(held.now > 0).mutate(churned=lambda held: (held.later == 0).cast("int64"))
    if "mrr" in asked.columns:
        lost = ibis.greatest(asked.mrr - asked.mrr_after, 0)
        asked = asked.mutate(
            mrr=asked.mrr.cast("float64"),
            mrr_after=asked.mrr_after.cast("float64"),
            mrr_lost=lost.cast("float64"),
        )
    return _read(tables, asked.drop("now", "later"))


def _revenue(
    rows: ir.Table, now: ir.BooleanColumn, later: ir.BooleanColumn
) -> dict[str, ir.DecimalScalar]:
    if "mrr" not in rows.columns:
        return {}
    return {
        "mrr": rows.mrr.sum(where=now).fill_null(0),
        "mrr_after": rows.mrr.sum(where=later).fill_null(0),
    }


def recurring(
    config: Config,
    tables: Tables,
    cutoffs: Sequence[date],
    horizon: int,
    known_before: date | None = None,
) -> pd.DataFrame:
    """Return what customers' subscriptions brought in each cut-off's label window.

    All of a customer's subscriptions count, those begun within the window too, each for the local
    days of the window from the day it began to the day before it ended: so a change of plan is
    one or the other on any day, and a day of 23 hours is a day. A day brings the MRR, unknown as
    nothing, over `DAYS_A_MONTH`. With ``known_before``, what became known on that day or later
    has not happened: neither starts nor ends.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id`` and ``value``, in the base's currency; customers with no
        subscription on any day of the window are absent.
    """
    at = _windows(config, cutoffs, horizon)
    rows = tables.need("subscriptions")
    ends = rows.end_day
    if known_before is not None:
        learnt = ibis.literal(stamp(known_before, config.timezone))
        rows = rows.filter(start_is_known(rows, learnt))
        ends = end_is_known(rows, learnt).ifelse(rows.end_day, None)
    rows = rows.select("customer_id", "mrr", starts=rows.start_day, ends=ends)
    held = rows.join(at, [rows.starts < at.closes, (rows.ends > at.opens) | rows.ends.isnull()])
    first = ibis.greatest(held.starts, held.opens)
    past = ibis.least(held.ends.fill_null(held.closes), held.closes)
    held = held.mutate(days=day_number(past) - day_number(first)).filter(ibis._.days > 0)
    # Money × days is exact; the division comes last, and once.
    brought = (held.mrr.fill_null(0) * held.days).sum().cast("float64") / DAYS_A_MONTH
    return _read(tables, held.group_by(["as_of", "customer_id"]).aggregate(value=brought))


def snapshot_labels(config: Config, tables: Tables) -> pd.DataFrame:
    """Return ``customer_id`` and ``churned`` (0 or 1) of a snapshot, sorted by customer."""
    table = labelled(config, tables).order_by("customer_id")
    return tables.backend.to_pyarrow(table).to_pandas()


def labelled(config: Config, tables: Tables) -> ir.Table:
    """Return ``customer_id`` and ``churned`` (0 or 1) of a snapshot, as a table in no order."""
    held = tables.need("snapshot")
    source = config.sources.snapshot
    churned = (held.label == (source.positive if source else "")).cast("int64")
    return held.select("customer_id", churned=churned)


def _windows(config: Config, cutoffs: Sequence[date], horizon: int) -> ir.Table:
    """Return the table of cut-offs: the day, its instant, and its label window's start and end.

    The window's edges are there as local days too: it ``opens`` on one, and ``closes`` before the
    other begins.
    """
    days = sorted(set(cutoffs))
    windows = [label_window(day, config.timeline.gap, horizon) for day in days]
    opens, closes = [start for start, _ in windows], [end for _, end in windows]
    dates = {"as_of": days, "opens": opens, "closes": closes}
    stamps = {"instant": days, "start": opens, "end": closes}
    columns = {name: pa.array(held, pa.date32()) for name, held in dates.items()}
    for name, held in stamps.items():
        columns[name] = pa.array([stamp(day, config.timezone) for day in held], pa.timestamp("us"))
    return ibis.memtable(pa.table(columns))


def _read(tables: Tables, table: ir.Table) -> pd.DataFrame:
    arrow = tables.backend.to_pyarrow(table.order_by(["as_of", "customer_id"]))
    return arrow.to_pandas(date_as_object=True)
