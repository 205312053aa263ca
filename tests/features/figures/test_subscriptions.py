"""Retention of subscribers and of their revenue: golden numbers by hand, and what always holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.figures import subscriptions
from tests.factories import make_base
from tests.features.figures.adding import by_customer, figures

CLUB = make_base("subscriptions")
NAMES = ("customer_id", "started_at", "ended_at", "plan", "mrr", "known_at", "ended_known_at")

ROWS = [
    ("stays", "2024-01-01", None, "pro", 100),
    # one plan ends as the next begins: no loss and no gain, but 50 more, and 30 less
    ("upgrades", "2024-01-01", "2024-05-10", "basic", 100),
    ("upgrades", "2024-05-10", None, "pro", 150),
    ("downgrades", "2024-01-01", "2024-05-20", "pro", 80),
    ("downgrades", "2024-05-20", None, "basic", 50.00),
    ("leaves", "2024-01-01", "2024-05-20", "basic", 60),
    ("new", "2024-05-15", None, "basic", 40),
    ("back", "2023-11-01", "2024-02-01", "pro", 70),
    ("back", "2024-05-03", None, "pro", 90),
    ("passes by", "2024-05-02", "2024-05-09", "basic", 33),  # there at neither end
    ("gone before", "2023-01-01", "2024-04-01", "basic", 11),
    # an end agreed on for June 15 is none by June 1
    ("will leave", "2024-01-01", "2024-06-15", "basic", 20, None, "2024-05-05"),
    # an end on May 25 of which nothing was known until June 2
    ("left unseen", "2024-01-01", "2024-05-25", "basic", 10, None, "2024-06-02"),
    # a start of January of which nothing was known until May 20 was one by May 1 all the same
    ("learnt of late", "2024-01-01", None, "basic", None, "2024-05-20"),
    # not known, or not begun, by the end
    ("not yet known", "2024-05-05", None, "pro", 500, "2024-06-01T00:00"),
    ("begins at the end", "2024-06-01T00:00", None, "pro", 500),
]

# At the start: stays 100, upgrades 100, downgrades 80, leaves 60, will leave 20, left unseen 10 and
# learnt of late 0: 7 customers, 370. At the end: stays 100, upgrades 150, downgrades 50, new 40,
# back 90, will leave 20, left unseen 10, learnt of late 0: 8 customers, 460.
GOLDEN = {
    "subscribers_start": 7,
    "subscribers_gained": 2,
    "subscribers_first_time": 1,
    "subscribers_won_back": 1,
    "subscribers_lost": 1,
    "subscribers_end": 8,
    "subscriber_retention_rate": 6 / 7,  # (8 − 2) ÷ 7
    "subscriber_churn_rate": 1 / 7,
    "mrr_start": 370,
    "mrr_new": 40 + 90,
    "mrr_expansion": 50,
    "mrr_contraction": 30,
    "mrr_churned": 60,
    "mrr_end": 460,  # 370 + 130 + 50 − 30 − 60
    "gross_revenue_retention": 280 / 370,  # 370 − 30 − 60
    "net_revenue_retention": 330 / 370,  # 370 + 50 − 30 − 60
    "arpa": 57.5,  # 460 ÷ 8
}


def held(rows: list[tuple]) -> dict[str, list[dict]]:
    return {"subscriptions": [dict(zip(NAMES, row, strict=False)) for row in rows]}


def test_every_figure_is_as_worked_out_by_hand():
    found = by_customer(subscriptions, CLUB, held(ROWS))
    assert figures(subscriptions, found) == pytest.approx(GOLDEN, rel=1e-15)


def test_each_customer_is_told_by_what_became_of_them():
    found = by_customer(subscriptions, CLUB, held(ROWS))
    told = {
        name: sorted(found.index[found[f"sub_{name}"] == 1])
        for name in ("first_time", "won_back", "lost")
    }
    assert told == {"first_time": ["new"], "won_back": ["back"], "lost": ["leaves"]}
    unknown = {"not yet known", "begins at the end"}
    assert set(found.index) == {row[0] for row in ROWS} - unknown
    assert (found.loc["passes by"] == 0).all()
    assert (found.loc["gone before"] == 0).all()


def test_a_thousand_of_whom_two_hundred_are_new_at_the_end():
    # (1,150 − 200) ÷ 1,000 = 95 %
    rows = [(f"{n}", "2024-01-01", "2024-05-10" if n < 50 else None) for n in range(1000)]
    rows += [(f"{n}", "2024-05-10") for n in range(1000, 1200)]
    found = figures(subscriptions, by_customer(subscriptions, CLUB, held(rows)))
    assert (found["subscribers_start"], found["subscribers_end"]) == (1000, 1150)
    assert found["subscriber_retention_rate"] == 0.95
    assert found["subscriber_churn_rate"] == 0.05


def test_there_is_no_revenue_where_subscriptions_have_none():
    config, rows = make_base("subscriptions", without=["subscriptions.mrr"]), held(ROWS)
    for row in rows["subscriptions"]:
        del row["mrr"]
    found = figures(subscriptions, by_customer(subscriptions, config, rows))
    assert found == pytest.approx(dict(list(GOLDEN.items())[:8]))


def test_rates_of_nobody_are_none():
    found = figures(subscriptions, by_customer(subscriptions, CLUB, held(ROWS[6:7])))
    assert found["subscribers_gained"] == 1
    rates = ("subscriber_retention_rate", "subscriber_churn_rate", "gross_revenue_retention")
    assert [found[name] for name in (*rates, "net_revenue_retention")] == [None] * 4


def test_at_the_instant_a_period_begins_what_starts_is_not_there_and_what_ends_is():
    rows = [("starts", "2024-05-01T00:00"), ("ends", "2024-01-01", "2024-05-01T00:00")]
    found = by_customer(subscriptions, CLUB, held(rows))
    assert found[["sub_gained", "sub_lost"]].to_dict("index") == {
        "ends": {"sub_gained": 0, "sub_lost": 1},
        "starts": {"sub_gained": 1, "sub_lost": 0},
    }


END = "2024-06-01T00:00:00"


def at(quarter: int) -> str:
    """So many quarters of a day after the period begins, which has 124 of them."""
    return (datetime.fromisoformat("2024-05-01") + timedelta(hours=6 * quarter)).isoformat()


def histories(random: Random, customers: int = 100) -> list[tuple]:
    """Subscriptions of some customers, before, in and after the period, some learnt of late."""
    rows = []
    for customer in range(customers):
        for _ in range(random.randint(1, 4)):
            start = random.randint(-300, 160)
            end = start + random.randint(1, 200) if random.random() < 0.8 else None
            learnt, of_end = start + random.choice([0, 0, 0, 80]), random.randint(-60, 60)
            rows.append(
                (
                    str(customer),
                    at(start),
                    None if end is None else at(end),
                    random.choice(["basic", "pro"]),
                    random.choice([None, "0", "10.01", "20.5", "99"]),
                    at(learnt),
                    None if end is None else at(end + of_end),
                )
            )
    return rows


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_movements_add_up_for_every_customer(seed: int):
    random = Random(seed)
    rows = histories(random)
    found = by_customer(subscriptions, CLUB, held(rows))
    told = found.rename(columns=lambda name: name.removeprefix("sub_"))
    assert (told.end == told.start + told.gained - told.lost).all()
    assert (told.gained == told.first_time + told.won_back).all()
    more, less = told.mrr_new + told.mrr_expansion, told.mrr_contraction + told.mrr_churned
    assert (told.mrr_end == told.mrr_start + more - less).all()
    movements = told[["mrr_new", "mrr_expansion", "mrr_contraction", "mrr_churned"]]
    assert (movements >= 0).all(axis=None)
    assert ((movements > 0).sum(axis=1) <= 1).all()
    assert (movements > 0).any().all()  # each was drawn
    random.shuffle(rows)
    assert by_customer(subscriptions, CLUB, held(rows)).equals(found)


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_what_comes_after_the_end_changes_nothing(seed: int):
    random = Random(seed)
    rows = histories(random)
    known = [
        row if row[2] and max(row[2], row[6]) < END else (*row[:2], None, *row[3:6], None)
        for row in rows
        if max(row[1], row[5]) < END
    ]
    assert len(known) < len(rows)
    found = by_customer(subscriptions, CLUB, held(rows))
    assert by_customer(subscriptions, CLUB, held(known)).equals(found)
    assert list(found.index) == sorted({row[0] for row in known})
