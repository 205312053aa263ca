"""How long customers stay: survival curves by Kaplan and Meier.

A customer's life begins on the day of the first purchase. Who has been silent for
``report.active_within`` as of a day is held to have left on the day of the last purchase: such a
life lasted the days from the first purchase to the last, and one of a single purchase none.

Whether somebody has left since ``report.active_within`` before the day cannot be known yet. So
lives are followed until then and no further: of who bought since, it is only known that they
stayed so long, and who first bought since is not followed. Were lives followed to the day itself,
those who have just left would pass for customers who stayed.

Of a base that has no transactions, a life is from the first start of a subscription to the end of
the last, and over if none runs. An end is known at once, so lives are followed to the day.

Withheld are groups too small to draw, and enough others that the whole does not give them away.
A curve ends where too few customers are left to follow.
"""

from __future__ import annotations

import warnings
from datetime import date, timedelta

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import CensoredData, ecdf

from configs.schema import Config
from features.asof import CUSTOMER
from features.engine import computed
from features.figures.cohorts import begun_before
from features.figures.orders import on_day, orders
from features.figures.withheld import withheld
from features.frames import purchases
from features.running import end_is_known, running
from features.source import Tables
from features.timeline import stamp

COLUMNS = ("dimension", "group", "days", "surviving", "low", "high", "at_risk", "withheld")

LEAST = 20
"""The least customers a curve is drawn of, whatever ``report.least`` says."""

_POINTS = 100


