from dataclasses import replace
from datetime import date

import pandas as pd
import pytest

from features.build import build, schema_of
from features.source import load_tables
from serving.releases.release import Release
from serving.report.scored import score_at
from serving.report.track_record import Asked, standing, track_record
from tests.factories import (
    make_bundle,
    make_bundles,
    make_club,
    make_shop,
    make_snapshot,
    make_transactions,
)
from training.bundle import load
from training.calibrate import Sigmoid
from training.model import Model
from training.population import Population
from training.predictors import Linear

AS_OF = date(2024, 6, 1)  # the day after the last of `make_transactions`
CUTOFF = date(2024, 5, 4)  # 28 days before


def a_release(folder, config, tables) -> Release:
    made = make_bundles(folder / "made", config, as_of=CUTOFF, tables=tables)
    return Release("shop", {task: load(path) for task, path in made.items()})


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    config = make_shop(folder, make_transactions())
    tables = load_tables(config)
    return config, tables, a_release(folder, config, tables)


@pytest.fixture(scope="module")
def found(shop):
    return track_record(*shop, AS_OF)


def bought(rows: pd.DataFrame) -> pd.DataFrame:
    """What each customer paid from the cut-off on, worked out without the package."""
    after = rows[pd.to_datetime(rows["when"]).dt.date >= CUTOFF]
    return after.groupby("customer")["paid"].agg(["sum", "size"])


def test_last_periods_predictions_are_held_against_what_then_happened(shop, found):
    config, tables, release = shop
    predicted = score_at(config, tables, release, CUTOFF).frame.set_index("customer_id")
    came = bought(make_transactions())
    churn, clv = found["churn"], found["clv"]
    for held in (churn, clv):
        assert (held["cutoff"], held["until"]) == ("2024-05-04", "2024-06-01")
        assert held["horizon_days"] == 28
    asked = predicted["churn"].dropna()
    assert churn["customers"] == len(asked)
    assert churn["expected"] == pytest.approx(asked.sum())
    assert churn["actual"] == sum(customer not in came.index for customer in asked.index)
    valued = predicted["clv"].dropna()
    assert clv["expected"] == pytest.approx(valued.sum())
    assert clv["actual"] == pytest.approx(came["sum"].reindex(valued.index).sum())
    assert {held["level"] for held in clv["coverage"]} == {80, 95}


def test_what_happens_or_becomes_known_later_changes_nothing(shop, found, tmp_path):
    rows = make_transactions()
    late = rows[rows["customer"] == "007"].assign(when="2024-05-20T10:00:00", known="2024-06-02")
    later = rows.assign(when="2024-06-10T10:00:00", known="2024-06-10")
    known = pd.concat([rows.assign(known=rows["when"]), late, later], ignore_index=True)
    config = make_shop(tmp_path, known)
    assert track_record(config, load_tables(config), shop[2], AS_OF) == found


def test_where_the_data_end_sooner_the_period_does_too(shop):
    """Nobody bought in July as nobody has told of it: they have not churned for that."""
    config, tables, release = shop
    last = pd.to_datetime(make_transactions()["when"]).max().date()
    churn = Release("shop", {"churn": release.bundles["churn"]})
    found = track_record(config, tables, churn, date(2024, 8, 1))["churn"]
    assert date.fromisoformat(found["until"]) == last + pd.Timedelta(days=1)


def test_a_history_that_bears_no_prediction_is_said_to(shop):
    config, tables, release = shop
    found = track_record(config, tables, release, date(2024, 1, 20))
    for held in found.values():
        assert list(held) == ["missing"]
        assert "no prediction has come due yet" in held["missing"]


def test_nobody_to_predict_is_said(shop):
    config, tables, release = shop
    nobody = Population("days_since_purchase", at_most=0.0)
    churn = release.bundles["churn"]
    asleep = replace(churn, model=replace(churn.model, population=nobody))
    found = track_record(config, tables, Release("shop", {"churn": asleep}), AS_OF)
    assert list(found) == ["churn"]
    assert found["churn"]["missing"].startswith("Too few customers were there to be predicted")


