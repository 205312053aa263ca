"""What customers did in the label window, worked out by hand."""

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from configs.schema import Config
from features.contract import DataError
from features.labels import cancelled, first_purchase, future, recurring, snapshot_labels
from features.source import load_tables
from tests.factories import make_club, make_shop, make_snapshot

CUT_OFF = date(2024, 6, 3)
HORIZON = 28  # up to and with June 30

ROWS = [
    ("early", "2024-06-02T23:59", 10, 1),
    ("first", "2024-06-03T00:00", 10, 1),
    ("last", "2024-06-30T23:59", 10, 1),
    ("late", "2024-07-01T00:00", 10, 1),
    ("many", "2024-06-10T09:00", 20, 2),  # one order of two lines
    ("many", "2024-06-10T17:00", 5.5, 1),
    ("many", "2024-06-11T09:00", 7, 2),
    ("many", "2024-06-12T09:00", -4, -1),  # a return is no purchase, and takes from the value
    ("free", "2024-06-10T09:00", 0, 0),
    ("swap", "2024-06-10T09:00", 9, 3),  # bought and brought back on one day
    ("swap", "2024-06-10T10:00", -9, -3),
]


def shop(folder: Path, rows: list = ROWS, **changes) -> Config:
    return make_shop(
        folder, pd.DataFrame(rows, columns=["customer", "when", "paid", "margin"]), **changes
    )


def bought(config: Config, *cutoffs: date, value: str = "amount") -> dict:
    """Purchases and value by customer, or by cut-off and customer where there are several."""
    frame = future(config, load_tables(config), cutoffs, HORIZON, value)
    keys = zip(frame["as_of"], frame["customer_id"], strict=True)
    told = list(zip(frame["purchases"], frame["value"], strict=True))
    return {key if len(cutoffs) > 1 else key[1]: pair for key, pair in zip(keys, told, strict=True)}


def test_only_the_window_counts(tmp_path):
    assert bought(shop(tmp_path), CUT_OFF) == {
        "first": (1, 10.0),
        "last": (1, 10.0),
        "many": (2, 28.5),
        "free": (0, 0.0),
        "swap": (0, 0.0),
    }


def test_the_gap_moves_the_window(tmp_path):
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "8d"}
    assert bought(shop(tmp_path, timeline=timeline), CUT_OFF) == {
        "last": (1, 10.0),
        "late": (1, 10.0),
        "many": (1, 3.0),  # of June 10 nothing, as the window begins on the 11th
    }


def test_the_value_may_be_the_margin(tmp_path):
    found = bought(shop(tmp_path), CUT_OFF, value="margin")
    assert found["many"] == (2, 4.0)
    assert found["swap"] == (0, 0.0)


def test_a_margin_that_is_not_known_is_not_nothing(tmp_path):
    unknown = [(*row[:3], None) for row in ROWS[:1]] + list(ROWS[1:])
    with pytest.raises(DataError, match=r"a margin in every row.*found none in 1 rows"):
        bought(shop(tmp_path, unknown), CUT_OFF, value="margin")


def test_several_cut_offs_have_each_their_own_window(tmp_path):
    config = shop(tmp_path)
    earlier = date(2024, 5, 6)
    together = bought(config, CUT_OFF, earlier)
    assert together == {
        **{(CUT_OFF, customer): pair for customer, pair in bought(config, CUT_OFF).items()},
        (earlier, "early"): (1, 10.0),
    }


def test_the_window_follows_the_clocks(tmp_path):
    # The window from March 4 ends with March 31, a day of 23 hours.
    rows = [("in", "2024-03-31T23:59", 1, 1), ("out", "2024-04-01T00:00", 1, 1)]
    assert list(bought(shop(tmp_path, rows), date(2024, 3, 4))) == ["in"]


def test_cents_add_up_exactly(tmp_path):
    rows = [("a", f"2024-06-1{n}T09:00", 0.1, 0) for n in range(3)]
    assert bought(shop(tmp_path, rows), CUT_OFF) == {"a": (3, 0.3)}


def test_a_snapshots_label_is_its_positive_value_and_no_other(tmp_path):
    rows = pd.DataFrame(
        {"customer": ["02", "01", "03"], "left": ["Yes", "No", "yes"], "tenure": [1, 2, 3]}
    )
    config = make_snapshot(tmp_path, rows, {"tenure": {"kind": "number"}})
    labels = snapshot_labels(config, load_tables(config))
    assert labels["customer_id"].tolist() == ["01", "02", "03"]
    assert labels["churned"].tolist() == [0, 1, 0]


