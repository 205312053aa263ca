"""The figures of a report by hand, in DuckDB's SQL, as an analyst who takes care would write them.

Lines are gathered to orders once, and orders to what each customer bought in each of the periods;
money is summed exactly. Figures are left as the sums that they are ratios of, so that the same
definitions make figures of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pandas as pd

MONEY, SUM = "DECIMAL(18, 4)", "DECIMAL(38, 4)"
ACTIVE, PERIOD, PERIODS = 90, 30, 12
"""As the defaults have it: active within so many days, a period's days, and how many there are."""


@dataclass(frozen=True)
class ByHand:
    """What the queries found.

    Parameters
    ----------
    groups : DataFrame
        A row a ``dimension`` and ``group_``: what its customers add up to in the last period.
    periods : DataFrame
        A row a ``period``, from 0: what all customers add up to in it.
    cohorts : DataFrame
        ``cohort``, ``unit`` (first days of months), ``retained``, ``customers``, ``revenue``.
    survival : DataFrame
        ``dimension``, ``group_``, ``days``, ``surviving``, ``at_risk``.
    """

    groups: pd.DataFrame
    periods: pd.DataFrame
    cohorts: pd.DataFrame
    survival: pd.DataFrame

    def __len__(self) -> int:
        return sum(map(len, vars(self).values()))


def by_sql(receipts: Path, members: Path, as_of: date) -> ByHand:
    """Compute them all, of a shop's receipts and of its customers' attributes."""
    engine = duckdb.connect()
    engine.execute("SET enable_progress_bar = false")
    for statement in (
        _orders(receipts, as_of),
        _channels(receipts, as_of),
        _spans(as_of),
        _customers(members, as_of),
    ):
        engine.execute(statement)
    found = (_groups(), _periods(as_of), _cohorts(as_of), _survival(as_of))
    return ByHand(*(engine.execute(query).df() for query in found))


def bare_scan(receipts: Path, as_of: date) -> int:
    """Read what the figures need, and no more."""
    found = duckdb.execute(
        f"SELECT count(customer), min(bought_at), sum(CAST(paid AS {MONEY})), max(channel) "
        f"FROM '{receipts}/*.parquet' WHERE bought_at < DATE '{as_of}'"
    ).fetchone()
    return int(found[0]) if found else 0


def _orders(receipts: Path, as_of: date) -> str:
    return f"""
    CREATE TEMP TABLE orders AS
    SELECT customer, CAST(bought_at AS DATE) AS day, sum(CAST(paid AS {MONEY}))::{MONEY} AS net,
        coalesce(sum(CASE WHEN paid < 0 THEN -CAST(paid AS {MONEY}) END), 0)::{MONEY} AS returned,
        count(*)::INT AS lines
    FROM '{receipts}/*.parquet' WHERE bought_at < DATE '{as_of}' GROUP BY ALL"""


def _channels(receipts: Path, as_of: date) -> str:
    return f"""
    CREATE TEMP TABLE channels AS
    WITH through AS (
        SELECT customer, channel, count(*) AS lines FROM '{receipts}/*.parquet'
        WHERE bought_at < DATE '{as_of}' AND CAST(paid AS {MONEY}) > 0 GROUP BY ALL
    )
    SELECT customer, min(channel) AS channel FROM through
    WHERE (customer, lines) IN (SELECT (customer, max(lines)) FROM through GROUP BY customer)
    GROUP BY customer"""


def _spans(as_of: date) -> str:
    """What each customer bought in each period, and before them all (-1)."""
    start = as_of - timedelta(days=PERIOD * PERIODS)
    return f"""
    CREATE TEMP TABLE spans AS
    SELECT customer,
        CASE WHEN day < DATE '{start}' THEN -1
            ELSE (day - DATE '{start}') // {PERIOD} END AS period,
        min(CASE WHEN net > 0 THEN day END) AS first, max(CASE WHEN net > 0 THEN day END) AS last,
        count(CASE WHEN net > 0 THEN 1 END) AS purchases,
        coalesce(sum(CASE WHEN net > 0 THEN net END), 0) AS spent, sum(lines) AS lines,
        sum(net) AS revenue, sum(net + returned) AS gross, sum(returned) AS returned
    FROM orders GROUP BY ALL"""


def _standing(start: date, end: date, period: str) -> str:
    """Who stood where, of a customer's spans up to a period of which these are the days."""

    def active(before: str, day: date) -> str:
        return f"coalesce(max(last) FILTER ({before}) >= DATE '{day}' - {ACTIVE}, false)"

    return f"""
        {active(f"period < {period}", start)} AS starts,
        {active(f"period <= {period}", end)} AS ends,
        coalesce(min(first) >= DATE '{start}' AND min(first) < DATE '{end}', false) AS fresh,
        coalesce(sum(purchases) FILTER (period = {period}), 0) AS bought"""


_MOVED = """
        count(*) AS known, count_if(starts) AS start, count_if(ends) AS end,
        count_if(ends AND NOT starts) AS gained,
        count_if(ends AND NOT starts AND fresh) AS first_time,
        count_if(ends AND NOT starts AND NOT fresh) AS won_back,
        count_if(starts AND NOT ends) AS lost, count_if(starts OR bought > 0) AS served,
        count_if(fresh) AS new, count_if(ends AND NOT fresh) AS active,
        count_if(NOT ends AND NOT fresh) AS passive"""

