from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from configs.schema import Gate
from configs.segmentation import BehaviourSegments
from tests.training.bases import make_examples, make_reader
from tests.training.test_evaluate import (
    BLIND,
    FAIR,
    SHARP,
    WEAK,
    make_contenders,
    make_evaluation,
    make_test,
)
from training.baselines import Contender
from training.calibrate import Sigmoid
from training.champion import NONE_YET
from training.evaluate import compare
from training.gate import Check, Verdict, judge, judge_segments
from training.metrics import CHURN_METRICS, VALUE_METRICS, normalised_gini
from training.predictors import Linear
from training.segmentation.behaviour import Quality
from training.slices import Grouping

BOUNDS = BehaviourSegments(
    kind="behaviour", min_segments=2, max_segments=5, min_share=0.05, min_stability=0.6, resamples=2
)


GATE = Gate(
    churn_margin=0.01,
    clv_margin=0.01,
    repeats=200,
    calibration=0.05,
    bias=0.25,
    slice_calibration=0.1,
    slice_bias=0.5,
    slice_customers=30,
    slice_outcomes=5,
)


def verdict_of(candidate: int, naive: int, baseline: int, margin: float = 0.01) -> Verdict:
    evaluation, test = make_evaluation(candidate, naive, baseline)
    return judge_value(evaluation, test, clv_margin=margin)


def judge_value(evaluation, test, **changes) -> Verdict:
    bounds = GATE.model_copy(update=changes)
    return judge(evaluation, test, task="clv", bounds=bounds, seed=3)


def check_of(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)


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
    assert not judge_value(found, test).passed


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
    assert judge_value(found, test).served == "sharp"


def test_without_baselines_the_naive_rule_is_all_there_is_to_beat():
    contenders = make_contenders(SHARP, ("last_spend", BLIND, "naive rule"))
    test = make_test()
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    verdict = judge_value(found, test)
    assert (verdict.passed, len(verdict.reasons)) == (True, 1)


def test_where_there_is_nothing_to_rank_nothing_passes():
    # All customers left, so no order of them is better: the gain is no number.
    test = replace(make_test(), target=np.ones(400))
    contenders = make_contenders(SHARP, ("base_rate", BLIND, "naive rule"))
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    verdict = judge_value(found, test)
    assert not check_of(verdict, "naive_rule").passed
    assert "gate.naive_rule" not in verdict.figures
    assert verdict.tags["gate.naive_rule"] == verdict.tags["gate"] == "false"


CHECKS = ["naive_rule", "best_baseline", "champion", "calibration", "slices", "explanations"]


def test_every_check_is_listed_with_its_number_and_its_bound():
    verdict = verdict_of(SHARP, naive=BLIND, baseline=FAIR)
    assert [check.name for check in verdict.checks] == CHECKS
    told = {check.name: (check.value, check.bound) for check in verdict.checks}
    assert told["naive_rule"][0] > told["naive_rule"][1] == 0
    assert told["best_baseline"][0] > told["best_baseline"][1] == -0.01
    assert told["calibration"] == (0.0, 0.25)
    assert 0 <= told["explanations"][0] <= told["explanations"][1] == 1e-5
    assert told["champion"][0] is told["slices"][0] is None
    assert check_of(verdict, "champion").said == NONE_YET
    assert set(verdict.figures) == {f"gate.{name}" for name in CHECKS} - {
        "gate.champion",
        "gate.slices",
    }


def make_champion(at: int) -> Contender:
    return Contender(make_reader("trees", at, 4), "champion", "The champion", alias="champion")


@pytest.mark.parametrize(("champion", "passed"), [(WEAK, True), (FAIR, True), (SHARP, False)])
def test_no_worse_than_the_champion_on_the_same_rows(champion, passed):
    contenders = [*make_contenders(FAIR, ("rule", BLIND, "naive rule")), make_champion(champion)]
    test = make_test()
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    verdict = judge_value(found, test)
    # However good, the champion takes no place: it is served already.
    assert (verdict.passed, verdict.served) == (passed, "trees")
    check = check_of(verdict, "champion")
    assert check.passed == passed
    assert check.value == found.gain("trees", "champion").estimate
    assert check.said in verdict.reasons


def scaled(factor: float, rows: int = 400) -> Verdict:
    """The verdict on predictions of a perfect order, and a level of so many times the truth."""
    test = make_test(rows)
    noise = np.random.default_rng(1).normal(size=rows)
    matrix = np.column_stack([factor * test.target, noise, noise, noise])
    contenders = make_contenders(0, ("rule", 1, "naive rule"))
    test = replace(test, matrix=matrix)
    return judge_value(
        compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3), test
    )