# Cancelling: the window ends with June 30, so what runs as July 1 begins is what is left.

SUBSCRIBED = ["customer", "start", "end", "mrr"]
STAYED, LEFT = 0, 1


def left(folder: Path, rows: list, *cutoffs: date, columns=SUBSCRIBED, known=None, **changes):
    """Whether those asked left, with their MRR, by customer; by cut-off too of several."""
    config = make_club(folder, pd.DataFrame(rows, columns=columns), **changes)
    frame = cancelled(config, load_tables(config), cutoffs or [CUT_OFF], HORIZON, known)
    names = ["churned", *(name for name in ("mrr", "mrr_after", "mrr_lost") if name in frame)]
    keys = list(zip(frame["as_of"], frame["customer_id"], strict=True))
    told = frame[names].itertuples(index=False, name=None)
    return {key if len(cutoffs) > 1 else key[1]: row for key, row in zip(keys, told, strict=True)}


def test_only_who_has_a_subscription_at_the_cut_off_is_asked(tmp_path):
    rows = [
        ("ended", "2024-01-01", "2024-06-02T23:59", 10),
        ("running", "2024-01-01", None, 10),
        ("begun", "2024-06-02T23:59", None, 10),
        ("begins", "2024-06-03T00:00", None, 10),  # what happens at a cut-off is not known at it
        ("ends", "2024-01-01", "2024-06-03T00:00", 10),
    ]
    assert left(tmp_path, rows) == {
        "running": (STAYED, 10, 10, 0),
        "begun": (STAYED, 10, 10, 0),
        "ends": (LEFT, 10, 0, 10),
    }


def test_who_has_none_as_the_window_ends_has_left(tmp_path):
    rows = [
        ("in", "2024-01-01", "2024-06-30T23:59", 10),
        ("past", "2024-01-01", "2024-07-01T00:00", 10),
        ("later", "2024-01-01", "2025-01-01", 10),
    ]
    assert left(tmp_path, rows) == {
        "in": (LEFT, 10, 0, 10),
        "past": (STAYED, 10, 10, 0),
        "later": (STAYED, 10, 10, 0),
    }


def test_a_change_of_plan_is_no_loss_of_the_customer(tmp_path):
    rows = [
        ("up", "2024-01-01", "2024-06-10", 10),
        ("up", "2024-06-10", None, 25),
        ("down", "2024-01-01", "2024-06-10", 25),
        ("down", "2024-06-10", None, 10.5),
        ("there", "2024-01-01", "2024-06-03", 10),  # on the very day of the cut-off
        ("there", "2024-06-03", None, 10),
    ]
    assert left(tmp_path, rows) == {
        "up": (STAYED, 10, 25, 0),
        "down": (STAYED, 25, 10.5, 14.5),
        "there": (STAYED, 10, 10, 0),
    }


def test_who_left_and_is_back_by_the_windows_end_has_stayed(tmp_path):
    rows = [
        ("back", "2024-01-01", "2024-06-05", 10),
        ("back", "2024-06-30", None, 10),
        ("late", "2024-01-01", "2024-06-05", 10),
        ("late", "2024-07-01", None, 10),
        ("twice", "2024-01-01", "2024-06-05", 10),
        ("twice", "2024-06-10", "2024-06-20", 10),
    ]
    found = left(tmp_path, rows)
    assert {who: held[0] for who, held in found.items()} == {
        "back": STAYED,
        "late": LEFT,
        "twice": LEFT,
    }


def test_of_several_at_once_the_last_one_counts(tmp_path):
    rows = [
        ("one", "2024-01-01", "2024-06-10", 10),
        ("one", "2024-02-01", None, 7),
        ("all", "2024-01-01", "2024-06-10", 10),
        ("all", "2024-02-01", "2024-06-11", 7),
    ]
    assert left(tmp_path, rows) == {"one": (STAYED, 17, 7, 10), "all": (LEFT, 17, 0, 17)}


def test_the_gap_moves_the_windows_end(tmp_path):
    rows = [("a", "2024-01-01", "2024-07-08", 10), ("b", "2024-01-01", "2024-07-09", 10)]
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "8d"}
    found = left(tmp_path, rows, timeline=timeline)
    assert {who: held[0] for who, held in found.items()} == {"a": LEFT, "b": STAYED}


