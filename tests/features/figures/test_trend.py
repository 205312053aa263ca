"""Successive periods: each as it would be told alone, as known now."""

from __future__ import annotations

from datetime import date
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.figures import purchases
from features.figures.definition import Period
from features.figures.trend import trend
from tests.factories import make_club, make_snapshot, make_tables
from tests.features.figures.trade import figures, loaded, row, shop

AS_OF = date(2024, 6, 1)


def test_the_trend_by_hand():
    config = shop(period="30d", periods=2, active_within="40d")
    # Periods from 2 April to 2 May, and from it to 1 June.
    rows = [
        row(
            "a", "2024-03-01", 10, "a1"
        ),  # 32 days before 2 April: there at the start, not on 2 May
        row("b", "2024-04-02T00:00", 10, "b1"),  # new in the first; 60 days before 1 June: lost
        row("c", "2024-03-30", 10, "c1"),
        row("c", "2024-05-01T23:59", 20, "c2"),
        row("c", "2024-05-31", 30, "c3"),
        row("d", "2024-05-02T00:00", 40, "d1"),  # new in the second
    ]
    told = trend(config, loaded(config, rows), AS_OF)
    held = told.pivot_table("value", "figure", "start", dropna=False)
    assert list(held.columns) == [date(2024, 4, 2), date(2024, 5, 2)]
    assert held.loc["start"].tolist() == [2, 2]  # a, c; b, c
    assert held.loc["gained"].tolist() == [1, 1]  # b; d
    assert held.loc["lost"].tolist() == [1, 1]  # a; b
    assert held.loc["end"].tolist() == [2, 2]  # b, c; c, d
    assert held.loc["known"].tolist() == [3, 4]
    assert held.loc["revenue"].tolist() == [30, 70]
    assert held.loc["top_tenth_share"].tolist() == [20 / 30, 40 / 70]
    assert set(told["end"]) == {date(2024, 5, 2), AS_OF}


@settings(max_examples=2)
@given(st.integers(0, 10**6), st.booleans())
def test_each_period_is_as_it_would_be_told_alone(seed, ordered):
    """Where nothing was learnt late, and no order was brought back in another period."""
    random = Random(seed)
    rows = []
    for number in range(random.randrange(5, 40)):
        day = date.fromordinal(AS_OF.toordinal() - random.randrange(1, 140)).isoformat()
        line = row(f"c{random.randrange(7)}", day, random.randrange(-20, 99), f"o{number}")
        rows.append(line if ordered else {k: v for k, v in line.items() if k != "order_id"})
    without = [] if ordered else ["order_id"]
    config = shop(without, period="20d", active_within="45d", least=2)
    tables = loaded(config, rows)
    told = trend(config, tables, AS_OF)
    for (start, end), found in told.groupby(["start", "end"]):
        alone = figures(config, tables, Period(start, end))
        alone = alone[alone["dimension"] == "all"].reset_index(drop=True)
        found = found[alone.columns].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, alone, check_exact=True)


def test_what_was_learnt_late_lies_where_it_happened():
    config = shop(period="30d", periods=2)
    early = row("a", "2024-03-01", 10, "a")
    late = row("b", "2024-04-10", 50, "b", known_at="2024-05-20T12:00")
    tables = loaded(config, [early, late])
    told = trend(config, tables, AS_OF)
    revenue = told[told["figure"] == "revenue"]["value"]
    assert revenue.tolist() == [50, 0]
    unknown = trend(config, tables, date(2024, 5, 20))  # on the day it became known: not before it
    assert unknown[unknown["figure"] == "revenue"]["value"].tolist() == [0, 0]


def test_periods_before_the_history_are_left_out_but_the_last_is_not():
    config = shop(period="30d", periods=12)
    tables = loaded(config, [row("a", "2024-04-02", 10, "a")])
    assert trend(config, tables, AS_OF)["start"].nunique() == 2
    assert trend(config, tables, date(2024, 4, 12))["start"].unique().tolist() == [
        date(2024, 3, 13)
    ]
    centuries = shop(period="36500d", periods=120)  # which would begin before the calendar does
    assert trend(centuries, tables, AS_OF)["start"].nunique() == 1


def test_few_customers_are_withheld():
    config = shop(period="30d", periods=1, least=3)
    tables = loaded(config, [row(c, "2024-05-10", 10, c) for c in "ab"])
    told = trend(config, tables, AS_OF)
    assert told.loc[told["figure"] != "top_tenth_share", "withheld"].all()
    assert told["value"].isna().all()


def test_a_snapshot_has_no_time(tmp_path):
    rows = pd.DataFrame({"customer": ["a", "b"], "left": ["Yes", "No"], "plan": ["x", "y"]})
    config = make_snapshot(tmp_path, rows, {"plan": {"kind": "category"}})
    told = trend(config, make_tables(config), AS_OF)
    assert told.empty
    assert list(told.columns)[-2:] == ["start", "end"]


def test_a_base_without_purchases_has_no_figures_of_them(tmp_path):
    subscriptions = pd.DataFrame({"customer": ["a"], "start": ["2024-01-05"], "end": [None]})
    config = make_club(tmp_path, subscriptions)
    told = trend(config, make_tables(config), AS_OF)
    assert not set(told["figure"]) & {figure.name for figure in purchases.FIGURES}


@pytest.mark.parametrize("periods", [1, 20])
def test_as_many_periods_as_asked(periods):
    config = shop(period="1d", periods=periods, active_within="3d")
    tables = loaded(
        config, [row("a", f"2024-0{month}-10", 10, f"{month}") for month in range(1, 6)]
    )
    assert trend(config, tables, AS_OF)["end"].nunique() == periods
