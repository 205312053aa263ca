from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as drawn

from serving.watching.psi import psi, word

COUNTS = drawn.arrays(int, 6, elements=st.integers(0, 10_000)).filter(lambda held: held.sum() > 0)


def test_it_is_what_two_bins_give_by_hand():
    # Shares with half a row more a bin: 4.5/9 and 4.5/9 against 8.5/11 and 2.5/11.
    assert psi([4, 4], [8, 2]) == pytest.approx(6 / 22 * log(17 / 5), rel=1e-12)


def test_it_is_the_textbooks_sum_where_there_are_many():
    p, q = np.array([0.2, 0.3, 0.5]), np.array([0.3, 0.3, 0.4])
    by_hand = 0.1 * log(0.3 / 0.2) - 0.1 * log(0.4 / 0.5)
    assert psi(p * 1e9, q * 1e9) == pytest.approx(by_hand, rel=1e-6)


def test_bins_that_nobody_is_in_make_no_difference():
    assert psi([4, 0, 4, 0], [8, 0, 2, 0]) == psi([4, 4], [8, 2])


@given(COUNTS)
def test_the_same_counts_have_not_moved(counts):
    assert psi(counts, counts) == 0


@given(COUNTS, COUNTS, st.permutations(range(6)))
def test_it_is_never_below_zero_and_the_same_both_ways_and_in_any_order(a, b, order):
    assert psi(a, b) >= 0
    assert psi(a, b) == pytest.approx(psi(b, a), rel=1e-9, abs=1e-12)
    assert psi(a[order], b[order]) == pytest.approx(psi(a, b), rel=1e-9, abs=1e-12)


def test_without_a_row_there_is_none():
    assert np.isnan(psi([3, 4], [0, 0]))
    assert np.isnan(psi([0, 0], [3, 4]))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "stable"), (0.0999, "stable"), (0.1, "moved"), (0.25, "moved much"), (np.nan, "")],
)
def test_the_words_are_the_usual_ones(value, said):
    assert word(value) == said
