"""The schema of features: a matrix and back, a digest that tells what matters, definitions."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features import frames
from features.definition import Family, Feature, Kind
from features.schema import FeatureColumn, FeatureError, FeatureSchema, check_value

RECENCY = FeatureColumn(
    name="days_since_purchase",
    kind="number",
    categories=(),
    unit="days",
    idea="recency",
    label="days since the last purchase",
    label_da="dage siden sidste køb",
    actionable=True,
    against="usual_gap",
    as_of_today=False,
    definition="d1",
)
INCOME = replace(
    RECENCY, name="income", kind="category", categories=("high", "low"), definition="d2"
)
SCHEMA = FeatureSchema((RECENCY, INCOME))


def test_numbers_and_categories_become_a_matrix():
    frame = pd.DataFrame(
        {"income": ["low", "high", None, "odd"], "days_since_purchase": [3.0, np.nan, 1.0, 2.0]}
    )
    expected = [[3.0, 1.0], [np.nan, 0.0], [1.0, np.nan], [2.0, np.nan]]
    np.testing.assert_array_equal(SCHEMA.encode(frame), expected)


def test_a_category_that_training_has_not_seen_is_told_by_row():
    frame = pd.DataFrame({"income": ["low", "odd", None], "days_since_purchase": [1.0, 2.0, 3.0]})
    assert SCHEMA.unseen(frame) == [(), ("income",), ()]


def test_a_frame_that_lacks_a_feature_is_refused():
    with pytest.raises(FeatureError, match="the features lack 'income'"):
        SCHEMA.encode(pd.DataFrame({"days_since_purchase": [1.0]}))


numbers = st.none() | st.floats(allow_nan=False, allow_infinity=False)
incomes = st.none() | st.text(max_size=4)


@given(st.lists(st.tuples(numbers, incomes), max_size=6))
def test_plain_values_come_back_from_a_frame_as_they_went_in(rows):
    assert SCHEMA.plain(SCHEMA.decode(rows)) == [list(row) for row in rows]


@given(st.lists(st.tuples(numbers, incomes), min_size=1, max_size=6))
def test_a_row_alone_is_encoded_as_among_others(rows):
    matrix = SCHEMA.encode(SCHEMA.decode(rows))
    alone = [SCHEMA.encode(SCHEMA.decode([row])) for row in rows]
    assert matrix.tobytes() == b"".join(each.tobytes() for each in alone)


def test_a_schema_comes_back_from_json():
    assert FeatureSchema.from_dict(json.loads(json.dumps(SCHEMA.to_dict()))) == SCHEMA


@pytest.mark.parametrize("change", [{"label_da": None}, {"colour": "red"}])
def test_a_column_of_other_parts_is_refused(change):
    held = SCHEMA.to_dict()
    for name, value in change.items():
        if value is None:
            del held["columns"][0][name]
        else:
            held["columns"][0][name] = value
    with pytest.raises(
        FeatureError, match=f"must have all parts and no other: '{next(iter(change))}'"
    ):
        FeatureSchema.from_dict(held)


OTHERWISE = {
    "another name": (replace(RECENCY, name="recency"), INCOME),
    "another order": (INCOME, RECENCY),
    "another kind": (replace(RECENCY, kind="category"), INCOME),
    "other categories": (RECENCY, replace(INCOME, categories=("high", "low", "middle"))),
    "categories in another order": (RECENCY, replace(INCOME, categories=("low", "high"))),
    "another definition": (replace(RECENCY, definition="d3"), INCOME),
    "one column less": (RECENCY,),
}


@pytest.mark.parametrize("what", OTHERWISE)
def test_the_digest_changes_with(what):
    assert FeatureSchema(OTHERWISE[what]).digest != SCHEMA.digest


def test_the_digest_does_not_change_with_words():
    words = {"label": "recency", "label_da": "x", "idea": "x", "unit": "x", "actionable": False}
    assert FeatureSchema((replace(RECENCY, **words), INCOME)).digest == SCHEMA.digest


def test_features_that_are_built_as_in_training_are_let_by():
    SCHEMA.check_definitions(FeatureSchema((INCOME, replace(RECENCY, label="other words"))))


@pytest.mark.parametrize(
    ("current", "said"),
    [
        ((RECENCY,), "'income' is no longer built; train again"),
        (
            (replace(RECENCY, definition="d9"), INCOME),
            "'days_since_purchase' is computed otherwise",
        ),
    ],
)
def test_features_that_are_built_otherwise_are_refused(current, said):
    with pytest.raises(FeatureError, match=said):
        SCHEMA.check_definitions(FeatureSchema(current))


def test_a_callers_negative_zero_is_zero():
    assert str(check_value(RECENCY, -0.0)) == "0.0"


@pytest.mark.parametrize(
    ("column", "value", "held"),
    [(RECENCY, 3, 3.0), (RECENCY, None, None), (INCOME, "odd", "odd"), (INCOME, None, None)],
)
def test_a_callers_value_is_held_as_the_schema_has_it(column, value, held):
    assert check_value(column, value) == held


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (RECENCY, "3"),
        (RECENCY, True),
        (RECENCY, float("nan")),
        (RECENCY, float("inf")),
        (RECENCY, 10**400),
        (INCOME, 3),
        (INCOME, ["low"]),
    ],
)
def test_a_callers_value_of_another_kind_is_refused(column, value):
    with pytest.raises(FeatureError, match=f"^{column.name} must be"):
        check_value(column, value)


# Definitions

BODY = "return days.age.min()"


def defined(folder: Path, source: str, frame=frames.days) -> Feature:
    """The feature that this text defines."""
    path = folder / f"written_{abs(hash(source))}.py"
    path.write_text(source)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    family = Family()
    windowed = "window" in source
    family.feature(frame, unit="", idea="", label="", label_da="", windowed=windowed)(
        module.recency
    )
    return family.build((30,), set())[0]


PLAIN = f"def recency(days):\n    {BODY}\n"


@pytest.mark.parametrize(
    "source",
    [
        f'def recency(days):\n    """Recency."""\n    {BODY}\n',
        f'def recency(days: "Table") -> "Value":\n    """Recency,\n    at length."""\n    {BODY}\n',
        f"# Why.\ndef recency(days):\n    # Why.\n    {BODY}  # Why.\n    # Why.\n",
    ],
)
def test_a_definition_does_not_change_with_what_is_said_of_it(tmp_path, source):
    assert defined(tmp_path, source).definition == defined(tmp_path, PLAIN).definition


@pytest.mark.parametrize(
    "source",
    [
        "def recency(days):\n    return days.age.max()\n",
        "def recency(days):\n    return days.age.min() + 0\n",
        f"def recency(days):\n    days = days.limit(1)\n    {BODY}\n",
        f"def recency(days, window):\n    {BODY}\n",
    ],
)
def test_a_definition_changes_with_how_it_is_computed(tmp_path, source):
    assert defined(tmp_path, source).definition != defined(tmp_path, PLAIN).definition


def test_a_definition_changes_with_its_frame(tmp_path):
    one = defined(tmp_path, PLAIN, frames.days).definition
    assert defined(tmp_path, PLAIN, frames.orders).definition != one


def spend(orders, window):
    return orders.net.sum(where=orders.age <= window)


def test_windows_are_features_of_their_own():
    family = Family()
    said = {"label": "spend in {window} days", "label_da": "forbrug i {window} dage"}
    family.feature(frames.orders, unit="money", idea="", windowed=True, **said)(spend)
    one, two = family.build((7, 30), set())
    assert (one.name, one.label, one.label_da) == (
        "spend_7d",
        "spend in 7 days",
        "forbrug i 7 dage",
    )
    assert (two.name, two.label, two.label_da) == (
        "spend_30d",
        "spend in 30 days",
        "forbrug i 30 dage",
    )
    assert one.definition != two.definition


def test_kinds_of_events_are_features_of_their_own():
    family = Family()
    said = {"label": "{kind} in {window} days", "label_da": "{kind} i {window} dage"}
    family.feature(
        frames.events, roles=("engagement",), windowed=True, unit="", idea="{kind}", **said
    )(spend)
    kinds = [
        Kind("web_visit", "engagement", "visits", "besøg", valued=False),
        Kind("nps", "score", "NPS", "NPS", valued=True),
        Kind("call", "engagement", "calls", "opkald", valued=False),
    ]
    visit, call = family.build((7,), set(), kinds)
    assert (visit.name, visit.idea) == ("web_visit_spend_7d", "web visit")
    assert (visit.label, visit.label_da) == ("visits in 7 days", "besøg i 7 dage")
    assert call.name == "call_spend_7d"
    assert visit.definition != call.definition


def test_a_feature_of_values_is_built_only_for_kinds_that_have_them():
    family = Family()
    family.feature(
        frames.events, roles=("score",), needs=("value",), unit="", idea="", label="", label_da=""
    )(spend)
    kinds = [Kind(name, "score", name, name, name == "nps") for name in ("nps", "csat")]
    assert [each.name for each in family.build((), {"value"}, kinds)] == ["nps_spend"]
    assert family.build((), set(), kinds) == []


def test_a_feature_of_a_role_is_built_only_where_a_kind_has_it():
    family = Family()
    family.feature(frames.contacts, needs=("contact",), unit="", idea="", label="", label_da="")(
        spend
    )
    mail = Kind("mail", "contact", "mail", "mail", valued=False)
    assert family.build((), set()) == []
    assert [each.name for each in family.build((), set(), [mail])] == ["spend"]


def test_a_feature_is_built_only_where_its_columns_are():
    family = Family()

    @family.feature(frames.channels, unit="", idea="", label="", label_da="", needs=("channel",))
    def channels(channels):
        return channels.count()

    assert family.build((), {"amount"}) == []
    assert [feature.name for feature in family.build((), {"amount", "channel"})] == ["channels"]
