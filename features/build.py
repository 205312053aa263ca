"""The one entry: features of every customer at every cut-off, for training, batch and online."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from functools import reduce
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Attribute, Config
from features import basket, frames, profile, recency, rhythm, spend
from features.definition import Feature, Frame
from features.schema import FeatureColumn, FeatureError, FeatureSchema
from features.source import Tables, first_and_last_day
from features.timeline import HistoryError, instant

FAMILIES = (recency.family, spend.family, rhythm.family, basket.family)
"""The families of behaviour, in the order of their columns."""

KEYS = list(frames.KEYS)


def cutoff_table(config: Config, cutoffs: Sequence[date]) -> ir.Table:
    """Return the table of cut-offs: the day, and its first instant in UTC, excluded."""
    days = sorted(set(cutoffs))
    instants = [instant(day, config.timezone).replace(tzinfo=None) for day in days]
    columns = [pa.array(days, pa.date32()), pa.array(instants, pa.timestamp("us"))]
    return ibis.memtable(pa.table(columns, names=["as_of", "instant"]))


def behaviour_features(config: Config, tables: Tables) -> list[Feature]:
    """Return the features of behaviour that the base's columns allow."""
    if tables.transactions is None:
        return []
    columns = set(tables.transactions.columns)
    return [f for family in FAMILIES for f in family.build(config.features.windows, columns)]


def input_attributes(config: Config) -> dict[str, Attribute]:
    """Return the attributes that models may see: protected ones only where the config asks."""
    return {
        name: attribute
        for name, attribute in config.attributes.items()
        if config.features.use_protected or not attribute.protected
    }


def build(
    config: Config,
    tables: Tables,
    cutoffs: Sequence[date],
    customers: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Build the features of customers as of each cut-off.

    Parameters
    ----------
    config : Config
        What to build.
    tables : Tables
        The base's canonical tables.
    cutoffs : sequence of date
        The days whose first instant is excluded. A snapshot has no time: its rows bear each.
    customers : sequence of str, optional
        Only these; everybody who was known at the cut-off unless given.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id`` and the features, sorted by both; numbers are doubles with NaN
        for missing, categories text with None.
    """
    at = cutoff_table(config, cutoffs)
    if tables.transactions is None:
        table = _of_snapshot(config, tables.snapshot, at)
        if customers is not None:
            table = table.filter(table.customer_id.isin(list(customers)))
    else:
        rows = tables.transactions
        if customers is not None:
            rows = rows.filter(rows.customer_id.isin(list(customers)))
        table = _of_behaviour(config, tables, rows, at)
    arrow = tables.backend.to_pyarrow(table.order_by(KEYS))
    return _to_pandas(arrow)


def schema_of(config: Config, tables: Tables) -> FeatureSchema:
    """Return the schema of the features that `build` makes of these tables."""
    behaviour = [_column_of(feature) for feature in behaviour_features(config, tables)]
    held = tables.snapshot if tables.snapshot is not None else tables.customers
    if held is None:
        return FeatureSchema(tuple(behaviour))
    attributes = [
        _column_of_attribute(name, attribute, _categories(tables, held, name, attribute))
        for name, attribute in input_attributes(config).items()
    ]
    if "signed_up_at" in held.columns:
        attributes.append(
            _column_of_attribute(
                "signed_up",
                Attribute(
                    kind="date",
                    label="days since signing up",
                    label_da="dage siden tilmelding",
                    unit="days",
                ),
                (),
            )
        )
    return FeatureSchema((*behaviour, *attributes))


def build_known(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Build everybody's features as of one date, which somebody must be known at.

    Raises
    ------
    HistoryError
        If nobody is.
    """
    frame = build(config, tables, [as_of])
    if frame.empty:
        first = first_and_last_day(tables)[0]
        raise HistoryError(
            f"nobody is known as of {as_of}: the first row is of {first}; name a later date"
        )
    return frame


def write(config: Config, tables: Tables, as_of: date, out: Path) -> int:
    """Write everybody's features as of a date to a Parquet file; return how many customers.

    The file has its name only once it is whole, and the schema's digest in its metadata.
    """
    frame = build_known(config, tables, as_of)
    schema = schema_of(config, tables)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    told = {"stamkunde.schema": schema.digest, "stamkunde.as_of": as_of.isoformat()}
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".unfinished-") as folder:
        unfinished = Path(folder) / out.name
        pq.write_table(table.replace_schema_metadata(told), unfinished, compression="zstd")
        unfinished.replace(out)
    return len(frame)


