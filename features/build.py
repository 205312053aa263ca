"""The one entry: features of every customer at every cut-off, for training, batch and online."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Config
from features import profile
from features.asof import AsOf
from features.behaviour import Behaviour, Events, Purchases, Subscriptions, is_settled
from features.catalogue import SIGNED_UP, behaviour_features, describe, event_kinds
from features.definition import Feature, Frame
from features.engine import computed, kept
from features.plan import Plan
from features.schema import FeatureError, FeatureSchema
from features.source import Tables, first_and_last_day
from features.timeline import HistoryError, stamp

KEYS = ["as_of", "customer_id"]

_AT_ONCE = 2_000_000  # rows of features that are added up together


def cutoff_table(config: Config, cutoffs: Sequence[date]) -> ir.Table:
    """Return the table of cut-offs: the day, and its first instant in UTC, excluded."""
    days = sorted(set(cutoffs))
    instants = [stamp(day, config.timezone) for day in days]
    columns = [pa.array(days, pa.date32()), pa.array(instants, pa.timestamp("us"))]
    return ibis.memtable(pa.table(columns, names=["as_of", "instant"]))


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
    return to_pandas(table(config, tables, cutoffs, customers))


def table(
    config: Config,
    tables: Tables,
    cutoffs: Sequence[date],
    customers: Sequence[str] | None = None,
) -> pa.Table:
    """Return what `build` does as an Arrow table, missing values as nulls."""
    days, run = sorted(set(cutoffs)), partial(computed, tables.backend)
    if len(days) == 1:
        return run(expression(config, tables, days[0], customers))
    if tables.snapshot is not None:
        return run(_of_snapshot(config, tables, days, customers))
    at = AsOf(tuple(days), config.timezone)
    asked = _Asked(config, tables, customers)
    settled = {name for name, rows in asked.dated.items() if is_settled(rows, at, run)}
    whole = asked.plan(at, settled)
    with ExitStack() as stack:
        held = {
            frame: stack.enter_context(kept(tables.backend, rows))
            for frame, rows in whole.gathered().items()
        }
        size = _cutoffs_at_once([held.get(b.everybody, b.rows) for b in whole.behaviours], run)
        plans = [asked.plan(portion, settled) for portion in at.portions(size)]
        return pa.concat_tables([run(asked.features_of(plan, held)) for plan in plans])


def expression(
    config: Config, tables: Tables, as_of: date, customers: Sequence[str] | None = None
) -> ir.Table:
    """Return the expression of what `build` does at one cut-off; no row is read for it."""
    if tables.snapshot is not None:
        return _of_snapshot(config, tables, [as_of], customers)
    asked = _Asked(config, tables, customers)
    plan = asked.plan(AsOf((as_of,), config.timezone), settled=set(asked.dated))
    return asked.features_of(plan, plan.gathered())


@dataclass(frozen=True)
class _Asked:
    """Whose features are asked for, of which tables."""

    config: Config
    tables: Tables
    customers: Sequence[str] | None

    @cached_property
    def features(self) -> list[Feature]:
        """The features of behaviour."""
        return behaviour_features(self.config)

    @cached_property
    def dated(self) -> dict[str, ir.Table]:
        """The rows of those customers that are of one instant each."""
        held = {"transactions": self.tables.transactions, "events": self.tables.events}
        return {n: _only(rows, self.customers) for n, rows in held.items() if rows is not None}

    def plan(self, at: AsOf, settled: Set[str]) -> Plan:
        """Return how the features are computed at some cut-offs, of tables settled or not."""
        behaviours: list[Behaviour] = []
        for name, rows in self.dated.items():
            if name == "transactions":
                behaviours.append(Purchases(rows, at, name in settled))
            else:
                behaviours.append(Events(rows, at, name in settled, event_kinds(self.config)))
        if self.tables.subscriptions is not None:
            rows = _only(self.tables.subscriptions, self.customers)
            behaviours.append(Subscriptions(rows, at))
        return Plan(self.features, behaviours, at)

    def features_of(self, plan: Plan, gathered: Mapping[Frame, ir.Table]) -> ir.Table:
        """Return the features, their empties filled, with attributes beside them, sorted."""
        made = plan.table(gathered)
        empties = {
            f.name: made[f.name].fill_null(f.empty) for f in self.features if f.empty is not None
        }
        filled = made.mutate(**empties).select(*KEYS, *(f.name for f in self.features))
        if self.tables.customers is not None:
            at = cutoff_table(self.config, plan.at.days)
            filled = _with_profile(self.config, self.tables.customers, filled, at)
        return filled.order_by(KEYS)


def _only(rows: ir.Table, customers: Sequence[str] | None) -> ir.Table:
    return rows if customers is None else rows.filter(rows.customer_id.isin(list(customers)))


def _cutoffs_at_once(held: Sequence[ir.Table], run: Callable[[ir.Table], pa.Table]) -> int:
    """Return how many cut-offs are added up together: more would outgrow the memory."""
    counts = (rows.aggregate(n=rows.customer_id.approx_nunique()) for rows in held)
    customers = max(run(count).column(0)[0].as_py() for count in counts)
    return max(1, _AT_ONCE // max(1, customers))


def schema_of(config: Config, tables: Tables) -> FeatureSchema:
    """Return the schema of the features that `build` makes of these tables."""
    held = tables.snapshot if tables.snapshot is not None else tables.customers
    categories = {}
    if held is not None:
        categories = {
            name: _categories(tables, held, name)
            for name, attribute in config.inputs.items()
            if attribute.kind == "category"
        }
    return FeatureSchema(tuple(each.column for each in describe(config, categories)))


def recency(config: Config, tables: Tables, cutoffs: Sequence[date]) -> pd.DataFrame:
    """Build `days_since_purchase` alone, of everybody with an order: as `build` does, but quick."""
    at, run = AsOf(tuple(sorted(set(cutoffs))), config.timezone), partial(computed, tables.backend)
    rows = tables.need("transactions")
    features = [each for each in behaviour_features(config) if each.name == "days_since_purchase"]
    plan = Plan(features, [Purchases(rows, at, is_settled(rows, at, run))], at)
    return to_pandas(run(plan.table(plan.gathered()).order_by(KEYS)))


def build_known(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Build everybody's features as of one date, which somebody must be known at.

    Raises
    ------
    HistoryError
        If nobody is.
    """
    frame = build(config, tables, [as_of])
    if frame.empty:
        raise _nobody(tables, as_of)
    return frame


