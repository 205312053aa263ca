"""No group of a few customers can be told, neither from its own figures nor by subtraction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.figures.withheld import withheld

COUNTS = st.lists(st.integers(0, 12), max_size=12)


@pytest.mark.parametrize(
    ("customers", "expected"),
    [
        ([100, 7, 5], []),
        ([100, 3, 20, 0], [3, 20]),  # 3 would be the whole less the others
        ([100, 1, 1, 20], [1, 1, 20]),  # two groups, but of 2 customers together
        ([100, 3, 2, 20], [3, 2]),  # two groups of 5 customers together
        ([100, 4, 0, 0], [100, 4]),
        ([4, 0], [4]),  # so is the whole
        ([6, 6, 2], [6, 2]),  # of two alike the one that comes first
        ([], []),
    ],
)
def test_small_groups_take_others_with_them(customers, expected):
    counts = np.array(customers, dtype=np.int64)
    assert counts[withheld(counts, 5)].tolist() == expected


@given(COUNTS, st.integers(1, 6))
def test_what_is_withheld_together_is_never_few_customers(customers, least):
    counts = np.array(customers, dtype=np.int64)
    hidden = withheld(counts, least)
    small = (counts > 0) & (counts < least)
    assert not (small & ~hidden).any()
    assert not hidden[counts == 0].any()
    assert hidden.any() == small.any()
    if hidden.any() and (~hidden & (counts > 0)).any():
        assert hidden.sum() >= 2
        assert counts[hidden].sum() >= least
