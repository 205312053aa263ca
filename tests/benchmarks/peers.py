"""The default features of transactions by hand: in DuckDB's SQL, in Polars and in pandas.

Each gives the values that Stamkunde gives. Money is summed exactly, as decimals or as whole
ten-thousandths.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

WINDOWS = (7, 30, 90, 180, 365)
UNITS = 10_000


def bare_scan(place: Path, as_of: date) -> int:
    """Read what the features need, and no more."""
    found = duckdb.execute(
        "SELECT count(customer), min(bought_at), sum(CAST(paid AS DECIMAL(18, 4))) "
        f"FROM '{place}/*.parquet' WHERE bought_at < DATE '{as_of}'"
    ).fetchone()
    return int(found[0]) if found else 0


def sql(place: Path, as_of: date) -> str:
    """One aggregate to days, one narrow window over them, one aggregate of conditional sums."""
    n, money = "net > 0", "DECIMAL(18, 4)"

    def spent(when: str) -> str:
        return f"(coalesce(sum(CASE WHEN {n} AND {when} THEN net END), 0)::DOUBLE + 1)"

    each = ",\n".join(
        f"""count(CASE WHEN age <= {w} AND {n} THEN 1 END)::DOUBLE AS purchases_in_{w}d,
        coalesce(sum(CASE WHEN age <= {w} THEN net END), 0)::DOUBLE AS spend_in_{w}d,
        count(CASE WHEN age <= {w} THEN 1 END)::DOUBLE / count(*) AS order_share_in_{w}d,
        CASE WHEN count(CASE WHEN {n} THEN 1 END) > 0 THEN
        {spent(f"age <= {w}")} / {spent(f"age > {w} AND age <= {2 * w}")} END AS spend_trend_{w}d,
        count(CASE WHEN age <= {w} AND net < 0 THEN 1 END)::DOUBLE AS returns_in_{w}d"""
        for w in WINDOWS
    )
    return f"""
    WITH day AS (
        SELECT customer, CAST(bought_at AS DATE) AS day, sum(CAST(paid AS {money}))::{money} AS net,
            sum(CASE WHEN paid < 0 THEN CAST(paid AS {money}) END)::{money} AS returned,
            count(*)::INT AS lines
        FROM '{place}/*.parquet' WHERE bought_at < DATE '{as_of}' GROUP BY ALL
    ), laid AS (
        SELECT customer, net, returned, lines, (DATE '{as_of}' - day)::INT AS age, {n} AS bought,
            CASE WHEN {n} THEN (day - lag(day) OVER in_order)::INT END AS gap,
            {n} AND lead(day) OVER in_order IS NULL AS latest,
            {n} AND isodow(day) >= 6 AS weekend,
            CASE WHEN {n} THEN CAST(round(net, 2) AS DECIMAL(38, 2)) END AS cents
        FROM day WINDOW in_order AS (PARTITION BY customer, {n} ORDER BY day)
    )
    SELECT customer AS customer_id,
        min(CASE WHEN {n} THEN age END)::DOUBLE AS days_since_purchase,
        min(age)::DOUBLE AS days_since_order,
        max(CASE WHEN {n} THEN age END)::DOUBLE AS tenure,
        (max(CASE WHEN {n} THEN age END) - min(CASE WHEN {n} THEN age END))::DOUBLE AS active_span,
        count(CASE WHEN {n} THEN 1 END)::DOUBLE AS purchase_days,
        {each},
        coalesce(sum(net), 0)::DOUBLE AS spend_ever,
        sum(CASE WHEN {n} THEN net END)::DOUBLE / count(CASE WHEN {n} THEN 1 END)
            AS spend_per_purchase_day,
        sum(CASE WHEN {n} THEN net END)::DOUBLE / count(CASE WHEN {n} THEN 1 END)
            AS average_order_value,
        max(CASE WHEN {n} THEN net END)::DOUBLE AS largest_order,
        sum(CASE WHEN latest THEN net END)::DOUBLE AS last_spend,
        sum(CASE WHEN {n} AND gap IS NULL THEN net END)::DOUBLE AS first_spend,
        sqrt((count(cents) * sum(cents * cents) - sum(cents) * sum(cents))::DOUBLE
            / nullif(count(cents) * (count(cents) - 1), 0)) AS spend_deviation,
        sum(gap)::DOUBLE / nullif(count(gap), 0) AS usual_gap,
        sqrt((count(gap) * sum(gap * gap) - sum(gap) * sum(gap))::DOUBLE
            / nullif(count(gap) * (count(gap) - 1), 0)) AS gap_deviation,
        max(gap)::DOUBLE AS longest_gap,
        sum(CASE WHEN latest THEN gap END)::DOUBLE AS last_gap,
        min(CASE WHEN {n} THEN age END) * count(gap) / nullif(sum(gap), 0)::DOUBLE AS pause_ratio,
        (days_since_purchase - usual_gap) / nullif(gap_deviation, 0) AS pause_score,
        CASE WHEN max(CASE WHEN {n} THEN age END) > 365 THEN
            {spent("age <= 90")} / {spent("age > 365 AND age <= 455")} END AS year_on_year,
        CASE WHEN max(CASE WHEN {n} THEN age END) >= 365 THEN
            count(CASE WHEN {n} AND age <= 365 AND age > 275 THEN 1 END)::DOUBLE
            / nullif(count(CASE WHEN {n} AND age <= 365 THEN 1 END), 0) END AS season_ahead,
        count(CASE WHEN weekend THEN 1 END)::DOUBLE / nullif(count(CASE WHEN {n} THEN 1 END), 0)
            AS weekend_share,
        sum(CASE WHEN {n} THEN lines END)::DOUBLE / count(CASE WHEN {n} THEN 1 END)
            AS lines_per_order,
        coalesce(-coalesce(sum(returned), 0)::DOUBLE
            / nullif((sum(net) - coalesce(sum(returned), 0))::DOUBLE, 0), 0) AS return_share,
        count(CASE WHEN net < 0 THEN 1 END)::DOUBLE AS returns,
        min(CASE WHEN net < 0 THEN age END)::DOUBLE AS days_since_return
    FROM laid GROUP BY customer ORDER BY customer
    """


def by_sql(place: Path, as_of: date, memory: str | None = None) -> pa.Table:
    """Run the SQL in DuckDB."""
    with duckdb.connect(config={"memory_limit": memory} if memory else {}) as connection:
        connection.execute("SET enable_progress_bar = false")
        return connection.sql(sql(place, as_of)).to_arrow_table()


def by_polars(place: Path, as_of: date) -> pa.Table:
    """The same with Polars' lazy frames."""
    bought, age, net, gap = pl.col("net") > 0, pl.col("age"), pl.col("net"), pl.col("gap")
    paid = (pl.col("paid") * UNITS).round().cast(pl.Int64)
    day = (
        pl.scan_parquet(f"{place}/*.parquet")
        .filter(pl.col("bought_at") < as_of)
        .group_by("customer", pl.col("bought_at").dt.date().alias("day"))
        .agg(
            net=paid.sum(),
            returned=paid.filter(paid < 0).sum(),
            lines=pl.len(),
        )
    )
    laid = day.sort("customer", "day").with_columns(
        age=(pl.lit(as_of) - pl.col("day")).dt.total_days(),
        bought=bought,
        weekend=pl.col("day").dt.weekday() >= 6,
        cents=((net + UNITS // 200) // (UNITS // 100)).cast(pl.Float64),
    )
    order = {"partition_by": ["customer", "bought"]}
    laid = laid.with_columns(
        gap=pl.when(bought).then(
            (pl.col("day") - pl.col("day").shift(1).over(**order)).dt.total_days()
        ),
    )
    count = bought.sum()
    spread = {
        "spend_deviation": (pl.col("cents").filter(bought), 100.0),
        "gap_deviation": (gap.drop_nulls().cast(pl.Float64), 1.0),
    }
    made = laid.group_by("customer", maintain_order=True).agg(
        days_since_purchase=age.filter(bought).min(),
        days_since_order=age.min(),
        tenure=age.filter(bought).max(),
        active_span=age.filter(bought).max() - age.filter(bought).min(),
        purchase_days=count,
        **{f"purchases_in_{w}d": (bought & (age <= w)).sum() for w in WINDOWS},
        **{f"spend_in_{w}d": net.filter(age <= w).sum() / UNITS for w in WINDOWS},
        **{f"order_share_in_{w}d": (age <= w).sum() / pl.len() for w in WINDOWS},
        **{
            f"spend_trend_{w}d": pl.when(count > 0).then(
                (net.filter(bought & (age <= w)).sum() / UNITS + 1)
                / (net.filter(bought & (age > w) & (age <= 2 * w)).sum() / UNITS + 1)
            )
            for w in WINDOWS
        },
        spend_ever=net.sum() / UNITS,
        spend_per_purchase_day=net.filter(bought).mean() / UNITS,
        average_order_value=net.filter(bought).mean() / UNITS,
        largest_order=net.filter(bought).max() / UNITS,
        last_spend=net.filter(bought).last() / UNITS,
        first_spend=net.filter(bought).first() / UNITS,
        **{name: values.std() / unit for name, (values, unit) in spread.items()},
        usual_gap=gap.mean(),
        longest_gap=gap.max(),
        last_gap=gap.filter(bought).last(),
        pause_ratio=age.filter(bought).min() / gap.mean(),
        weekend_share=(bought & pl.col("weekend")).sum() / count,
        lines_per_order=pl.col("lines").filter(bought).mean(),
        return_share=pl.when(net.sum() == pl.col("returned").sum())
        .then(0.0)
        .otherwise(-pl.col("returned").sum() / (net.sum() - pl.col("returned").sum())),
        year_on_year=pl.when(age.filter(bought).max() > 365).then(
            (net.filter(bought & (age <= 90)).sum() / UNITS + 1)
            / (net.filter(bought & (age > 365) & (age <= 455)).sum() / UNITS + 1)
        ),
        season_ahead=pl.when(
            (age.filter(bought).max() >= 365) & ((bought & (age <= 365)).sum() > 0)
        ).then((bought & (age <= 365) & (age > 275)).sum() / (bought & (age <= 365)).sum()),
        returns=(net < 0).sum(),
        **{f"returns_in_{w}d": ((net < 0) & (age <= w)).sum() for w in WINDOWS},
        days_since_return=age.filter(net < 0).min(),
    )
    lateness = pl.col("days_since_purchase") - pl.col("usual_gap")
    spread_of_gaps = pl.when(pl.col("gap_deviation") > 0).then(pl.col("gap_deviation"))
    made = made.with_columns(pause_score=lateness / spread_of_gaps)
    return made.rename({"customer": "customer_id"}).collect(engine="streaming").to_arrow()


def by_pandas(place: Path, as_of: date) -> pa.Table:
    """The same with pandas' group-bys."""
    lines = pd.read_parquet(place, columns=["customer", "bought_at", "paid"])
    lines = lines[lines["bought_at"] < pd.Timestamp(as_of)]
    lines["net"] = np.round(lines["paid"] * UNITS).astype("int64")
    lines["returned"] = lines["net"].clip(upper=0)
    lines["age"] = (pd.Timestamp(as_of) - lines["bought_at"].dt.normalize()).dt.days
    day = (
        lines.groupby(["customer", "age"], sort=True)
        .agg(net=("net", "sum"), returned=("returned", "sum"), lines=("net", "size"))
        .reset_index()
        .sort_values(["customer", "age"], ascending=[True, False], ignore_index=True)
    )
    by = day.groupby("customer", sort=True)
    made = pd.DataFrame({"days_since_order": by["age"].min()})
    orders = by.size()
    bought = day[day["net"] > 0].copy()
    own = bought.groupby("customer", sort=True)
    bought["gap"] = own["age"].shift(1) - bought["age"]
    weekday = (pd.Timestamp(as_of) - pd.to_timedelta(bought["age"], "D")).dt.weekday
    bought["weekend"] = weekday >= 5
    bought["cents"] = (bought["net"] + UNITS // 200) // (UNITS // 100)
    own = bought.groupby("customer", sort=True)
    count, gap = own.size(), own["gap"]
    made["days_since_purchase"], made["tenure"] = own["age"].min(), own["age"].max()
    made["active_span"] = made["tenure"] - made["days_since_purchase"]
    made["purchase_days"] = count.reindex(made.index, fill_value=0)

    def within(rows: pd.DataFrame, low: int, high: int) -> pd.core.groupby.DataFrameGroupBy:
        return rows[(rows["age"] > low) & (rows["age"] <= high)].groupby("customer", sort=True)

    def whole(found: pd.Series) -> pd.Series:
        return found.reindex(made.index, fill_value=0)

    for w in WINDOWS:
        late, early = within(bought, 0, w), within(bought, w, 2 * w)
        made[f"purchases_in_{w}d"] = whole(late.size())
        made[f"spend_in_{w}d"] = whole(within(day, 0, w)["net"].sum()) / UNITS
        made[f"order_share_in_{w}d"] = whole(within(day, 0, w).size()) / orders
        trend = (whole(late["net"].sum()) / UNITS + 1) / (whole(early["net"].sum()) / UNITS + 1)
        made[f"spend_trend_{w}d"] = trend.where(made["purchase_days"] > 0)
    made["spend_ever"] = by["net"].sum() / UNITS
    made["spend_per_purchase_day"] = made["average_order_value"] = own["net"].mean() / UNITS
    made["largest_order"] = own["net"].max() / UNITS
    made["last_spend"], made["first_spend"] = own["net"].last() / UNITS, own["net"].first() / UNITS
    made["spend_deviation"] = own["cents"].std() / 100
    made["usual_gap"], made["longest_gap"] = gap.mean(), gap.max()
    made["gap_deviation"] = gap.std()
    made["last_gap"] = bought.drop_duplicates("customer", keep="last").set_index("customer")["gap"]
    made["pause_ratio"] = made["days_since_purchase"] / made["usual_gap"]
    lateness = made["days_since_purchase"] - made["usual_gap"]
    made["pause_score"] = lateness / made["gap_deviation"].where(made["gap_deviation"] > 0)
    quarter, before = within(bought, 0, 90)["net"].sum(), within(bought, 365, 455)["net"].sum()
    change = (whole(quarter) / UNITS + 1) / (whole(before) / UNITS + 1)
    made["year_on_year"] = change.where(made["tenure"] > 365)
    year, ahead = whole(within(bought, 0, 365).size()), whole(within(bought, 275, 365).size())
    made["season_ahead"] = (ahead / year.where(year > 0)).where(made["tenure"] >= 365)
    made["weekend_share"] = own["weekend"].mean()
    made["lines_per_order"] = own["lines"].mean()
    returned = by["returned"].sum()
    spent = by["net"].sum() - returned
    made["return_share"] = (-returned / spent).where(spent > 0, 0.0)
    back = day[day["net"] < 0].groupby("customer", sort=True)
    made["returns"] = whole(back.size())
    for w in WINDOWS:
        made[f"returns_in_{w}d"] = whole(within(day[day["net"] < 0], 0, w).size())
    made["days_since_return"] = back["age"].min()
    return pa.Table.from_pandas(made.rename_axis("customer_id").reset_index(), preserve_index=False)
