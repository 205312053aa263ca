"""Reasons of many customers at once are those of each alone."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.schema import FeatureColumn, FeatureSchema
from training.quantities import alike, amount, quantity
from training.reason_columns import Phrasebook
from training.reasons import Options, Row, Vocabulary, ranked

UNITS = ("days", "count", "share", "ratio", "EUR", "weeks", "")
VALUES = st.one_of(
    st.floats(-1e6, 1e6),
    st.integers(-4_000, 4_000).map(lambda cents: cents / 200),  # the middle between two decimals
    st.integers(-4_000, 4_000).map(lambda cents: cents / 2_000),
    st.sampled_from([0.0, -0.0, 0.005, -0.001, 0.9999, 9.95, 9.96, 99.995, 100.0, 100.01, 1.0]),
)


@given(st.lists(VALUES, min_size=2, max_size=60), st.sampled_from(UNITS))
def test_figures_of_one_number_read_alike(values, unit):
    read: dict[int, set[str]] = {}
    for number, value in zip(alike(np.array(values), unit).tolist(), values, strict=True):
        told = [quantity(value, unit, language) for language in ("en", "da")]
        read.setdefault(number, set()).add(" ".join(told))
    assert all(len(texts) == 1 for texts in read.values())


@given(st.lists(VALUES, min_size=2, max_size=60))
def test_amounts_of_one_number_read_alike(values):
    read: dict[int, set[str]] = {}
    for number, value in zip(alike(np.array(values), "money").tolist(), values, strict=True):
        read.setdefault(number, set()).add(amount(value, "DKK", "da"))
    assert all(len(texts) == 1 for texts in read.values())


def make_column(name, unit, idea, kind="number", against=None) -> FeatureColumn:
    categories = ("high", "low") if kind == "category" else ()
    return FeatureColumn(
        name, kind, categories, unit, idea, name, f"{name} da", True, against, False, "made"
    )


SCHEMA = FeatureSchema(
    (
        make_column("pause", "days", "recency", against="gap"),
        make_column("gap", "days", "rhythm"),
        make_column("spend", "money", "money"),
        make_column("spend before", "money", "money", against="spend"),
        make_column("income", "", "person", kind="category"),
        make_column("newsletter", "", "contact"),
        make_column("part", "share", "money", against="times"),
        make_column("times", "ratio", "times"),
    )
)
ATTRIBUTES = {
    "customers": {"attributes": {"newsletter": {"kind": "flag"}, "income": {"kind": "category"}}}
}
REFERENCE = {
    **{name: {"median": 21.0} for name in SCHEMA.names},
    "newsletter": {"median": 1.0},
    "income": {"counts": {"low": 3, "high": 2}},
    "times": {},
}


@pytest.mark.parametrize("language", ["en", "da"])
@pytest.mark.parametrize("towards", [1, -1])
@pytest.mark.parametrize("most", [0, 1, 3, 9])
def test_texts_are_those_of_each_row(language, towards, most):
    vocabulary = Vocabulary.read(SCHEMA, REFERENCE, {"sources": ATTRIBUTES, "currency": "USD"})
    rng, count = np.random.default_rng(3), 400
    numbers = rng.choice([0.0, 0.004, 1.0, 2.25, 20.5, 21.0, 21.4, 99.999, 140.0], (count, 8))
    numbers += rng.choice([0.0, 0.07], numbers.shape)
    numbers[:, 5] = rng.choice([0.0, 1.0, 0.5], count)
    numbers[rng.random(numbers.shape) < 0.1] = np.nan
    words = pa.array(rng.choice(["low", "high", "unheard of"], count), mask=rng.random(count) < 0.1)
    words = words.dictionary_encode()
    # Few values, so that many weights are equal: then the order of ideas decides.
    contributions = rng.choice([-0.2, -0.1, 0.0, 0.1, 0.2], (count, 8))
    book = Phrasebook(vocabulary, language)
    found = book.texts(
        lambda place: words if place == 4 else numbers[:, place], contributions, towards, most
    )
    for row, told in enumerate(found.to_pylist()):
        values = [None if value != value else value for value in numbers[row].tolist()]
        values[4] = words[row].as_py()
        held = Row(values, contributions[row].tolist(), contributions[row].tolist())
        due = ranked(vocabulary, held, towards, Options(most, language))
        assert told == [reason["text"] for reason in due]
    assert most == 0 or any(found.to_pylist())