def known(config: Config, tables: Tables, as_of: date) -> pa.Table:
    """Return what `build_known` does as an Arrow table, missing values as nulls.

    Raises
    ------
    HistoryError
        If nobody is known.
    """
    found = table(config, tables, [as_of])
    if not found.num_rows:
        raise _nobody(tables, as_of)
    return found


def _nobody(tables: Tables, as_of: date) -> HistoryError:
    first = first_and_last_day(tables)[0]
    return HistoryError(
        f"nobody is known as of {as_of}: the first row is of {first}; name a later date"
    )


def write(config: Config, tables: Tables, as_of: date, out: Path) -> int:
    """Write everybody's features as of a date to a Parquet file; return how many customers.

    The file has its name only once it is whole, and the schema's digest in its metadata.
    """
    found = known(config, tables, as_of)
    schema = schema_of(config, tables)
    told = {"stamkunde.schema": schema.digest, "stamkunde.as_of": as_of.isoformat()}
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".unfinished-") as folder:
        unfinished = Path(folder) / out.name
        pq.write_table(found.replace_schema_metadata(told), unfinished, compression="zstd")
        unfinished.replace(out)
    return found.num_rows


def _of_snapshot(
    config: Config, tables: Tables, days: Sequence[date], customers: Sequence[str] | None
) -> ir.Table:
    rows = _only(tables.need("snapshot"), customers).cross_join(cutoff_table(config, days))
    attributes = {
        name: profile.attribute(rows, name, attribute, rows.as_of)
        for name, attribute in config.inputs.items()
    }
    return rows.select(*KEYS, **attributes).order_by(KEYS)


def _with_profile(config: Config, customers: ir.Table, table: ir.Table, at: ir.Table) -> ir.Table:
    taken = set(table.columns) & set(config.inputs)
    if taken:
        name = min(taken)
        raise FeatureError(
            f"sources.customers.attributes.{name}: a feature has this name; "
            f"call it otherwise, and say column: {name}"
        )
    held = profile.with_spans(customers).rename(profile_id="customer_id")
    rows = table.join(at, "as_of")
    mine = [rows.customer_id == held.profile_id]
    if "valid_from" in held.columns:
        mine.append(profile.holds(held, rows.instant))
    rows = rows.left_join(held, mine)
    columns = {
        name: profile.attribute(rows, name, attribute, rows.as_of)
        for name, attribute in config.inputs.items()
    }
    if "signed_up_at" in customers.columns:
        columns[SIGNED_UP] = profile.signed_up(rows, rows.as_of, rows.instant)
    return rows.select(*table.columns, **columns)


def to_pandas(arrow: pa.Table) -> pd.DataFrame:
    """Return an Arrow table with missing numbers as NaN and missing categories as None."""
    frame = arrow.to_pandas(date_as_object=True)
    for field in arrow.schema:
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            frame[field.name] = pd.Series(
                arrow.column(field.name).to_pylist(), index=frame.index, dtype=object
            )
    return frame


def _categories(tables: Tables, held: ir.Table, name: str) -> tuple[str, ...]:
    values = tables.backend.to_pyarrow(held.select(name).distinct().order_by(name))
    return tuple(value for value in values.column(0).to_pylist() if value is not None)
