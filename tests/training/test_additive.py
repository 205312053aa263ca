"""Shapes are worked by hand, and the fit finds what was planted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit

from tests.training.bases import make_schema
from training import shapes
from training.additive import Additive, Shape, signed_log

E = np.e
NUMBER = Shape(0, knots=(0.0, 1.0, 2.0), values=(-1.0, 1.0, 0.0), missing=0.25)
CATEGORY = Shape(1, knots=(0.0, 1.0), values=(-0.5, 0.5), missing=0.0)
HELD = Additive(3, intercept=2.0, shapes=(NUMBER, CATEGORY), categorical=(1,))
SCHEMA = make_schema("visits", "spend", "constant", "unseen", plan=("monthly", "yearly", "free"))


def make_matrix(rows: int = 1500, seed: int = 0) -> np.ndarray:
    """Visits and spend, each missing for a tenth; a constant; a column never seen; a plan."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack(
        [
            rng.poisson(6, rows).astype(float),
            rng.gamma(2.0, 50.0, rows) - 20.0,
            np.full(rows, 3.0),
            np.full(rows, np.nan),
            rng.integers(0, 2, rows).astype(float),
        ]
    )
    matrix[rng.random(rows) < 0.1, 0] = np.nan
    matrix[rng.random(rows) < 0.1, 1] = np.nan
    return matrix


def make_outcome(matrix: np.ndarray, seed: int = 1) -> np.ndarray:
    """Whether one left: the less often, the more they visited; the more often, if missing."""
    chance = expit(1.5 - 0.4 * np.nan_to_num(matrix[:, 0]) + 0.8 * matrix[:, 4])
    return (np.random.default_rng(seed).random(len(matrix)) < chance).astype(float)


def fitted(matrix: np.ndarray, target: np.ndarray, **changes) -> Additive:
    told = {"response": "chance", "shrinkage": 0.001, "bends": 4, **changes}
    return shapes.fit(SCHEMA, matrix, target, **told)


@pytest.fixture(scope="module")
def made() -> Additive:
    matrix = make_matrix()
    return fitted(matrix, make_outcome(matrix))


# A shape.


def test_a_shape_worked_by_hand():
    # The logarithm of 1 + x is 0, 1/2, 1, 3/2 and 2; beyond the last knot as at it.
    column = np.array([0.0, E**0.5 - 1, E - 1, E**1.5 - 1, E**2 - 1, 1e6, -7.0, np.nan])
    found = NUMBER.at(column, categorical=False)
    np.testing.assert_allclose(found, [-1, 0, 1, 0.5, 0, 0, -1, 0.25], atol=1e-12)


def test_a_category_adds_what_stands_at_its_number():
    column = np.array([0.0, 1.0, np.nan])
    np.testing.assert_array_equal(CATEGORY.at(column, categorical=True), [-0.5, 0.5, 0.0])