KNOWN = ["customer", "start", "end", "known", "end_known", "mrr"]
LEARNT = [
    ("told", "2024-01-01", "2024-05-01", "2024-01-02", "2024-06-02", 10),
    ("untold", "2024-01-01", "2024-05-01", "2024-01-02", "2024-06-03", 10),
    ("ahead", "2024-01-01", "2024-06-20", "2024-01-02", "2024-05-01", 10),
    ("unheard", "2024-01-01", None, "2024-06-03", None, 10),
    ("slow", "2024-01-01", "2024-06-20", "2024-01-02", "2024-08-01", 10),
]


def test_an_end_not_yet_known_is_no_end_and_a_start_no_start(tmp_path):
    found = left(tmp_path, LEARNT, columns=KNOWN)
    assert found == {
        "untold": (LEFT, 10, 0, 10),
        "ahead": (LEFT, 10, 0, 10),
        "slow": (LEFT, 10, 0, 10),
    }


def test_what_is_learned_from_was_known_by_then(tmp_path):
    found = left(tmp_path, LEARNT, columns=KNOWN, known=date(2024, 7, 1))
    assert {who: held[0] for who, held in found.items()} == {
        "untold": LEFT,
        "ahead": LEFT,
        "slow": STAYED,
    }


def test_who_cancels_is_counted_without_revenue_too(tmp_path):
    rows = [("a", "2024-01-01", "2024-06-10"), ("b", "2024-01-01", None)]
    assert left(tmp_path, rows, columns=SUBSCRIBED[:3]) == {"a": (LEFT,), "b": (STAYED,)}


def test_a_subscription_without_a_price_counts_as_nothing(tmp_path):
    rows = [
        ("a", "2024-01-01", None, None),
        ("b", "2024-01-01", None, 0.1),
        ("b", "2024-02-01", None, 0.2),
    ]
    assert left(tmp_path, rows) == {"a": (STAYED, 0, 0, 0), "b": (STAYED, 0.3, 0.3, 0)}


def test_several_cut_offs_each_ask_their_own_subscribers(tmp_path):
    rows = [("a", "2024-01-01", "2024-05-20", 10), ("b", "2024-05-20", None, 10)]
    assert left(tmp_path, rows, date(2024, 5, 6), CUT_OFF) == {
        (date(2024, 5, 6), "a"): (LEFT, 10, 0, 10),
        (CUT_OFF, "b"): (STAYED, 10, 10, 0),
    }


# When customers first bought


def test_the_first_purchase_is_counted_from_the_windows_first_day(tmp_path):
    config = shop(tmp_path)
    found = first_purchase(config, load_tables(config), [CUT_OFF], HORIZON)
    assert dict(zip(found["customer_id"], found["after"], strict=True)) == {
        "first": 0,
        "last": 27,
        "many": 7,
    }
    assert set(found["as_of"]) == {CUT_OFF}
    assert list(found.columns) == ["as_of", "customer_id", "after"]
    assert len(first_purchase(config, load_tables(config), [date(2025, 1, 1)], HORIZON)) == 0


def test_who_first_bought_before_a_day_are_those_who_bought_within_it(tmp_path):
    for gap in ("0d", "8d"):
        timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": gap}
        config = shop(tmp_path / gap, timeline=timeline)
        tables, cutoffs = load_tables(config), [date(2024, 5, 20), CUT_OFF]
        first = first_purchase(config, tables, cutoffs, HORIZON)
        for days in (1, 7, 8, 10, 27, HORIZON):
            bought = future(config, tables, cutoffs, days).query("purchases > 0")
            early = first[first["after"] < days]
            keys = [
                list(held[["as_of", "customer_id"]].itertuples(index=False, name=None))
                for held in (bought, early)
            ]
            assert keys[0] == keys[1]


# Recurring revenue: a day of the window brings the MRR over 30.4375, so 487 over 16 a month.

MONTH = 30.4375


def brought(folder: Path, rows: list, *cutoffs: date, columns=SUBSCRIBED, known=None, **changes):
    """What subscriptions brought by customer, in MRR × days; by cut-off too of several."""
    config = make_club(folder, pd.DataFrame(rows, columns=columns), **changes)
    frame = recurring(config, load_tables(config), cutoffs or [CUT_OFF], HORIZON, known)
    assert list(frame) == ["as_of", "customer_id", "value"]
    keys = zip(frame["as_of"], frame["customer_id"], strict=True)
    told = [round(value * MONTH, 9) for value in frame["value"]]
    return {key if len(cutoffs) > 1 else key[1]: held for key, held in zip(keys, told, strict=True)}


