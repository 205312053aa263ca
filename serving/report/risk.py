"""The money at stake: who is at risk of leaving, by segment, and what it would cost."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

from configs.schema import Config
from features.engine import computed
from features.figures import service
from features.figures.definition import Period
from features.source import Tables
from serving.report.scored import SEGMENT, Scored
from serving.report.sums import by_group

WHOLE, UNKNOWN = "all", "unknown"

_STAKES = ("value_at_risk", "unrealised", "cost_to_serve")


def at_risk(config: Config, scored: Scored, costs: pd.Series | None = None) -> pd.DataFrame:
    """Return who is at risk in the whole base and in each segment, and the money at stake.

    Parameters
    ----------
    config : Config
    scored : Scored
    costs : Series, optional
        What serving each customer cost in the report's period, by their ids: what
        `costs_to_serve` returns.

    Returns
    -------
    DataFrame
        A row a (``dimension``, ``group``): the whole base (``all``), then each ``segment:WAY``,
        the segments with most at stake first and withheld ones last; where no money is known, in
        the order of their expected leavers. Who has no segment of a way is ``unknown``. Money is
        over the horizon of CLV.

        ``rank`` : by ``at_stake``, from 1; NA of the whole, of ``unknown``, and where it is NaN.
        ``customers``
        ``expected_leavers``, ``mean_churn`` : the sum and the mean of the probabilities of
        leaving of those whom the churn model is asked about, and ``high_band``, how many of them
        are in the high band of ``serving.bands``.
        ``clv`` : the sum of lifetime values.
        ``value_at_risk`` : the sum of P(churn) × the value expected if they stay.
        ``unrealised`` : the sum of what those who stay could bring beyond what is expected.
        ``cost_to_serve`` : at the period's rate, of those with one of the former two who cost
        anything; NaN of a group where nobody did.
        ``at_stake`` : value at risk + unrealised − cost to serve, where not known as nothing.
        ``withheld`` : whether any of it is, being of fewer than ``report.least`` customers, or
        to be had by subtraction.

        NaN where withheld, and where no model says it.
    """
    columns = _columns(config, scored, costs)
    whole = np.full(len(scored.frame), WHOLE, dtype=object)
    parts = [_rows(config, WHOLE, whole, columns)]
    for way in scored.ways:
        groups = scored.frame[f"{SEGMENT}{way}"].fillna(UNKNOWN).to_numpy(object)
        parts.append(_rows(config, f"{SEGMENT}{way}", groups, columns))
    return pd.concat(parts, ignore_index=True)


def costs_to_serve(config: Config, tables: Tables, as_of: date) -> pd.Series | None:
    """Return what serving each customer cost in the period that ends, by their ids.

    None where the config gives no costs, or the base has nothing that they are of.
    """
    if not config.report.costs_to_serve:
        return None
    period = Period.before(as_of, config.report.period)
    found = service.measures(config, tables, period)
    if found is None:
        return None
    held = computed(tables.backend, found.select("customer_id", "cost_to_serve")).to_pandas()
    return held.set_index("customer_id")["cost_to_serve"].astype(float).sort_index()


def _columns(config: Config, scored: Scored, costs: pd.Series | None) -> Mapping[str, np.ndarray]:
    """Return what is summed, of each customer: NaN of whom it is not about."""
    frame = scored.frame
    churn = frame["churn"].to_numpy(float)
    high = np.where(np.isnan(churn), np.nan, churn >= config.serving.bands[1])
    held = {name: frame[name].to_numpy(float) for name in ("clv", "value_at_risk", "unrealised")}
    some = ~(np.isnan(held["value_at_risk"]) & np.isnan(held["unrealised"]))
    spent = np.full(len(frame), np.nan)
    if costs is not None and config.clv is not None:
        ahead = config.clv.horizon / config.report.period
        theirs = costs.reindex(frame["customer_id"]).fillna(0.0).to_numpy(float) * ahead
        spent = np.where(some & (theirs > 0), theirs, np.nan)  # what few cost tells of them alone
    return {
        "customers": np.ones(len(frame)),
        "expected_leavers": churn,
        "high_band": high,
        **held,
        "cost_to_serve": spent,
    }


def _rows(
    config: Config, dimension: str, groups: np.ndarray, columns: Mapping[str, np.ndarray]
) -> pd.DataFrame:
    sums = by_group(groups, columns, config.report.least)
    table = dict(sums.totals)
    closed = np.any([sums.hidden[name] for name in _STAKES], axis=0)
    held = {
        "dimension": dimension,
        "group": sums.groups,
        "customers": table.pop("customers"),
        "expected_leavers": table.pop("expected_leavers"),
        "mean_churn": sums.mean("expected_leavers"),
        **table,
        "at_stake": np.where(closed, np.nan, _at_stake(table)),
        "withheld": sums.withheld,
    }
    return _ranked(pd.DataFrame(held))


def _at_stake(table: Mapping[str, np.ndarray]) -> np.ndarray:
    at_risk, unrealised, cost = (table[name] for name in _STAKES)
    none = np.isnan(at_risk) & np.isnan(unrealised)
    known = np.nan_to_num(at_risk) + np.nan_to_num(unrealised) - np.nan_to_num(cost)
    return np.where(none, np.nan, known)


def _ranked(table: pd.DataFrame) -> pd.DataFrame:
    """Order the groups by what is at stake, and number them."""
    last = table["group"] == UNKNOWN
    table = table.assign(last=last).sort_values(
        ["last", "at_stake", "expected_leavers", "group"],
        ascending=[True, False, False, True],
        ignore_index=True,
    )
    counted = ~table.pop("last") & (table["group"] != WHOLE) & table["at_stake"].notna()
    table.insert(2, "rank", counted.cumsum().where(counted).astype("Int64"))
    return table
