from dataclasses import asdict

import numpy as np
import pytest
from scipy.special import expit

from training.calibrate import (
    CALIBRATIONS,
    Exponential,
    Intervals,
    Scale,
    Sigmoid,
    from_dict,
    to_dict,
)

MAPS = [Sigmoid(0.05, 3.0), Sigmoid(1.3, -0.4), Exponential(1.1), Exponential(0.02), Scale(2.0)]


@pytest.mark.parametrize("calibration", MAPS, ids=repr)
def test_every_map_strictly_increases(calibration):
    served = calibration.serve(np.linspace(-20, 20, 4001))
    assert np.all(np.diff(served) > 0)


@pytest.mark.parametrize("calibration", MAPS, ids=repr)
def test_the_slope_is_the_maps_derivative(calibration):
    margin, step = np.linspace(-6, 6, 101), 1e-5
    rise = (calibration.serve(margin + step) - calibration.serve(margin - step)) / (2 * step)
    np.testing.assert_allclose(calibration.slope(margin), rise, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("calibration", MAPS, ids=repr)
def test_a_map_survives_its_file(calibration):
    assert from_dict(to_dict(calibration)) == calibration
    assert CALIBRATIONS[calibration.kind] is type(calibration)


@pytest.mark.parametrize("calibration", MAPS, ids=repr)
def test_a_margin_alone_is_served_as_among_many(calibration):
    margin = np.random.default_rng(0).normal(size=1001)
    served = calibration.serve(margin)
    assert all(calibration.serve(margin[[i]])[0] == served[i] for i in range(1001))


def test_served_values_worked_by_hand():
    np.testing.assert_allclose(Sigmoid(2.0, -1.0).serve(np.array([0.5, 1.0])), [0.5, expit(1.0)])
    np.testing.assert_allclose(Exponential(3.0).serve(np.array([0.0, np.log(2)])), [3.0, 6.0])
    np.testing.assert_allclose(Scale(0.5).serve(np.array([-4.0, 4.0])), [-2.0, 2.0])


@pytest.mark.parametrize(("steepness", "intercept"), [(1.0, 0.0), (0.4, 1.0), (2.5, -1.5)])
def test_a_sigmoid_that_made_the_outcomes_is_found_again(steepness, intercept):
    rng = np.random.default_rng(1)
    margin = rng.normal(0, 1.5, 200_000)
    outcome = (rng.random(len(margin)) < expit(steepness * margin + intercept)).astype(float)
    found = Sigmoid.fit(margin, outcome)
    assert found.steepness == pytest.approx(steepness, rel=0.03)
    assert found.intercept == pytest.approx(intercept, abs=0.03)


def test_a_fitted_sigmoid_meets_the_rate_of_the_outcomes():
    rng = np.random.default_rng(2)
    margin = rng.normal(size=5000)
    outcome = (rng.random(5000) < expit(0.5 * margin - 2)).astype(float)
    served = Sigmoid.fit(margin, outcome).serve(margin)
    assert served.mean() == pytest.approx(outcome.mean(), abs=1e-4)


def test_margins_that_tell_nothing_or_the_reverse_still_make_an_increasing_map():
    rng = np.random.default_rng(3)
    margin = rng.normal(size=2000)
    nothing = Sigmoid.fit(margin, (rng.random(2000) < 0.3).astype(float))
    reverse = Sigmoid.fit(margin, (margin < 0).astype(float))
    assert nothing.steepness >= 0.05
    assert reverse.steepness == pytest.approx(0.05)


def test_radii_worked_by_hand():
    # The offset is the mean of |10|, |30| and so on, 20; each is off by 1/30, 2/50, 3/30, 4/50.
    served = np.array([10.0, 30.0, 10.0, 30.0])
    actual = served + np.array([1.0, 2.0, -3.0, -4.0])
    found = Intervals.fit(served, actual, (50, 60, 95))
    assert found.offset == 20.0
    # Ranks ⌈5 · level⌉ are 3, 3 and 5: of four there is no fifth, so the largest stands for it.
    assert found.radii == pytest.approx({"50": 0.08, "60": 0.08, "95": 0.1})


def test_intervals_grow_with_the_value_and_stop_at_the_floor():
    held = Intervals(10.0, {"80": 0.5})
    around = held.around(np.array([0.0, 30.0, -30.0]), "80", None)
    np.testing.assert_allclose(around, [[-5, 5], [10, 50], [-50, -10]])
    floored = held.around(np.array([0.0, 30.0]), "80", 0.0)
    np.testing.assert_allclose(floored, [[0, 5], [10, 50]])


def test_values_that_are_all_nothing_have_an_offset():
    found = Intervals.fit(np.zeros(10), np.arange(10.0), (80,))
    assert found.offset == 1.0
    np.testing.assert_allclose(found.around(np.array([0.0]), "80", 0.0), [[0, 8]])


@pytest.mark.parametrize("level", [80, 95])
def test_intervals_cover_new_customers_at_least_as_often_as_they_claim(level):
    rng = np.random.default_rng(level)
    covered = []
    for _ in range(400):
        served = rng.gamma(2.0, 20.0, 250)
        actual = served * rng.lognormal(0, 0.7, 250) * (rng.random(250) < 0.8)
        held = Intervals.fit(served[:150], actual[:150], (level,))
        low, high = held.around(served[150:], str(level), 0.0).T
        covered.append(np.mean((low <= actual[150:]) & (actual[150:] <= high)))
    error = np.std(covered) / 20
    assert level / 100 - 3 * error <= np.mean(covered) <= level / 100 + 0.02


def test_intervals_survive_their_file():
    held = Intervals.fit(np.arange(20.0), np.arange(20.0)[::-1], (80, 95))
    assert Intervals(**asdict(held)) == held
