"""Features of subscriptions: golden numbers by hand, and an end that is not yet known."""

from datetime import date

import numpy as np
import pytest

from features.build import build
from features.catalogue import describe
from features.source import load_rows
from tests.factories import make_base

CUT_OFF = date(2024, 6, 3)
NAMES = ("customer_id", "started_at", "ended_at", "plan", "mrr", "known_at", "ended_known_at")

ROWS = [
    # basic, ended as pro began: one of both runs at every instant
    ("a", "2024-01-01", "2024-05-04T00:00", "basic", 10.10),
    ("a", "2024-05-04T00:00", None, "pro", 30.20),
    # another beside it, ended the day before the cut-off, and one just past the 30 days' window
    ("a", "2024-03-05", "2024-06-02T12:00", "pro", 5.00),
    ("a", "2024-02-01", "2024-05-03T23:59", "pro", 2.00),
    # ends at the cut-off, and begins at it: neither has happened
    ("a", "2024-05-20", "2024-06-03T00:00", "pro", 7.00),
    ("a", "2024-06-03T00:00", None, "gold", 99.00),
    ("gone", "2024-01-01", "2024-02-01", "basic", 10),
    # two begun at once, of two plans, are no change of plan
    ("twice", "2024-05-01", None, "basic", None),
    ("twice", "2024-05-01", None, "pro", 4),
]

GOLDEN = {
    "subscription_tenure": 154,
    "days_since_subscription": 14,
    "subscription_age": 30,
    "running_subscriptions": 2,
    "subscriptions_begun_in_30d": 2,
    "subscriptions_begun_in_90d": 3,
    "subscriptions_ended": 3,
    "subscriptions_ended_in_30d": 2,
    "subscriptions_ended_in_90d": 3,
    "days_since_subscription_end": 1,
    "mrr": 37.20,
    # 30 days before, at the midnight that May 4 begins with, the first and the third ran: an end
    # at that instant had not happened; 90 days before, on March 5, the first and the fourth
    "mrr_change_in_30d": 37.20 - 15.10,
    "mrr_change_in_90d": 37.20 - 12.10,
    # pro after basic in February; the next is pro too
    "plan_changes": 1,
    "plan_changes_in_30d": 0,
    "plan_changes_in_90d": 0,
    "days_since_plan_change": 123,
}

GONE = {
    "subscription_tenure": 154,
    "subscription_age": np.nan,
    "running_subscriptions": 0,
    "subscriptions_begun_in_90d": 0,
    "subscriptions_ended": 1,
    "subscriptions_ended_in_90d": 0,
    "mrr": 0,
    "mrr_change_in_90d": 0,
    "plan_changes": 0,
    "days_since_plan_change": np.nan,
}


CLUB = make_base("subscriptions")
TOLD_OF = [each.column.name for each in describe(CLUB) if each.table == "subscriptions"]


def features_of(rows: list[tuple], *cutoffs: date) -> dict[tuple, dict]:
    """The features of each customer at each cut-off."""
    held = {"subscriptions": [dict(zip(NAMES, row, strict=False)) for row in rows]}
    frame = build(CLUB, load_rows(CLUB, held), cutoffs or [CUT_OFF])
    keys = zip(frame.pop("as_of"), frame.pop("customer_id"), strict=True)
    return dict(zip(keys, frame[TOLD_OF].to_dict("records"), strict=True))


@pytest.fixture(scope="module")
def golden() -> dict[tuple, dict]:
    """The features of the rows above at the one cut-off; not to be changed."""
    return features_of(ROWS)


def test_every_feature_of_subscriptions_is_as_worked_out_by_hand(golden):
    assert golden[CUT_OFF, "a"] == pytest.approx(GOLDEN, rel=1e-12)
    assert list(GOLDEN) == TOLD_OF


def test_who_has_left_is_known_with_nothing_running(golden):
    found = golden[CUT_OFF, "gone"]
    assert {name: found[name] for name in GONE} == pytest.approx(GONE, nan_ok=True)


def test_plans_begun_at_once_are_no_change(golden):
    found = golden[CUT_OFF, "twice"]
    assert (found["plan_changes"], found["mrr"], found["running_subscriptions"]) == (0, 4, 2)


def test_an_end_that_is_not_yet_known_is_no_end():
    rows = [("a", "2024-01-01", "2024-05-01", "basic", 10, None, "2024-06-03T00:00")]
    found = features_of(rows, CUT_OFF, date(2024, 6, 4))
    before, after = found.values()
    assert (before["running_subscriptions"], before["subscriptions_ended"]) == (1, 0)
    assert before["mrr_change_in_90d"] == 0
    assert (after["running_subscriptions"], after["subscriptions_ended"]) == (0, 1)
    assert (after["days_since_subscription_end"], after["mrr_change_in_90d"]) == (34, -10)


def test_a_start_counts_from_when_it_is_known():
    rows = [("a", "2024-01-01", None, "basic", 10, "2024-06-03T00:00")]
    found = features_of(rows, CUT_OFF, date(2024, 6, 4))
    assert [day for day, _ in found] == [date(2024, 6, 4)]
    assert found[date(2024, 6, 4), "a"]["subscription_tenure"] == 155


def test_a_cut_off_alone_is_the_same_as_among_others():
    days = [date(2024, 2, 15), date(2024, 5, 4), CUT_OFF]
    alone = {key: held for day in days for key, held in features_of(ROWS, day).items()}
    assert repr(alone) == repr(features_of(ROWS, *days))
    assert alone[days[1], "a"]["mrr"] == 15.10
