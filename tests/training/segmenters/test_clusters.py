"""Centres and mixtures: who is nearest, and what makes it so."""

from dataclasses import replace
from math import exp, log

import numpy as np
import pytest

from tests.training.segmenters.makers import THREE, make_centres, make_mixture, make_rows
from training.predictors import Term
from training.segmentation import mixtures
from training.segmenters.centres import Centres
from training.segmenters.mixture import Mixture

AS_IT_IS = [Term(index, "identity", 0.0, 1.0, 1.0) for index in range(2)]


def test_the_margin_of_a_centre_is_how_much_nearer_it_is_than_the_second():
    centres = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 10.0]])
    way = Centres.of("behaviour", AS_IT_IS, centres, THREE, 3, None)
    row = np.array([[1.0, 2.0, 99.0]])  # squares: 1 + 4 = 5, 9 + 4 = 13, 1 + 64 = 65

    assert way.assign(row) == [0]
    assert way.contributions(row).values.tolist() == [[9.0 - 1.0, 4.0 - 4.0, 0.0]]
    assert way.contributions(row).margin == [8.0]


def test_of_two_centres_as_near_the_first_has_the_row():
    way = Centres.of("behaviour", AS_IT_IS, np.array([[1.0, 0.0], [-1.0, 0.0]]), THREE[:2], 2, None)
    row = np.zeros((1, 2))

    assert way.assign(row) == [0]
    assert way.contributions(row).margin == [0.0]


def test_a_missing_value_stands_at_the_mean():
    terms = [Term(0, "identity", 5.0, 2.0, 1.0)]
    way = Centres.of("behaviour", terms, np.array([[0.0], [3.0]]), THREE[:2], 1, None)

    assert way.assign(np.array([[np.nan], [5.0], [11.0]])).tolist() == [0, 0, 1]


def test_the_margin_of_a_centre_is_never_below_zero():
    assert (make_centres().contributions(make_rows(500, 1)).margin >= 0).all()


def make_two(weights: tuple[float, float]) -> Mixture:
    """Components at 0 and 3 with variances 1 and 4."""
    means, variances = np.array([[0.0], [3.0]]), np.array([[1.0], [4.0]])
    held = np.array(weights), means, variances
    return Mixture.of("behaviour", AS_IT_IS[:1], *held, THREE[:2], 1, None)


def test_a_row_belongs_to_its_most_probable_component():
    # At 1 the densities are, but for √(2π): e^(−1/2) = 0.6065 and e^(−4/8) ÷ 2 = 0.3033.
    row = np.array([[1.0]])
    one, other = exp(-0.5), exp(-0.5) / 2

    assert make_two((0.5, 0.5)).assign(row) == [0]
    assert make_two((0.5, 0.5)).probabilities(row) == pytest.approx(np.array([[2 / 3, 1 / 3]]))
    assert make_two((0.5, 0.5)).contributions(row).margin == pytest.approx([log(one / other)])


def test_a_large_component_takes_rows_from_between_and_its_margin_says_so():
    row = np.array([[1.0]])  # 0.2 · 0.6065 < 0.8 · 0.3033
    way = make_two((0.2, 0.8))

    assert way.assign(row) == [1]
    assert way.probabilities(row)[0, 1] == pytest.approx(0.8 / (0.8 + 0.2 * 2))
    assert way.contributions(row).margin == pytest.approx([-log(2)])


def test_a_mixture_is_what_the_library_fitted():
    matrix = make_rows(400, 2)
    way = make_mixture()
    points = np.column_stack([t.weight * t.standardised(matrix) for t in way.columns])
    learned = np.column_stack([t.weight * t.standardised(make_rows()) for t in way.columns])
    fitted = mixtures.fit(learned, 3, seed=1)

    assert (way.assign(matrix) == fitted.predict(points)).all()
    assert way.probabilities(matrix) == pytest.approx(fitted.predict_proba(points), abs=1e-9)
    assert way.probabilities(matrix).sum(axis=1) == pytest.approx(1.0)


def test_features_of_a_mixture_add_up_to_the_difference_of_log_densities():
    way, matrix = make_mixture(), make_rows(100, 3)
    even = replace(way, weights=(1 / 3,) * 3)  # then log densities are all that counts
    chances = np.sort(even.probabilities(matrix), axis=1)
    clear = chances[:, -2] > 1e-12

    expected = np.log(chances[clear, -1] / chances[clear, -2])
    assert even.contributions(matrix).margin[clear] == pytest.approx(expected, abs=1e-9)


def test_a_component_does_not_shrink_to_customers_who_are_all_alike():
    points = np.concatenate([np.zeros((50, 1)), np.full((50, 1), 2.0)])

    assert mixtures.fit(points, 2, seed=0).covariances_.min() >= 0.01
