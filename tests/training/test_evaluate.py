from dataclasses import astuple, replace
from datetime import date

import numpy as np
import pytest

from tests.training.bases import make_examples, make_reader
from training.baselines import Absent, BaselineError, Contender, where_fitted
from training.bootstrap import bootstrap, paired_bootstrap
from training.evaluate import Evaluation, compare
from training.metrics import VALUE_METRICS, normalised_gini, rmse
from training.split import Examples

# What each column foretells of the value: nearly all, much, something, nothing.
SHARP, FAIR, WEAK, BLIND = range(4)


def make_test(rows: int = 400, seed: int = 0) -> Examples:
    """Customers whose value is foretold by the columns, the first the best."""
    rng = np.random.default_rng(seed)
    value = rng.gamma(1.0, 100.0, rows)
    noise = rng.normal(size=(rows, 4)) * [5.0, 60.0, 250.0, 1e6]
    return make_examples(value[:, None] + noise, value)


def make_contenders(candidate: int, *others: tuple[str, int, str]) -> list[Contender]:
    first = Contender(make_reader("trees", candidate, 4), "candidate", "Boosted trees")
    rest = (Contender(make_reader(n, at, 4), role, n.title()) for n, at, role in others)
    return [first, *rest]


def make_evaluation(candidate: int, naive: int, baseline: int, seed: int = 3):
    contenders = make_contenders(
        candidate, ("last_spend", naive, "naive rule"), ("bgnbd_gg", baseline, "baseline")
    )
    test = make_test()
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=seed)
    return found, test


def test_every_contender_is_measured_on_the_same_rows():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    assert list(found.predictions) == ["trees", "last_spend", "bgnbd_gg"]
    np.testing.assert_array_equal(found.predictions["bgnbd_gg"], test.matrix[:, FAIR])
    assert set(found.values["trees"]) == set(VALUE_METRICS)
    gini = normalised_gini(test.target, test.matrix[:, SHARP])
    assert found.values["trees"]["normalised_gini"] == gini


def test_every_figure_has_the_interval_that_a_bootstrap_of_it_alone_gives():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    for name, at in (("trees", SHARP), ("bgnbd_gg", FAIR)):
        for metric in VALUE_METRICS.values():
            alone = bootstrap(metric, test.target, test.matrix[:, at], test.customers, 200, 3)
            held = found.figures[name][metric.name]
            assert astuple(held) == pytest.approx(astuple(alone), rel=1e-9)
            assert held.low <= held.estimate <= held.high


def test_every_difference_is_the_one_a_paired_bootstrap_gives():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    columns = (test.matrix[:, FAIR], test.matrix[:, SHARP])
    for name in ("normalised_gini", "spearman", "top_tenth_share"):
        alone = paired_bootstrap(VALUE_METRICS[name], test.target, *columns, test.customers, 200, 3)
        gain = found.gain("trees", "bgnbd_gg", name)
        assert astuple(gain) == pytest.approx(astuple(alone), rel=1e-9, abs=1e-12)


def test_a_gain_is_the_candidates_figure_less_the_others():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    assert set(found.gains) == {"last_spend", "bgnbd_gg"}
    sharp, fair = (normalised_gini(test.target, test.matrix[:, at]) for at in (SHARP, FAIR))
    assert found.gains["bgnbd_gg"].estimate == pytest.approx(sharp - fair)
    assert 0 < found.gains["bgnbd_gg"].low <= sharp - fair <= found.gains["bgnbd_gg"].high


def test_above_nothing_is_better_where_low_figures_are():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    sharp, fair = (rmse(test.target, test.matrix[:, at]) for at in (SHARP, FAIR))
    gain = found.gain("trees", "bgnbd_gg", "rmse")
    assert gain.estimate == pytest.approx(fair - sharp)
    assert 0 < gain.low <= gain.estimate <= gain.high


