"""Small customer bases and seeded bundles, made by plain functions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import xgboost as xgb

from configs.load import dump
from configs.schema import Config
from configs.segmentation import LifecycleSegments
from features import contract
from features.build import build, schema_of
from features.schema import FeatureSchema
from features.source import Tables, load_tables
from training import bundle as bundles
from training.bundle import Bundle
from training.calibrate import Exponential, Intervals, Scale, Sigmoid
from training.if_stays import IfStays
from training.learned import Learned
from training.model import Model, Task
from training.population import Population
from training.predictors import Linear, Predictor, Term, Trees, feature_types
from training.probability import BGNBD
from training.scores import distribution
from training.segmentation.potential import spent
from training.segmenters import lifecycle
from training.segmenters.centres import Centres
from training.segmenters.lifecycle import Lifecycle
from training.segmenters.peers import Alike, Potential
from training.segmenters.segmenter import Segment
from training.segmenters.value import ValueTenths
from training.timing import Timing

AS_OF = date(2024, 6, 3)
INCOMES = ("high", "low", "middle")


def make_transactions(customers: int = 40, seed: int = 7) -> pd.DataFrame:
    """Lines of receipts from January to May 2024: some buy often, some long ago, few once."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        last = 152 if number % 4 else 30  # every fourth has been silent since January
        for _ in range(1 + number % 9):
            day = pd.Timestamp("2024-01-01") + pd.Timedelta(days=int(rng.integers(0, last)))
            rows.append(
                {
                    "customer": f"{number:03}",
                    "when": (day + pd.Timedelta(hours=int(rng.integers(8, 20)))).isoformat(),
                    "paid": round(float(rng.gamma(2.0, 20.0)) * (-1 if number == 5 else 1), 2),
                    "department": str(rng.choice(["food", "garden", "toys"])),
                }
            )
    return pd.DataFrame(rows)


def make_customers(customers: int = 40) -> pd.DataFrame:
    """Attributes of two thirds of them; the others are not in the file."""
    numbers = [number for number in range(customers) if number % 3]
    return pd.DataFrame(
        {
            "customer": [f"{number:03}" for number in numbers],
            "income": [INCOMES[number % len(INCOMES)] for number in numbers],
            "newsletter": ["yes" if number % 2 else "no" for number in numbers],
        }
    )


def make_config(folder: Path, **changes: Any) -> Config:
    """Write a small base's files into a folder and return its config."""
    folder.mkdir(parents=True, exist_ok=True)
    make_transactions().to_csv(folder / "transactions.csv", index=False)
    make_customers().to_csv(folder / "customers.csv", index=False)
    return Config.model_validate({**_config(folder), **changes})


def _config(folder: Path) -> dict[str, Any]:
    columns = {
        "customer_id": "customer",
        "occurred_at": "when",
        "amount": "paid",
        "category": "department",
    }
    attributes = {
        "income": {"kind": "category", "label": "income", "label_da": "indkomst"},
        "newsletter": {
            "kind": "flag",
            "label": "gets the newsletter",
            "label_da": "får nyhedsbrevet",
            "actionable": True,
        },
    }
    return {
        "name": "shop",
        "timezone": "Europe/Copenhagen",
        "currency": "DKK",
        "seed": 1,
        "sources": {
            "transactions": {"path": str(folder / "transactions.csv"), "columns": columns},
            "customers": {
                "path": str(folder / "customers.csv"),
                "columns": {"customer_id": "customer"},
                "attributes": attributes,
            },
        },
        "features": {"windows": ["30d", "90d"]},
        "timeline": {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "0d"},
        "churn": {"kind": "lapse", "horizon": "28d", "active_within": "90d"},
        "clv": {"horizon": "28d", "active_within": "90d"},
        "segments": {
            "behaviour": {
                "kind": "behaviour",
                "min_segments": 2,
                "max_segments": 3,
                "min_share": 0.05,
                "min_stability": 0.5,
                "resamples": 2,
            }
        },
        "tuning": {"trials": 1, "minutes": 1.0},
        "gate": {
            "churn_margin": 0.01,
            "clv_margin": 0.01,
            "repeats": 100,
            "calibration": 0.05,
            "bias": 0.25,
            "slice_calibration": 0.1,
            "slice_bias": 0.5,
            "slice_customers": 30,
            "slice_outcomes": 5,
        },
        "leakage": {
            "alone_auc": 0.9,
            "alone_gini": 0.9,
            "removal": 0.1,
            "too_good": 0.95,
            "fall": 0.1,
        },
        "report": {
            "period": "30d",
            "periods": 3,
            "active_within": "60d",
            "cohorts": "month",
            "least": 5,
            "calls": 100,
        },
        "serving": {
            "reasons": 3,
            "language": "en",
            "max_customers": 1000,
            "max_body_mb": 1.0,
            "old_after": "36500d",
        },
        "paths": {"var": str(folder / "var"), "mlruns": str(folder / "mlruns")},
    }


def make_tables(config: Config) -> Tables:
    """Load a base's tables."""
    return load_tables(config)


