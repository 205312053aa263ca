"""Reports made by hand: small frames in the columns that the parts of a report have."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from features.figures.definition import Figure, Period, Unit
from serving.report.contents import Origin, Report

AS_OF = date(2024, 6, 1)
PERIOD = Period(date(2024, 5, 2), AS_OF)
BEFORE = Period.before(PERIOD.start, 30)


def make_figure(name: str, unit: Unit, label: str = "", label_da: str = "") -> Figure:
    return Figure(
        name=name,
        label=label or name.replace("_", " "),
        label_da=label_da or f"{name} på dansk",
        unit=unit,
        definition=f"What {name} is.",
        definition_da=f"Hvad {name} er.",
        about="known",
        of=lambda sums: sums["known"],
    )


FIGURES = {
    name: make_figure(name, unit)
    for name, unit in (
        ("start", "count"),
        ("lost", "count"),
        ("end", "count"),
        ("retention_rate", "share"),
        ("revenue", "money"),
        ("nps", "score"),
    )
}  # fmt: skip


def make_rows(dimension: str, group: str, values: dict[str, float | None]) -> list[dict[str, Any]]:
    """A group's figures; None is withheld."""
    return [
        {
            "dimension": dimension,
            "group": group,
            "figure": figure,
            "value": np.nan if value is None else value,
            "customers": pd.NA if value is None else 100,
            "withheld": value is None,
        }
        for figure, value in values.items()
    ]


WHOLE = {
    "start": 1000.0,
    "lost": 50.0,
    "end": 1150.0,
    "retention_rate": 0.95,
    "revenue": 123456.0,
    "nps": -12.0,
}
EARLIER = {"start": 990.0, "lost": 99.0, "end": 1000.0, "retention_rate": 0.9, "revenue": 120000.0}


def make_table(rows: list[dict[str, Any]]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype({"value": "float64", "customers": "Int64", "withheld": "bool"})


def make_trend() -> pd.DataFrame:
    held = [
        make_table(make_rows("all", "all", values)).assign(start=period.start, end=period.end)
        for period, values in ((BEFORE, EARLIER), (PERIOD, WHOLE))
    ]
    return pd.concat(held, ignore_index=True)


def make_report(**changes: Any) -> Report:
    """A report of figures alone, as before anything is promoted."""
    rows = [
        *make_rows("all", "all", WHOLE),
        *make_rows("attribute:income", "high", {"end": 1100.0, "retention_rate": 0.96}),
        *make_rows("attribute:income", "low", {"end": None, "retention_rate": None}),
    ]
    held: dict[str, Any] = {
        "base": "shop",
        "currency": "DKK",
        "zone": "Europe/Copenhagen",
        "as_of": AS_OF,
        "period": PERIOD,
        "active_within": 60,
        "unit": "month",
        "least": 5,
        "definitions": FIGURES,
        "figures": make_table(rows),
        "names": {
            "segment:value": ("Lifetime value", "Kundeværdi"),
            "attribute:income": ("Income", "Indkomst"),
        },
        "origin": Origin({"transactions": ("shop.csv", 5000)}, "f" * 64, "c" * 64),
        "trend": make_trend(),
    }
    return Report(**{**held, **changes})


def make_modelled(**changes: Any) -> Report:
    """A report of a base with models: money at stake, calls, segments and who moved."""
    risk = pd.DataFrame(
        {
            "dimension": ["all", "segment:value", "segment:value"],
            "group": ["all", "best", "rest"],
            "rank": pd.array([None, 1, 2], dtype="Int64"),
            "customers": [1150.0, 150.0, 1000.0],
            "expected_leavers": [100.0, 10.0, 90.0],
            "mean_churn": [0.087, 0.067, 0.09],
            "high_band": [20.0, np.nan, np.nan],
            "clv": [400000.0, 300000.0, 100000.0],
            "value_at_risk": [30000.0, 20000.0, 10000.0],
            "unrealised": [np.nan] * 3,
            "cost_to_serve": [np.nan] * 3,
            "at_stake": [30000.0, 20000.0, 10000.0],
            "withheld": [False, True, True],
        }
    )
    calls = pd.DataFrame(
        {
            "rank": [1, 2],
            "customer_id": ["007", "=cmd|' /C calc'!A0"],
            "churn": [0.8, 0.7],
            "clv": [900.0, 800.0],
            "value_at_risk": [720.0, 560.0],
            "segment:value": ["best", None],
            "reasons": [["no order for 74 days", "few categories"], []],
        }
    )
    cards = [
        {
            "way": "value",
            "id": place,
            "name": name,
            "name_da": name_da,
            "customers": customers,
            "withheld": False,
            "share": customers / 1150,
            "churn": 0.1,
            "said": f"{customers} customers.",
            "said_da": f"{customers} kunder.",
            "sure": "How sure: not known.",
            "sure_da": "Hvor sikkert: ikke kendt.",
        }
        for place, (name, name_da, customers) in enumerate(
            [("best", "bedste", 150), ("rest", "resten", 1000)], 1
        )
    ]
    moved = {
        "from": ["best", "rest", "in none yet"],
        "to": ["best", "rest", "in none any more"],
        "customers": [[120, 20, 0], [30, 900, 70], [0, None, None]],
        "shares": [[0.857, 0.143, 0.0], [0.03, 0.9, 0.07], [None, None, None]],
        "before": [140, 1000, 80],
        "after": [150, 1000, 70],
        "net": [10, 0],
        "stayed": 1020,
        "both": 1070,
        "stay_share": 1020 / 1070,
    }
    held = {
        "risk": risk,
        "calls": calls,
        "personas": {"value": cards},
        "migration": {"value": moved},
        "values": np.linspace(10.0, 1000.0, 200),
    }
    return make_report(**{**held, **changes})
