"""The figures of a period as one long table: of the whole base, and of its groups.

What is withheld
----------------
A figure says how many customers it is about: where they are fewer than ``report.least`` it is
withheld. Counts of who customers are, and rates made of such counts, are about everybody who was a
customer in the period; what buyers did and spent is about the buyers alone; a share of the top
tenth is about that tenth. Every dimension has each customer in one group, so that a single group
withheld would be the whole less the others: the next smallest are withheld with it, until they are
two or more and have ``report.least`` customers together (`features.figures.withheld`).

So no figure is of a few customers, nor the difference of two figures of one dimension. What this
does not guard against: that a count such as customers lost is small, or nought, or everybody, in a
group large enough to tell of; that one customer of a large group brought nearly all of its revenue;
and that figures of different dimensions, different dates, or about differently many customers of
one group are subtracted from one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from types import ModuleType
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.schema import Config
from features.engine import kept
from features.figures import (
    answers,
    channels,
    purchases,
    service,
    snapshot,
    subscriptions,
)
from features.figures.definition import Figure, Period, Sums
from features.figures.groups import with_groups
from features.figures.totals import RANKED, TOP, totals
from features.figures.withheld import withheld
from features.source import Tables

MODULES: tuple[ModuleType, ...] = (purchases, subscriptions, answers, service, snapshot)
"""What gives measures of customers, and the figures that are made of their sums."""

FIGURES: dict[str, Figure] = {
    figure.name: figure for module in (*MODULES, channels) for figure in module.FIGURES
}
"""Every figure by its name, in the order of a report."""

ALL = "all"
"""The dimension that has all customers in one group, and that group."""

_TYPES = {"value": "float64", "customers": "Int64", "withheld": "bool"}


def of_period(
    config: Config, tables: Tables, period: Period, segments: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return all figures of a period, of the whole base and of each group.

    Only what had happened before the period's end and was known by then counts.

    Parameters
    ----------
    config : Config
    tables : Tables
    period : Period
    segments : DataFrame, optional
        ``customer_id`` and a text column for each way of telling customers apart.

    Returns
    -------
    DataFrame
        ``dimension`` (``all``, ``attribute:NAME``, ``channel``, ``cohort``, ``segment:WAY``),
        ``group``, ``figure``, ``value`` (NaN where there is none, or it is withheld), how many
        ``customers`` it is about (missing where it is withheld) and whether it is ``withheld``;
        sorted, figures in the order of a report.
    """
    least, engine = config.report.least, tables.backend
    made = measured(config, tables, period)
    if made is None:
        return frame([])
    customers, figures, measures = made
    customers, dimensions = with_groups(config, tables, period, customers, segments)
    with kept(engine, customers) as held:
        found = told(ALL, figures, {ALL: totals(engine, held, measures)[None]}, least)
        for dimension, column in dimensions.items():
            found += told(dimension, figures, totals(engine, held, measures, column), least)
    if config.report.channel_costs:
        sums = channels.returns(config, tables, period)
        found += told("channel", channels.FIGURES, sums, least)
    order = list(FIGURES)
    found.sort(key=lambda row: (row["dimension"], row["group"], order.index(row["figure"])))
    return frame(found)


def measured(
    config: Config, tables: Tables, period: Period
) -> tuple[ir.Table, list[Figure], list[str]] | None:
    """Return a row of measures a customer, the figures that they make, and the measures' names.

    Whoever any module tells of has a row; what another does not know of him is nought. None where
    the base has nothing that any of them tells of.
    """
    made = {module: module.measures(config, tables, period) for module in MODULES}
    held = {module: table for module, table in made.items() if table is not None}
    if not held:
        return None
    names = [
        name
        for table in held.values()
        for name in table.columns
        if name not in ("customer_id", purchases.FIRST_DAY)
    ]
    told_of = {*names, *(TOP if set(RANKED) <= set(names) else ())}
    figures = [each for module in held for each in module.FIGURES if can_be_told(each, told_of)]
    customers = reduce(_meet, held.values())
    return (
        customers.mutate(**{name: customers[name].fill_null(0) for name in names}),
        figures,
        names,
    )


def can_be_told(figure: Figure, measures: Iterable[str]) -> bool:
    """Say whether the measures that a figure needs are there."""
    return {figure.about, *figure.needs} <= set(measures)


def _meet(left: ir.Table, right: ir.Table) -> ir.Table:
    both = left.outer_join(right, "customer_id")
    customer = ibis.coalesce(both.customer_id, both.customer_id_right)
    return both.mutate(customer_id=customer).drop("customer_id_right")


def told(
    dimension: str, figures: Sequence[Figure], groups: Mapping[Any, Sums], least: int
) -> list[dict[str, Any]]:
    """Return the rows of a dimension's figures, given what its groups add up to."""
    rows = []
    for figure in figures:
        about = [int(sums[figure.about]) for sums in groups.values()]
        hidden = withheld(np.array(about), least)
        for also in figure.beside:
            hidden |= withheld(np.array([int(sums[also]) for sums in groups.values()]), least)
        for (group, sums), customers, secret in zip(groups.items(), about, hidden, strict=True):
            value = None if secret else figure.of(sums)
            rows.append(
                {
                    "dimension": dimension,
                    "group": group,
                    "figure": figure.name,
                    "value": np.nan if value is None else value,
                    "customers": pd.NA if secret else customers,
                    "withheld": bool(secret),
                }
            )
    return rows


def frame(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows of figures as a frame; one without rows has the same columns and types."""
    return pd.DataFrame(rows, columns=["dimension", "group", "figure", *_TYPES]).astype(_TYPES)
