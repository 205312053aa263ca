"""Which groups of customers figures are told of: every dimension has each customer in one group.

They are the values of attributes as they hold at a period's end, the channel that a customer buys
through most, the cohort of the first purchase, and segments. Who has no value is `UNKNOWN`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from configs.schema import Config
from features import profile
from features.figures.calendar_units import Unit
from features.figures.channels import main_channel
from features.figures.definition import Period
from features.figures.orders import on_day
from features.figures.purchases import FIRST_DAY
from features.running import start_is_known
from features.source import Tables
from features.timeline import stamp

UNKNOWN = "unknown"
"""The group of customers without a value."""


def attributes(config: Config) -> tuple[str, ...]:
    """Return the attributes whose groups are told apart.

    Those of ``report.by``; unless it is given, the categories and flags that models may see.
    """
    if config.report.by is not None:
        return config.report.by
    kinds = ("category", "flag")
    return tuple(name for name, held in config.inputs.items() if held.kind in kinds)


def with_groups(
    config: Config,
    tables: Tables,
    period: Period,
    customers: ir.Table,
    segments: pd.DataFrame | None = None,
) -> tuple[ir.Table, dict[str, str]]:
    """Give each customer a column for every dimension, which names the group.

    Parameters
    ----------
    config : Config
    tables : Tables
    period : Period
        At its end attributes hold, and are its rows known.
    customers : Table
        A row a customer, with the ``first_day`` of a purchase (since 1970-01-01) if there is one.
    segments : DataFrame, optional
        ``customer_id`` and a text column for each way of telling customers apart.

    Returns
    -------
    Table
        The customers with the columns of groups.
    dict of str to str
        The name of each dimension, such as ``attribute:income``, and of its column.
    """
    columns: dict[str, str] = {}
    for names, groups in _partitions(config, tables, period, segments):
        named = {name: f"group_{len(columns) + n}" for n, name in enumerate(names)}
        groups = groups.select(
            grouped_id="customer_id",
            **{named[name]: groups[column] for name, column in names.items()},
        )
        customers = customers.left_join(groups, customers.customer_id == groups.grouped_id)
        customers = customers.drop("grouped_id")
        columns |= named
    if FIRST_DAY in customers.columns:
        columns["cohort"] = f"group_{len(columns)}"
        cohort = _cohort(on_day(customers[FIRST_DAY]), config.report.cohorts)
        customers = customers.mutate(cohort.name(columns["cohort"])).drop(FIRST_DAY)
    filled = {column: customers[column].fill_null(UNKNOWN) for column in columns.values()}
    return customers.mutate(**filled), columns


def _partitions(
    config: Config, tables: Tables, period: Period, segments: pd.DataFrame | None
) -> Iterator[tuple[dict[str, str], ir.Table]]:
    """Give the names of dimensions with their columns in a table of customers, and that table."""
    asked = attributes(config)
    if asked:
        held = _attributes_at(config, tables, period.end, asked)
        yield {f"attribute:{name}": name for name in asked}, held
    lines = tables.transactions
    if lines is not None and "channel" in lines.columns:
        yield {"channel": "channel"}, main_channel(config, lines, period.end)
    if lines is None and tables.subscriptions is not None:
        yield {"cohort": "cohort"}, _subscribed_first(config, tables.subscriptions, period.end)
    if segments is not None:
        ways = [column for column in segments.columns if column != "customer_id"]
        schema = pa.schema({name: pa.string() for name in ("customer_id", *ways)})
        held = pa.Table.from_pandas(segments[schema.names], schema=schema, preserve_index=False)
        yield {f"segment:{way}": way for way in ways}, ibis.memtable(held)


def _attributes_at(config: Config, tables: Tables, day: date, asked: tuple[str, ...]) -> ir.Table:
    """Return attributes as text, as they hold when a day begins; flags are yes or no."""
    rows = tables.snapshot if tables.snapshot is not None else tables.need("customers")
    if "valid_from" in rows.columns:
        rows = profile.with_spans(rows)
        rows = rows.filter(profile.holds(rows, ibis.literal(stamp(day, config.timezone))))
    values = {name: rows[name] for name in asked}
    for name in asked:
        if config.attributes[name].kind == "flag":
            values[name] = rows[name].cast("boolean").ifelse("yes", "no")
            values[name] = rows[name].isnull().ifelse(None, values[name])
    return rows.select("customer_id", **values)


def _subscribed_first(config: Config, subscriptions: ir.Table, day: date) -> ir.Table:
    """Return the cohort of each customer's first subscription."""
    instant = ibis.literal(stamp(day, config.timezone))
    begun = subscriptions.filter(
        subscriptions.started_at < instant, start_is_known(subscriptions, instant)
    )
    first = begun.group_by("customer_id").aggregate(day=begun.start_day.min())
    return first.select("customer_id", cohort=_cohort(first.day, config.report.cohorts))


def _cohort(day: ir.DateValue, unit: Unit) -> ir.StringValue:
    """Return what `calendar_units.label` calls the unit that a day lies in."""
    year = day.year().cast("string")
    if unit == "year":
        return year
    if unit == "quarter":
        return year + "-Q" + day.quarter().cast("string")
    return year + "-" + (day.month() + 100).cast("string").right(2)
