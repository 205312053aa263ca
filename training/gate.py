"""Candidate against baselines and champion: what may be promoted, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from configs.schema import Gate
from configs.segmentation import BehaviourSegments
from training import slices as slicing
from training.bootstrap import Interval
from training.champion import NAME as CHAMPION
from training.champion import NONE_YET
from training.evaluate import Evaluation
from training.metrics import Metric, random_level_ece
from training.model import TOLERANCE, Task
from training.segmentation.behaviour import Quality
from training.slices import Grouping, Slices
from training.split import Examples

_EXPLAINED = 2000  # test rows whose explanations are added up; every one served is checked too


@dataclass(frozen=True)
class Check:
    """One thing that the gate looks at.

    Parameters
    ----------
    name : str
    passed : bool
    value : float or None
        What is held against the bound; None where nothing could be.
    bound : float or None
    said : str
        In a sentence, with its figures.
    """

    name: str
    passed: bool
    value: float | None
    bound: float | None
    said: str


@dataclass(frozen=True)
class Verdict:
    """Whether a run's model may be promoted.

    Parameters
    ----------
    passed : bool
        Whether every check is.
    served : str
        The contender that stands for the run: the candidate, or the baseline that won.
    reasons : tuple of str
        What decided it, in sentences.
    checks : tuple of Check
        All that was looked at, with its numbers.
    slices : tuple of Slices
        The figures of the served model slice by slice, which one of the checks is about.
    """

    passed: bool
    served: str
    reasons: tuple[str, ...]
    checks: tuple[Check, ...] = ()
    slices: tuple[Slices, ...] = ()

    @property
    def figures(self) -> dict[str, float]:
        """The checks' numbers, as MLflow's metrics."""
        return {
            f"gate.{check.name}": float(check.value)
            for check in self.checks
            if check.value is not None and np.isfinite(check.value)
        }

    @property
    def tags(self) -> dict[str, str]:
        """Which checks passed, as MLflow's tags."""
        told = {f"gate.{check.name}": check.passed for check in self.checks}
        return {name: str(passed).lower() for name, passed in {"gate": self.passed, **told}.items()}


def judge(
    evaluation: Evaluation,
    test: Examples,
    *,
    task: Task,
    bounds: Gate,
    seed: int,
    groupings: Iterable[Grouping] = (),
    champion: str = NONE_YET,
) -> Verdict:
    """Pass what stands every check on the later period.

    The model must be beyond doubt better than the naive rule; no worse than the best baseline and
    the champion by more than the margin; calibrated; no slice may lie beyond doubt far off; and
    its explanations must add up. "Beyond doubt" is the 95 % bootstrap interval, so that chance
    alone seldom refuses a good model. A baseline that the candidate lies below by more than the
    margin stands in its place, and is held to all the same.

    Parameters
    ----------
    evaluation : Evaluation
    test : Examples
    task : {"churn", "clv"}
    bounds : Gate
    seed : int
    groupings : iterable of Grouping
        How to cut the test's rows into slices.
    champion : str
        Why there is none among the contenders, in a sentence.
    """
    margin = bounds.churn_margin if task == "churn" else bounds.clv_margin
    served = _winner(evaluation, margin)
    level = [evaluation.deciding, "ece" if task == "churn" else "total_bias"]
    cut = slicing.measure(
        groupings,
        test,
        evaluation.predictions[served],
        {name: evaluation.metrics[name] for name in level if name in evaluation.metrics},
        customers=bounds.slice_customers,
        outcomes=bounds.slice_outcomes,
        repeats=bounds.repeats,
        seed=seed,
    )
    checks = (
        _against_naive(evaluation, served),
        _against_baselines(evaluation, served, margin),
        _against_champion(evaluation, served, margin, champion),
        _calibration(evaluation, served, bounds, seed)
        if task == "churn"
        else _bias(evaluation, served, bounds),
        _slices(cut, test, task, bounds),
        _explanations(evaluation, served, test),
    )
    replaced = _replacement(evaluation, served, margin)
    rivals = {"naive_rule", "best_baseline", CHAMPION}
    told = [
        check.said
        for check in checks
        if not check.passed or (check.name in rivals and check.value is not None)
    ]
    return Verdict(all(c.passed for c in checks), served, (*replaced, *told), checks, cut)


