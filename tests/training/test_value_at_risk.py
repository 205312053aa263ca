"""Value at risk is the chance of leaving × what a customer brings if they stay."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.source import load_tables
from tests.factories import make_bundle, make_bundles, make_config
from tests.training.bases import (
    make_examples,
    make_reader,
    make_regulars,
    make_regulars_config,
    make_schema,
)
from training import bundle as bundles
from training import clv
from training.baselines import value_model
from training.if_stays import IfStays
from training.predictors import Linear, Term
from training.split import Split, Step
from training.value_at_risk import unrealised_potential, value_at_risk, value_if_stays

MAP = IfStays((10.0, 30.0, 50.0), (20.0, 30.0, 90.0))


def test_between_knots_it_is_a_straight_line_and_never_below_what_is_expected():
    # 20 is halfway between 10 and 30: 25. Below the first knot it is the first value. 40 is
    # halfway between 30 and 50: 60. Past the last knot it rises as the served value: 90 + 20.
    served = np.array([-5.0, 0.0, 20.0, 30.0, 40.0, 70.0, np.nan])
    np.testing.assert_array_equal(MAP.of(served), [20, 20, 25, 30, 60, 110, np.nan])
    # Whose fit lies below the line of equality brings at least what is expected of them.
    assert IfStays((10.0, 30.0), (12.0, 20.0)).of(np.array([25.0, 40.0])).tolist() == [25.0, 40.0]


def test_it_is_the_mean_of_who_stayed_in_bands_that_rise():
    # Three groups of 60 who stayed, and as many who left: these count for nothing. The means of
    # the first two fall, 40 then 20, so that both become their mean, 30 (Barlow et al. 1972).
    served = np.repeat([10.0, 20.0, 30.0, 10.0], [60, 60, 60, 180])
    actual = np.repeat([40.0, 20.0, 50.0, 0.0], [60, 60, 60, 180])
    assert IfStays.fit(served, actual) == IfStays((10.0, 20.0, 30.0), (30.0, 30.0, 50.0))


def test_bands_have_fifty_of_who_stayed_or_more_and_equal_values_share_one():
    # Of 1, 2, …, 120 the first band ends with its fiftieth; the 20 that a third would have are
    # too few, and stay in the second. Means: 25.5 and 85.5, and twice that is what they brought.
    served = np.arange(1.0, 121.0)
    assert IfStays.fit(served, 2 * served) == IfStays((25.5, 85.5), (51.0, 171.0))
    alike = IfStays.fit(np.full(500, 7.0), np.arange(1.0, 501.0))
    assert alike == IfStays((7.0,), (250.5,))


def test_fewer_than_fifty_who_stayed_tell_nothing():
    served, actual = np.arange(100.0), np.repeat([0.0, 5.0], [51, 49])
    assert IfStays.fit(served, actual) is None
    assert IfStays.fit(np.append(served, 100.0), np.append(actual, 5.0)) is not None


finite = st.floats(0, 1e6, allow_nan=False)
rows = st.lists(st.tuples(finite, finite), min_size=110, max_size=160)


@settings(max_examples=30)
@given(rows, st.floats(0.1, 10.0))
def test_whatever_it_was_fitted_on_it_rises_and_stretches(held, factor):
    served, actual = np.array(held).T
    if (found := IfStays.fit(served, actual + 1.0)) is None:
        return
    asked = np.sort(np.append(served, [0.0, 2e6]))
    told = found.of(asked)
    assert np.all(np.diff(told) >= -1e-6)
    assert np.all(told >= asked)
    assert all(low < high for low, high in pairwise(found.served))
    longer = found.stretched(factor).of(asked * factor)
    np.testing.assert_allclose(longer, told * factor, rtol=1e-9, atol=1e-6)
    alone = np.concatenate([found.of(asked[i : i + 1]) for i in range(len(asked))])
    assert alone.tobytes() == told.tobytes()
    assert IfStays.from_dict(found.to_dict()) == found


# What is at risk


def test_value_at_risk_counts_leaving_once():
    # Half of customers alike leave, who stays brings 100: CLV 50, and 50 are at risk, not 25.
    model = replace(make_reader("made", 0, 1), if_stays=IfStays((50.0,), (100.0,)))
    clv_served, chance = np.array([50.0, np.nan]), np.array([0.5, 0.5])
    stays = value_if_stays(model, clv_served, chance)
    np.testing.assert_array_equal(stays, [100.0, np.nan])
    np.testing.assert_array_equal(value_at_risk(chance, stays), [50.0, np.nan])


def test_who_costs_money_puts_none_at_risk():
    assert value_at_risk(np.array([0.5, 0.5]), np.array([-10.0, 10.0])).tolist() == [0.0, 5.0]


def test_a_model_that_cannot_tell_falls_back_on_the_chance_of_staying():
    model = make_reader("made", 0, 1)
    served, chance = np.array([50.0, 50.0, -8.0, 50.0]), np.array([0.5, 0.999, 0.5, np.nan])
    # 50 ÷ ½; 50 ÷ 0.05, the least that is divided by; what costs money stays as it is.
    found = value_if_stays(model, served, chance)
    np.testing.assert_allclose(found, [100.0, 1000.0, -8.0, np.nan])
    assert value_if_stays(model, served).tolist() == served.tolist()


# What a model of value learns of it


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("base"), make_regulars(900))
    return clv.split(config, load_tables(config))


@pytest.fixture(scope="module")
def fitted(split):
    return clv.fit(split, {**clv.DEFAULTS, "nthread": 1}, (20,), seed=1)


def test_who_stayed_in_the_later_period_brought_what_was_expected_if_they_did(split, fitted):
    served, actual = fitted.predict(split.test.matrix), split.test.target
    stayed = actual > 0
    assert 0.1 < np.mean(~stayed) < 0.9
    told = value_if_stays(fitted, served)[stayed]
    assert told.mean() == pytest.approx(actual[stayed].mean(), rel=0.1)
    order = np.argsort(served[stayed])
    for part in np.array_split(order, 4):
        assert told[part].mean() == pytest.approx(actual[stayed][part].mean(), rel=0.25)
    # What is expected of everybody is far too little of those who stay.
    assert served[stayed].mean() < 0.9 * actual[stayed].mean()


def test_what_leavers_would_have_brought_is_what_the_expected_value_lacks(split, fitted):
    # With leavers' chance from the outcome of the later period itself, value at risk and what
    # came add up to what all would have brought.
    served, left = fitted.predict(split.test.matrix), (split.test.target <= 0).astype(float)
    stays = value_if_stays(fitted, served)
    lost = value_at_risk(left, stays).sum()
    assert split.test.target.sum() + lost == pytest.approx(stays.sum(), rel=0.1)


def test_a_bundle_keeps_it_and_a_model_without_one_has_no_file_of_it(tmp_path, split, fitted):
    config = make_config(tmp_path)
    made = make_bundle(tmp_path / "with", config, fitted, split.test.matrix)
    assert made.model.if_stays == fitted.if_stays
    assert fitted.if_stays is not None
    bare = replace(fitted, if_stays=None)
    without = make_bundle(tmp_path / "without", config, bare, split.test.matrix)
    assert without.model.if_stays is None
    assert set(made.manifest["files"]) - set(without.manifest["files"]) == {"if_stays.json"}


@pytest.mark.parametrize("step", [None, Step(0.5, 0)])
def test_a_baseline_tells_it_too_unless_it_learned_of_a_shorter_horizon(step):
    served = np.arange(1.0, 121.0)
    rows = make_examples(served[:, None], 2 * served)
    held = Split(make_schema("x"), (), rows, rows, served[:, None], None, None, step=step)
    model = value_model(held, "reader", Linear(1, 0.0, (Term(0, "identity", 0.0, 1.0, 1.0),)))
    assert model.if_stays == (None if step else IfStays((25.5, 85.5), (51.0, 171.0)))


# Tenths


def test_scores_are_the_distribution_of_what_is_served(tmp_path):
    # Of 0, 1, …, 100 every tenth ends at a ten.
    config, model = make_config(tmp_path), make_reader("made", 0, 1)
    made = make_bundle(tmp_path / "bundle", config, model, np.arange(101.0)[:, None])
    counts = [*[10] * 9, 11]
    edges = list(range(0, 101, 10))
    assert made.scores == {"rows": 101, "mean": 50.0, "edges": edges, "counts": counts}
    assert made.tenths == tuple(range(10, 100, 10))


def test_only_a_bundle_of_value_has_tenths(tmp_path):
    made = make_bundles(tmp_path / "made", make_config(tmp_path))
    held = {task: bundles.load(path) for task, path in made.items()}
    assert held["clv"].tenths == tuple(held["clv"].scores["edges"][1:10])
    assert held["churn"].scores["rows"] == held["clv"].scores["rows"]
    assert held["churn"].tenths is None
    assert held["segments"].scores is held["segments"].tenths is None


def test_only_who_stays_can_bring_more_than_is_expected():
    # A potential of 100 against 60 expected: 40 more, of who stays with a chance of 3 in 4.
    potential = np.array([100.0, 100.0, 50.0, np.nan, 100.0])
    if_stays = np.array([60.0, 60.0, 60.0, 60.0, np.nan])
    chance = np.array([0.25, np.nan, 0.25, 0.25, 0.25])
    found = unrealised_potential(potential, if_stays, chance)
    np.testing.assert_array_equal(found, [30.0, 40.0, 0.0, np.nan, np.nan])