def curves(
    config: Config, tables: Tables, as_of: date, segments: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return survival curves of the whole base, by segment and by the year customers came in.

    Only rows that had happened before ``as_of`` and were known by then count.

    Parameters
    ----------
    config, tables : Config, Tables
    as_of : date
    segments : DataFrame, optional
        ``customer_id``, and a column of segments' names for each way of telling customers apart.

    Returns
    -------
    DataFrame
        ``dimension`` (``all``, ``cohort``, ``segment:WAY``), ``group`` (``unknown`` for customers
        in no segment), ``days``, the share ``surviving`` past them with its 95 % interval, ``low``
        to ``high``, how many are ``at_risk`` then, and ``withheld``. A withheld group has one row
        of nothing. Sorted; a snapshot, having no time, has no row.
    """
    if tables.transactions is None and tables.subscriptions is None:
        return pd.DataFrame(columns=COLUMNS)
    lives = _lives(config, tables, as_of)
    groups = {"all": pd.Series("all", lives.index), "cohort": lives["began"].dt.strftime("%Y")}
    if segments is not None:
        held = segments.set_index(CUSTOMER).reindex(lives[CUSTOMER])
        for way in held.columns:
            groups[f"segment:{way}"] = held[way].fillna("unknown").set_axis(lives.index)
    found = [
        curve
        for dimension in sorted(groups)
        for curve in _of_dimension(dimension, lives, groups[dimension], config.report.least)
    ]
    if not found:
        return pd.DataFrame(columns=COLUMNS)
    table = pd.concat(found, ignore_index=True)[list(COLUMNS)]
    return table.astype({"days": "Int64", "at_risk": "Int64"})


def kaplan_meier(days: ArrayLike, left: ArrayLike) -> pd.DataFrame:
    """Estimate which share of customers stays longer than so many days.

    Kaplan & Meier (1958), JASA 53(282); intervals of 95 % by Greenwood's variance of the logarithm
    of minus the logarithm, which stay within 0 and 1.

    Parameters
    ----------
    days : array-like, shape (customers,)
        How long each life lasted, or has lasted.
    left : array-like of bool, shape (customers,)
        Whether it is over.

    Returns
    -------
    DataFrame
        ``days`` from 0 on, each at which a life ended or ceased to be followed, ``surviving``,
        ``low``, ``high`` and ``at_risk``, those whose lives lasted so long. While nobody has left
        the interval is 1; where nobody is left there is none.
    """
    days, left = np.asarray(days, float), np.asarray(left, bool)
    curve = ecdf(CensoredData(uncensored=days[left], right=days[~left])).sf
    with warnings.catch_warnings():  # there is none where nobody, or everybody, has left
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = curve.confidence_interval(method="log-log")
    times = np.union1d([0.0], curve.quantiles)
    surviving = np.asarray(curve.evaluate(times), float)
    low, high = (np.asarray(bound.evaluate(times)) for bound in (interval.low, interval.high))
    whole = surviving == 1.0
    return pd.DataFrame(
        {
            "days": times.astype("int64"),
            "surviving": surviving,
            "low": np.where(whole, 1.0, low),
            "high": np.where(whole, 1.0, high),
            "at_risk": len(days) - np.searchsorted(np.sort(days), times),
        }
    )


def _lives(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Return ``customer_id``, the day each ``began``, ``days`` and whether each has ``left``."""
    found, until = _subscribed, as_of
    if tables.transactions is not None:
        found, until = _bought, as_of - timedelta(days=config.report.active_within)
    table = found(config, tables, as_of, until).order_by(CUSTOMER)
    lives = computed(tables.backend, table).to_pandas(date_as_object=False)
    ended = lives["ended"].fillna(pd.Timestamp(until)).astype(lives["began"].dtype)
    days = (ended - lives["began"]).dt.days.clip(lower=0)
    return lives.assign(days=days, left=lives["ended"].notna())


def _bought(config: Config, tables: Tables, as_of: date, until: date) -> ir.Table:
    bought = purchases(orders(config, tables, as_of))
    lives = bought.group_by(CUSTOMER).aggregate(began=bought.day.min(), last=bought.day.max())
    lives = lives.mutate(began=on_day(lives.began), last=on_day(lives["last"]))
    lives = lives.filter(lives.began < until)
    ended = (lives["last"] < until).ifelse(lives["last"], None)
    return lives.select(CUSTOMER, "began", ended=ended)


def _subscribed(config: Config, tables: Tables, as_of: date, until: date) -> ir.Table:
    rows = begun_before(config, tables, as_of)
    at = ibis.literal(stamp(until, config.timezone))
    rows = rows.mutate(runs=running(rows, at, at).cast("int64"))
    if "ended_at" not in rows.columns:
        lives = rows.group_by(CUSTOMER).aggregate(began=rows.start_day.min())
        return lives.mutate(ended=ibis.null("date"))
    ends = end_is_known(rows, at).fill_null(False).ifelse(rows.end_day, None)
    lives = rows.mutate(end=ends).group_by(CUSTOMER)
    lives = lives.aggregate(
        began=ibis._.start_day.min(), last=ibis._.end.max(), runs=ibis._.runs.max()
    )
    return lives.select(CUSTOMER, "began", ended=(lives.runs > 0).ifelse(None, lives["last"]))


def _of_dimension(
    dimension: str, lives: pd.DataFrame, groups: pd.Series, least: int
) -> list[pd.DataFrame]:
    """Return the curve of each group of a partition."""
    parts = dict(iter(lives.groupby(groups, sort=True)))
    sizes = np.array([len(part) for part in parts.values()])
    hidden = withheld(sizes, max(least, LEAST))
    nothing = pd.DataFrame({name: [np.nan] for name in COLUMNS[2:6]} | {"at_risk": [pd.NA]})
    return [
        (nothing if hide else _drawn(kaplan_meier(part["days"], part["left"]), least)).assign(
            dimension=dimension, group=str(group), withheld=bool(hide)
        )
        for (group, part), hide in zip(parts.items(), hidden, strict=True)
    ]


def _drawn(curve: pd.DataFrame, least: int) -> pd.DataFrame:
    """Return at most so many points of a curve, spread over its days, while enough are left."""
    curve = curve[curve["at_risk"] >= least]
    days = curve["days"].to_numpy()
    spread = np.linspace(days[0], days[-1], _POINTS)
    return curve.iloc[np.unique(np.searchsorted(days, spread, side="right") - 1)]
