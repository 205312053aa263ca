"""The RFM grid, worked by hand."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import StamkundeError
from tests.training.bases import make_schema
from training.segmenters.rfm import GRID, SEGMENTS, RfmGrid, fit

NAMES = ("days_since_purchase", "purchases_in_365d", "spend_in_365d")

# Fifths of three customers: their last days are 30, 60, 90, 120 days of recency, and 30, 60, 200,
# 500 of money. Eight customers bought once, so the edges of frequency are 1, 1, 2 and 3: of the
# sorted 1 1 1 | 1 1 1 | 1 1 2 | 2 3 3 | 4 5 8 the last of each fifth but the last.
CUSTOMERS = {
    # recency, frequency, money: scores, the rounded mean of the last two, the segment
    "A": ((10, 3, 500), (5, 4, 4), 4, "Champions"),
    "B": ((20, 3, 300), (5, 4, 4), 4, "Champions"),
    "C": ((30, 1, 10), (5, 1, 1), 1, "New customers"),
    "D": ((40, 5, 700), (4, 5, 5), 5, "Loyal customers"),
    "E": ((50, 1, 200), (4, 1, 3), 2, "Potential loyalists"),
    "F": ((60, 1, 30), (4, 1, 1), 1, "Promising"),
    "G": ((70, 4, 100), (3, 5, 3), 4, "Loyal customers"),
    "H": ((80, 1, 350), (3, 1, 4), 3, "Need attention"),  # the mean of 1 and 4 is 2.5
    "I": ((90, 1, 50), (3, 1, 2), 2, "About to sleep"),
    "J": ((100, 8, 900), (2, 5, 5), 5, "Cannot lose them"),
    "K": ((110, 2, 60), (2, 3, 2), 3, "At risk"),
    "L": ((120, 1, 80), (2, 1, 3), 2, "Hibernating"),
    "M": ((130, 2, 800), (1, 3, 5), 4, "At risk"),
    "N": ((140, 1, 40), (1, 1, 2), 2, "Hibernating"),
    "O": ((150, 1, 20), (1, 1, 1), 1, "Lost"),
}


def make_grid(matrix: np.ndarray) -> RfmGrid:
    return fit("rfm", make_schema(*NAMES), matrix, *NAMES, None)


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    return np.array([held[0] for held in CUSTOMERS.values()], dtype=float)


def test_fifteen_customers_by_hand(matrix):
    grid = make_grid(matrix)

    assert grid.edges == ((30, 60, 90, 120), (1, 1, 2, 3), (30, 60, 200, 500))
    assert grid.scores(matrix).tolist() == [list(held[1]) for held in CUSTOMERS.values()]
    names = [grid.segments[place].name for place in grid.assign(matrix)]
    assert names == [held[3] for held in CUSTOMERS.values()]
    assert set(names) == {segment.name for segment in SEGMENTS}


def test_the_cell_is_the_scores(matrix):
    grid = make_grid(matrix)
    for place, (_, scores, both, _) in zip(grid.assign(matrix), CUSTOMERS.values(), strict=True):
        assert GRID[both - 1][scores[0] - 1] == grid.segments[place].id


def test_reasons_are_points_above_the_middle(matrix):
    reasons = make_grid(matrix).contributions(matrix)

    assert reasons.values[9].tolist() == [2 - 3, 5 - 3, 5 - 3]  # J
    assert reasons.margin[9] == 3.0


def test_the_grid_is_the_one_in_common_use():
    """Its rules are written as patterns of the two scores; only the lowest cell is told apart."""
    common = {
        "[1-2][1-2]": "Hibernating",
        "[1-2][3-4]": "At risk",
        "[1-2]5": "Cannot lose them",
        "3[1-2]": "About to sleep",
        "33": "Need attention",
        "[3-4][4-5]": "Loyal customers",
        "41": "Promising",
        "51": "New customers",
        "[4-5][2-3]": "Potential loyalists",
        "5[4-5]": "Champions",
    }
    names = {segment.id: segment.name for segment in SEGMENTS}
    for recency in range(1, 6):
        for both in range(1, 6):
            told = [n for rule, n in common.items() if re.fullmatch(rule, f"{recency}{both}")]
            found = names[GRID[both - 1][recency - 1]]
            assert [found] == (["Lost"] if recency == both == 1 else told)


def test_one_time_buyers_stay_together_and_below_all_others():
    once = np.array([[10.0, 1.0, 5.0]] * 9 + [[10.0, 2.0, 5.0]])
    scores = make_grid(once).scores(once)

    assert scores[:, 1].tolist() == [1] * 9 + [5]


def test_a_missing_value_has_the_lowest_score(matrix):
    missing = np.array([[np.nan, 8.0, np.nan], [10.0, np.nan, 900.0]])

    assert make_grid(matrix).scores(missing).tolist() == [[1, 5, 1], [5, 1, 5]]


def test_what_was_never_seen_lies_in_the_outer_fifths(matrix):
    beyond = np.array([[1.0, 99.0, 1e9], [9999.0, 0.0, -50.0]])

    assert make_grid(matrix).scores(beyond).tolist() == [[5, 5, 5], [1, 1, 1]]


@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_scores_follow_the_values(values):
    column = np.array(values, dtype=float)
    rows = np.column_stack([column] * 3)
    recency, frequency, money = make_grid(rows).scores(rows).T
    order = np.argsort(column, kind="stable")

    assert (recency == 6 - frequency).all()
    assert (money == frequency).all()
    assert (np.diff(frequency[order]) >= 0).all()
    assert (frequency >= 1).all()
    assert (frequency <= 5).all()
    # At most so many of each fifth lie at or below it as the fifths hold, but for ties.
    for score in range(1, 5):
        below = np.sort(column)[: -(-score * len(column) // 5)]
        assert (frequency[column <= below[-1]] <= score).all()


def test_a_base_that_lacks_a_feature_is_told_so(matrix):
    with pytest.raises(StamkundeError, match=r"segments\.rfm: needs the feature spend_in_365d"):
        fit("rfm", make_schema(*NAMES[:2]), matrix, *NAMES, None)


def test_a_feature_that_nobody_has_is_told(matrix):
    nobody = matrix.copy()
    nobody[:, 2] = np.nan
    with pytest.raises(StamkundeError, match=r"no customer has a value of spend_in_365d"):
        make_grid(nobody)
