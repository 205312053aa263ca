"""What is looked at in a base's data, and what is said of it."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from configs.schema import Config
from features.check import check, unfit
from features.enough import ENOUGH, FEWEST
from features.findings.finding import Finding
from features.source import load_tables
from tests.factories import make_shop, make_snapshot

FIRST = date(2024, 1, 1)


def visits(customers: int = 120, weeks: int = 24, lapsing: int = 60) -> pd.DataFrame:
    """One purchase a week of each customer; `lapsing` of them stop twelve weeks before the end."""
    return pd.DataFrame(
        [
            (f"{number:03}", FIRST + timedelta(days=7 * week + number % 7), 10.0)
            for number in range(customers)
            for week in range(weeks - 12 * (number < lapsing))
        ],
        columns=["customer", "when", "paid"],
    )


def shop(folder: Path, rows: pd.DataFrame, **changes) -> Config:
    return make_shop(folder, rows, **changes)


def found(config: Config) -> dict[str, Finding]:
    return {
        finding.what: finding
        for finding in check(config, load_tables(config, count_duplicates=True))
    }


def test_data_that_are_fit_are_all_fine(tmp_path):
    config = shop(tmp_path, visits(customers=240, lapsing=120))
    findings = check(config, load_tables(config))
    assert {finding.level for finding in findings} == {"fine"}
    assert not unfit(findings)
    held = {finding.what: finding.found for finding in findings}
    assert held["rows"] == "4,320 by 240 customers"
    assert held["dates"] == "2024-01-01 to 2024-06-16, 168 days in Europe/Copenhagen"
    assert held["churn: customers"].endswith("120 of 240 lapsed within 28 days")
    assert held["clv: customers"].endswith("120 of 240 bought within 28 days")


def test_too_little_history_stops(tmp_path):
    findings = found(shop(tmp_path, visits(weeks=12)))
    assert findings["churn: history"].level == "stop"
    assert findings["churn: history"].found == "2024-01-01 to 2024-03-24"
    assert "needs 114d of history" in findings["churn: history"].step
    assert findings["clv: history"].level == "stop"
    assert unfit(list(findings.values()))


@pytest.mark.parametrize(
    ("customers", "lapsing", "level", "step"),
    [
        (120, FEWEST - 1, "stop", "at least 50 who lapsed and 50 who did not are needed each time"),
        (120, FEWEST, "look", "figures are rough where fewer than 100 had an outcome"),
        (120, 120 - FEWEST + 1, "stop", "at least 50 who lapsed and 50 who did not"),
        (200, ENOUGH - 1, "look", "figures are rough where fewer than 100 had an outcome"),
        (200, ENOUGH, "fine", ""),
    ],
)
def test_too_few_of_an_outcome_stop(tmp_path, customers, lapsing, level, step):
    finding = found(shop(tmp_path, visits(customers, lapsing=lapsing)))["churn: customers"]
    assert finding.level == level
    assert finding.step.startswith(step)


def test_every_part_that_has_too_few_is_told_at_once(tmp_path):
    finding = found(shop(tmp_path, visits(lapsing=49)))["churn: customers"]
    assert finding.found == (
        "49 of 120 lapsed after the tune cut-offs, 49 of 120 lapsed after the validation cut-off, "
        "49 of 120 lapsed after the test cut-off"
    )


def test_too_few_buyers_stop_a_value(tmp_path):
    finding = found(shop(tmp_path, visits(lapsing=71)))["clv: customers"]
    assert (finding.level, "49 of 120 bought" in finding.found) == ("stop", True)


def test_nobody_who_is_asked_stops(tmp_path):
    # Once all have been silent for longer than the customers who are asked may be, none is left.
    churn = {"kind": "lapse", "horizon": "28d", "active_within": "7d"}
    rows = pd.concat([visits(lapsing=120), visits(customers=1, lapsing=0).tail(1)])
    finding = found(shop(tmp_path, rows, churn=churn, clv=None))["churn: customers"]
    assert (finding.level, "lapsed after the tune cut-offs" in finding.found) == ("stop", True)


def test_too_few_customers_for_the_segments_asked_stop(tmp_path):
    segments = {"behaviour": {"kind": "behaviour", "min_segments": 3}}
    held = found(shop(tmp_path, visits(), segments=segments))
    finding = held["segments.behaviour: customers"]
    assert (finding.level, "at least 150" in finding.step) == ("stop", True)


@pytest.mark.parametrize(("guests", "level"), [(10, "fine"), (11, "look")])
def test_many_guests_are_worth_a_look(tmp_path, guests, level):
    rows = visits(customers=100, weeks=1, lapsing=0).iloc[: 100 - guests]
    nobody = rows.head(guests).assign(customer=None)
    finding = found(shop(tmp_path, pd.concat([rows, nobody])))["guests"]
    assert (finding.level, finding.found) == (level, f"{guests} rows ({guests}.0%)")


@pytest.mark.parametrize(("twice", "level"), [(1, "fine"), (2, "look")])
def test_many_duplicates_are_worth_a_look(tmp_path, twice, level):
    rows = visits(customers=50, weeks=4, lapsing=0)
    finding = found(shop(tmp_path, pd.concat([rows, rows.head(twice)])))["duplicates"]
    assert finding.level == level
    assert finding.found.startswith(f"{twice} rows")
    assert ("duplicates: drop" in finding.step) == (level == "look")


@pytest.mark.parametrize(("silent", "level"), [(7, "fine"), (8, "look")])
def test_a_long_silence_is_worth_a_look(tmp_path, silent, level):
    days = [FIRST, FIRST + timedelta(days=silent + 1)]
    rows = pd.DataFrame({"customer": ["a", "a"], "when": days, "paid": [1, 1]})
    finding = found(shop(tmp_path, rows))["days without a purchase"]
    assert finding.level == level
    assert str(silent) in finding.found


@pytest.mark.parametrize(("returned", "level"), [(-15, "fine"), (-16, "look")])
def test_many_returns_are_worth_a_look(tmp_path, returned, level):
    rows = pd.DataFrame({"customer": ["a", "a"], "when": [FIRST] * 2, "paid": [100, returned]})
    finding = found(shop(tmp_path, rows))["returns"]
    assert (finding.level, finding.found) == (
        level,
        f"{-returned}.0% of what was spent ({-returned} DKK)",
    )


@pytest.mark.parametrize(("free", "level"), [(5, "fine"), (6, "look")])
def test_many_rows_of_nothing_are_worth_a_look(tmp_path, free, level):
    paid = [0] * free + [1] * (100 - free)
    rows = pd.DataFrame({"customer": ["a"] * 100, "when": [FIRST] * 100, "paid": paid})
    assert found(shop(tmp_path, rows))["rows of amount 0"].level == level


def test_amounts_of_which_none_is_positive_stop(tmp_path):
    rows = pd.DataFrame({"customer": ["a", "b"], "when": [FIRST] * 2, "paid": [-5, 0]})
    assert found(shop(tmp_path, rows))["amounts"].level == "stop"


@pytest.mark.parametrize(("described", "level"), [(60, "fine"), (59, "look")])
def test_attributes_that_few_customers_have_are_worth_a_look(tmp_path, described, level):
    tmp_path.mkdir(exist_ok=True)
    ids = [f"{number:03}" for number in range(described)]
    pd.DataFrame({"customer": ids, "income": "low"}).to_csv(tmp_path / "people.csv", index=False)
    people = {
        "path": str(tmp_path / "people.csv"),
        "columns": {"customer_id": "customer"},
        "attributes": {"income": {"kind": "category"}},
    }
    finding = found(shop(tmp_path, visits(), sources={"customers": people}))["attributes"]
    assert finding.level == level
    assert f"{described} of 120" in finding.found


def labelled(folder: Path, left: list[str], **columns) -> dict[str, Finding]:
    rows = pd.DataFrame({"customer": range(len(left)), "left": left, **columns})
    attributes = {name: {"kind": "category"} for name in columns}
    return found(make_snapshot(folder, rows, attributes))


def test_a_snapshot_that_is_fit_is_told_to_have_no_dates(tmp_path):
    findings = labelled(tmp_path, ["Yes"] * 500 + ["No"] * 500, plan=["a", "b"] * 500)
    assert {what: finding.level for what, finding in findings.items()} == {
        "rows": "fine",
        "dates": "look",
        "churn: label": "fine",
        "missing values": "fine",
    }
    assert findings["churn: label"].found == "500 left, 500 stayed"


def test_a_label_value_that_is_never_found_stops(tmp_path):
    finding = labelled(tmp_path, ["yes"] * 50 + ["no"] * 50, plan=["a", "b"] * 50)["churn: label"]
    assert (finding.level, finding.found) == ("stop", "0 left, 100 stayed")
    assert "customers who left have the label 'Yes'" in finding.step


def test_a_snapshot_is_judged_on_the_part_held_out(tmp_path):
    finding = labelled(tmp_path, ["Yes"] * 495 + ["No"] * 505, plan=["a", "b"] * 500)
    assert finding["churn: label"].level == "look"
    assert "±0.07 with 99 of 200 left in the part held out" in finding["churn: label"].step


def test_too_few_who_stayed_stop(tmp_path):
    finding = labelled(tmp_path, ["Yes"] * 51 + ["No"] * 49, plan=["a", "b"] * 50)["churn: label"]
    assert finding.level == "stop"


def test_missing_and_constant_attributes_are_told(tmp_path):
    plan, shop = ["a", None] * 50, ["x"] * 100
    findings = labelled(tmp_path, ["Yes"] * 50 + ["No"] * 50, plan=plan, shop=shop)
    assert findings["missing values"].found == "plan in 50 rows"
    assert findings["attributes that never vary"].level == "look"
    assert findings["attributes that never vary"].found == "'plan', 'shop'"
