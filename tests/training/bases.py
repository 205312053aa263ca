"""Customer bases large enough to train on, and examples with planted truths."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from configs.schema import Config
from features.schema import FeatureColumn, FeatureSchema
from tests.factories import make_club, make_config
from training.calibrate import Calibration, Scale
from training.model import Model
from training.predictors import Linear, Term
from training.split import Examples

TREES = {
    "learning_rate": {"kind": "float", "low": 0.02, "high": 0.2, "log": True},
    "max_depth": {"kind": "int", "low": 2, "high": 6},
    "subsample": {"kind": "float", "low": 0.5, "high": 1.0},
}
TUNING = {"trials": 2, "minutes": 5.0, "space": {"churn": TREES, "clv": TREES}}
FIRST, DAYS = pd.Timestamp("2023-09-01"), 270


def make_regulars(customers: int = 400, seed: int = 5) -> pd.DataFrame:
    """Receipts over nine months: everybody buys at a rate of their own until they leave unseen."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        pause, worth = 8 + 40 * rng.beta(1, 2), rng.gamma(4.0, 10.0)
        day, left = rng.uniform(0, 90), rng.exponential(400)
        while day < min(DAYS, left):
            when = FIRST + pd.Timedelta(days=int(day), hours=int(rng.integers(8, 20)))
            rows.append(
                {
                    "customer": f"cust-{number:06}",
                    "when": when.isoformat(),
                    "paid": round(worth * float(rng.gamma(4.0, 0.25)) + 0.01, 2),
                    "department": str(rng.choice(["food", "garden", "toys"])),
                }
            )
            day += rng.exponential(pause)
    return pd.DataFrame(rows).sort_values("when")


def make_regulars_config(folder: Path, rows: pd.DataFrame | None = None, **changes: Any) -> Config:
    """Write a base of regulars into a folder and return its config; two trials a task."""
    held = {
        "timeline": {"every": "28d", "cutoffs": 3, "history": "60d", "gap": "0d"},
        "tuning": TUNING,
    }
    config = make_config(folder, **{**held, **changes})
    rows = make_regulars() if rows is None else rows
    rows.to_csv(folder / "transactions.csv", index=False)
    names = sorted(set(rows["customer"]))
    customers = {
        "customer": names,
        "income": [("high", "low", "middle")[i % 3] for i in range(len(names))],
        "newsletter": ["yes" if i % 2 else "no" for i in range(len(names))],
    }
    pd.DataFrame(customers).to_csv(folder / "customers.csv", index=False)
    return config


def make_subscribers(customers: int = 400, seed: int = 9) -> pd.DataFrame:
    """One labelled row a customer: the new, the monthly and the paperless leave more often."""
    rng = np.random.default_rng(seed)
    months = rng.integers(1, 60, customers)
    plan = rng.choice(["monthly", "yearly"], customers)
    paperless = rng.choice(["yes", "no"], customers)
    odds = 1.5 * (plan == "monthly") - months / 20 + 0.5 * (paperless == "yes")
    left = rng.random(customers) < 1 / (1 + np.exp(-odds))
    return pd.DataFrame(
        {
            "customer": [f"cust-{number:06}" for number in range(customers)],
            "months": months,
            "plan": plan,
            "paperless": paperless,
            "left": np.where(left, "Yes", "No"),
        }
    )


def make_members(customers: int = 1100, seed: int = 3) -> pd.DataFrame:
    """Subscriptions over nine months: the cheap ones end early, and some customers come back."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        name, price = f"cust-{number:06}", int(rng.choice([9, 19, 49]))
        start = FIRST + pd.Timedelta(days=int(rng.integers(0, 200)))
        end = start + pd.Timedelta(days=5 + int(rng.exponential({9: 120, 19: 250, 49: 500}[price])))
        rows.append((name, start, end if end < FIRST + pd.Timedelta(days=DAYS) else None, price))
        if number % 3 == 0 and end < FIRST + pd.Timedelta(days=200):
            back = end + pd.Timedelta(days=int(rng.integers(0, 40)))
            rows.append((name, back, None, price + 5))
    rows.append(("the-last", FIRST + pd.Timedelta(days=DAYS - 1), None, 9))
    return pd.DataFrame(rows, columns=["customer", "start", "end", "mrr"])


def make_members_config(folder: Path, rows: pd.DataFrame | None = None, **changes: Any) -> Config:
    """Write a base of members into a folder and return its config; two trials."""
    held = {
        "timeline": {"every": "28d", "cutoffs": 3, "history": "60d", "gap": "0d"},
        "tuning": TUNING,
    }
    return make_club(folder, make_members() if rows is None else rows, **{**held, **changes})


def make_snapshot_config(folder: Path, rows: pd.DataFrame | None = None, **changes: Any) -> Config:
    """Write a labelled snapshot into a folder and return its config."""
    regular = make_config(folder).model_dump(mode="json")
    (make_subscribers() if rows is None else rows).to_csv(folder / "subscribers.csv", index=False)
    snapshot = {
        "path": str(folder / "subscribers.csv"),
        "columns": {"customer_id": "customer", "label": "left"},
        "positive": "Yes",
        "attributes": {
            "months": {"kind": "number"},
            "plan": {"kind": "category", "label": "plan", "label_da": "aftale"},
            "paperless": {"kind": "flag"},
        },
    }
    told = {
        **regular,
        "name": "telephone",
        "sources": {"snapshot": snapshot},
        "churn": {"kind": "label", "test_share": 0.25},
        "clv": None,
        "tuning": TUNING,
        **changes,
    }
    return Config.model_validate(told)


def make_schema(*names: str, **categories: tuple[str, ...]) -> FeatureSchema:
    """A schema of numbers, and of categories by name."""
    numbers = [_column(name, "number", ()) for name in names]
    others = [_column(name, "category", held) for name, held in categories.items()]
    return FeatureSchema((*numbers, *others))


def _column(name: str, kind: Any, categories: tuple[str, ...]) -> FeatureColumn:
    label = name.replace("_", " ")
    return FeatureColumn(
        name, kind, categories, "", name, label, label, False, None, False, f"made:{name}"
    )


def make_examples(matrix: np.ndarray, target: np.ndarray, day: date = date(2024, 1, 1)) -> Examples:
    """Examples of one cut-off, a customer a row."""
    customers = np.array([f"cust-{number:06}" for number in range(len(target))], dtype=object)
    return Examples(customers, np.full(len(target), day, dtype=object), matrix, target)


def make_reader(
    name: str, column: int, width: int, calibration: Calibration | None = None
) -> Model:
    """A model that predicts what stands in one column."""
    schema = make_schema(*(f"x{index}" for index in range(width)))
    term = Term(column, "identity", 0.0, 1.0, 1.0)
    predictor = Linear(width, 0.0, (term,))
    return Model("clv", name, schema, (predictor,), calibration or Scale(1.0))