def test_of_two_biases_the_one_nearer_nothing_is_better():
    test = make_test()
    matrix = np.column_stack([1.1 * test.target, 0.7 * test.target, 0 * test.target, test.target])
    contenders = make_contenders(0, ("low", 1, "naive rule"))
    found = compare(
        contenders, replace(test, matrix=matrix), VALUE_METRICS, "rmse", repeats=100, seed=3
    )
    gain = found.gain("trees", "low", "total_bias")
    # 10 % over is off by 20 points less than 30 % under, whoever is drawn.
    assert astuple(gain) == pytest.approx((0.2, 0.2, 0.2))


def test_a_gain_turned_round_is_a_loss():
    found, _ = make_evaluation(SHARP, BLIND, FAIR)
    ahead, behind = found.gain("trees", "bgnbd_gg"), found.gain("bgnbd_gg", "trees")
    assert ahead == found.gains["bgnbd_gg"]
    assert (behind.estimate, behind.low, behind.high) == pytest.approx(
        (-ahead.estimate, -ahead.high, -ahead.low)
    )


def test_intervals_depend_on_the_seed_alone():
    one, _ = make_evaluation(FAIR, BLIND, WEAK)
    same, _ = make_evaluation(FAIR, BLIND, WEAK)
    other, _ = make_evaluation(FAIR, BLIND, WEAK, seed=4)
    assert one.gains == same.gains
    assert one.figures == same.figures
    assert one.gains != other.gains


def test_equal_predictions_have_no_gain():
    found, _ = make_evaluation(FAIR, FAIR, FAIR)
    gain = found.gains["bgnbd_gg"]
    assert (gain.estimate, gain.low, gain.high) == (0.0, 0.0, 0.0)
    assert not gain.clear


def test_the_candidate_comes_first_and_others_by_name():
    found: Evaluation = make_evaluation(SHARP, BLIND, FAIR)[0]
    assert found.candidate.name == "trees"
    assert found.named("bgnbd_gg").role == "baseline"


def test_of_one_cut_off_nothing_is_told_twice():
    assert make_evaluation(SHARP, BLIND, FAIR)[0].by_cutoff == {}


def test_of_several_cut_offs_each_has_its_figures_too():
    first = make_test(100, seed=1)
    second = replace(make_test(150, seed=2), as_of=np.full(150, date(2024, 3, 1), dtype=object))
    both = joined(first, second)
    contenders = make_contenders(FAIR, ("last_spend", WEAK, "naive rule"))
    found = compare(contenders, both, VALUE_METRICS, "rmse", repeats=100, seed=3)
    assert list(found.by_cutoff) == [date(2024, 1, 1), date(2024, 3, 1)]
    for day, part in ((date(2024, 1, 1), first), (date(2024, 3, 1), second)):
        figure = found.by_cutoff[day]["trees"]["rmse"]
        assert figure.estimate == rmse(part.target, part.matrix[:, FAIR])
        assert figure.low < figure.estimate < figure.high
    assert found.figures["trees"]["rmse"].estimate == rmse(both.target, both.matrix[:, FAIR])


def test_the_same_customers_at_another_cut_off_make_no_interval_narrower():
    once = make_test()
    twice = joined(once, replace(once, as_of=np.full(400, date(2024, 3, 1), dtype=object)))
    contenders = make_contenders(FAIR)
    one, two = (
        compare(contenders, test, VALUE_METRICS, "rmse", repeats=100, seed=3)
        for test in (once, twice)
    )
    for name, figure in one.figures["trees"].items():
        assert astuple(two.figures["trees"][name]) == pytest.approx(astuple(figure))


def test_a_baseline_that_cannot_be_fitted_is_named_and_left_out():
    contenders = [*make_contenders(FAIR), where_fitted(unfitted)]
    found = compare(contenders, make_test(), VALUE_METRICS, "rmse", repeats=100, seed=3)
    assert list(found.predictions) == ["trees"]
    assert found.absent == (Absent("nobody came back"),)


def unfitted() -> Contender:
    raise BaselineError("nobody came back")


def joined(one: Examples, other: Examples) -> Examples:
    parts = ("customers", "as_of", "matrix", "target")
    return Examples(*(np.concatenate([getattr(e, p) for e in (one, other)]) for p in parts))