_SPENT = f"""
        count_if(purchases > 0) AS buyers, count_if(purchases > 1) AS repeaters,
        count_if(lines > 0) AS traded, coalesce(sum(purchases), 0) AS purchases,
        coalesce(sum(CASE WHEN purchases > 0 THEN revenue END), 0)::{SUM} AS buyers_revenue,
        coalesce(sum(spent), 0)::{SUM} AS spent, coalesce(sum(revenue), 0)::{SUM} AS revenue,
        coalesce(sum(gross), 0)::{SUM} AS gross, coalesce(sum(returned), 0)::{SUM} AS returned"""


def _top(rows: str, keys: str) -> str:
    """The tenth of each group's buyers that brought the most."""
    return f"""
    SELECT {keys}, count(*) AS top_customers, sum(revenue)::{SUM} AS top_revenue FROM (
        SELECT {keys}, revenue, count(*) OVER (PARTITION BY {keys}) AS among,
            row_number() OVER (PARTITION BY {keys} ORDER BY revenue DESC, customer) - 1 AS place
        FROM {rows} WHERE purchases > 0
    ) WHERE place * 10 < among GROUP BY {keys}"""


def _customers(members: Path, as_of: date) -> str:
    """Each customer in the last period, with the groups that he is of."""
    last, start = PERIODS - 1, as_of - timedelta(days=PERIOD)
    now = f"FILTER (period = {last})"
    return f"""
    CREATE TEMP TABLE customers AS
    WITH stood AS (
        SELECT customer, min(first) AS first, {_standing(start, as_of, str(last))},
            {
        ", ".join(
            f"coalesce(sum({name}) {now}, 0) AS {name}"
            for name in ("purchases", "lines", "spent", "revenue", "gross", "returned")
        )
    }
        FROM spans GROUP BY customer
    )
    SELECT stood.*, coalesce(region, 'unknown') AS region,
        coalesce(newsletter, 'unknown') AS newsletter, coalesce(channel, 'unknown') AS channel,
        coalesce(strftime(first, '%Y-%m'), 'unknown') AS cohort, 'all' AS everybody
    FROM stood LEFT JOIN '{members}' AS members USING (customer) LEFT JOIN channels USING (customer)
    """


DIMENSIONS = {
    "all": "everybody",
    "attribute:region": "region",
    "attribute:newsletter": "newsletter",
    "channel": "channel",
    "cohort": "cohort",
}


def _groups() -> str:
    parts = [
        f"""
        SELECT '{dimension}' AS dimension, {column} AS group_, sums.* EXCLUDE ({column}),
            coalesce(top_customers, 0) AS top_customers, coalesce(top_revenue, 0) AS top_revenue
        FROM (SELECT {column}, {_MOVED}, {_SPENT} FROM customers GROUP BY {column}) AS sums
        LEFT JOIN ({_top("customers", column)}) AS top USING ({column})"""
        for dimension, column in DIMENSIONS.items()
    ]
    return " UNION ALL BY NAME ".join(parts)


def _periods(as_of: date) -> str:
    moved = []
    for period in range(PERIODS):
        end = as_of - timedelta(days=PERIOD * (PERIODS - 1 - period))
        start = end - timedelta(days=PERIOD)
        moved.append(f"""
        SELECT {period} AS period, {_MOVED} FROM (
            SELECT customer, {_standing(start, end, str(period))}
            FROM spans GROUP BY customer HAVING min(period) <= {period})""")
    return f"""
    SELECT moved.*, spent.* EXCLUDE (period), top_customers, top_revenue
    FROM ({" UNION ALL ".join(moved)}) AS moved
    JOIN (SELECT period, {_SPENT} FROM spans GROUP BY period) AS spent USING (period)
    JOIN ({_top("spans", "period")}) AS top USING (period) ORDER BY period"""


def _cohorts(as_of: date) -> str:
    return f"""
    WITH active AS (
        SELECT customer, CAST(date_trunc('month', day) AS DATE) AS unit, sum(net) AS revenue,
            bool_or(net > 0) AS bought
        FROM orders GROUP BY ALL
    ), begun AS (SELECT customer, min(unit) AS cohort FROM active WHERE bought GROUP BY customer)
    SELECT cohort, unit, count_if(bought) AS retained, count(*) AS customers,
        sum(revenue)::DOUBLE AS revenue
    FROM active JOIN begun USING (customer)
    WHERE unit >= cohort AND unit < date_trunc('month', DATE '{as_of}') GROUP BY ALL ORDER BY ALL"""


def _survival(as_of: date) -> str:
    """Kaplan and Meier's curves of lives that are followed until it can be known who has left."""
    until = as_of - timedelta(days=ACTIVE)
    return f"""
    WITH lives AS (
        SELECT strftime(began, '%Y') AS cohort, 'all' AS everybody, ended < DATE '{until}' AS gone,
            least(ended, DATE '{until}') - began AS days
        FROM (SELECT min(first) AS began, max(last) AS ended FROM spans GROUP BY customer)
        WHERE began < DATE '{until}'
    ), counted AS (
        SELECT CASE WHEN cohort IS NULL THEN 'all' ELSE 'cohort' END AS dimension,
            coalesce(cohort, everybody) AS group_, days, count(*) AS lives, count_if(gone) AS gone
        FROM lives GROUP BY GROUPING SETS ((cohort, days), (everybody, days))
    ), followed AS (
        SELECT *, sum(lives) OVER (PARTITION BY dimension, group_ ORDER BY days DESC) AS at_risk
        FROM counted
    )
    SELECT dimension, group_, days, at_risk::BIGINT AS at_risk,
        product(1 - gone / at_risk) OVER (PARTITION BY dimension, group_ ORDER BY days) AS surviving
    FROM followed ORDER BY dimension, group_, days"""
