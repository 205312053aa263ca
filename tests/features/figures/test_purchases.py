"""Every figure of purchases on numbers worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from features.figures.table import FIGURES
from tests.features.figures.trade import MAY, by_group, figures, loaded, of, row, shop

# A customer bought within 60 days: from 2 March to be one on 1 May, from 2 April on 1 June.
ROWS = [
    row("anna", "2024-03-10", 100, "a1", channel="web", margin=40),
    row("anna", "2024-05-05", 50, "a2", channel="web", margin=20),
    row("anna", "2024-05-05", 30, "a2", channel="web", margin=12),
    row("anna", "2024-05-20", -20, "a2", channel="web", margin=-8),  # a2 comes to 60
    row("anna", "2024-05-25", 40, "a3", channel="shop", margin=16),
    row("bo", "2024-03-05", 70, "b1", channel="shop", margin=28),  # lost
    row("carl", "2024-01-10", 25, "c1", channel="shop", margin=10),
    row("carl", "2024-05-11", 60, "c2", channel="web", margin=24),  # won back
    row("dora", "2024-05-31", 200, "d1", channel="web", margin=80),  # for the first time
    row("erik", "2024-02-01", 10, "e1", channel="shop", margin=4),  # passive throughout
    row("frida", "2024-05-15", -15, "f1", channel="web", margin=-6),  # never bought
    row("gus", "2024-04-20", 80, "g1", channel="web", margin=32),
    row("gus", "2024-05-02", -80, "g1", channel="web", margin=-32),  # g1 comes to 0: no purchase
    row("hans", "2024-04-10", 45, "h1", channel="shop", margin=18),  # there, but bought nothing
]

GOLDEN = {
    "start": 3,  # anna, bo, hans
    "gained": 2,  # carl, dora
    "first_time": 1,
    "won_back": 1,
    "lost": 1,
    "end": 4,  # 3 + 2 − 1: anna, carl, dora, hans
    "retention_rate": 2 / 3,  # (4 − 2) ÷ 3
    "churn_rate": 1 / 3,
    "known": 8,
    "active": 3,  # anna, carl, hans
    "passive": 4,  # bo, erik, frida, gus
    "new": 1,  # dora
    "buyers": 3,  # anna twice, carl, dora
    "repeat_purchase_rate": 1 / 3,
    "purchases_per_customer": 4 / 3,
    "average_order_value": 90,  # (60 + 40 + 60 + 200) ÷ 4
    "revenue": 265,  # anna 100, carl 60, dora 200, frida −15, gus −80
    "revenue_per_customer": 53,  # ÷ 5: those at the start, carl and dora
    "margin": 106,  # 40 % of it
    "return_rate": 115 / 380,  # (20 + 15 + 80) ÷ (50 + 30 + 40 + 60 + 200)
    "top_tenth_share": 200 / 360,  # dora's, of what the buyers brought
}


@pytest.fixture(scope="module")
def told():
    config = shop(channel_costs={"web": 30.4375, "shop": 60.875, "post": 0})
    segments = {"customer_id": ["anna", "bo", "nobody"], "way": ["best", None, "best"]}
    return figures(config, loaded(config, ROWS), segments=pd.DataFrame(segments))


def test_every_figure_is_as_worked_out_by_hand(told):
    assert of(told) == pytest.approx(GOLDEN, rel=1e-15)


def test_a_figure_is_about_the_customers_it_is_made_of(told):
    whole = told[told["dimension"] == "all"]
    about = dict(zip(whole["figure"], whole["customers"], strict=True))
    assert about["retention_rate"] == 5  # the three at the start, and two who came
    assert about["known"] == 8
    assert about["average_order_value"] == 3
    assert about["revenue"] == 5  # frida and gus brought something back
    assert about["top_tenth_share"] == 1


def test_of_1000_customers_and_200_new_1150_at_the_end_are_95_percent():
    config = shop(active_within="31d")
    rows = [row(f"{n}", "2024-04-15", 10, f"old {n}") for n in range(1000)]
    rows += [row(f"{n}", "2024-05-15", 10, f"again {n}") for n in range(950)]
    rows += [row(f"new {n}", "2024-05-20", 10, f"new {n}") for n in range(200)]
    held = of(figures(config, loaded(config, rows)))
    assert (held["start"], held["gained"], held["end"]) == (1000, 200, 1150)
    assert held["retention_rate"] == 0.95  # (1150 − 200) ÷ 1000
    assert held["churn_rate"] == 0.05


def test_the_main_channel_has_the_most_lines_and_is_first_in_the_alphabet(told):
    assert by_group(told, "channel", "known") == {
        "shop": 4,  # bo, erik, hans, and carl who bought once through each
        "unknown": 1,  # frida
        "web": 3,  # anna, dora, gus
    }


def test_cohorts_are_of_the_first_purchase(told):
    assert by_group(told, "cohort", "known") == {
        "2024-01": 1,
        "2024-02": 1,
        "2024-03": 2,
        "2024-04": 1,
        "2024-05": 1,
        "unknown": 2,  # frida and gus
    }


def test_segments_are_of_known_customers(told):
    assert by_group(told, "segment:way", "known") == {"best": 1, "unknown": 7}
    assert by_group(told, "segment:way", "buyers") == {"best": 1, "unknown": 2}


def test_a_channel_returns_its_margin_over_its_cost(told):
    # a month's cost is that of 30.4375 days, and May has 31
    assert by_group(told, "channel", "channel_earned") == {"post": 0, "shop": 16, "web": 90}
    assert by_group(told, "channel", "channel_cost") == {"post": 0, "shop": 62, "web": 31}
    returned = by_group(told, "channel", "channel_return")
    assert returned["shop"] == (16 - 62) / 62
    assert returned["web"] == (90 - 31) / 31
    assert returned["post"] != returned["post"]  # of no cost there is no return


def test_without_a_margin_a_channel_returns_its_revenue():
    config = shop(without=["margin"], channel_costs={"web": 30.4375})
    rows = [{name: held for name, held in each.items() if name != "margin"} for each in ROWS]
    told = figures(config, loaded(config, rows))
    assert by_group(told, "channel", "channel_earned") == {"web": 225}
    assert "margin" not in set(told["figure"])


def test_without_order_ids_a_day_is_an_order():
    config = shop(without=["order_id"])
    rows = [{name: held for name, held in each.items() if name != "order_id"} for each in ROWS]
    held = of(figures(config, loaded(config, rows)))
    # anna's a2 is 80 on its day, and gus's g1 is a purchase of 20 April
    assert held["average_order_value"] == (80 + 40 + 60 + 200) / 4
    assert (held["start"], held["end"], held["passive"]) == (4, 5, 3)
    assert held["revenue"] == GOLDEN["revenue"]
    assert held["return_rate"] == GOLDEN["return_rate"]


def test_the_top_tenth_is_of_each_group_rounded_up_and_ties_go_by_id():
    config = shop(by=["income"])
    rows = [row(f"{n:02}", "2024-05-10", 10 if n else 30, f"o{n}") for n in range(11)]
    people = [{"customer_id": f"{n:02}", "income": "low" if n else "high"} for n in range(11)]
    people = [each | {"valid_from": "2024-01-01"} for each in people]
    told = figures(config, loaded(config, rows, people))
    assert of(told)["top_tenth_share"] == (30 + 10) / 130  # two of eleven
    shares = by_group(told, "attribute:income", "top_tenth_share")
    assert shares == {"high": 1.0, "low": 10 / 100}


def test_rates_of_nobody_are_none():
    config = shop()
    held = of(figures(config, loaded(config, [row("anna", "2023-01-01", 10, "a")])))
    assert held["known"] == held["passive"] == 1
    for name in ("retention_rate", "churn_rate", "average_order_value", "return_rate"):
        assert held[name] != held[name]


def test_a_base_of_nobody_has_figures_of_nobody():
    config = shop()
    told = figures(config, loaded(config, []))
    assert set(told["dimension"]) == {"all"}
    assert of(told)["known"] == of(told)["revenue"] == 0


def test_a_customer_at_the_edges_of_the_days_that_count():
    config = shop()
    rows = [
        row("in", "2024-03-02T00:00", 10, "a"),  # 60 days before 1 May
        row("out", "2024-03-01T23:59", 10, "b"),
        row("at the start", "2024-05-01T00:00", 10, "c"),  # is in the period
        row("at the end", "2024-06-01T00:00", 10, "d"),  # is after it
        row("late", "2024-05-05", 10, "e", known_at="2024-06-01T00:00"),  # was not known
    ]
    held = of(figures(config, loaded(config, rows)))
    assert (held["known"], held["start"], held["end"], held["buyers"]) == (3, 1, 1, 1)


def test_every_figure_is_called_and_defined_in_both_languages():
    for name, figure in FIGURES.items():
        assert name == figure.name
        assert figure.definition.endswith(".")
        assert figure.definition_da.endswith(".")
        assert figure.label != figure.label_da or name in ("margin",)


def test_a_longer_period_than_makes_a_customer_active():
    """Who bought in it may be none at its end: he was served all the same."""
    config = shop(active_within="10d")
    rows = [row("passing", "2024-05-05", 10, "a"), row("stays", "2024-05-28", 20, "b")]
    held = of(figures(config, loaded(config, rows), MAY))
    assert (held["end"], held["gained"], held["new"], held["passive"]) == (1, 1, 2, 0)
    assert held["revenue_per_customer"] == 15
