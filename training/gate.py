"""Candidate against baselines: what may be promoted, and why."""

from __future__ import annotations

from dataclasses import dataclass

from configs.schema import Segmentation
from training.evaluate import Evaluation
from training.metrics import Interval
from training.segments import Quality
from training.split import Examples


@dataclass(frozen=True)
class Verdict:
    """Whether a run's model may be promoted.

    Parameters
    ----------
    passed : bool
    served : str
        The contender that stands for the run: the candidate, or the baseline that won.
    reasons : tuple of str
        What decided it, in sentences.
    """

    passed: bool
    served: str
    reasons: tuple[str, ...]


def judge(
    evaluation: Evaluation, test: Examples, *, margin: float, repeats: int, seed: int
) -> Verdict:
    """Pass what is beyond doubt better than the naive rule and no worse than the baselines.

    The candidate must beat the naive rule (the 95 % interval of the gain lies above 0) and must
    not lie below the best baseline by more than the margin. Where it does, the baseline stands in
    its place, and must beat the naive rule itself.
    """
    label = evaluation.metrics[evaluation.deciding].label
    naive = next(held for held in evaluation.contenders if held.role == "naive rule")
    reasons = []
    chosen = _winner(evaluation, margin)
    if chosen != evaluation.candidate.name:
        lost = evaluation.gains[chosen]
        reasons.append(
            f"{evaluation.named(chosen).label} takes the place of {evaluation.candidate.label}: "
            f"{label} is better by {-lost.estimate:.4f}, more than the margin of {margin:g}."
        )
    gain = evaluation.gain(chosen, naive.name, test, repeats, seed)
    passed = gain.low > 0
    said = "beyond doubt better" if passed else "not beyond doubt better"
    reasons.append(f"Against the naive rule ({naive.label}): {said}; {label} {_signed(gain)}.")
    for name, against in evaluation.gains.items():
        if chosen == evaluation.candidate.name and name != naive.name:
            reasons.append(
                f"Against {evaluation.named(name).label}: no worse than the margin of {margin:g} "
                f"allows; {label} {_signed(against)}."
            )
    return Verdict(passed, chosen, tuple(reasons))


def judge_segments(quality: Quality, bounds: Segmentation) -> Verdict:
    """Pass segments that come out alike on other samples, and none too small to act on."""
    stable = quality.stability >= bounds.min_stability
    large = quality.smallest >= bounds.min_share
    reasons = (
        f"Bootstrap stability (adjusted Rand) is {quality.stability:.2f}, "
        f"{'at least' if stable else 'below'} the bound of {bounds.min_stability:.2f}.",
        f"The smallest segment holds {quality.smallest:.1%} of the customers, "
        f"{'at least' if large else 'below'} the bound of {bounds.min_share:.1%}.",
    )
    return Verdict(stable and large, "kmeans", reasons)


def _winner(evaluation: Evaluation, margin: float) -> str:
    """Return the candidate, or the baseline that it lies below by more than the margin."""
    baselines = [held.name for held in evaluation.contenders if held.role == "baseline"]
    if not baselines:
        return evaluation.candidate.name
    best = min(baselines, key=lambda name: evaluation.gains[name].estimate)
    return best if evaluation.gains[best].estimate < -margin else evaluation.candidate.name


def _signed(gain: Interval) -> str:
    return f"{gain.estimate:+.4f} (95 % interval {gain.low:+.4f} to {gain.high:+.4f})"