def make_features(config: Config, customers: Sequence[str] | None = None) -> pd.DataFrame:
    """Build the features of a base's customers as of `AS_OF`."""
    return build(config, load_tables(config), [AS_OF], customers)


def make_bundles(
    folder: Path,
    config: Config,
    seed: int = 3,
    as_of: date = AS_OF,
    tables: Tables | None = None,
    cards: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[Task, Path]:
    """Make a bundle of each task: trees for churn, a linear CLV, cluster centres.

    The former two have learned columns. A task's card is empty unless given.
    """
    tables = tables or load_tables(config)
    inputs = schema_of(config, tables)
    built = inputs.encode(build(config, tables, [as_of]))
    learned = Learned(28, BGNBD(r=0.9, alpha=30.0, a=0.8, b=2.4))
    schema = learned.extend(inputs)
    matrix = np.column_stack([built, learned.values(inputs, built)])
    active = Population("days_since_purchase", 90.0)
    clv = Model(
        "clv",
        "linear",
        schema,
        (make_linear(schema, matrix, seed),),
        Exponential(1.1),
        intervals=Intervals(10.0, (), {"80": ((-0.4, 0.4),), "95": ((-0.9, 0.9),)}),
        population=active,
        floor=0.0,
        learned=learned,
        if_stays=IfStays((0.0, 50.0, 200.0), (30.0, 70.0, 210.0)),
    )
    churn = Model(
        "churn",
        "xgboost",
        schema,
        (make_trees(schema, matrix, seed),),
        Sigmoid(1.2, -0.1),
        population=active,
        learned=learned,
        timing=Timing.of(config),
    )
    ways = (
        make_centres(inputs, built),
        make_lifecycle(inputs, config.features.windows),
        make_tenths(config, inputs, built),
    )
    segments = Model("segments", "segments", inputs, (), Scale(1.0), segmenters=ways)
    return {
        model.task: make_bundle(
            folder / f"{model.task}_{seed}", config, model, held, (cards or {}).get(model.task, {})
        ).path
        for model, held in ((churn, matrix), (clv, matrix), (segments, built))
    }


def make_bundle(
    folder: Path,
    config: Config,
    model: Model,
    matrix: np.ndarray,
    card: Mapping[str, Any] = MappingProxyType({}),
) -> Bundle:
    """Write a model as a bundle with short papers."""
    papers: Mapping[str, Any] = {
        "base": config.name,
        "version": 1,
        "made_at": "2024-06-03T00:00:00Z",
        "config": dump(config),
        "metrics": {"roc_auc": 0.8},
        "verdict": {"passed": True, "reasons": ["made for a test"]},
    }
    files = {
        "reference.json": bundles.to_json(bundles.reference(model, matrix)),
        "card.json": bundles.to_json(dict(card)),
        "card.html": b"<!doctype html>\n",
    }
    if model.task != "segments":
        files["scores.json"] = bundles.to_json(distribution(model.predict(matrix)))
    return bundles.save(folder, model, papers, files)


def make_trees(schema: FeatureSchema, matrix: np.ndarray, seed: int) -> Trees:
    """Fit a few trees on labels that follow recency and income, with noise."""
    rng = np.random.default_rng(seed)
    recency = np.nan_to_num(matrix[:, schema.names.index("days_since_purchase")], nan=100.0)
    label = (recency + rng.normal(0, 20, len(matrix)) > 60).astype(float)
    data = xgb.DMatrix(
        matrix,
        label=label,
        feature_types=feature_types([column.kind == "category" for column in schema.columns]),
        enable_categorical=True,
    )
    settings = {"objective": "binary:logistic", "max_depth": 3, "seed": seed, "nthread": 1}
    return Trees(xgb.train(settings, data, num_boost_round=12))


def make_linear(schema: FeatureSchema, matrix: np.ndarray, seed: int) -> Predictor:
    """A linear predictor with seeded weights on every feature."""
    rng = np.random.default_rng(seed)
    terms = []
    for index, column in enumerate(schema.columns):
        if column.kind == "category":
            terms.append(Term(index, "equals", 0.3, 0.5, float(rng.normal()), argument=1.0))
        else:
            terms.append(make_term(matrix, index, float(rng.normal(0, 0.2))))
    return Linear(len(schema.columns), 4.0, tuple(terms))


def make_term(matrix: np.ndarray, index: int, weight: float) -> Term:
    """A standardised column on a logarithmic scale."""
    raw = np.log1p(np.maximum(matrix[:, index], 0.0))
    present = raw[~np.isnan(raw)]
    mean = float(present.mean()) if len(present) else 0.0
    scale = float(present.std()) if len(present) else 0.0
    return Term(index, "log1p", mean, scale or 1.0, weight)


def make_lifecycle(schema: FeatureSchema, windows: Sequence[int]) -> Lifecycle:
    """The stages of life as a customer, at their usual dates."""
    asked = LifecycleSegments.model_validate({"kind": "lifecycle"})
    return lifecycle.fit("lifecycle", schema, asked, windows)


def make_tenths(config: Config, schema: FeatureSchema, matrix: np.ndarray) -> ValueTenths:
    """Tenths of value, of everybody alike."""
    money = spent(config, schema, matrix)
    best = float(np.quantile(money, 0.9)) if len(money) else 0.0
    alike = Alike(len(money), best, "everybody", "alle")
    active = Population("days_since_purchase", 90.0)
    return ValueTenths("value", active, Potential((), (alike,)))


def make_centres(schema: FeatureSchema, matrix: np.ndarray) -> Centres:
    """Three centres on recency, frequency and money."""
    names = ("days_since_purchase", "purchase_days", "spend_ever")
    columns = tuple(make_term(matrix, schema.names.index(name), 1.0) for name in names)
    segments = (
        Segment(1, "regulars", "stamkunder"),
        Segment(2, "sleepers", "sovende"),
        Segment(3, "the middle", "midten"),
    )
    middles = np.array([[-1.0, 1.0, 1.0], [1.0, -1.0, -1.0], [0.0, 0.0, 0.0]])
    return Centres.of("behaviour", columns, middles, segments, len(schema.columns), None)


CANONICAL = {
    "customer_id": "customer",
    "occurred_at": "when",
    "amount": "paid",
    "known_at": "known",
    "order_id": "order",
    "quantity": "items",
    "category": "department",
    "channel": "channel",
    "discount": "discount",
    "margin": "margin",
}


def make_shop(folder: Path, transactions: pd.DataFrame, **changes: Any) -> Config:
    """Write these transactions, stamped in Copenhagen, as a base and return its config.

    The columns of `CANONICAL` that they have are mapped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    transactions.to_csv(folder / "transactions.csv", index=False)
    columns = {canon: name for canon, name in CANONICAL.items() if name in transactions}
    source = {
        "path": str(folder / "transactions.csv"),
        "timezone": "Europe/Copenhagen",
        "columns": columns,
    }
    sources = {"transactions": source, **changes.pop("sources", {})}
    return Config.model_validate({**_config(folder), "sources": sources, **changes})


SUBSCRIPTION = {
    "customer_id": "customer",
    "started_at": "start",
    "ended_at": "end",
    "known_at": "known",
    "ended_known_at": "end_known",
    "plan": "plan",
    "mrr": "mrr",
}


def make_club(folder: Path, subscriptions: pd.DataFrame, **changes: Any) -> Config:
    """Write these subscriptions, stamped in Copenhagen, as a base that asks who cancels.

    The columns of `SUBSCRIPTION` that they have are mapped.
    """
    folder.mkdir(parents=True, exist_ok=True)
    subscriptions.to_csv(folder / "subscriptions.csv", index=False)
    columns = {canon: name for canon, name in SUBSCRIPTION.items() if name in subscriptions}
    source = {
        "path": str(folder / "subscriptions.csv"),
        "timezone": "Europe/Copenhagen",
        "columns": columns,
    }
    sources = {"subscriptions": source, **changes.pop("sources", {})}
    churn = {"kind": "cancel", "horizon": "28d"}
    held = {**_config(folder), "name": "club", "sources": sources, "churn": churn}
    return Config.model_validate({**held, "clv": None, "segments": None, **changes})


def make_base(
    *tables: str,
    without: Collection[str] = (),
    kinds: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Config:
    """A base of rows that are posted, with every canonical column but some; it asks who lapses."""
    sources: dict[str, Any] = {
        table: {
            "path": "posted",
            "timezone": "Europe/Copenhagen",
            "columns": {
                column.name: column.name
                for column in contract.CANONICAL[table]
                if f"{table}.{column.name}" not in without
            },
        }
        for table in ("transactions", *tables)
    }
    if kinds is not None:
        sources["events"]["kinds"] = kinds
    for table, held in changes.pop("sources", {}).items():
        sources[table] |= held
    return Config.model_validate({**_config(Path("posted")), "sources": sources, **changes})


def make_snapshot(folder: Path, rows: pd.DataFrame, attributes: Mapping[str, Any]) -> Config:
    """Write labelled customers as a base: columns ``customer``, ``left`` and the attributes."""
    folder.mkdir(parents=True, exist_ok=True)
    rows.to_csv(folder / "snapshot.csv", index=False)
    source = {
        "path": str(folder / "snapshot.csv"),
        "columns": {"customer_id": "customer", "label": "left"},
        "positive": "Yes",
        "attributes": attributes,
    }
    churn = {"kind": "label", "test_share": 0.2}
    held = {**_config(folder), "sources": {"snapshot": source}, "churn": churn}
    return Config.model_validate({**held, "clv": None, "segments": None})


def make_posted(tables: Tables) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Give each customer's rows of a base as a caller of the service would post them."""
    held: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for name, posted in POSTED.items():
        if (rows := getattr(tables, name)) is None:
            continue
        days = [column for column in rows.columns if column.endswith("_day")]
        for row in tables.backend.to_pyarrow(rows.drop(*days)).to_pylist():
            own = held.setdefault(row.pop("customer_id"), {})
            own.setdefault(posted, []).append({key: _spelt(row[key]) for key in row})
    return held


POSTED = {
    "transactions": "transactions",
    "events": "events",
    "subscriptions": "subscriptions",
    "customers": "customer",
}


def _spelt(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat() + "Z"
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value