@pytest.mark.parametrize(
    ("factor", "passed", "value"),
    [(1, True, 0), (1.24, True, 0.24), (1.4, False, 0.4), (0.5, False, 0.5)],
)
def test_a_total_beyond_doubt_further_off_than_the_bound_is_refused(factor, passed, value):
    verdict = scaled(factor)
    check = check_of(verdict, "calibration")
    # Off by one factor, whoever is drawn: the interval is a point.
    assert (check.passed, verdict.passed) == (passed, passed)
    assert check.value == pytest.approx(value)
    assert (check.said in verdict.reasons) == (not passed)


def judged_churn(shift: float, rows: int = 600, seed: int = 0, groups: int = 1) -> Verdict:
    """The verdict on probabilities whose log-odds are so far from the true ones."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-1, 1.5, rows)
    target = (rng.random(rows) < expit(odds)).astype(float)
    test = make_examples(np.column_stack([odds + shift, rng.normal(size=rows)]), target)
    contenders = [
        Contender(make_reader("trees", 0, 2, Sigmoid(1, 0)), "candidate", "Trees"),
        Contender(make_reader("rule", 1, 2, Sigmoid(1, 0)), "naive rule", "Rule"),
    ]
    number = np.arange(rows) % groups
    names = tuple(f"part {n}" for n in range(groups))
    cut = [Grouping("part", "Part", names, number)] if groups > 1 else []
    found = compare(contenders, test, CHURN_METRICS, "roc_auc", repeats=200, seed=3)
    return judge(found, test, task="churn", bounds=GATE, seed=3, groupings=cut)


def test_probabilities_beyond_doubt_off_are_refused():
    verdict = judged_churn(1.5)
    check = check_of(verdict, "calibration")
    assert not check.passed
    assert check.value > check.bound >= 0.05
    assert "a perfectly calibrated model of this size would show" in check.said


@pytest.mark.parametrize("rows", [120, 600])
def test_chance_alone_refuses_no_calibrated_model(rows):
    for seed in range(6):
        verdict = judged_churn(0.0, rows, seed, groups=4)
        assert check_of(verdict, "calibration").passed, seed
        assert check_of(verdict, "slices").passed, seed


def test_a_slice_beyond_doubt_off_is_refused_though_the_whole_is_not():
    rng = np.random.default_rng(0)
    rows, few = 2000, np.arange(2000) < 200
    odds = rng.normal(-1, 1.5, rows)
    target = (rng.random(rows) < expit(odds - 2 * few)).astype(float)
    test = make_examples(np.column_stack([odds, rng.normal(size=rows)]), target)
    contenders = [
        Contender(make_reader("trees", 0, 2, Sigmoid(1, 0)), "candidate", "Trees"),
        Contender(make_reader("rule", 1, 2, Sigmoid(1, 0)), "naive rule", "Rule"),
    ]
    found = compare(contenders, test, CHURN_METRICS, "roc_auc", repeats=200, seed=3)
    cut = [Grouping("sex", "Sex", ("women", "men"), few.astype(int))]
    verdict = judge(found, test, task="churn", bounds=GATE, seed=3, groupings=cut)
    assert check_of(verdict, "calibration").passed
    check = check_of(verdict, "slices")
    assert not check.passed
    assert check.value > check.bound == 0.1
    assert "Of 2 slices the furthest off is Sex: men" in check.said
    assert check.said in verdict.reasons
    lenient = GATE.model_copy(update={"slice_calibration": 0.5})
    assert judge(found, test, task="churn", bounds=lenient, seed=3, groupings=cut).passed


class Crooked(Linear):
    """A sum whose parts are not those it is made of."""

    def contributions(self, matrix):
        found = super().contributions(matrix)
        return replace(found, values=found.values * 1.01)


def test_reasons_that_do_not_add_up_are_refused():
    test = make_test()
    first, naive = make_contenders(SHARP, ("rule", BLIND, "naive rule"))
    (held,) = first.model.predictors
    crooked = replace(first.model, predictors=(Crooked(4, 0.0, held.terms),))
    contenders = [replace(first, model=crooked), naive]
    # Its margin is summed as ever, and apart from the contributions.
    object.__setattr__(crooked.predictors[0], "margin", held.margin)
    object.__setattr__(crooked.predictors[0], "explained", None)
    found = compare(contenders, test, VALUE_METRICS, "normalised_gini", repeats=200, seed=3)
    check = check_of(judge_value(found, test), "explanations")
    assert not check.passed
    assert check.value == pytest.approx(0.01, rel=0.1)


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
    assert (verdict.passed, verdict.served) == (passed, "segments")
    for reason, words in zip(verdict.reasons, said, strict=True):
        assert f", {words} the bound of" in reason


def test_segments_by_rules_alone_pass():
    verdict = judge_segments(None, None)
    assert (verdict.passed, verdict.checks) == (True, ())
