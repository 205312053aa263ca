"""The report's pictures: each is sound SVG, the same bytes again, and says what it is of."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from serving.report import plots
from serving.report.amounts import short
from training.canvas import svg

MONTHS = [date(2023 + month // 12, month % 12 + 1, 1) for month in range(30)]
NAMES = ["Champions", "$Loyal_ & <true>", "Æ_ø å", "At risk"]


def texts(figure: Figure) -> list[str]:
    return texts_of(svg(figure))


def texts_of(drawn: str) -> list[str]:
    root = ET.fromstring(drawn)
    return ["".join(element.itertext()) for element in root.iter() if element.tag.endswith("text")]


def retention(cohorts: int, withheld: tuple[int, ...] = ()) -> pd.DataFrame:
    rows = [
        (MONTHS[k], pd.NA if k in withheld else 100 + k, offset, k in withheld, 1 / (1 + offset))
        for k in range(cohorts)
        for offset in range(cohorts - k)
    ]
    frame = pd.DataFrame(rows, columns=["cohort", "size", "offset", "withheld", "share"])
    frame["share"] = frame["share"].mask(frame["withheld"])
    return frame


def revenue(cohorts: int, withheld: tuple[int, ...] = ()) -> pd.DataFrame:
    rows = [
        (MONTHS[k], MONTHS[start], np.nan if k in withheld else 1e5 * (1 + k), k in withheld)
        for k in range(cohorts)
        for start in range(k, cohorts)
    ]
    return pd.DataFrame(rows, columns=["cohort", "start", "revenue", "withheld"])


def curves(*groups: str) -> pd.DataFrame:
    days = np.arange(0, 200, 4)
    parts = [
        pd.DataFrame(
            {
                "dimension": "all" if name == "all" else "segment:way",
                "group": name,
                "days": days,
                "surviving": (share := np.exp(-days / (300 + 50 * k))),
                "low": share * 0.95,
                "high": np.minimum(1, share * 1.05),
                "at_risk": 400 - days - k,
                "withheld": False,
            }
        )
        for k, name in enumerate(groups)
    ]
    return pd.concat(parts) if parts else curves("all")[:0]


def periods(values: list[float]) -> pd.DataFrame:
    ends = [date(2024, 1, 1) + timedelta(days=30 * k) for k in range(len(values))]
    frame = pd.DataFrame({"figure": "revenue", "value": values, "end": ends})
    return frame.assign(start=[end - timedelta(days=30) for end in ends])


def moved(names: list[str]) -> pd.DataFrame:
    counts = np.full((len(names), len(names)), 3.0) + 60 * np.eye(len(names))
    return pd.DataFrame(counts, names, names)


def tenths(values: list[float]) -> pd.DataFrame:
    at = range(1, len(values) + 1)
    return pd.DataFrame({"tenth": at, "predicted": values, "actual": np.array(values) * 0.9})


NUMBERED = [f"group {number}" for number in range(1, 21)]
NOTHING = float("nan")
LABELS = [("revenue", "Revenue & <more>", "money")]

DRAWN: dict[str, tuple[Callable[[], Figure], list[str]]] = {
    "retention": (
        lambda: plots.cohort_retention(retention(6, (1, 2))),
        ["2023-01 (100)", "2023-02 (–)", "50", "months later; hatched: withheld"],
    ),
    "retention of many": (
        lambda: plots.cohort_retention(retention(16)),
        ["2023-01 (100)", "2024-04 (115)", "0", "50", "months later"],
    ),
    "retention of one": (lambda: plots.cohort_retention(retention(1)), ["2023-01 (100)", "100"]),
    "retention withheld": (
        lambda: plots.cohort_retention(retention(2, (0, 1)), "quarter"),
        ["2023-Q1 (–)", "quarters later; hatched: withheld"],
    ),
    "no retention": (
        lambda: plots.cohort_retention(retention(1)[:0]),
        ["there are no cohorts"],
    ),
    "cohorts' revenue": (
        lambda: plots.cohort_revenue(revenue(16, (15,)), "DKK"),
        ["DKK million a month", "■ earlier", "■ 2024-03"],
    ),
    "one cohort's revenue": (lambda: plots.cohort_revenue(revenue(1)), ["■ 2023-01"]),
    "no revenue": (
        lambda: plots.cohort_revenue(revenue(1)[:0]),
        ["there is no revenue of cohorts to draw"],
    ),
    "survival": (
        lambda: plots.survival(curves("all", *NAMES), "segment:way"),
        ["all", "Champions", "$Loyal_ & <true>", "Æ_ø å", "At risk"],
    ),
    "survival of many": (
        lambda: plots.survival(curves("all", *NUMBERED), "segment:way"),
        ["all", *NUMBERED[:6], "days; the 6 largest groups"],
    ),
    "no survival": (
        lambda: plots.survival(curves(), "cohort"),
        ["there are no lives long enough to follow"],
    ),
    "trend": (
        lambda: plots.trend(periods([1.2e6, NOTHING, 2e6, 1.5e6]), LABELS, "DKK"),
        [
            "Revenue & <more>, DKK",
            "1.2M",
            "2M",
            "1.5M",
            "2023-12-31",
            "periods of 30 days, by their last day",
        ],
    ),
    "trend of nothing": (
        lambda: plots.trend(periods([NOTHING, NOTHING]), LABELS),
        ["no value in any period"],
    ),
    "trend of zero": (lambda: plots.trend(periods([0.0]), LABELS), ["0"]),
    "no trend": (lambda: plots.trend(periods([]), []), ["there are no periods to compare"]),
    "flow": (
        lambda: plots.flow(("start", 1000), [("lost", -50), ("new", 200)], ("end", 1150)),
        ["start", "1,000", "lost", "−50", "new", "+200", "end", "1,150"],
    ),
    "flow withheld": (
        lambda: plots.flow(("start", NOTHING), [("lost", NOTHING)], ("end", 0), "money", "DKK"),
        ["–", "withheld", "DKK\xa00"],
    ),
    "values": (
        lambda: plots.clv_distribution(np.arange(1000.0), "GBP", 5),
        ["half are worth less than GBP\xa0500", "on average GBP\xa0500", "■ GBP\xa0979 or more"],
    ),
    "values of few": (
        lambda: plots.clv_distribution(np.arange(40.0), "GBP", 5),
        ["bars of fewer than 5 left out"],
    ),
    "values all one": (lambda: plots.clv_distribution(np.zeros(9)), ["on average 0"]),
    "no values": (lambda: plots.clv_distribution([NOTHING]), ["no customer has a value"]),
    "too few values": (
        lambda: plots.clv_distribution([1.0, 2.0], least=5),
        ["too few customers to draw"],
    ),
    "track record": (
        lambda: plots.track_record(tenths([0.9, 0.5, NOTHING])),
        ["share who left", "○ predicted", "● actual"],
    ),
    "track record in money": (
        lambda: plots.track_record(tenths([0.0, 0.0]), "money", "DKK"),
        ["DKK a customer"],
    ),
    "no track record": (
        lambda: plots.track_record(tenths([NOTHING])),
        ["no prediction has come of age"],
    ),
    "migration": (
        lambda: plots.migration(moved(NAMES)),
        ["Champions", "$Loyal_ & <true>", "Æ_ø å", "At risk", "63", "72"],
    ),
    "migration of many": (
        lambda: plots.migration(moved(NUMBERED)),
        [f"{number}  group {number}" for number in range(1, 21)],
    ),
    "no migration": (
        lambda: plots.migration(pd.DataFrame()),
        ["there are no segments of two dates to compare"],
    ),
    "stakes": (
        lambda: plots.stakes(
            NAMES,
            [
                ("customers", [5, 4, NOTHING, 0], "count"),
                ("at risk", [1.25e6, 0, -3, 1], "money"),
            ],
            "DKK",
        ),
        [*NAMES, "at risk, DKK", "1.25M", "withheld"],
    ),
    "stakes of many": (
        lambda: plots.stakes(NUMBERED, [("customers", [0.0] * 20, "count")]),
        NUMBERED,
    ),
    "no stakes": (lambda: plots.stakes([], []), ["there are no segments"]),
}


@pytest.mark.parametrize("case", DRAWN)
def test_a_picture_is_sound_and_says_what_it_is_of(case):
    draw, words = DRAWN[case]
    figure = draw()
    said = texts(figure)
    assert [word for word in words if word not in said] == []
    assert "nan" not in " ".join(said)
    assert figure.get_size_inches()[0] == 5


AGAIN = ("retention", "survival", "trend", "flow", "values of few", "migration", "stakes")


@pytest.mark.parametrize("case", AGAIN)
def test_a_picture_is_the_same_bytes_again(case):
    draw, _ = DRAWN[case]
    assert svg(draw()) == svg(draw())


def test_cohorts_past_those_drawn_are_told_together():
    held = revenue(14)
    figure = plots.cohort_revenue(held)
    heights = sum(bar.get_height() for bar in figure.axes[0].patches)
    assert heights == pytest.approx(held["revenue"].sum())
    assert len({bar.get_facecolor() for bar in figure.axes[0].patches}) == 13


def test_the_numbers_of_a_migration_are_shares_of_the_row_and_none_where_one_is_withheld():
    counts = pd.DataFrame([[30.0, 10.0], [np.nan, 7.0]], ["a", "b"], ["a", "b"])
    said = texts(plots.migration(counts))
    assert {"75\xa0%", "25\xa0%", "30", "10", "–", "7"} <= set(said)
    assert "100\xa0%" not in said


def test_names_of_curves_do_not_meet():
    together = [f"{word} and a long name" for word in ("one", "two", "three", "four", "five")]
    same = curves("all", *together).assign(surviving=0.5)
    figure = plots.survival(same, "segment:way")
    figure.draw_without_rendering()
    boxes = [text.get_window_extent() for text in figure.axes[0].texts if text.get_text()]
    tops = sorted((box.y0, box.y1) for box in boxes)
    assert all(below[1] <= above[0] + 1.5 for below, above in pairwise(tops))


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.954, "share", "95.4\xa0%"),
        (999_900, "money", "DKK\xa01M"),
        (12_345, "money", "DKK\xa012.3k"),
        (9_999, "count", "9,999"),
        (-1_500_000_000, "count", "−1.5bn"),
        (3.14159, "ratio", "3.14"),
        (float("nan"), "share", "–"),
        (float("inf"), "count", "–"),
    ],
)
def test_amounts_are_said_shortly(value, unit, said):
    assert short(value, unit, "DKK") == said


def test_no_picture_holds_a_customer_as_a_mark_of_vector_precision():
    drawn = svg(plots.clv_distribution(np.random.default_rng(1).gamma(1, 100, 500), "DKK", 5))
    assert len(re.findall(r"<path", drawn)) < 60
