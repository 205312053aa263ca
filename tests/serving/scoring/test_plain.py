"""Features in columns say what a look at each customer says, or are left to that."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.schema import FeatureColumn
from serving.scoring.gathered import in_columns
from serving.scoring.known import LONGEST_TEXT
from serving.scoring.plain import EXACT, plain


def column(name: str, kind: Any) -> FeatureColumn:
    return FeatureColumn(name, kind, ("a",), "", name, "", "", False, None, False, "d")


COLUMNS = {
    name: column(name, kind)
    for name, kind in (("x", "number"), ("kind", "category"), ("y", "number"), ("way", "category"))
}
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-EXACT, EXACT)
TEXTS = st.none() | st.text(max_size=5)
ROWS = st.lists(st.tuples(NUMBERS, TEXTS, NUMBERS, TEXTS), min_size=1, max_size=9)


def told(values: Any) -> list[Any]:
    if isinstance(values, np.ndarray):
        return [value.hex() for value in values.tolist()]
    return list(values.to_pylist())


@given(ROWS, st.permutations(list(COLUMNS)))
def test_plain_features_are_those_of_rows_in_whatever_order_they_come(
    rows: list[tuple[Any, ...]], order: list[str]
) -> None:
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    found = plain(COLUMNS, [{name: row[name] for name in order} for row in named])
    exact = all(abs(row[at]) < EXACT for row in rows for at in (0, 2) if type(row[at]) is int)
    if found is None:
        assert not exact or any(type(row[at]) is int for row in rows for at in (0, 2))
    else:
        due = in_columns(COLUMNS, rows)
        assert {name: told(held) for name, held in found.items()} == {
            name: told(held) for name, held in due.items()
        }


@pytest.mark.parametrize(
    "odd",
    [
        {"x": True},
        {"x": "1.5"},
        {"x": 10**400},
        {"x": EXACT},
        {"x": [1.0]},
        {"kind": 1.0},
        {"way": "a" * (LONGEST_TEXT + 1)},
        {"more": 1.0},
    ],
)
def test_what_is_not_plain_takes_a_closer_look(odd: dict[str, Any]) -> None:
    fine: dict[str, Any] = {"x": 1.0, "kind": "a", "y": None, "way": None}
    assert plain(COLUMNS, [fine, fine]) is not None
    assert plain(COLUMNS, [fine, {**fine, **odd}]) is None
    assert plain(COLUMNS, [{**fine, **odd}, fine]) is None


@pytest.mark.parametrize(
    "rest", [None, {}, {"x": 1.0}, {"way": None, "x": 1.0, "kind": "", "y": 1}]
)
def test_customers_who_are_given_in_other_forms_take_a_closer_look(rest: Any) -> None:
    assert plain(COLUMNS, [{"x": 1.0, "kind": "a", "y": None, "way": None}, rest]) is None
