import numpy as np
import pytest

from tests.training.bases import make_schema
from training.calibrate import Scale
from training.examples import FEWEST, examples, markdown, typical
from training.model import Model
from training.predictors import Linear, Term

CONFIG = {"sources": {}, "currency": "DKK"}


def make_model() -> Model:
    """Spend counts twice, a pause takes away; the city says nothing."""
    schema = make_schema("spend", "pause", city=("Aarhus", "Odense"))
    terms = (Term(0, "identity", 0.0, 1.0, 2.0), Term(1, "identity", 0.0, 1.0, -1.0))
    return Model("clv", "linear", schema, (Linear(3, 0.0, terms),), Scale(1.0))


def make_rows(rows: int) -> np.ndarray:
    spend = np.arange(rows, dtype=float)
    return np.column_stack([spend, np.full(rows, 3.0), np.arange(rows) % 3 > 0])


def told(rows: np.ndarray) -> list[dict]:
    return examples(make_model(), rows, {}, CONFIG)


def test_the_typical_customer_is_made_of_rounded_middles():
    rows = np.array(
        [[123.0, np.nan, 0], [124.0, np.nan, 1], [999.0, 7.0, 1], [1.0, 5.0, 1], [2.0, np.nan, 0]]
    )
    np.testing.assert_array_equal(typical(make_model(), rows), [[120.0, np.nan, 1.0]])


def test_each_band_is_told_with_both_ways_and_what_is_served():
    low, middle, high = told(make_rows(400))
    assert [each["band"] for each in (low, middle, high)] == ["low", "middle", "high"]
    assert {each["customers"] for each in (low, middle, high)} == {40}
    # The middle of 0 … 39 is 19.5, in two digits 20: 2 · 20 − 3.
    assert low["served"] == pytest.approx(37.0)
    assert low["raise"] == ["spend: 20"]
    assert low["lower"] == ["pause: 3"]
    assert high["raise"] == ["spend: 380"]


def test_too_few_customers_are_no_example():
    assert told(make_rows(10 * FEWEST - 10)) == []


@pytest.mark.parametrize("seed", range(5))
def test_no_example_is_a_customer(seed):
    rows = np.random.default_rng(seed).gamma(2.0, 50.0, (300, 2))
    rows = np.column_stack([rows, rows[:, 0] > 80])
    model = make_model()
    order = np.argsort(model.predict(rows), kind="stable")
    for part in (order[:30], order[135:165], order[270:]):
        made = typical(model, rows[part])
        assert not (rows == made).all(axis=1).any()


def test_the_text_says_each_example_in_words():
    said = markdown(told(make_rows(400)), "DKK {:.0f}".format)
    assert "## Typical of the tenth with the lowest predictions (40 customers)" in said
    assert "Predicted: DKK 37\n\nWhat raises it:\n\n- spend: 20\n" in said
    assert "What lowers it:\n\n- pause: 3\n" in said