def test_a_snapshot_has_no_track_record(tmp_path):
    rows = pd.DataFrame({"customer": list("abcd"), "left": ["Yes", "No"] * 2, "age": [1, 2, 3, 4]})
    config = make_snapshot(tmp_path, rows, {"age": {"kind": "number"}})
    tables = load_tables(config)
    release = constant_release(tmp_path, config, tables, date(2024, 1, 1))
    found = track_record(config, tables, release, date(2024, 1, 1))
    assert found == {
        "churn": {"missing": "The data have no time: nothing came after the predictions."}
    }


def constant_release(folder, config, tables, as_of) -> Release:
    """A model that gives everybody a half."""
    schema = schema_of(config, tables)
    matrix = schema.encode(build(config, tables, [as_of]))
    half = Linear(len(schema.columns), 0.0, ())
    asked = (
        Population("running_subscriptions", at_least=1.0) if config.sources.subscriptions else None
    )
    model = Model("churn", "half", schema, (half,), Sigmoid(1.0, 0.0), population=asked)
    return Release(config.name, {"churn": make_bundle(folder / "half", config, model, matrix)})


def test_cancelling_is_counted_of_who_had_a_subscription(tmp_path):
    """Of ten members with one on 4 May, three end in the 28 days; the eleventh had left before."""
    ends = ["2024-05-10", "2024-05-20", "2024-05-31", *[""] * 7, "2024-03-01"]
    rows = pd.DataFrame(
        {"customer": [f"{n:02}" for n in range(11)], "start": "2024-01-01", "end": ends}
    )
    config = make_club(
        tmp_path,
        rows,
        timeline={
            "every": "28d",
            "cutoffs": 2,
            "history": "30d",
            "gap": "0d",
            "last": date(2024, 5, 31),
        },
    )
    tables = load_tables(config)
    release = constant_release(tmp_path, config, tables, AS_OF)
    found = track_record(config, tables, release, AS_OF)["churn"]
    assert (found["cutoff"], found["customers"]) == ("2024-05-04", 10)
    assert (found["expected"], found["actual"]) == (5.0, 3)
    assert found["standing"] == "unknown"  # its papers name no cut-offs


def test_what_a_model_had_seen_of_the_period_is_said(shop):
    asked = Asked(shop[0].churn, CUTOFF, 0)
    told = {"fit": ["2024-02-01", "2024-03-10"], "horizon_days": 28, "gap_days": 0}
    assert standing({**told, "test": "2024-04-07"}, asked)["standing"] == "chosen"
    assert standing({**told, "tests": ["2024-04-06"]}, asked)["standing"] == "new"  # to 4 May
    assert standing({**told, "tests": ["2024-06-01"]}, asked)["standing"] == "new"
    seen = standing({**told, "fit": ["2024-04-07"]}, asked)
    assert (seen["standing"], seen["fresh"]) == ("seen", False)  # to 5 May, a day too far
    assert "flatters" in seen["said"]
    assert standing({**told, "fit": ["2024-04-06"]}, asked)["standing"] == "new"
    shorter = {**told, "fit": ["2024-04-07"], "learns_days": 14}
    assert standing(shorter, asked)["standing"] == "new"
    refitted = {**told, "known": "2024-05-05"}
    assert standing(refitted, asked)["standing"] == "seen"
    assert standing({}, asked)["standing"] == "unknown"
    assert not standing({}, asked)["fresh"]
    assert standing({"split": "none: fitted on all rows"}, asked)["standing"] == "unknown"


def test_nothing_is_said_of_tasks_that_are_not_served(shop):
    config, tables, _ = shop
    assert track_record(config, tables, Release("shop", {}), AS_OF) == {}
