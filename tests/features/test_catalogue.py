"""Which features a base has, what is said of them, and how one is added."""

import inspect
from datetime import date
from pathlib import Path

import pytest

from configs.load import load
from features import catalogue
from features.build import build, schema_of
from features.catalogue import describe
from features.definition import Family
from features.frames import days
from features.source import load_rows
from tests.factories import make_base

CONFIGS = Path(__file__).parents[2] / "configs"
README = Path(__file__).parents[2] / "README.md"
CUT_OFF = date(2024, 6, 3)
KINDS = {"visit": {}, "nps": {"role": "score"}, "mail": {"role": "contact"}}
DEFAULTS = {"windows": ["7d", "30d", "90d", "180d", "365d"]}

# A feature is one short function

family = Family()


@family.feature(
    days,
    windowed=True,
    unit="share",
    idea="rhythm",
    label="share of the last {window} days with a purchase",
    label_da="andel af de seneste {window} dage med et køb",
)
def purchase_day_share(days, window):
    return days.count(where=days.age <= window) / window


def test_a_feature_is_added_by_one_short_function(monkeypatch):
    families = {"transactions": (*catalogue.FAMILIES["transactions"], family)}
    monkeypatch.setattr(catalogue, "FAMILIES", families)
    config = make_base(features={"windows": ["10d"]})
    rows = [
        {"customer_id": "a", "occurred_at": f"2024-05-{day:02}", "amount": 5} for day in (1, 27, 30)
    ]
    tables = load_rows(config, {"transactions": rows})
    assert build(config, tables, [CUT_OFF])["purchase_day_share_10d"].tolist() == [0.2]
    assert inspect.getsource(purchase_day_share) in README.read_text()
    column = schema_of(config, tables)["purchase_day_share_10d"]
    assert column.label == "share of the last 10 days with a purchase"
    assert column.label_da == "andel af de seneste 10 dage med et køb"
    assert (column.unit, column.idea, column.as_of_today) == ("share", "rhythm", False)


# What there is


def test_a_base_of_all_tables_has_a_hundred_features_and_more():
    told = describe(make_base("events", "subscriptions", kinds=KINDS, features=DEFAULTS))
    by_table = {name: [e for e in told if e.table == name] for name in catalogue.FAMILIES}
    assert {name: len(held) for name, held in by_table.items()} == {
        "transactions": 70,
        "events": 20,
        "subscriptions": 29,
    }
    names = [each.column.name for each in told]
    assert len(set(names)) == len(names)


def test_three_columns_are_enough_for_fifty():
    optional = ["order_id", "known_at", "quantity", "category", "channel", "discount", "margin"]
    without = [f"transactions.{name}" for name in optional]
    assert len(describe(make_base(without=without, features=DEFAULTS))) == 50


def test_each_feature_is_told_in_english_and_danish():
    told = describe(make_base("events", "subscriptions", kinds=KINDS, features=DEFAULTS))
    for each in told:
        column, kind = each.column, each.column.name.split("_")[0]
        assert column.label
        assert column.label_da != column.label or kind in KINDS, column.name
        assert "{" not in column.label + column.label_da + column.idea
        assert column.unit in ("days", "count", "share", "money", "ratio", "")
        if each.window:
            assert column.name.endswith(f"_{each.window}d")
            assert str(each.window) in column.label
            assert str(each.window) in column.label_da
        if column.against:
            assert column.against in [other.column.name for other in told]


@pytest.mark.parametrize("name", ["complete_journey", "cdnow", "online_retail", "telco"])
def test_a_base_is_described_without_its_data(name, monkeypatch):
    monkeypatch.setenv("STAMKUNDE_DATA", "nowhere")
    config = load(CONFIGS / f"{name}.yaml")
    assert {each.column.name for each in describe(config)} >= set(config.inputs)


# Attributes that say from when they hold

ATTRIBUTES = {"seats": {"kind": "number"}, "plan": {"kind": "category"}}
PEOPLE = [
    {"customer_id": "a", "valid_from": "2024-05-01", "seats": 1, "plan": "small"},
    {"customer_id": "a", "valid_from": "2024-06-01T12:00", "seats": 2, "plan": None},
    {"customer_id": "a", "valid_from": "2024-06-03T00:00", "seats": 3, "plan": "large"},
    {"customer_id": "b", "valid_from": "2024-06-04", "seats": 4, "plan": "small"},
]
BOUGHT = [
    {"customer_id": name, "occurred_at": "2024-04-01", "amount": 5} for name in ("a", "b", "c")
]


def described(**changes):
    return make_base("customers", sources={"customers": {"attributes": ATTRIBUTES}}, **changes)


def test_the_attributes_that_held_at_a_cut_off_are_used():
    config = described()
    tables = load_rows(config, {"transactions": BOUGHT, "customers": PEOPLE})
    days = [date(2024, 5, 1), date(2024, 6, 1), date(2024, 6, 2), CUT_OFF, date(2024, 6, 4)]
    frame = build(config, tables, days)
    seats = {
        name: [None if value != value else value for value in held["seats"]]
        for name, held in frame.groupby("customer_id")
    }
    assert seats == {"a": [None, 1, 2, 2, 3], "b": [None] * 5, "c": [None] * 5}
    assert frame[frame["customer_id"] == "a"]["plan"].tolist() == [
        None,
        "small",
        None,
        None,
        "large",
    ]
    alone = build(config, tables, [CUT_OFF])
    assert alone["seats"].tolist()[0] == 2
    schema = schema_of(config, tables)
    assert not schema["seats"].as_of_today
    assert schema["plan"].categories == ("large", "small")


def test_attributes_that_say_from_when_they_hold_are_others_than_todays():
    dated = {each.column.name: each.column for each in describe(described())}
    today = described(without=["customers.valid_from"])
    todays = {each.column.name: each.column for each in describe(today)}
    assert todays["seats"].as_of_today
    assert todays["seats"].definition != dated["seats"].definition
