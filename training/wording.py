"""How a report speaks: numbers for people, and what a metric or a plot says in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

NOTHING = "–"
_SPACE = "\N{NO-BREAK SPACE}"

METRICS: Mapping[str, str] = {
    "roc_auc": "How often a customer who leaves is ranked above one who stays: 0.5 is a coin "
    "toss, 1 is always.",
    "pr_auc": "How many of those ranked high do leave; a random order gets the share of leavers, "
    "1 is perfect.",
    "log_loss": "How surprised the probabilities are by what happened; lower is better.",
    "brier": "Squared distance from probability to outcome; 0 is perfect.",
    "ece": "How far stated probabilities are from what happened, on average; 0 is perfect.",
    "lift_at_10": "How many times the average rate of leaving the top tenth has; 1 is no better "
    "than chance.",
    "normalised_gini": "How well customers are ordered by value: 0 is a random order, 1 is "
    "perfect.",
    "rmse": "Typical error in money, large errors weighing most; lower is better.",
    "mae": "Average error in money for one customer; lower is better.",
    "spearman": "Agreement of the predicted and the actual order: 0 is none, 1 is full.",
    "total_bias": "By how much all predictions together exceed what came; 0 is best.",
    "top_tenth_share": "Share of all value that the tenth ranked highest brought; higher is "
    "better.",
    "silhouette": "How far apart the segments lie: 0 is overlapping, 1 is fully apart.",
    "stability": "How alike the segments come out on another draw of customers: 1 is the same.",
    "smallest": "The smallest segment's share of the customers; too small is of no use.",
    "smallest_share": "The smallest segment's share of the customers; too small is of no use.",
}

SHORT: Mapping[str, str] = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "log_loss": "Log loss",
    "brier": "Brier",
    "ece": "ECE",
    "lift_at_10": "Lift at 10 %",
    "normalised_gini": "Gini",
    "rmse": "RMSE",
    "mae": "MAE",
    "total_bias": "Total bias",
    "top_tenth_share": "Top tenth's share",
    "mean_predicted": "Predicted",
    "mean_actual": "Actual",
    "mean_excess": "Predicted less actual",
}
"""Metrics as the heads of narrow columns."""

LEVELS = frozenset({"mean_predicted", "mean_actual", "mean_excess"})
"""Figures of a group that are on the served scale: a probability, or money."""


class Caption(NamedTuple):
    """Where on a page a plot stands, under which title, and how to read it."""

    section: str
    title: str
    text: str


FIGURES: Mapping[str, Caption] = {
    "gain": Caption(
        "worth",
        "Who is reached first",
        "Read upwards: of all there is to catch, so much lies among the customers ranked highest. "
        "The further above the straight line, the better.",
    ),
    "lift": Caption(
        "worth",
        "Tenth by tenth",
        "Customers in ten equal groups, highest prediction first. A good ranking starts high and "
        "falls below 1.",
    ),
    "reliability": Caption(
        "worth",
        "Can the probabilities be taken at their word?",
        "Each dot is a group of customers. On the line, as many left as was predicted; above it "
        "more, below it fewer. Within the grey bar the distance may be chance, as it is outside "
        "for one dot in twenty.",
    ),
    "value_deciles": Caption(
        "worth",
        "Predicted and actual money",
        "Customers in ten equal groups, highest prediction first. The closer the two dots, the "
        "more a group's prediction can be budgeted with.",
    ),
    "coverage": Caption(
        "worth",
        "Do the intervals hold what they promise?",
        "Of 100 intervals of 80 %, 80 should hold what really came. A stroke is the promise, a dot "
        "what was measured.",
    ),
    "slices": Caption(
        "slices",
        "",
        "A dot is a group of customers, its bar a 95 % interval. A bar that does not reach the "
        "line is a group for which the model is beyond doubt better or worse than for all.",
    ),
    "segment_profile": Caption(
        "segments",
        "What sets the segments apart",
        "How far a segment lies from the average customer, in standard deviations: orange above, "
        "blue below, white like everyone.",
    ),
    "segment_apart": Caption(
        "segments",
        "What sets each segment apart from the rest",
        "A bar is how much of what tells a segment's customers from all others a feature is; "
        "beside it the segment's value and everybody's. ROC-AUC says how far to believe it: 0.5 is "
        "a coin toss, 1 is certain.",
    ),
    "segment_tradeoff": Caption(
        "segments",
        "Why this many segments",
        "More segments say more but are less apart, less stable and smaller. The blue band marks "
        "the number chosen, grey lines other columns and methods that were tried; to the right, "
        "shaded, are more segments than a team can treat differently.",
    ),
    "importance": Caption(
        "why",
        "What the model goes by",
        "How much each feature moves a prediction on average, up or down.",
    ),
    "beeswarm": Caption(
        "why",
        "How features move predictions",
        "Each dot is a customer: right of the line the feature raises the prediction, left it "
        "lowers it. Orange dots have a high value of the feature, blue ones a low value.",
    ),
    "dependence": Caption(
        "why",
        "One feature in detail",
        "Each dot is a customer: the feature's value against what it adds to the prediction. The "
        "dark line is the median.",
    ),
    "timeline": Caption(
        "tested",
        "What was known, and what was asked",
        "At each cut-off the model sees only what lies left of the stroke and is asked about the "
        "coloured days.",
    ),
    "tuning_history": Caption(
        "tested",
        "The search for settings",
        "Each dot is one try; the blue line is the best so far. Where it stays flat, more tries "
        "would hardly help.",
    ),
}
"""Each plot's caption, in the order a page shows them."""


