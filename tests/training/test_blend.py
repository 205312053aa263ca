"""Weights come from strangers, are never negative, and favour the part that tells most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, log_expit
from sklearn.metrics import log_loss as sklearn_log_loss
from sklearn.metrics import mean_tweedie_deviance

from training.additive import Additive, Shape
from training.blend import Weighted, blended, margin_of, surprise, tweedie, weigh
from training.predictors import Linear, Term

LINEAR = Linear(2, 0.5, (Term(0, "identity", 0.0, 1.0, 2.0), Term(1, "identity", 1.0, 1.0, -1.0)))
ROWS = np.random.default_rng(0).normal(0, 2, (200, 2))
LOSSES = {"surprise": surprise(), "tweedie 1.2": tweedie(1.2), "tweedie 1.5": tweedie(1.5)}


# A weighted predictor.


def test_a_weight_multiplies_the_margin_and_all_that_adds_to_it():
    held, plain = Weighted(LINEAR, 0.4), LINEAR.contributions(ROWS)
    np.testing.assert_allclose(held.margin(ROWS), 0.4 * LINEAR.margin(ROWS))
    told = held.contributions(ROWS)
    np.testing.assert_allclose(told.values, 0.4 * plain.values)
    assert told.base == 0.4 * plain.base


def test_a_chances_logarithm_worked_by_hand():
    # The margin is 0.5 + 2·0.25 + (1 − 1): log-odds of 1, and of 0.5 without any contribution.
    held = Weighted(LINEAR, 2.0, "log_chance")
    row = np.array([[0.25, 1.0]])
    assert held.margin(row) == pytest.approx(2 * np.log(1 / (1 + np.exp(-1))))
    told = held.contributions(row)
    assert told.base == pytest.approx(2 * np.log(1 / (1 + np.exp(-0.5))))
    np.testing.assert_allclose(told.values, [[held.margin(row)[0] - told.base, 0.0]], atol=1e-12)


@pytest.mark.parametrize("link", ["identity", "log_chance"])
def test_contributions_add_up_to_the_margin_through_every_link(link):
    held = Weighted(LINEAR, 0.7, link)
    np.testing.assert_allclose(held.contributions(ROWS).margin, held.margin(ROWS), atol=1e-12)


def test_a_row_that_moves_nothing_has_the_slope_at_the_base():
    # Two contributions that cancel out: rescaled by the derivative, not by nothing over nothing.
    row = np.array([[1.0, 3.0]])
    told = Weighted(LINEAR, 1.0, "log_chance").contributions(row)
    slope = 1 - expit(0.5)
    np.testing.assert_allclose(told.values, [[2 * slope, -2 * slope]])


def test_a_weighted_row_alone_gets_the_bits_of_the_batch():
    for link in ("identity", "log_chance"):
        held = Weighted(LINEAR, 0.7, link)
        among = held.contributions(ROWS).values
        for row in range(0, len(ROWS), 9):
            alone = held.contributions(ROWS[[row]]).values
            assert alone.tobytes() == among[[row]].tobytes()
            assert held.margin(ROWS[[row]])[0] == held.margin(ROWS)[row]


def test_its_file_is_the_predictors():
    shape = Additive(2, 1.0, (Shape(0, (0.0, 1.0), (0.0, 1.0), 0.0),), ())
    held = Weighted(shape, 0.4)
    assert (held.kind, held.suffix, held.to_bytes()) == ("additive", "json", shape.to_bytes())


def test_components_that_weigh_nothing_are_left_out():
    chance, value = Weighted(LINEAR, 1.0, "log_chance"), Weighted(LINEAR, 2.0)
    found = blended([(chance, value), (Weighted(LINEAR),)], [0.5, 0.0])
    assert found == (Weighted(LINEAR, 0.5, "log_chance"), Weighted(LINEAR, 1.0))
    np.testing.assert_allclose(
        margin_of((chance, value), ROWS), log_expit(LINEAR.margin(ROWS)) + 2 * LINEAR.margin(ROWS)
    )


# Losses.


@pytest.mark.parametrize("name", LOSSES)
@given(margin=st.floats(-8, 8), outcome=st.floats(0, 50))
def test_a_slope_is_the_losss_derivative(name, margin, outcome):
    loss = LOSSES[name]
    outcome = outcome / 50 if name == "surprise" else outcome
    step, y = 1e-5, np.array([outcome])
    up, down = (loss.value(np.array([margin + by]), y)[0] for by in (step, -step))
    slope = loss.slope(np.array([margin]), y)[0]
    assert (up - down) / (2 * step) == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_losses_are_scikit_learns_up_to_what_no_margin_changes():
    rng = np.random.default_rng(1)
    margin, other = rng.normal(size=300), rng.normal(size=300)
    left = (rng.random(300) < 0.4).astype(float)
    found = np.mean(surprise().value(margin, left))
    assert found == pytest.approx(sklearn_log_loss(left, expit(margin)))
    spent = rng.gamma(1.0, 5.0, 300) * left
    ours, theirs = (
        [held(spent, told) for told in (margin, other)]
        for held in (
            lambda y, m: 2 * np.mean(tweedie(1.5).value(m, y)),
            lambda y, m: mean_tweedie_deviance(y, np.exp(m), power=1.5),
        )
    )
    assert ours[0] - ours[1] == pytest.approx(theirs[0] - theirs[1])


# Weights.


def made(rows: int = 4000, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Margins of three parts, of which only the second knows the log-odds of the outcome."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(0, 1.5, rows)
    outcome = (rng.random(rows) < expit(truth)).astype(float)
    return np.column_stack([rng.normal(size=rows), truth, rng.normal(size=rows)]), outcome


def test_the_part_that_made_the_outcomes_gets_the_weight():
    weights, shift = weigh(*made(), surprise())
    assert weights[1] == pytest.approx(1.0, abs=0.1)
    assert weights[[0, 2]].max() < 0.1
    assert shift == pytest.approx(0.0, abs=0.1)


def test_parts_that_are_the_same_share_alike():
    margins, outcome = made()
    weights, _ = weigh(margins[:, [1, 1]], outcome, surprise())
    assert weights[0] == pytest.approx(weights[1], rel=1e-3)
    assert weights.sum() == pytest.approx(1.0, abs=0.1)


def test_a_part_that_says_the_reverse_has_no_weight():
    margins, outcome = made()
    truth = margins[:, 1]
    reverse = np.random.default_rng(4).normal(0, 0.5, len(truth)) - truth
    weights, _ = weigh(np.column_stack([truth, reverse]), outcome, surprise())
    assert weights[0] == pytest.approx(1.0, abs=0.1)
    assert weights[1] == 0.0


def test_where_all_say_the_reverse_their_order_is_kept_at_a_small_weight():
    margins, outcome = made()
    weights, shift = weigh(-margins[:, [1, 1]], outcome, surprise())
    np.testing.assert_array_equal(weights, [0.025, 0.025])
    assert expit(shift) == pytest.approx(outcome.mean(), abs=0.01)


@given(seed=st.integers(0, 10_000), parts=st.integers(1, 4))
def test_weights_are_never_negative_and_are_bounded(seed, parts):
    rng = np.random.default_rng(seed)
    margins, outcome = rng.normal(0, 2, (60, parts)), rng.gamma(1.0, 1.0, 60)
    weights, shift = weigh(margins, outcome, tweedie(1.5))
    assert np.all((weights >= 0) & (weights <= 3.0))
    assert weights.any()
    assert abs(shift) <= 5.0


def test_a_constant_margin_off_by_a_factor_is_shifted_to_the_level():
    rng = np.random.default_rng(3)
    spent = rng.gamma(1.0, 1.0, 2000)
    weights, shift = weigh(np.full((2000, 1), 0.7), spent, tweedie(1.5))
    assert np.exp(0.7 * weights[0] + shift) == pytest.approx(spent.mean(), rel=1e-3)