def _of_snapshot(config: Config, snapshot: ir.Table, at: ir.Table) -> ir.Table:
    rows = snapshot.cross_join(at)
    return rows.select(
        "as_of",
        "customer_id",
        **{
            name: profile.attribute(rows, name, attribute, rows.as_of)
            for name, attribute in input_attributes(config).items()
        },
    )


def _of_behaviour(config: Config, tables: Tables, transactions: ir.Table, at: ir.Table) -> ir.Table:
    features = behaviour_features(config, tables)
    frame_of = _frames(transactions, at)
    parts = []
    for frame, known in frame_of.items():
        aggregates = {f.name: f.of(known) for f in features if f.frame is frame}
        if aggregates:
            parts.append(known.group_by(KEYS).aggregate(**aggregates))
    joined = reduce(_widen, parts)
    empties = {f.name: joined[f.name].fill_null(f.empty) for f in features if f.empty is not None}
    table = joined.mutate(**empties).select(*KEYS, *(f.name for f in features))
    return table if tables.customers is None else _with_profile(config, tables.customers, table, at)


def _frames(transactions: ir.Table, at: ir.Table) -> dict[Frame, ir.Table]:
    """Return each frame's table; the lines come first, as every known customer has one."""
    lines = frames.lines(transactions, at)
    orders = frames.orders(lines)
    purchases = frames.purchases(orders)
    held: dict[Frame, ir.Table] = {
        frames.lines: lines,
        frames.orders: orders,
        frames.purchases: purchases,
        frames.days: frames.days(purchases),
    }
    if "category" in transactions.columns:
        held[frames.categories] = frames.categories(lines)
    return held


def _widen(left: ir.Table, right: ir.Table) -> ir.Table:
    return left.left_join(right, KEYS).drop([f"{key}_right" for key in KEYS])


def _with_profile(config: Config, customers: ir.Table, table: ir.Table, at: ir.Table) -> ir.Table:
    taken = {*table.columns, *at.columns, "signed_up"} & set(input_attributes(config))
    if taken:
        name = min(taken)
        raise FeatureError(
            f"sources.customers.attributes.{name}: a feature has this name; "
            f"call it otherwise, and say column: {name}"
        )
    renamed = customers.rename(profile_id="customer_id")
    rows = table.left_join(renamed, table.customer_id == renamed.profile_id).join(at, "as_of")
    columns = {
        name: profile.attribute(rows, name, attribute, rows.as_of)
        for name, attribute in input_attributes(config).items()
    }
    if "signed_up_at" in customers.columns:
        columns["signed_up"] = profile.signed_up(rows, rows.as_of, rows.instant)
    return rows.select(*table.columns, **columns)


def _to_pandas(arrow: pa.Table) -> pd.DataFrame:
    """Return an Arrow table with missing numbers as NaN and missing categories as None."""
    frame = arrow.to_pandas(date_as_object=True)
    for field in arrow.schema:
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            frame[field.name] = pd.Series(
                arrow.column(field.name).to_pylist(), index=frame.index, dtype=object
            )
    return frame


def _column_of(feature: Feature) -> FeatureColumn:
    return FeatureColumn(
        name=feature.name,
        kind="number",
        categories=(),
        unit=feature.unit,
        idea=feature.idea,
        label=feature.label,
        label_da=feature.label_da,
        actionable=feature.actionable,
        against=feature.against,
        as_of_today=False,
        definition=feature.definition,
    )


def _categories(tables: Tables, held: ir.Table, name: str, attribute: Attribute) -> tuple[str, ...]:
    if attribute.kind != "category":
        return ()
    values = tables.backend.to_pyarrow(held.select(name).distinct().order_by(name))
    return tuple(value for value in values.column(0).to_pylist() if value is not None)


def _column_of_attribute(
    name: str, attribute: Attribute, categories: tuple[str, ...]
) -> FeatureColumn:
    definition = f"attribute:{name}:{attribute.kind}"
    return FeatureColumn(
        name=name,
        kind="category" if attribute.kind == "category" else "number",
        categories=categories,
        unit="days" if attribute.kind == "date" else attribute.unit,
        idea=name,
        label=attribute.label or name.replace("_", " "),
        label_da=attribute.label_da or attribute.label or name.replace("_", " "),
        actionable=attribute.actionable,
        against=None,
        as_of_today=True,
        definition=hashlib.sha256(definition.encode()).hexdigest()[:16],
    )
