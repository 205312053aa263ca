"""What each part of a family is fitted to, and that the parts add up to what is asked."""

import numpy as np
import pytest
from scipy.special import expit

from tests.training.bases import make_examples, make_schema
from training import clv
from training.blend import margin_of
from training.families import CHANCE, VALUE, Recipe

SCHEMA = make_schema("visits", "basket")
ROWS = 1200


def made():
    """Who visits more buys more often; who fills a larger basket buys for more."""
    rng = np.random.default_rng(1)
    matrix = np.column_stack([rng.poisson(4, ROWS), rng.gamma(4.0, 10.0, ROWS)]).astype(float)
    buys = rng.random(ROWS) < expit(0.5 * matrix[:, 0] - 1.5)
    return make_examples(matrix, np.where(buys, matrix[:, 1] * rng.lognormal(0, 0.3, ROWS), 0.0))


EXAMPLES = made()


def recipe(family: str, **changes) -> Recipe:
    settings = {**clv.DEFAULTS, "nthread": 1, "shrinkage": 0.001, "family": family, **changes}
    return clv.PLAN.recipe(SCHEMA, settings, seed=1)


def chance(**changes) -> Recipe:
    return Recipe(SCHEMA, CHANCE, {"nthread": 1, **changes}, 0.01, 4, 1.5, 1)


# What the parts are told.


def test_a_mean_takes_what_was_brought_back_for_nothing_bought():
    (target,) = VALUE["tweedie"]
    told = target.of(make_examples(np.zeros((3, 2)), np.array([-5.0, 0.0, 7.0])))
    assert told.target.tolist() == [0, 0, 7]


def test_a_hurdle_is_the_chance_of_any_value_and_the_value_of_those_who_brought_some():
    rows = make_examples(np.arange(8.0).reshape(4, 2), np.array([-5.0, 0.0, 1.0, np.e]))
    any_value, value = (target.of(rows) for target in VALUE["hurdle"])
    assert any_value.target.tolist() == [0, 0, 1, 1]
    assert len(any_value) == 4
    np.testing.assert_allclose(value.target, [0.0, 1.0])
    assert value.matrix.tolist() == [[4, 5], [6, 7]]
    assert value.customers.tolist() == rows.customers[2:].tolist()


def test_a_logarithm_is_of_the_value_beside_the_mean_so_that_no_currency_matters():
    (target,) = VALUE["log"]
    rows = make_examples(np.zeros((4, 2)), np.array([-5.0, 0.0, 4.0, 8.0]))
    told = target.of(rows).target
    np.testing.assert_allclose(told, np.log1p([0, 0, 4 / 3, 8 / 3]))
    dearer = target.of(rows.with_target(100 * rows.target)).target
    np.testing.assert_allclose(dearer, told)


def test_values_that_are_all_nothing_have_a_logarithm():
    (target,) = VALUE["log"]
    assert target.of(make_examples(np.zeros((2, 2)), np.zeros(2))).target.tolist() == [0, 0]


# What they become.


@pytest.mark.parametrize("fit", ["shapes", "trees"])
def test_a_hurdles_margin_is_the_logarithm_of_the_chance_times_the_value(fit):
    held = recipe("hurdle")
    component = held.shapes(EXAMPLES) if fit == "shapes" else held.boosted(EXAMPLES, (40, 40))
    odds, value = component
    assert (odds.link, value.link) == ("log_chance", "identity")
    matrix = EXAMPLES.matrix[:50]
    product = expit(odds.predictor.margin(matrix)) * np.exp(value.predictor.margin(matrix))
    np.testing.assert_allclose(np.exp(margin_of(component, matrix)), product)
    # Who visits more buys with a greater chance, who fills larger baskets for more money.
    few, many = np.array([[1.0, 40.0]]), np.array([[9.0, 40.0]])
    small, large = np.array([[4.0, 15.0]]), np.array([[4.0, 80.0]])
    assert odds.predictor.margin(many) - odds.predictor.margin(few) > 0.5
    assert value.predictor.margin(large) - value.predictor.margin(small) > 0.5


@pytest.mark.parametrize("family", sorted(VALUE))
def test_every_family_finds_the_order_of_the_value(family):
    held = recipe(family)
    truth = expit(0.5 * EXAMPLES.matrix[:, 0] - 1.5) * EXAMPLES.matrix[:, 1]
    for component in (held.shapes(EXAMPLES), held.boosted(EXAMPLES, [60] * len(held.family))):
        assert np.corrcoef(margin_of(component, EXAMPLES.matrix), np.log(truth))[0, 1] > 0.85


def test_a_tweedies_trees_and_shapes_have_the_level_of_the_money():
    held = recipe("tweedie")
    for component in (held.shapes(EXAMPLES), held.boosted(EXAMPLES, (200,))):
        served = np.exp(margin_of(component, EXAMPLES.matrix))
        assert served.mean() == pytest.approx(EXAMPLES.target.mean(), rel=0.05)


def test_each_part_has_its_own_rounds():
    first, second = recipe("hurdle").boosted(EXAMPLES, (3, 7))
    rounds = [part.predictor.booster.num_boosted_rounds() for part in (first, second)]
    assert rounds == [3, 7]


def test_trees_stop_where_later_rows_are_no_better_told_and_a_refit_is_the_same():
    held = recipe("hurdle", learning_rate=0.3)
    earlier, later = EXAMPLES.take(np.arange(800)), EXAMPLES.take(np.arange(800, ROWS))
    parts, rounds = held.boosted_until_worse(earlier, later)
    assert len(parts) == len(rounds) == 2
    assert all(1 <= count < 200 for count in rounds)
    again = held.boosted(earlier, rounds)
    for part, other in zip(parts, again, strict=True):
        expected = part.predictor.margin(later.matrix)
        np.testing.assert_allclose(other.predictor.margin(later.matrix), expected, rtol=1e-5)


def test_what_is_no_chance_has_no_classes_to_weigh():
    told = [recipe("hurdle", scale_pos_weight=3.0)._learner(t).settings for t in VALUE["hurdle"]]
    assert ["scale_pos_weight" in settings for settings in told] == [True, False]
    assert "tweedie_variance_power" not in told[0]
    (mean,) = (recipe("tweedie", tweedie_variance_power=1.7)._learner(t) for t in VALUE["tweedie"])
    assert mean.settings["tweedie_variance_power"] == 1.7
    # Whatever the power, trials are compared by the same likelihood.
    assert mean.settings["eval_metric"] == "tweedie-nloglik@1.5"


def test_where_everybody_brought_something_a_hurdle_is_the_value_alone():
    paid = EXAMPLES.with_target(EXAMPLES.matrix[:, 1])
    held = recipe("hurdle")
    for component in (held.shapes(paid), held.boosted(paid, (100, 100))):
        odds, _ = component
        assert expit(odds.predictor.margin(paid.matrix)).min() > 0.99
        told = np.exp(margin_of(component, paid.matrix))
        assert np.corrcoef(told, paid.target)[0, 1] > 0.9


def test_a_chance_weighs_churners_against_stayers():
    churned = EXAMPLES.with_target((EXAMPLES.target == 0).astype(float))
    plain, heavy = (
        expit(margin_of(chance(**held).boosted(churned, (30,)), churned.matrix)).mean()
        for held in ({}, {"scale_pos_weight": 3.0})
    )
    assert plain == pytest.approx(churned.target.mean(), abs=0.01)
    assert heavy > plain + 0.1
