"""What times of churn were worth, counted by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from features.source import load_tables
from tests.factories import make_club, make_shop
from tests.training.bases import make_examples, make_schema
from training.calibrate import Sigmoid
from training.model import Model
from training.predictors import Linear
from training.split import Examples
from training.timeliness import measure
from training.timing import Timing

CUT_OFF = date(2024, 6, 3)
BOUGHT = [("a", "2024-06-05"), ("b", "2024-06-16"), ("c", "2024-06-17"), ("last", "2024-06-30")]


def everybody(customers: list[str]) -> Examples:
    rows = make_examples(np.zeros((len(customers), 1)), np.full(len(customers), np.nan), CUT_OFF)
    return Examples(np.array(customers, dtype=object), rows.as_of, rows.matrix, rows.target)


def model_of(config, chance: float) -> Model:
    """Everybody is as likely to churn by the horizon, at a constant hazard."""
    predictor = Linear(1, float(logit(chance)), ())
    calibration, timing = Sigmoid(1.0, 0.0), Timing.of(config)
    return Model("churn", "made", make_schema("x"), (predictor,), calibration, timing=timing)


@pytest.fixture
def shop(tmp_path):
    rows = pd.DataFrame([(*row, 10) for row in BOUGHT], columns=["customer", "when", "paid"])
    churn = {"kind": "lapse", "horizon": "28d", "within": ["14d", "42d"]}
    return make_shop(tmp_path, rows, churn=churn)


def test_silence_is_held_to_what_was_bought(shop):
    """A quarter are told to be silent for 28 days, so half for 14: a and b bought by then."""
    asked = everybody(["a", "b", "c", "nobody"])
    told = measure(shop, load_tables(shop), model_of(shop, 0.25), asked)
    assert told["untested"] == [42]  # the data end with day 28
    found = {held["days"]: held for held in told["within"]}
    assert list(found) == [9, 14, 18, 28]
    assert [found[days]["actual"] for days in found] == [0.75, 0.5, 0.25, 0.25]
    by_14 = found[14]
    assert by_14["customers"] == 4
    assert by_14["predicted"] == pytest.approx(0.5)
    assert (by_14["brier"], by_14["roc_auc"]) == (pytest.approx(0.25), 0.5)
    assert (by_14["log_loss"], by_14["ece"]) == (pytest.approx(np.log(2)), pytest.approx(0.0))


def test_who_is_due_is_held_to_the_date(shop):
    tables, asked = load_tables(shop), everybody(["a", "b", "c", "nobody"])
    due = measure(shop, tables, model_of(shop, 0.25), asked)["next_purchase"]
    assert due == {"customers": 4, "bought_by_then": 0.5, "expected": pytest.approx(0.5)}
    none = measure(shop, tables, model_of(shop, 0.75), asked)["next_purchase"]
    assert none == {"customers": 0, "bought_by_then": None, "expected": None}


def test_the_gap_moves_the_days(tmp_path):
    """From June 6 on: of a nothing counts any more, and b bought on the eleventh day."""
    rows = pd.DataFrame([(*row, 10) for row in BOUGHT], columns=["customer", "when", "paid"])
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "3d"}
    churn = {"kind": "lapse", "horizon": "24d", "within": ["10d", "11d"]}
    config = make_shop(tmp_path, rows, churn=churn, timeline=timeline)
    asked = everybody(["a", "b"])
    told = measure(config, load_tables(config), model_of(config, 0.25), asked)
    actual = {held["days"]: held["actual"] for held in told["within"]}
    assert (actual[10], actual[11]) == (1.0, 0.5)
    assert told["next_purchase"]["customers"] == 2  # due by day 12 of 25
    assert told["next_purchase"]["bought_by_then"] == 0.5


def test_cancelling_is_held_to_what_ended(tmp_path):
    rows = [
        ("a", "2024-01-01", "2024-06-10"),
        ("b", "2024-01-01", "2024-06-25"),
        ("c", "2024-01-01", None),
        ("later", "2024-06-30", None),
    ]
    churn = {"kind": "cancel", "horizon": "28d", "within": ["14d", "42d"]}
    frame = pd.DataFrame(rows, columns=["customer", "start", "end"])
    config = make_club(tmp_path, frame, churn=churn)
    told = measure(config, load_tables(config), model_of(config, 0.19), everybody(["a", "b", "c"]))
    assert told["next_purchase"] is None
    assert told["untested"] == [42]
    actual = {held["days"]: held["actual"] for held in told["within"]}
    assert actual == pytest.approx({9: 1 / 3, 14: 1 / 3, 18: 1 / 3, 28: 2 / 3})
    assert told["within"][1]["predicted"] == pytest.approx(0.1)


def test_a_model_that_tells_no_times_is_not_measured(shop):
    model = model_of(shop.model_copy(update={"churn": None}), 0.5)
    assert measure(shop, load_tables(shop), model, everybody(["a"])) == {}
