import numpy as np
import pytest

from tests.training.bases import make_examples, make_reader
from training.baselines import Contender
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


def make_evaluation(candidate: int, naive: int, baseline: int, deciding="normalised_gini"):
    contenders = make_contenders(
        candidate, ("last_spend", naive, "naive rule"), ("bgnbd_gg", baseline, "baseline")
    )
    test = make_test()
    return compare(contenders, test, VALUE_METRICS, deciding, repeats=200, seed=3), test


def test_every_contender_is_measured_on_the_same_rows():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    assert list(found.predictions) == ["trees", "last_spend", "bgnbd_gg"]
    np.testing.assert_array_equal(found.predictions["bgnbd_gg"], test.matrix[:, FAIR])
    assert set(found.values["trees"]) == set(VALUE_METRICS)
    gini = normalised_gini(test.target, test.matrix[:, SHARP])
    assert found.values["trees"]["normalised_gini"] == gini
    assert found.intervals["trees"].low < gini < found.intervals["trees"].high


def test_a_gain_is_the_candidates_figure_less_the_others():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    assert set(found.gains) == {"last_spend", "bgnbd_gg"}
    sharp, fair = (normalised_gini(test.target, test.matrix[:, at]) for at in (SHARP, FAIR))
    assert found.gains["bgnbd_gg"].estimate == pytest.approx(sharp - fair)
    assert 0 < found.gains["bgnbd_gg"].low <= sharp - fair <= found.gains["bgnbd_gg"].high


def test_above_nothing_is_better_where_low_figures_are():
    found, test = make_evaluation(SHARP, BLIND, FAIR, deciding="rmse")
    sharp, fair = (rmse(test.target, test.matrix[:, at]) for at in (SHARP, FAIR))
    gain = found.gains["bgnbd_gg"]
    assert gain.estimate == pytest.approx(fair - sharp)
    assert 0 < gain.low <= gain.estimate <= gain.high


def test_a_gain_turned_round_is_a_loss():
    found, test = make_evaluation(SHARP, BLIND, FAIR)
    ahead = found.gain("trees", "bgnbd_gg", test, 200, 3)
    behind = found.gain("bgnbd_gg", "trees", test, 200, 3)
    assert ahead == found.gains["bgnbd_gg"]
    assert (behind.estimate, behind.low, behind.high) == pytest.approx(
        (-ahead.estimate, -ahead.high, -ahead.low)
    )


def test_intervals_depend_on_the_seed_alone():
    one, _ = make_evaluation(FAIR, BLIND, WEAK)
    other, test = make_evaluation(FAIR, BLIND, WEAK)
    assert one.gains == other.gains
    assert one.intervals == other.intervals
    assert one.gain("trees", "bgnbd_gg", test, 200, 4) != one.gains["bgnbd_gg"]


def test_equal_predictions_have_no_gain():
    found, _ = make_evaluation(FAIR, FAIR, FAIR)
    gain = found.gains["bgnbd_gg"]
    assert (gain.estimate, gain.low, gain.high) == (0.0, 0.0, 0.0)


def test_the_candidate_comes_first_and_others_by_name():
    found: Evaluation = make_evaluation(SHARP, BLIND, FAIR)[0]
    assert found.candidate.name == "trees"
    assert found.named("bgnbd_gg").role == "baseline"