def caption(name: str) -> Caption:
    """Return a plot's caption; a plot that is not known is told by its name."""
    kind = kind_of(name)
    return FIGURES[kind] if kind else Caption("worth", title(name), "")


def rank(name: str) -> int:
    """Return where a plot stands on a page; plots of one kind keep the order they are given in."""
    kind = kind_of(name)
    return list(FIGURES).index(kind) if kind else len(FIGURES)


def kind_of(name: str) -> str | None:
    """Return the kind of a plot: ``dependence`` of ``dependence_net_spend``."""
    return next((kind for kind in FIGURES if f"{name}_".startswith(f"{kind}_")), None)


def title(name: str) -> str:
    """Return a key as a heading."""
    words = str(name).replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def number(value: Any, unit: str = "", currency: str = "") -> str:
    """Return a number as a person reads it, to three or four digits."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    if isinstance(value, int) and not unit:
        return _minus(f"{value:,}")
    if unit in ("share", "probability", "percent"):
        digits = 2 if 0 < abs(value) < 0.01 else 1
        return _minus(f"{100 * value + 0.0:.{digits}f}{_SPACE}%")
    said = _minus(_digits(float(value)))
    if unit in ("currency", "money"):
        return f"{currency}{_SPACE}{said}".strip(_SPACE)
    return f"{said}{_SPACE}times" if unit == "times" else said


def measured(value: Any) -> str:
    """Return a number as `number` does, the very small by its power of ten.

    >>> measured(3.2e-7), measured(0.0481)
    ('3.2 × 10⁻⁷', '0.048')
    """
    if isinstance(value, float) and 0 < abs(value) < 1e-4:
        part, power = f"{value:.1e}".split("e")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return _minus(f"{part.removesuffix('.0')} × 10{raised}")
    return number(value)


def count(value: Any) -> str:
    """Return a count in full."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return NOTHING
    return f"{value:,.0f}"


def plain(value: Any) -> str:
    """Return a setting or a finding in a line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value) if abs(value) > 9999 else str(value)
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{title(key).lower()}: {plain(held)}" for key, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(held) for held in value)
    return NOTHING if value is None else str(value)


def _digits(value: float) -> str:
    size = abs(value)
    if size >= 1000:
        return f"{round(value, 3 - math.floor(math.log10(size))):,.0f}"
    if size >= 1:
        return f"{value:.{2 - math.floor(math.log10(size))}f}"
    if size >= 0.001 or size == 0:
        return f"{value + 0.0:.3f}" if size else "0"
    return f"{value:.{2 - math.floor(math.log10(size))}f}" if size > 1e-9 else f"{value:.1e}"


def _minus(text: str) -> str:
    return text.replace("-", "−")
