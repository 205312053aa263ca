"""A little shop whose transactions are posted, and its figures as they are looked up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from configs.schema import Config
from features.figures.definition import Period
from features.figures.table import of_period
from features.source import Tables, load_rows
from tests.factories import make_base

Rows = Sequence[dict[str, Any]]

MAY = Period(date(2024, 5, 1), date(2024, 6, 1))
REPORT = {
    "period": "31d",
    "periods": 3,
    "active_within": "60d",
    "cohorts": "month",
    "least": 1,
    "calls": 0,
}
ATTRIBUTES = {
    "income": {"kind": "category"},
    "newsletter": {"kind": "flag"},
    "region": {"kind": "category", "protected": True},
    "gone": {"kind": "flag", "says": "churned"},
}


def shop(without: Sequence[str] = (), **report: Any) -> Config:
    """The config of a base of transactions and customers."""
    kept_out = [f"transactions.{column}" for column in without]
    return make_base(
        "customers",
        without=kept_out,
        sources={"customers": {"attributes": ATTRIBUTES}},
        report=REPORT | report,
    )


def loaded(config: Config, transactions: Rows, customers: Rows = ()) -> Tables:
    return load_rows(config, {"transactions": list(transactions), "customers": list(customers)})


def row(customer: str, when: str, amount: float, order: str, **more: Any) -> dict[str, Any]:
    """A line of a receipt, at noon unless it says when."""
    stamp = when if "T" in when else f"{when}T12:00"
    held = {"customer_id": customer, "occurred_at": stamp, "amount": amount, "order_id": order}
    return held | more


def figures(config: Config, tables: Tables, period: Period = MAY, **more: Any) -> pd.DataFrame:
    return of_period(config, tables, period, **more)


def of(table: pd.DataFrame, dimension: str = "all", group: str = "all") -> dict[str, float]:
    """The figures of a group by name."""
    held = table[(table["dimension"] == dimension) & (table["group"] == group)]
    return dict(zip(held["figure"], held["value"], strict=True))


def by_group(table: pd.DataFrame, dimension: str, figure: str) -> dict[str, float]:
    """A figure of every group of a dimension."""
    held = table[(table["dimension"] == dimension) & (table["figure"] == figure)]
    return dict(zip(held["group"], held["value"], strict=True))
