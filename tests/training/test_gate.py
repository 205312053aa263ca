from dataclasses import replace

import numpy as np
import pytest

from configs.schema import Segmentation
from tests.training.bases import make_examples
from tests.training.test_evaluate import (
    BLIND,
    FAIR,
    SHARP,
    WEAK,
    make_contenders,
    make_evaluation,
    make_test,
)
from training.evaluate import compare
from training.gate import judge, judge_segments
from training.metrics import CHURN_METRICS, VALUE_METRICS, normalised_gini
from training.segments import Quality

BOUNDS = Segmentation(
    min_segments=2, max_segments=5, min_share=0.05, min_stability=0.6, resamples=2
)


def verdict_of(candidate: int, naive: int, baseline: int, margin: float = 0.01):
    evaluation, test = make_evaluation(candidate, naive, baseline)
    return judge(evaluation, test, margin=margin, repeats=200, seed=3)


def test_what_is_clearly_better_passes():
    verdict = verdict_of(SHARP, naive=BLIND, baseline=FAIR)
    assert (verdict.passed, verdict.served) == (True, "trees")
    against_naive, against_baseline = verdict.reasons
    assert "the naive rule (Last_Spend): beyond doubt better" in against_naive
    assert "Against Bgnbd_Gg: no worse than the margin of 0.01" in against_baseline
    assert "normalised Gini) +0." in against_baseline


def test_an_interval_that_touches_nothing_is_refused():
    verdict = verdict_of(FAIR, naive=FAIR, baseline=BLIND)
    assert (verdict.passed, verdict.served) == (False, "trees")
    assert "the naive rule (Last_Spend): not beyond doubt better" in verdict.reasons[0]
    assert "+0.0000 (95 % interval +0.0000 to +0.0000)" in verdict.reasons[0]


def test_a_gain_that_chance_may_have_made_is_refused():
    # A little better on forty customers: the estimate lies above 0, the interval does not.
    rng = np.random.default_rng(0)
    value = rng.gamma(1.0, 100.0, 40)
    noise = rng.normal(0, 200, (40, 4))
    noise[:, 1] = 0.97 * noise[:, 0] + rng.normal(0, 30, 40)
    test = make_examples(value[:, None] + noise, value)
    first, second = (normalised_gini(value, test.matrix[:, at]) for at in (0, 1))
    candidate, naive = (0, 1) if first > second else (1, 0)
    contenders = make_contenders(candidate, ("last_spend", naive, "naive rule"))
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    gain = found.gains["last_spend"]
    assert gain.estimate > 0 > gain.low
    assert not judge(found, test, margin=0.01, repeats=200, seed=3).passed


def test_a_baseline_better_by_more_than_the_margin_takes_its_place():
    verdict = verdict_of(WEAK, naive=BLIND, baseline=SHARP)
    assert (verdict.passed, verdict.served) == (True, "bgnbd_gg")
    assert "Bgnbd_Gg takes the place of Boosted trees" in verdict.reasons[0]
    assert "is better by 0." in verdict.reasons[0]
    assert "more than the margin of 0.01" in verdict.reasons[0]
    assert "the naive rule (Last_Spend): beyond doubt better" in verdict.reasons[1]


def test_a_baseline_better_by_no_more_than_the_margin_does_not():
    verdict = verdict_of(FAIR, naive=BLIND, baseline=SHARP, margin=0.5)
    assert (verdict.passed, verdict.served) == (True, "trees")
    assert "Against Bgnbd_Gg: no worse than the margin of 0.5 allows" in verdict.reasons[1]
    assert "normalised Gini) -0." in verdict.reasons[1]


def test_a_baseline_in_its_place_must_beat_the_naive_rule_itself():
    verdict = verdict_of(BLIND, naive=SHARP, baseline=FAIR)
    assert (verdict.passed, verdict.served) == (False, "bgnbd_gg")
    assert "not beyond doubt better" in verdict.reasons[1]


def test_the_naive_rule_never_takes_the_place():
    verdict = verdict_of(WEAK, naive=SHARP, baseline=WEAK)
    assert (verdict.passed, verdict.served) == (False, "trees")


def test_of_several_baselines_the_best_takes_the_place():
    contenders = make_contenders(
        WEAK,
        ("last_spend", BLIND, "naive rule"),
        ("fair", FAIR, "baseline"),
        ("sharp", SHARP, "baseline"),
    )
    test = make_test()
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    assert judge(found, test, margin=0.01, repeats=200, seed=3).served == "sharp"


def test_without_baselines_the_naive_rule_is_all_there_is_to_beat():
    contenders = make_contenders(SHARP, ("last_spend", BLIND, "naive rule"))
    test = make_test()
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    verdict = judge(found, test, margin=0.01, repeats=200, seed=3)
    assert (verdict.passed, len(verdict.reasons)) == (True, 1)


def test_where_there_is_nothing_to_rank_nothing_passes():
    # All customers left, so no order of them is better: the gain is no number.
    test = replace(make_test(), target=np.ones(400))
    contenders = make_contenders(SHARP, ("base_rate", BLIND, "naive rule"))
    auc = {"roc_auc": CHURN_METRICS["roc_auc"]}
    found = compare(contenders, test, auc, "roc_auc", repeats=200, seed=3)
    assert not judge(found, test, margin=0.01, repeats=200, seed=3).passed


def test_a_verdict_depends_on_the_seed_alone():
    assert verdict_of(FAIR, WEAK, WEAK) == verdict_of(FAIR, WEAK, WEAK)


@pytest.mark.parametrize(
    ("stability", "smallest", "passed", "said"),
    [
        (0.60, 0.05, True, ("at least", "at least")),
        (0.95, 0.30, True, ("at least", "at least")),
        (0.59, 0.05, False, ("below", "at least")),
        (0.60, 0.049, False, ("at least", "below")),
        (0.10, 0.001, False, ("below", "below")),
    ],
)
def test_segments_must_be_stable_and_large_enough(stability, smallest, passed, said):
    verdict = judge_segments(Quality(0.4, stability, smallest), BOUNDS)
    assert (verdict.passed, verdict.served) == (passed, "kmeans")
    for reason, words in zip(verdict.reasons, said, strict=True):
        assert f", {words} the bound of" in reason