def test_a_subscription_brings_its_days_within_the_window(tmp_path):
    rows = [
        ("all", "2024-01-01", None, 10),
        ("before", "2024-01-01", "2024-06-03", 10),  # its last day is June 2
        ("one", "2024-01-01", "2024-06-04", 10),
        ("ends", "2024-01-01", "2024-06-30", 10),  # on the window's last day, which is not its own
        ("past", "2024-01-01", "2024-07-01", 10),
        ("begins", "2024-06-03", None, 10),
        ("last", "2024-06-30", None, 10),
        ("later", "2024-07-01", None, 10),
        ("never", "2024-06-10", "2024-06-10", 10),
        ("hours", "2024-06-10T08:00", "2024-06-10T20:00", 10),
    ]
    assert brought(tmp_path, rows) == {
        "all": 280,
        "one": 10,
        "ends": 270,
        "past": 280,
        "begins": 280,
        "last": 10,
    }


def test_a_month_is_a_twelfth_of_a_year_of_365_and_a_quarter_days(tmp_path):
    config = make_club(tmp_path, pd.DataFrame([("a", "2020-01-01", None, 12)], columns=SUBSCRIBED))
    frame = recurring(config, load_tables(config), [date(2021, 1, 1)], 1461)
    assert frame["value"].tolist() == [12 * 48.0]


def test_overlaps_add_up_and_a_change_of_plan_counts_each_day_once(tmp_path):
    rows = [
        ("both", "2024-01-01", None, 10),
        ("both", "2024-06-20", None, 5),
        ("up", "2024-01-01", "2024-06-13T09:30", 10),  # ten days of the window
        ("up", "2024-06-13T09:30", None, 25),  # and eighteen
        ("back", "2024-01-01", "2024-06-05", 10),
        ("back", "2024-06-29", None, 7),
    ]
    assert brought(tmp_path, rows) == {
        "both": 280 + 55,
        "up": 10 * 10 + 18 * 25,
        "back": 2 * 10 + 2 * 7,
    }


def test_the_gap_moves_the_days_that_are_paid_for(tmp_path):
    rows = [("a", "2024-01-01", "2024-06-12", 10), ("b", "2024-01-01", "2024-06-11", 10)]
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "8d"}
    assert brought(tmp_path, rows, timeline=timeline) == {"a": 10}


def test_revenue_is_learned_from_what_was_known_by_then(tmp_path):
    assert brought(tmp_path, LEARNT, columns=KNOWN) == {
        "ahead": 170,
        "unheard": 280,
        "slow": 170,
    }
    assert brought(tmp_path, LEARNT, columns=KNOWN, known=date(2024, 6, 3)) == {
        "untold": 280,  # whose end was known a day too late
        "ahead": 170,
        "slow": 280,
    }


def test_an_end_with_no_stamp_is_known_as_it_happens(tmp_path):
    rows = [("a", "2024-01-01", "2024-06-10", 10), ("b", "2024-06-20", None, 10)]
    assert brought(tmp_path, rows, known=date(2024, 6, 10)) == {"a": 280}
    assert brought(tmp_path, rows, known=date(2024, 6, 11)) == {"a": 70}


def test_a_day_of_23_hours_is_paid_as_a_day(tmp_path):
    # The clocks go forward on March 31; stamps are the zone's own.
    rows = [
        ("all", "2024-01-01", None, 10),
        ("night", "2024-01-01", "2024-03-31T23:59", 10),
        ("next", "2024-04-01T00:00", None, 10),
    ]
    config = make_club(tmp_path, pd.DataFrame(rows, columns=SUBSCRIBED))
    frame = recurring(config, load_tables(config), [date(2024, 3, 4)], HORIZON)
    days = dict(zip(frame["customer_id"], frame["value"] * MONTH / 10, strict=True))
    assert days == pytest.approx({"all": 28, "night": 27})


def test_cents_of_many_days_add_up_exactly_and_no_price_is_nothing(tmp_path):
    rows = [("a", "2024-01-01", None, 0.1)] * 3 + [("b", "2024-01-01", None, None)]
    config = make_club(tmp_path, pd.DataFrame(rows, columns=SUBSCRIBED))
    frame = recurring(config, load_tables(config), [CUT_OFF], HORIZON)
    assert frame["value"].tolist() == [8.4 / MONTH, 0.0]


def test_several_cut_offs_have_each_their_own_revenue(tmp_path):
    rows = [("a", "2024-01-01", "2024-05-20", 10), ("b", "2024-05-20", None, 10)]
    assert brought(tmp_path, rows, date(2024, 5, 6), CUT_OFF) == {
        (date(2024, 5, 6), "a"): 140,
        (date(2024, 5, 6), "b"): 140,
        (CUT_OFF, "b"): 280,
    }
