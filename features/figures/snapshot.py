"""Who has left and who is there, of customers of whom nothing is told but that."""

from __future__ import annotations

from operator import itemgetter

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features.figures.definition import Figure, Period, ratio
from features.labels import labelled
from features.source import Tables


def measures(config: Config, tables: Tables, period: Period) -> ir.Table | None:  # noqa: ARG001
    """Return whether each customer of a snapshot has left.

    A snapshot has no time: it is the same of every period.

    Returns
    -------
    Table or None
        A row a customer: ``snapshot_customers``, which is one, and ``snapshot_churned``, zero or
        one; None without a snapshot.
    """
    if tables.snapshot is None:
        return None
    held = labelled(config, tables)
    return held.select(
        "customer_id",
        snapshot_customers=ibis.literal(1, "int64"),
        snapshot_churned=held.churned,
    )


FIGURES: tuple[Figure, ...] = (
    Figure(
        "snapshot_customers",
        "customers in the data",
        "kunder i data",
        "count",
        "All customers in the data, those who have left among them.",
        "Alle kunder i data, også dem, der er gået.",
        "snapshot_customers",
        itemgetter("snapshot_customers"),
    ),
    Figure(
        "snapshot_churned",
        "customers who have left",
        "kunder, der er gået",
        "count",
        "Customers whom the data mark as having left.",
        "Kunder, som data angiver er gået.",
        "snapshot_customers",
        itemgetter("snapshot_churned"),
    ),
    Figure(
        "snapshot_retention_rate",
        "share of customers still there",
        "andel af kunder, der stadig er der",
        "share",
        "Customers who have not left, as a share of all customers in the data.",
        "Kunder, der ikke er gået, som andel af alle kunder i data.",
        "snapshot_customers",
        lambda of: ratio(
            of["snapshot_customers"] - of["snapshot_churned"], of["snapshot_customers"]
        ),
    ),
    Figure(
        "snapshot_churn_rate",
        "share of customers who have left",
        "andel af kunder, der er gået",
        "share",
        "Customers who have left, as a share of all customers in the data.",
        "Kunder, der er gået, som andel af alle kunder i data.",
        "snapshot_customers",
        lambda of: ratio(of["snapshot_churned"], of["snapshot_customers"]),
    ),
)
