import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sklearn_metrics

from training.bootstrap import Interval, Sample, bootstrap, paired_bootstrap, resampled
from training.metrics import (
    CHURN_METRICS,
    VALUE_METRICS,
    brier,
    ece,
    evaluate,
    lift_at_10,
    log_loss,
    mae,
    mean_actual,
    mean_excess,
    mean_predicted,
    normalised_gini,
    pr_auc,
    random_level_ece,
    rmse,
    roc_auc,
    spearman,
    top_tenth_share,
    total_bias,
    unexplained_deviance,
)

RANKINGS = [roc_auc, pr_auc, lift_at_10]
VALUE_RANKINGS = [normalised_gini, spearman, top_tenth_share]
ALL = [*CHURN_METRICS.values(), *VALUE_METRICS.values()]


def churners(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return outcomes drawn from probabilities of two digits, so with ties."""
    rng = np.random.default_rng(seed)
    probability = np.round(rng.beta(1, 2, rows), 2)
    return (rng.random(rows) < probability).astype(float), probability


def spenders(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return values, a third of them none and a few negative, with a middling prediction."""
    rng = np.random.default_rng(seed)
    y = np.where(rng.random(rows) < 0.33, 0, rng.lognormal(3, 1, rows)) - 5 * (
        rng.random(rows) < 0.02
    )
    return y, np.round(np.abs(y + rng.normal(0, 30, rows)))


# Worked out by hand.


def test_roc_auc_counts_pairs():
    # Pairs: .9 beats .8 and .4; .4 loses to .8 and ties with .4: (1 + 1 + 0 + ½) / 4.
    assert roc_auc([1, 0, 1, 0], [0.9, 0.8, 0.4, 0.4]) == 0.625


def test_pr_auc_weighs_precision_by_recall_gained():
    # At .9: precision 1, half the recall; at .4 all four rows: precision ½, the other half.
    assert pr_auc([1, 0, 1, 0], [0.9, 0.8, 0.4, 0.4]) == 0.75


def test_log_loss_is_the_mean_surprise():
    assert log_loss([1, 0], [0.5, 0.75]) == pytest.approx((np.log(2) + np.log(4)) / 2)
    assert np.isfinite(log_loss([1], [0.0]))


def test_brier_is_the_mean_square():
    assert brier([1, 0], [0.5, 0.75]) == (0.25 + 0.5625) / 2


def test_ece_compares_each_tenth():
    # Two rows a bin: alone each would be off by its distance to 0 or 1, together by that to ½.
    prediction = np.repeat(np.arange(0.05, 1, 0.1), 2)
    assert ece([0, 1] * 10, prediction) == pytest.approx(
        2 * (0.45 + 0.35 + 0.25 + 0.15 + 0.05) / 10
    )
    # One row a bin, on the right side of ½.
    assert ece([0] * 5 + [1] * 5, prediction[::2]) == pytest.approx(0.25)


def test_ece_keeps_equal_predictions_in_one_bin():
    assert ece([0, 1] * 50, np.full(100, 0.5)) == 0
    assert ece([1] * 50 + [0] * 50, np.full(100, 0.5)) == 0


def test_lift_at_10_is_the_top_tenth_over_the_average():
    y = [1, 1, 0, 1] + [0] * 16
    assert lift_at_10(y, np.arange(20, 0, -1)) == pytest.approx(1 / (3 / 20))


def test_lift_at_10_expects_its_part_of_a_tie():
    # Ten tie for two places and three of them churn, so 0.6 churners are expected in those.
    y, prediction = [1, 1, 1] + [0] * 17, [0.9] * 10 + [0.1] * 10
    assert lift_at_10(y, prediction) == pytest.approx((0.6 / 2) / (3 / 20))


def test_lift_at_10_takes_half_a_row_where_the_tenth_does():
    # Of five rows the top tenth is half of the first.
    assert lift_at_10([1, 0, 0, 0, 1], [5, 4, 3, 2, 1]) == pytest.approx(2.5)


def test_normalised_gini_is_a_ratio_of_covariances():
    # Ranks from the middle are -1, 0, 1: 0·(-1) + 4·0 + 1·1 over 0·(-1) + 1·0 + 4·1.
    assert normalised_gini([0, 4, 1], [1, 2, 3]) == 0.25


def test_top_tenth_share_of_ten_is_the_first():
    assert top_tenth_share([6, 1, 1, 1, 1, 0, 0, 0, 0, 0], np.arange(10, 0, -1)) == 0.6


def test_errors_in_money():
    y, prediction = [10, 0, 50], [13, 4, 50]
    assert rmse(y, prediction) == pytest.approx(np.sqrt(25 / 3))
    assert mae(y, prediction) == pytest.approx(7 / 3)
    assert total_bias(y, prediction) == pytest.approx(7 / 60)
    assert total_bias([-60], [-53]) == pytest.approx(7 / 60)


# As others compute them.


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (roc_auc, sklearn_metrics.roc_auc_score),
        (pr_auc, sklearn_metrics.average_precision_score),
        (log_loss, sklearn_metrics.log_loss),
        (brier, sklearn_metrics.brier_score_loss),
        (rmse, sklearn_metrics.root_mean_squared_error),
        (mae, sklearn_metrics.mean_absolute_error),
    ],
)
def test_equal_to_scikit_learn(ours, theirs, seed):
    y, prediction = churners(300, seed)
    weight = np.random.default_rng(seed).uniform(0, 3, 300)
    assert ours(y, prediction) == pytest.approx(theirs(y, prediction), rel=1e-12)
    weighted = theirs(y, prediction, sample_weight=weight)
    assert ours(y, prediction, weight) == pytest.approx(weighted, rel=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_spearman_equal_to_scipy(seed):
    y, prediction = spenders(300, seed)
    assert spearman(y, prediction) == pytest.approx(stats.spearmanr(y, prediction).statistic)


def test_normalised_gini_of_a_flag_is_that_of_the_auc():
    y, prediction = churners(300)
    assert normalised_gini(y, prediction) == pytest.approx(2 * roc_auc(y, prediction) - 1)


def test_normalised_gini_equal_to_the_area_between_lorenz_curves():
    rng = np.random.default_rng(0)
    y, prediction = rng.lognormal(3, 1, 500), rng.permutation(500)

    def area(order):
        return np.sum(np.cumsum(y[order]) / y.sum() - np.arange(1, 501) / 500)

    expected = area(np.argsort(-prediction)) / area(np.argsort(-y))
    assert normalised_gini(y, prediction) == pytest.approx(expected)


# What must hold of any prediction.

values = st.lists(st.integers(-50, 50), min_size=2, max_size=40)


@given(values)
def test_the_perfect_order_has_a_gini_of_one_and_its_reverse_minus_one(y):
    y = np.array(y)
    if np.ptp(y) > 0:
        assert normalised_gini(y, y) == 1
        assert normalised_gini(y, -y) == pytest.approx(-1)
        assert spearman(y, y) == pytest.approx(1)


@given(st.data(), values)
def test_rankings_are_within_their_bounds(data, y):
    prediction = data.draw(st.lists(st.integers(0, 9), min_size=len(y), max_size=len(y)))
    flag = np.array(y) > 0
    for metric, low, high in ((roc_auc, 0, 1), (pr_auc, 0, 1), (lift_at_10, 0, 10)):
        value = metric(flag, prediction)
        assert np.isnan(value) or low <= value <= high + 1e-12
    for metric in (normalised_gini, spearman):
        value = metric(y, prediction)
        assert np.isnan(value) or -1 - 1e-12 <= value <= 1 + 1e-12


@given(st.data(), values)
def test_the_order_of_rows_changes_nothing(data, y):
    rows = len(y)
    prediction = np.array(data.draw(st.lists(st.integers(0, 9), min_size=rows, max_size=rows))) / 10
    shuffled = np.array(data.draw(st.permutations(range(rows))))
    y = np.array(y)
    for metrics, truth in ((CHURN_METRICS, y > 0), (VALUE_METRICS, y)):
        one = evaluate(metrics, truth, prediction)
        other = evaluate(metrics, truth[shuffled], prediction[shuffled])
        assert one == pytest.approx(other, nan_ok=True)


@given(st.data(), values)
def test_a_weight_is_a_number_of_equal_rows(data, y):
    rows = len(y)
    prediction = np.array(data.draw(st.lists(st.integers(0, 9), min_size=rows, max_size=rows))) / 10
    weight = data.draw(st.lists(st.integers(0, 3), min_size=rows, max_size=rows))
    y = np.array(y)
    for metrics, truth in ((CHURN_METRICS, y > 0), (VALUE_METRICS, y)):
        weighted = {name: metric(truth, prediction, weight) for name, metric in metrics.items()}
        repeated = evaluate(metrics, np.repeat(truth, weight), np.repeat(prediction, weight))
        assert weighted == pytest.approx(repeated, nan_ok=True)


@given(st.data(), values)
def test_many_weightings_at_once_give_what_each_gives_alone(data, y):
    rows = len(y)
    prediction = np.array(data.draw(st.lists(st.integers(0, 9), min_size=rows, max_size=rows))) / 10
    row = st.lists(st.integers(0, 3), min_size=rows, max_size=rows)
    weights = np.array(data.draw(st.lists(row, min_size=1, max_size=4)), dtype=float)
    y = np.array(y)
    for metrics, truth in ((CHURN_METRICS, y > 0), (VALUE_METRICS, y)):
        for metric in metrics.values():
            alone = [metric(truth, prediction, weight) for weight in weights]
            together = metric.draws(truth, prediction, weights)
            np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("transform", [np.exp, np.arctan, lambda p: 7 * p - 3, lambda p: p**3])
def test_rankings_see_only_the_order(transform):
    y, prediction = churners(300)
    for metric in RANKINGS:
        assert metric(y, transform(prediction)) == metric(y, prediction)
    y, prediction = spenders(300)
    scaled = prediction / 100
    for metric in VALUE_RANKINGS:
        assert metric(y, transform(scaled)) == metric(y, scaled)


def test_a_random_order_ranks_nothing():
    y, _ = spenders(20_000)
    prediction = np.random.default_rng(1).random(20_000)
    assert abs(normalised_gini(y, prediction)) < 0.03
    assert abs(spearman(y, prediction)) < 0.03
    assert abs(roc_auc(y > 0, prediction) - 0.5) < 0.02
    assert abs(lift_at_10(y > 0, prediction) - 1) < 0.05
    assert abs(top_tenth_share(y, prediction) - 0.1) < 0.02


def test_a_constant_prediction_ranks_nothing():
    y, constant = spenders(137)[0], np.full(137, 3.0)
    assert normalised_gini(y, constant) == 0
    assert roc_auc(y > 0, constant) == 0.5
    assert lift_at_10(y > 0, constant) == pytest.approx(1)
    assert top_tenth_share(y, constant) == pytest.approx(0.1)
    assert np.isnan(spearman(y, constant))


def test_normalised_gini_has_a_meaning_where_the_total_has_none():
    assert normalised_gini([-2, -1, 3], [1, 2, 3]) == 1
    assert normalised_gini([-5, -1, 0], [3, 2, 1]) == pytest.approx(-1)


def test_random_level_ece_is_what_a_calibrated_model_shows():
    p = np.random.default_rng(0).beta(2, 2, 2000)
    shown = [ece(np.random.default_rng(seed).random(2000) < p, p) for seed in range(100, 200)]
    assert random_level_ece(p) == pytest.approx(np.mean(shown), rel=0.05)
    assert random_level_ece(p, repeats=20, seed=3) == random_level_ece(p, repeats=20, seed=3)
    assert random_level_ece(p[:200]) > random_level_ece(p)
    assert random_level_ece(np.array([0.0, 1.0])) == 0


# Where there is no answer.


def test_no_rows_give_no_number():
    assert all(np.isnan(metric([], [])) for metric in ALL)


def test_one_class_leaves_nothing_to_rank():
    found = evaluate(CHURN_METRICS, [0, 0, 0], [0.1, 0.2, 0.3])
    assert [name for name, value in found.items() if np.isnan(value)] == [
        "roc_auc",
        "pr_auc",
        "lift_at_10",
    ]


def test_equal_values_leave_nothing_to_rank():
    found = evaluate(VALUE_METRICS, [0, 0, 0], [1, 2, 3])
    assert [name for name, value in found.items() if np.isnan(value)] == [
        "normalised_gini",
        "spearman",
        "total_bias",
        "top_tenth_share",
    ]


def test_a_share_of_a_negative_total_has_no_meaning():
    assert np.isnan(top_tenth_share([-5, 1, 1], [1, 2, 3]))


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_columns_that_do_not_fit_are_refused(metric):
    with pytest.raises(ValueError, match=r"one length, got \(2,\), \(3,\)"):
        metric([0, 1], [0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match="must be finite"):
        metric([0, 1], [0.1, np.nan])
    with pytest.raises(ValueError, match="weights >= 0"):
        metric([0, 1], [0.1, 0.2], [1, -1])


def test_outcomes_and_probabilities_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"y must be 0 or 1, got 2\.0"):
        roc_auc([0, 2], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"within 0 and 1, got 1\.5"):
        brier([0, 1], [0.1, 1.5])


@pytest.mark.parametrize("metrics", [CHURN_METRICS, VALUE_METRICS])
def test_metrics_go_by_their_own_names(metrics):
    for name, metric in metrics.items():
        assert name == metric.name == metric.function.__name__
        assert metric.label


# Intervals.


def test_a_prediction_is_no_better_than_itself():
    y, prediction = churners(200)
    found = paired_bootstrap(roc_auc, y, prediction, prediction, np.arange(200), repeats=50)
    assert found == Interval(0, 0, 0)


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_an_interval_depends_on_the_seed_alone(metric):
    y, prediction = churners(200)
    one, same, other = (bootstrap(metric, y, prediction, range(200), 50, s) for s in (0, 0, 1))
    assert one == same != other
    assert one.estimate == metric(y, prediction)
    assert one.low < one.high


def test_a_better_prediction_is_better_beyond_chance():
    y, prediction = churners(1000)
    worse = np.random.default_rng(1).permutation(prediction)
    found = paired_bootstrap(CHURN_METRICS["roc_auc"], y, worse, prediction, np.arange(1000))
    assert found.low > 0
    assert found.low < found.estimate < found.high
    assert found.estimate == roc_auc(y, prediction) - roc_auc(y, worse)


def test_an_interval_of_a_mean_is_as_wide_as_theory_says():
    y = np.random.default_rng(0).normal(0, 10, 2000)
    found = bootstrap(mae, y, np.zeros(2000), np.arange(2000), repeats=2000)
    error = stats.sem(np.abs(y))
    expected = np.mean(np.abs(y)) + 1.96 * error * np.array([-1, 1])
    np.testing.assert_allclose([found.low, found.high], expected, atol=0.2 * error)


def test_intervals_cover_the_truth_as_often_as_they_claim():
    def covers(seed):
        y = np.random.default_rng(seed).exponential(1, 200)
        found = bootstrap(mae, y, np.zeros(200), np.arange(200), repeats=200, seed=seed)
        return found.low <= 1 <= found.high

    assert 0.88 <= np.mean([covers(seed) for seed in range(200)]) <= 0.99


@pytest.mark.parametrize("rows", [50, 500])
def test_the_interval_of_a_calibration_error_holds_it(rows):
    # Drawn again, even a perfect or a constant prediction looks worse than it was.
    y, prediction = churners(rows)
    for p in (prediction, np.full(rows, y.mean())):
        found = bootstrap(ece, y, p, range(rows), repeats=200)
        assert 0 <= found.low <= found.estimate <= found.high


def test_whole_customers_are_drawn():
    y, prediction = churners(300)
    once = bootstrap(brier, y, prediction, np.arange(300))
    rows = [np.tile(column, 4) for column in (y, prediction)]
    customers = bootstrap(brier, *rows, np.tile(np.arange(300), 4))
    strangers = bootstrap(brier, *rows, np.arange(1200))
    # The same customers seen four times tell no more than once.
    assert [customers.low, customers.high] == pytest.approx([once.low, once.high])
    ratio = (strangers.high - strangers.low) / (once.high - once.low)
    assert ratio == pytest.approx(0.5, abs=0.1)


def test_customers_may_be_named_by_anything_hashable():
    y, prediction = churners(40)
    codes = np.repeat(np.arange(20), 2)
    expected = bootstrap(roc_auc, y, prediction, codes, repeats=30)
    for names in ([f"c{code}" for code in codes], [("shop", int(code)) for code in codes]):
        assert bootstrap(roc_auc, y, prediction, names, repeats=30) == expected


def test_samples_of_the_same_draws_are_paired():
    y, prediction = churners(300)
    some = np.arange(0, 300, 3)
    samples = [
        Sample({"n": mean_actual}, np.ones(300), prediction),
        Sample({"brier": brier, "p": mean_predicted, "y": mean_actual}, y, prediction, some),
        Sample({"excess": mean_excess}, y, prediction, some),
    ]
    whole, part, excess = resampled(samples, np.arange(300), repeats=40, seed=2)
    assert np.all(whole["n"] == 1)
    np.testing.assert_allclose(excess["excess"], part["p"] - part["y"])
    assert samples[1].values()["brier"] == brier(y[some], prediction[some])
    # Drawn over again by hand: customers of all rows, of whom only every third is measured.
    rng = np.random.default_rng(2)
    weight = np.bincount(rng.integers(0, 300, 300), minlength=300)[some]
    assert part["brier"][0] == pytest.approx(brier(y[some], prediction[some], weight))


def test_a_block_of_draws_more_or_less_changes_nothing(monkeypatch):
    y, prediction = churners(200)
    whole = bootstrap(roc_auc, y, prediction, range(200), 50)
    monkeypatch.setattr("training.bootstrap.AT_ONCE", 600)
    assert bootstrap(roc_auc, y, prediction, range(200), 50) == whole


def test_more_is_worth_more_whichever_way_a_metric_runs():
    assert CHURN_METRICS["roc_auc"].worth(0.7) > CHURN_METRICS["roc_auc"].worth(0.6)
    assert CHURN_METRICS["log_loss"].worth(0.3) > CHURN_METRICS["log_loss"].worth(0.4)
    assert VALUE_METRICS["total_bias"].worth(-0.1) > VALUE_METRICS["total_bias"].worth(0.2)


def test_a_sign_is_clear_where_the_interval_excludes_zero():
    assert Interval(1, 0.5, 2).clear
    assert Interval(-1, -2, -0.5).clear
    assert not Interval(1, 0, 2).clear
    assert not Interval(np.nan, np.nan, np.nan).clear


def test_draws_without_a_meaning_are_left_out():
    y, prediction = [1, 0, 0, 0], [0.9, 0.1, 0.2, 0.3]
    assert bootstrap(roc_auc, y, prediction, range(4)) == Interval(1, 1, 1)
    nothing = bootstrap(roc_auc, [0, 0], [0.1, 0.2], range(2), repeats=20)
    assert np.isnan([nothing.estimate, nothing.low, nothing.high]).all()


# Deviance.


@pytest.mark.parametrize("seed", range(3))
def test_unexplained_deviance_is_what_scikit_learns_explained_share_leaves(seed):
    rng = np.random.default_rng(seed)
    told = rng.gamma(2.0, 20.0, 400)
    came = told * rng.lognormal(0, 0.5, 400) * (rng.random(400) < 0.7)
    expected = 1 - sklearn_metrics.d2_tweedie_score(came, told, power=1.5)
    assert unexplained_deviance(came, told) == pytest.approx(expected)


def test_unexplained_deviance_at_its_ends():
    came = np.array([0.0, 1.0, 4.0, 11.0])
    metric = unexplained_deviance
    assert metric(came, np.full(4, 4.0)) == pytest.approx(1.0)
    assert metric(came, came) == pytest.approx(0.0, abs=1e-6)
    assert metric(came, np.full(4, 40.0)) > 1
    # What was brought back counts as nothing bought.
    assert metric(came - [3, 0, 0, 0], came + 1) == metric(came, came + 1)
    assert np.isnan(metric(np.full(4, 2.0), came + 1))
