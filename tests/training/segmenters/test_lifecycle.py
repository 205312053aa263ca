"""The stages of a customer's life, at each boundary day."""

import numpy as np
import pytest

from configs.errors import StamkundeError
from configs.segmentation import LifecycleSegments
from tests.training.bases import make_schema
from training.segmenters.lifecycle import SEGMENTS, Lifecycle, fit
from training.segmenters.segmenter import NOBODY

NAMES = ("tenure", "days_since_purchase", "last_gap", "spend_trend_30d", "spend_trend_90d")
TRENDS = {30: 3, 90: 4}


def make_rules(windows: tuple[int, ...] = (30, 90), **changes: object) -> Lifecycle:
    """New within 30 days, cooling after 60, asleep after 120, lost after 365, growing by 1.5."""
    asked = LifecycleSegments.model_validate({"kind": "lifecycle", **changes})
    return fit("lifecycle", make_schema(*NAMES), asked, windows)


def make_row(tenure: float, recency: float, last_gap: float, trend: float) -> np.ndarray:
    return np.array([[tenure, recency, last_gap, 9.0, trend]])


@pytest.mark.parametrize(
    ("tenure", "recency", "last_gap", "trend", "stage", "decided"),
    [
        # A regular of two years: what decides is the days since the latest purchase.
        (700, 60, 20, 1.0, "Loyal", "days_since_purchase"),
        (700, 61, 20, 1.0, "Cooling", "days_since_purchase"),
        (700, 120, 20, 1.0, "Cooling", "days_since_purchase"),
        (700, 121, 20, 1.0, "Asleep", "days_since_purchase"),
        (700, 365, 20, 1.0, "Asleep", "days_since_purchase"),
        (700, 366, 20, 1.0, "Lost", "days_since_purchase"),
        # Silent for 120 days is cooling; for 121 asleep, and so won back by the next purchase.
        (700, 5, 120, 1.0, "Loyal", "days_since_purchase"),
        (700, 5, 121, 1.0, "Won back", "last_gap"),
        (700, 60, 121, 1.0, "Won back", "last_gap"),
        (700, 61, 121, 1.0, "Cooling", "days_since_purchase"),
        (700, 5, 121, 9.0, "Won back", "last_gap"),
        # The first purchase 30 days ago is new, 31 days ago it no longer is.
        (30, 30, np.nan, 50.0, "New", "tenure"),
        (31, 31, np.nan, 1.0, "Loyal", "days_since_purchase"),
        (30, 5, 25, 50.0, "New", "tenure"),
        # Spend that is 1.5 times that of the time before grows.
        (700, 5, 20, 1.5, "Growing", "spend_trend_90d"),
        (700, 5, 20, 1.499, "Loyal", "days_since_purchase"),
        (700, 5, 20, np.nan, "Loyal", "days_since_purchase"),
        (700, 61, 20, 9.0, "Cooling", "days_since_purchase"),
    ],
)
def test_the_first_rule_that_holds_decides(tenure, recency, last_gap, trend, stage, decided):
    rules, row = make_rules(), make_row(tenure, recency, last_gap, trend)

    assert rules.segments[rules.assign(row)[0]].name == stage
    expected = [[float(name == decided) for name in NAMES]]
    assert rules.contributions(row).values.tolist() == expected


def test_who_never_bought_has_no_segment_and_is_not_asked():
    rules, row = make_rules(), make_row(np.nan, np.nan, np.nan, np.nan)

    assert rules.assign(row) == [NOBODY]
    assert not rules.contributions(row).values.any()
    assert not rules.population.holds(make_schema(*NAMES), row).any()
    assert rules.population.holds(make_schema(*NAMES), make_row(700, 600, 20, 1.0)).all()


@pytest.mark.parametrize(
    ("cooling", "windows", "window"),
    [("30d", (30, 90), 30), ("31d", (30, 90), 90), ("90d", (30, 90), 90), ("91d", (30, 90), 90)],
)
def test_growth_is_over_the_shortest_window_that_cooling_fits_in(cooling, windows, window):
    rules = make_rules(windows, cooling_after=cooling, new_within="1d")

    assert rules.window == window
    assert rules.trend == TRENDS[window]


def test_each_rule_is_told_in_both_languages():
    rules = make_rules()
    told = {segment.name: rules.rule(place) for place, segment in enumerate(SEGMENTS)}

    assert told == {
        "New": (
            "The first purchase lies within the last 30 days.",
            "Det første køb ligger inden for de seneste 30 dage.",
        ),
        "Growing": (
            "Spent at least 1.5 times as much in the last 90 days as in the 90 days before.",
            "Har brugt mindst 1,5 gange så meget i de seneste 90 dage som i de 90 dage før.",
        ),
        "Loyal": (
            "Bought within the last 60 days, and no other rule holds.",
            "Har købt inden for de seneste 60 dage, og ingen anden regel gælder.",
        ),
        "Cooling": (
            "The last purchase lies 61 to 120 days back.",
            "Det seneste køb ligger 61 til 120 dage tilbage.",
        ),
        "Asleep": (
            "The last purchase lies 121 to 365 days back.",
            "Det seneste køb ligger 121 til 365 dage tilbage.",
        ),
        "Lost": (
            "The last purchase lies more than 365 days back.",
            "Det seneste køb ligger mere end 365 dage tilbage.",
        ),
        "Won back": (
            "Bought again after more than 120 days without a purchase.",
            "Har købt igen efter mere end 120 dage uden køb.",
        ),
    }


def test_ids_are_fixed():
    assert {segment.name: segment.id for segment in SEGMENTS} == {
        "New": 1,
        "Growing": 2,
        "Loyal": 3,
        "Cooling": 4,
        "Asleep": 5,
        "Lost": 6,
        "Won back": 7,
    }


def test_a_base_that_lacks_a_feature_is_told_so():
    asked = LifecycleSegments.model_validate({"kind": "lifecycle"})
    with pytest.raises(StamkundeError, match=r"segments\.stages: needs the feature last_gap"):
        fit("stages", make_schema("tenure", "days_since_purchase"), asked, (90,))
