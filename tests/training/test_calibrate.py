import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mapie.regression import SplitConformalRegressor
from scipy.special import expit
from sklearn.base import BaseEstimator, RegressorMixin

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


# Intervals.


def made(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Values served, and what then came: lopsided, and nothing of every fifth customer."""
    rng = np.random.default_rng(seed)
    served = rng.gamma(2.0, 20.0, rows)
    return served, served * rng.lognormal(0, 0.7, rows) * (rng.random(rows) < 0.8)


def covered(held: Intervals, served: np.ndarray, actual: np.ndarray, level: int) -> np.ndarray:
    low, high = held.around(served, str(level), 0.0).T
    return (low <= actual) & (actual <= high)


def test_the_shortest_reach_worked_by_hand():
    # The offset is the mean of |10| and |30|, 20: what came is off by these parts of 30 and of 50.
    served = np.repeat([10.0, 30.0], 4)
    parts = np.array([-0.2, -0.1, 0.05, 0.9, -0.5, 0.0, 0.1, 0.3])
    held = Intervals.fit(served, served + parts * (served + 20.0), (40, 60, 80, 95))
    assert (held.offset, held.edges) == (20.0, ())
    # ⌈9 · level⌉ of the eight are held: 4, 6 and 8; there is no ninth, so all stand for 95 %.
    # The four nearest lie from −0.1 to 0.1, the six from −0.2 to 0.3, the eight from −0.5 to 0.9.
    for level, reach in {"40": (-0.1, 0.1), "60": (-0.2, 0.3), "80": (-0.5, 0.9)}.items():
        np.testing.assert_allclose(held.reaches[level], [reach])
    assert held.reaches["95"] == held.reaches["80"]


def test_a_reach_holds_the_value_itself_though_the_outcomes_lie_elsewhere():
    # What came lies from 12 on, the denser the less: the nearest 50 of 99 end at 12.5.
    came = 12.0 + 2.0 * np.linspace(0, 1, 99) ** 2
    held = Intervals.fit(np.full(99, 10.0), came, (50,))
    np.testing.assert_allclose(held.reaches["50"], [(0.0, 2.5 / 20)], rtol=1e-9)


def test_intervals_grow_with_the_value_and_stop_at_the_floor():
    held = Intervals(10.0, (), {"80": ((-0.5, 1.0),)})
    around = held.around(np.array([0.0, 30.0, -30.0]), "80", None)
    np.testing.assert_allclose(around, [[-5, 10], [10, 70], [-50, 10]])
    floored = held.around(np.array([0.0, 30.0]), "80", 0.0)
    np.testing.assert_allclose(floored, [[0, 10], [10, 70]])


def test_each_band_of_the_value_has_its_own_reach():
    held = Intervals(0.0, (10.0, 20.0), {"80": ((0.0, 1.0), (-1.0, 0.0), (-0.5, 0.5))})
    around = held.around(np.array([5.0, 10.0, 19.0, 20.0, 400.0]), "80", None)
    # A value on an edge is of the band above it.
    np.testing.assert_allclose(around, [[5, 10], [0, 10], [0, 19], [10, 30], [200, 600]])


@pytest.mark.parametrize(("rows", "bands"), [(150, 1), (399, 1), (400, 2), (1100, 5), (9000, 10)])
def test_bands_hold_two_hundred_customers_or_more(rows, bands):
    served, actual = made(rows, seed=rows)
    held = Intervals.fit(served, actual, (80,))
    assert len(held.reaches["80"]) == len(held.edges) + 1 == bands
    sizes = np.bincount(np.searchsorted(held.edges, served, side="right"))
    assert sizes.min() >= min(rows, 200) - 1


def test_values_that_are_alike_share_a_band():
    served = np.repeat([1.0, 5.0], [900, 100])
    held = Intervals.fit(served, served, (80, 95))
    assert len(held.edges) + 1 == len(held.reaches["80"])
    np.testing.assert_allclose(held.around(served, "95", None), served[:, None] * [1, 1])


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 900), levels=st.sets(st.integers(1, 99)))
def test_a_higher_level_holds_a_lesser_one_and_all_hold_the_value(seed, rows, levels):
    served, actual = made(rows, seed)
    held = Intervals.fit(served, actual, sorted(levels))
    asked = np.append(served, [0.0, 1e4])
    within = np.column_stack([asked, asked])
    for level in sorted(levels):
        around = held.around(asked, str(level), None)
        assert np.all(around[:, 0] <= within[:, 0])
        assert np.all(within[:, 1] <= around[:, 1])
        within = around


@given(seed=st.integers(0, 10_000), rows=st.integers(2, 900), level=st.integers(1, 99))
def test_of_those_that_it_was_fitted_on_an_interval_holds_the_level_in_every_band(
    seed, rows, level
):
    served, actual = made(rows, seed)
    held = Intervals.fit(served, actual, (level,))
    band = np.searchsorted(held.edges, served, side="right")
    within = covered(held, served * 1.0, actual, level)
    for number in range(len(held.edges) + 1):
        own = within[band == number]
        # One on an end may fall out by the last bit of the sum.
        assert own.sum() + 2 >= min(np.ceil((len(own) + 1) * level / 100), len(own))


def test_values_that_are_all_nothing_have_an_offset():
    found = Intervals.fit(np.zeros(10), np.arange(10.0), (80,))
    assert found.offset == 1.0
    np.testing.assert_allclose(found.around(np.array([0.0]), "80", 0.0), [[0, 8]])


@pytest.mark.parametrize("level", [80, 95])
def test_intervals_cover_new_customers_about_as_often_as_they_claim(level):
    found = []
    for seed in range(200):
        served, actual = made(1200, seed)
        held = Intervals.fit(served[:1000], actual[:1000], (level,))
        found.append(covered(held, served[1000:], actual[1000:], level).mean())
    # The shortest of many reaches is chosen by what it held: new customers fall out of it a little
    # more often (Lei, Robins & Wasserman 2013), the fewer a band, the more.
    assert level / 100 - 0.03 <= np.mean(found) <= level / 100 + 0.02


def test_beside_mapies_intervals_they_cover_alike_and_are_narrower():
    class Served(RegressorMixin, BaseEstimator):
        """Predicts the value that it is given."""

        def fit(self, x, _):
            self.n_features_in_ = x.shape[1]
            return self

        def predict(self, x):
            return x[:, 0]

    (known, came), (served, actual) = made(3000, 1), made(20_000, 2)
    level = 80
    theirs = SplitConformalRegressor(
        Served().fit(known[:, None], came), confidence_level=level / 100, prefit=True
    ).conformalize(known[:, None], came)
    low, high = theirs.predict_interval(served[:, None])[1][:, :, 0].T
    low = np.maximum(low, 0.0)
    held = Intervals.fit(known, came, (level,))
    ours = held.around(served, str(level), 0.0)
    assert np.mean((low <= actual) & (actual <= high)) == pytest.approx(0.8, abs=0.02)
    assert covered(held, served, actual, level).mean() == pytest.approx(0.8, abs=0.03)
    assert np.mean(ours[:, 1] - ours[:, 0]) < 0.9 * np.mean(high - low)
    # Where values are small and where they are large, ours hold their level; theirs in the mean.
    small, large = served < np.quantile(served, 0.2), served > np.quantile(served, 0.8)
    for rows in (small, large):
        of_ours = covered(held, served, actual, level)[rows].mean()
        of_theirs = np.mean((low <= actual)[rows] & (actual <= high)[rows])
        assert abs(of_ours - 0.8) < abs(of_theirs - 0.8)


def test_intervals_survive_their_file():
    held = Intervals.fit(*made(900, 3), (80, 95))
    assert len(held.edges) == 3
    assert Intervals.from_dict(json.loads(json.dumps(held.to_dict()))) == held