def judge_segments(quality: Quality | None, bounds: BehaviourSegments | None) -> Verdict:
    """Pass clusters that come out alike on other samples, and none too small to act on.

    Segments by rules are what their rules say, and pass.
    """
    if quality is None or bounds is None:
        told = "The segments are by rules alone, which come out alike on any sample."
        return Verdict(True, "segments", (told,))
    stable = quality.stability >= bounds.min_stability
    large = quality.smallest >= bounds.min_share
    stability = Check(
        "stability",
        stable,
        quality.stability,
        bounds.min_stability,
        f"Bootstrap stability (adjusted Rand) is {quality.stability:.2f}, "
        f"{'at least' if stable else 'below'} the bound of {bounds.min_stability:.2f}.",
    )
    smallest = Check(
        "smallest",
        large,
        quality.smallest,
        bounds.min_share,
        f"The smallest segment holds {quality.smallest:.1%} of the customers, "
        f"{'at least' if large else 'below'} the bound of {bounds.min_share:.1%}.",
    )
    checks = (stability, smallest)
    return Verdict(stable and large, "segments", tuple(c.said for c in checks), checks)


def _winner(evaluation: Evaluation, margin: float) -> str:
    """Return the candidate, or the baseline that it lies below by more than the margin."""
    best = _best_baseline(evaluation, except_for=evaluation.candidate.name)
    if best is None or evaluation.gains[best].estimate >= -margin:
        return evaluation.candidate.name
    return best


def _best_baseline(evaluation: Evaluation, except_for: str) -> str | None:
    """Return the baseline with the best figure, of those that are not served."""
    held = [each.name for each in evaluation.contenders if each.role == "baseline"]
    rivals = [name for name in held if name != except_for]
    worth = evaluation.metrics[evaluation.deciding].worth
    values = evaluation.values
    return max(
        rivals, key=lambda name: float(worth(values[name][evaluation.deciding])), default=None
    )


def _replacement(evaluation: Evaluation, served: str, margin: float) -> list[str]:
    if served == evaluation.candidate.name:
        return []
    lost = evaluation.gains[served]
    return [
        f"{evaluation.named(served).label} takes the place of {evaluation.candidate.label}: "
        f"{_label(evaluation)} is better by {-lost.estimate:.4f}, more than the margin of "
        f"{margin:g}."
    ]


def _against_naive(evaluation: Evaluation, served: str) -> Check:
    naive = next(held for held in evaluation.contenders if held.role == "naive rule")
    gain = evaluation.gain(served, naive.name)
    passed = gain.low > 0
    said = "beyond doubt better" if passed else "not beyond doubt better"
    return Check(
        "naive_rule",
        passed,
        gain.low,
        0.0,
        f"Against the naive rule ({naive.label}): {said}; {_label(evaluation)} {_signed(gain)}.",
    )


def _against_baselines(evaluation: Evaluation, served: str, margin: float) -> Check:
    best = _best_baseline(evaluation, except_for=served)
    if best is None:
        said = "There is no other baseline to stand beside."
        return Check("best_baseline", True, None, -margin, said)
    return _no_worse("best_baseline", evaluation, served, best, margin)


def _against_champion(evaluation: Evaluation, served: str, margin: float, why: str) -> Check:
    if CHAMPION not in evaluation.predictions:
        return Check(CHAMPION, True, None, -margin, why)
    return _no_worse(CHAMPION, evaluation, served, CHAMPION, margin)


def _no_worse(check: str, evaluation: Evaluation, served: str, other: str, margin: float) -> Check:
    gain = evaluation.gain(served, other)
    passed = gain.estimate >= -margin
    said = "no worse than" if passed else "worse than"
    return Check(
        check,
        passed,
        gain.estimate,
        -margin,
        f"Against {evaluation.named(other).label}: {said} the margin of {margin:g} "
        f"allows; {_label(evaluation)} {_signed(gain)}.",
    )