def test_the_margin_is_the_intercept_and_the_shapes():
    rows = np.array([[E - 1, 1.0, 9.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_allclose(HELD.margin(rows), [3.5, 2.25])
    told = HELD.contributions(rows)
    assert told.base == 2.0
    np.testing.assert_allclose(told.values, [[1.0, 0.5, 0.0], [0.25, 0.0, 0.0]])


@given(st.floats(-1e12, 1e12))
def test_the_signed_logarithm_is_odd_and_keeps_the_order(x):
    there, back = signed_log(np.array([x, -x]))
    assert there == -back
    assert np.sign(there) == np.sign(x)
    assert np.sign(there) * np.expm1(abs(there)) == pytest.approx(x, rel=1e-9)


# The fit.


def test_each_shape_averages_to_nothing_over_the_training_rows(made):
    moved = made.contributions(make_matrix()).values
    assert np.abs(moved).max() > 0.5
    np.testing.assert_allclose(moved.mean(axis=0), 0.0, atol=1e-9)


def test_what_never_varies_or_was_never_seen_has_no_shape(made):
    assert [shape.feature for shape in made.shapes] == [0, 1, 4]


def test_contributions_add_up_to_the_margin(made):
    matrix = make_matrix(seed=5)
    told = made.contributions(matrix)
    np.testing.assert_array_equal(told.base + told.values.sum(axis=1), told.margin)
    np.testing.assert_array_equal(made.margin(matrix), told.margin)


def test_a_row_alone_gets_the_bits_of_the_batch(made):
    matrix = make_matrix(301, seed=5)
    among = made.margin(matrix)
    for row in range(len(matrix)):
        assert made.margin(matrix[[row]])[0] == among[row]


def test_shapes_survive_their_file(made):
    again = Additive.from_bytes(made.to_bytes())
    assert again == made
    assert again.to_bytes() == made.to_bytes()


def test_the_same_rows_make_the_same_bytes(made):
    matrix = make_matrix()
    assert fitted(matrix, make_outcome(matrix)).to_bytes() == made.to_bytes()


def test_a_planted_curve_is_found_again():
    rng = np.random.default_rng(3)
    schema, x = make_schema("days"), rng.uniform(0, 100, 4000)
    planted = np.minimum(signed_log(x), 3.0)  # it rises, and is level from 19 days on
    target = planted + rng.normal(0, 0.2, len(x))
    asked = {"response": "log", "shrinkage": 1e-6, "bends": 20}
    found = shapes.fit(schema, x[:, None], target, **asked)
    days = np.array([1.0, 3.0, 8.0, 19.0, 40.0, 90.0])
    np.testing.assert_allclose(
        found.margin(days[:, None]), np.minimum(signed_log(days), 3.0), atol=0.1
    )


def test_a_rising_chance_makes_a_falling_shape(made):
    visits = np.arange(2.0, 12.0)
    (shape,) = (held for held in made.shapes if held.feature == 0)
    assert np.all(np.diff(shape.at(visits, categorical=False)) < 0)
    # Who has no number of visits left the most often of all.
    assert shape.missing > shape.at(visits, categorical=False).max()


def test_a_fit_meets_the_mean_of_its_target(made):
    matrix = make_matrix()
    outcome = make_outcome(matrix)
    assert expit(made.margin(matrix)).mean() == pytest.approx(outcome.mean(), abs=1e-4)
    money = np.random.default_rng(2).gamma(1.0, 30.0, len(matrix)) * outcome
    served = np.exp(fitted(matrix, money, response="mean").margin(matrix))
    assert served.mean() == pytest.approx(money.mean(), rel=0.05)
    straight = fitted(matrix, money, response="log").margin(matrix)
    assert straight.mean() == pytest.approx(money.mean())


def test_a_mean_is_found_alike_in_every_currency():
    matrix = make_matrix()
    money = np.random.default_rng(2).gamma(1.0, 30.0, len(matrix)) * make_outcome(matrix)
    euros, øre = (fitted(matrix, held, response="mean") for held in (money, money * 746))
    np.testing.assert_allclose(øre.margin(matrix), euros.margin(matrix) + np.log(746), rtol=1e-6)


def test_shrinkage_flattens_and_no_bends_make_straight_lines():
    matrix = make_matrix()
    outcome = make_outcome(matrix)
    spread = [
        fitted(matrix, outcome, shrinkage=held).margin(matrix).std() for held in (1e-4, 0.1, 10.0)
    ]
    assert spread[0] > spread[1] > spread[2] > 0
    assert spread[2] < 0.2 * spread[0]
    straight = fitted(matrix, outcome, bends=0)
    assert [len(shape.knots) for shape in straight.shapes] == [2, 2, 3]


def test_few_missing_rows_say_nothing_of_what_missing_means():
    matrix = make_matrix()
    matrix[:, 0] = np.nan_to_num(matrix[:, 0], nan=4.0)
    matrix[:19, 0] = np.nan
    target = np.zeros(len(matrix))
    target[:19] = 1.0  # all who are missing left
    target[100:400] = 1.0
    (shape,) = (held for held in fitted(matrix, target).shapes if held.feature == 0)
    assert abs(shape.missing) < 0.5
    matrix[19, 0], target[19] = np.nan, 1.0
    (shape,) = (held for held in fitted(matrix, target).shapes if held.feature == 0)
    assert shape.missing > 1.0


def test_a_category_never_met_in_training_adds_about_nothing(made):
    # Of the plan that nobody had, the shape says what the average plan does.
    matrix = make_matrix(3)
    matrix[:, 4] = 2.0
    assert np.abs(made.contributions(matrix).values[:, 4]).max() < 0.75
