"""Where a value lies among those of the customers that a model learnt from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.pages.placed import place_of

# Ten customers with 1, 2, …, 10 of something; and one who has none.
TENTHS = {"edges": [1.0, 4.0, 7.0, 10.0], "counts": [3, 3, 4], "rows": 11, "missing": 1}


@pytest.mark.parametrize(
    ("value", "kind", "share"),
    [
        (0.5, "below_all", 1.0),
        (1.0, "lowest", 0.01),
        (2.5, "lower", 0.85),
        (5.5, "middle", 0.45),
        (7.0, "higher", 0.6),
        (10.0, "highest", 0.01),
        (11.0, "above_all", 1.0),
        (None, "missing", 1 / 11),
    ],
)
def test_a_number_lies_where_it_does(value, kind, share):
    place = place_of(value, TENTHS)
    assert place.kind == kind
    assert place.share == pytest.approx(share)


def test_a_category_is_as_usual_as_it_was():
    reference = {"counts": {"north": 3, "south": 1}, "rows": 5, "missing": 1}
    assert place_of("north", reference).share == 3 / 5
    assert place_of("west", reference).kind == "new"
    assert place_of(None, reference).share == 1 / 5


def test_what_all_had_is_told_so_and_what_is_not_known_is_not_told():
    constant = {"edges": [0.0], "counts": [], "rows": 4, "missing": 0}
    assert place_of(0.0, constant).kind == "constant"
    assert place_of(1.0, constant).kind == "above_all"
    assert place_of(1.0, None) is None
    assert place_of(1.0, {"rows": 4, "missing": 4}) is None


@given(st.floats(0, 11, allow_nan=False), st.floats(0, 11, allow_nan=False))
def test_a_greater_value_never_lies_lower(one, other):
    low, high = sorted((one, other))
    assert place_of(low, TENTHS).quantile <= place_of(high, TENTHS).quantile
