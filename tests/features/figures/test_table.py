"""Groups of customers: what they add up to, what is withheld of them, what changes nothing."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.figures import purchases
from features.figures.definition import Period
from features.figures.table import FIGURES, of_period, told
from features.source import load_tables
from tests.factories import make_club, make_snapshot
from tests.features.figures.trade import by_group, figures, loaded, row, shop

COUNTS = [figure.name for figure in FIGURES.values() if figure.unit == "count"]
SUMS = [*COUNTS, "revenue", "margin"]

PEOPLE = [
    {"customer_id": "a", "valid_from": "2024-01-01", "income": "low", "newsletter": True},
    {"customer_id": "a", "valid_from": "2024-05-20", "income": "high", "newsletter": False},
    {"customer_id": "a", "valid_from": "2024-06-01T00:00", "income": "middle"},  # at the end
    {"customer_id": "b", "valid_from": "2024-01-01", "newsletter": True, "region": "north"},
    {"customer_id": "c", "valid_from": "2024-01-01", "income": "low", "gone": True},
]


def test_attributes_are_those_of_the_periods_end():
    config = shop()
    rows = [row(customer, "2024-05-10", 10, customer) for customer in "abd"]
    found = figures(config, loaded(config, rows, PEOPLE))
    # protected ones, and those that say who left, are left out unless asked for
    assert set(found["dimension"]) == {
        "all",
        "attribute:income",
        "attribute:newsletter",
        "channel",
        "cohort",
    }
    assert by_group(found, "attribute:income", "buyers") == {"high": 1, "unknown": 2}
    assert by_group(found, "attribute:newsletter", "buyers") == {"no": 1, "unknown": 1, "yes": 1}


def test_attributes_that_are_asked_for_are_told_apart_and_no_others():
    config = shop(by=["region", "gone"])
    rows = [row(customer, "2024-05-10", 10, customer) for customer in "abc"]
    found = figures(config, loaded(config, rows, PEOPLE))
    attributes = {name for name in found["dimension"] if name.startswith("attribute:")}
    assert attributes == {"attribute:region", "attribute:gone"}
    assert by_group(found, "attribute:region", "buyers") == {"north": 1, "unknown": 2}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("month", ["2023-12", "2024-04"]),
        ("quarter", ["2023-Q4", "2024-Q2"]),
        ("year", ["2023", "2024"]),
    ],
)
def test_cohorts_are_named_for_their_month_quarter_or_year(unit, expected):
    config = shop(cohorts=unit)
    rows = [row("a", "2023-12-31T23:30", 10, "a"), row("b", "2024-04-01T00:00", 10, "b")]
    found = figures(config, loaded(config, rows))
    assert list(by_group(found, "cohort", "known")) == expected


def test_of_a_small_group_nothing_is_told_and_of_another_nothing_either():
    """Three bought through the web; they are the whole less the two other groups."""
    config = shop(least=5)
    through = ["web"] * 3 + ["shop"] * 6 + ["post"] * 9
    rows = [
        row(f"{n:02}", "2024-05-10", 10 + n, f"o{n}", channel=channel)
        for n, channel in enumerate(through)
    ]
    found = figures(config, loaded(config, rows))
    revenue = found[(found["dimension"] == "channel") & (found["figure"] == "revenue")]
    revenue = revenue.set_index("group")
    assert revenue["withheld"].to_dict() == {"post": False, "shop": True, "web": True}
    assert revenue["value"].isna().to_dict() == {"post": False, "shop": True, "web": True}
    assert revenue["customers"].isna().to_dict() == {"post": False, "shop": True, "web": True}
    # A tenth of 18 buyers are two, whose revenue is not told of either, though that of all is.
    whole = found[found["dimension"] == "all"].set_index("figure")
    assert not whole.loc["revenue", "withheld"]
    assert whole.loc["top_tenth_share", "withheld"]


def test_a_channel_of_few_customers_does_not_tell_what_it_earned():
    config = shop(least=2, channel_costs={"web": 1, "shop": 1})
    rows = [
        row(f"{n}", "2024-05-10", 10, f"o{n}", channel="shop" if n else "web") for n in range(5)
    ]
    found = figures(config, loaded(config, rows))
    returns = found[found["figure"] == "channel_return"]
    assert returns["withheld"].tolist() == [True, True]


def test_a_base_of_subscriptions_or_of_a_snapshot_is_told_of_too(tmp_path):
    subscriptions = pd.DataFrame({"customer": ["a"], "start": ["2024-01-05"], "end": [None]})
    snapshot = pd.DataFrame({"customer": ["a", "b"], "left": ["Yes", "No"], "plan": ["x", "y"]})
    for config in (
        make_club(tmp_path / "club", subscriptions),
        make_snapshot(tmp_path / "snapshot", snapshot, {"plan": {"kind": "category"}}),
    ):
        found = of_period(config, load_tables(config), Period.before(date(2024, 6, 1), 30))
        assert list(found.columns) == [
            "dimension",
            "group",
            "figure",
            "value",
            "customers",
            "withheld",
        ]
        assert "revenue" not in set(found["figure"])


def drawn(seed: int) -> tuple[list[dict], list[dict], pd.DataFrame]:
    """Transactions around May, customers, and segments, of a few customers."""
    random = Random(seed)
    customers = [f"c{n}" for n in range(random.randrange(1, 15))]
    rows = []
    for number in range(random.randrange(1, 60)):
        customer = random.choice(customers)
        day = date(2024, 6, 1) - timedelta(days=random.randrange(1, 150))
        order = f"{customer} {random.randrange(6)}" if random.random() < 0.5 else f"o{number}"
        more = {"channel": random.choice(["web", "shop", None]), "margin": random.randrange(9)}
        rows.append(row(customer, day.isoformat(), random.randrange(-30, 99), order, **more))
    people = [
        {"customer_id": customer, "valid_from": "2024-01-01", "income": random.choice("ab")}
        for customer in customers
        if random.random() < 0.7
    ]
    ways = [random.choice(["x", "y", None]) for _ in customers]
    return rows, people, pd.DataFrame({"customer_id": customers, "way": ways})


@settings(max_examples=3)
@given(st.integers(0, 10**6), st.sampled_from(["31d", "90d"]))
def test_parts_add_up_to_the_whole(seed, active_within):
    rows, people, segments = drawn(seed)
    config = shop(active_within=active_within)
    found = figures(config, loaded(config, rows, people), segments=segments)
    assert found["dimension"].nunique() == 6
    held = found[found["figure"].isin(SUMS)]
    parts = held.groupby(["dimension", "figure"])["value"].sum().unstack("dimension")
    assert parts.eq(parts["all"], axis=0).all(axis=None)
    for _, group in found.groupby(["dimension", "group"]):
        each = dict(zip(group["figure"], group["value"], strict=True))
        assert each["end"] == each["start"] + each["gained"] - each["lost"]
        assert each["gained"] == each["first_time"] + each["won_back"]
        assert each["known"] == each["active"] + each["passive"] + each["new"]
        if each["start"]:
            assert each["retention_rate"] + each["churn_rate"] == pytest.approx(1, abs=1e-15)


@settings(max_examples=2)
@given(st.integers(0, 10**6))
def test_neither_the_order_of_rows_nor_the_future_changes_a_byte(seed):
    rows, people, segments = drawn(seed)
    config, random = shop(), Random(seed)
    later = [
        row("c0", "2024-06-01T00:00", 500, "later", channel="web"),
        row("c0", "2024-05-05", 500, "learnt of late", known_at="2024-06-02T12:00"),
        row("c99", "2024-07-01", 500, "new"),
    ]
    found = figures(config, loaded(config, rows, people), segments=segments)
    more = [*rows, *later]
    random.shuffle(more)
    segments = segments.sample(frac=1, random_state=seed)
    again = figures(config, loaded(config, more, people[::-1]), segments=segments)
    pd.testing.assert_frame_equal(found, again, check_exact=True)
    assert found["value"].to_numpy().tobytes() == again["value"].to_numpy().tobytes()


def test_who_is_passive_does_not_tell_how_few_are_known():
    """Of cohort 2023-01 three are known, all passive, and of 2023-02 six; of 2024-05 nine are new.

    Nobody of the first two is a customer, so that all counts of those are nought, and told; but
    as many as are passive are known.
    """
    days = ["2023-01-10"] * 3 + ["2023-02-10"] * 6 + ["2024-05-10"] * 9
    rows = [row(f"c{number}", day, 10, f"o{number}") for number, day in enumerate(days)]
    config = shop(least=5)
    found = figures(config, loaded(config, rows))
    for figure in ("known", "passive"):
        told_of = by_group(found, "cohort", figure)
        assert np.isnan([told_of["2023-01"], told_of["2023-02"]]).all()
    assert by_group(found, "cohort", "start") == {"2023-01": 0, "2023-02": 0, "2024-05": 0}
    assert by_group(found, "cohort", "known")["2024-05"] == 9


GROUPS = st.lists(st.lists(st.integers(0, 9), min_size=5, max_size=5), min_size=1, max_size=7)


@given(GROUPS, st.integers(1, 6))
def test_no_figure_of_few_is_told_nor_got_by_subtraction(drawn, least):
    measures = ("known", "served", "traded", "buyers", "top_customers")
    groups = {
        f"g{n}": defaultdict(float, zip(measures, map(float, counts), strict=True))
        for n, counts in enumerate(drawn)
    }
    for figure in purchases.FIGURES:
        rows = pd.DataFrame(told("way", [figure], groups, least))
        about = np.array([groups[group][figure.about] for group in rows["group"]])
        hidden = rows["withheld"].to_numpy()
        assert hidden[(about > 0) & (about < least)].all()
        assert rows["value"][hidden].isna().all()
        assert rows["customers"][hidden].isna().all()
        assert rows["customers"][~hidden].tolist() == about[~hidden].tolist()
        if hidden.any() and (about[~hidden] > 0).any() and not figure.beside:
            assert hidden.sum() >= 2
            assert about[hidden].sum() >= least