def _calibration(evaluation: Evaluation, served: str, bounds: Gate, seed: int) -> Check:
    """Hold the low end of the ECE's interval to the bound, or to twice what chance shows.

    The ECE of few customers is high even of a perfect model, and so is its interval.
    """
    found = evaluation.figures[served]["ece"]
    perfect = random_level_ece(evaluation.predictions[served], seed=seed)
    bound = max(bounds.calibration, 2 * perfect)
    return Check(
        "calibration",
        not found.low > bound,
        found.low,
        bound,
        f"Probabilities are off by {found.estimate:.3f} on average (ECE; 95 % interval "
        f"{found.low:.3f} to {found.high:.3f}; a perfectly calibrated model of this size would "
        f"show {perfect:.3f}); refused is what lies beyond doubt above {bound:.3f}.",
    )


def _bias(evaluation: Evaluation, served: str, bounds: Gate) -> Check:
    found = evaluation.figures[served]["total_bias"]
    return Check(
        "calibration",
        not _distance(found) > bounds.bias,
        _distance(found),
        bounds.bias,
        f"The predicted total lies {found.estimate:+.1%} off what came true (95 % interval "
        f"{found.low:+.1%} to {found.high:+.1%}); refused is what lies beyond doubt more than "
        f"{bounds.bias:.0%} off.",
    )


def _distance(found: Interval) -> float:
    """Return how far from 0 a figure lies beyond doubt."""
    return max(found.low, -found.high, 0.0)


def _slices(cut: Iterable[Slices], test: Examples, task: Task, bounds: Gate) -> Check:
    """Refuse where a slice's mean prediction is beyond doubt far from what came true.

    Many slices are looked at, and one of many is soon off by chance: so the doubt is shared out
    among them (Bonferroni). A value is off by its share of the slice's own mean value, or of
    everybody's where that is more: who brings next to nothing cannot be far off in money.
    """
    bound = bounds.slice_calibration if task == "churn" else bounds.slice_bias
    told = [(each, group) for each in cut for group in each.groups if group.figures]
    if not told:
        said = "No slice has enough customers to be held against what came true."
        return Check("slices", True, None, bound, said)
    doubt = float(norm.isf(0.025 / len(told)))
    mean = abs(float(np.mean(test.target)))
    off = []
    for each, group in told:
        excess = group.figures["mean_excess"].estimate
        actual = abs(group.figures["mean_actual"].estimate)
        scale = 1.0 if task == "churn" else max(actual, mean)
        surely = max(abs(excess) - doubt * group.excess_error, 0.0)
        off.append((surely / scale, abs(excess) / scale, f"{each.label}: {group.name}"))
    surely, about, where = max(off)
    return Check(
        "slices",
        surely <= bound,
        surely,
        bound,
        f"Of {len(told)} slices the furthest off is {where}, whose mean prediction lies "
        f"{_apart(about, task)} from what came true, beyond doubt {_apart(surely, task)}; "
        f"refused is what lies beyond doubt more than {_apart(bound, task)} off.",
    )


def _apart(value: float, task: Task) -> str:
    return f"{100 * value:.1f} points" if task == "churn" else f"{value:.0%} of the mean"


def _explanations(evaluation: Evaluation, served: str, test: Examples) -> Check:
    rows = np.unique(np.linspace(0, len(test) - 1, min(_EXPLAINED, len(test))).astype(int))
    worst = evaluation.named(served).model.additivity_error(test.matrix[rows])
    passed = bool(worst <= TOLERANCE)
    return Check(
        "explanations",
        passed,
        worst,
        TOLERANCE,
        f"Reasons {'add' if passed else 'do not add'} up to the margin: off by at most "
        f"{worst:.1e} of their size, {len(rows):,} customers looked at.",
    )


def _label(evaluation: Evaluation) -> str:
    metric: Metric = evaluation.metrics[evaluation.deciding]
    return metric.label


def _signed(gain: Interval) -> str:
    return f"{gain.estimate:+.4f} (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
