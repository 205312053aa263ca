"""Plots of what a card's facts say by themselves: the cut-offs, the slices, what intervals held."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training import plots, wording
from training.canvas import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    RULE,
    SOFT,
    canvas,
    key_above,
    name_rows,
    note,
    percent,
    styled,
)

Facts = Mapping[str, Any]

_ROW = 0.36  # inches from a row to the next


def of_facts(facts: Facts) -> dict[str, Figure]:
    """Return the plots that a card's facts allow, by the names in `wording.FIGURES`."""
    drawn: dict[str, Figure] = {}
    cutoffs, data = facts.get("cutoffs") or {}, facts.get("data") or {}
    if cutoffs.get("fit") and cutoffs.get("test"):
        drawn["timeline"] = plots.timeline(cutoffs, data.get("first"), data.get("last"))
    if facts.get("coverage"):
        drawn["coverage"] = coverage(facts["coverage"], facts.get("currency") or "")
    for each in facts.get("slices") or []:
        if (metric := slice_metric(each, facts)) is not None:
            name = re.sub(r"[^a-z0-9]+", "_", str(each.get("by", "")).lower()).strip("_")
            drawn[f"slices_{name}"] = slices(each, metric, overall(facts, metric))
    return drawn


def slice_metric(each: Facts, facts: Facts) -> Facts | None:
    """Return the metric that slices are drawn by: the first of theirs, in the words of the card."""
    found = [name for group in each.get("groups") or [] for name in group.get("values") or {}]
    if not found:
        return None
    told = {metric.get("name"): metric for metric in facts.get("metrics") or []}
    return told.get(found[0], {"name": found[0]})


def overall(facts: Facts, metric: Facts) -> float | None:
    """Return the served model's value of a metric among all who were tested."""
    served = (facts.get("verdict") or {}).get("served") or facts.get("model")
    return ((metric.get("values") or {}).get(served) or {}).get("value")


@styled
def slices(each: Facts, metric: Facts, among_all: float | None = None) -> Figure:
    """Draw a metric in each group with its 95 % interval, and a line where all together lie.

    Parameters
    ----------
    each : mapping
        ``by``, and ``groups`` of ``name``, ``customers`` and ``values``; a group without the
        metric is named and left empty.
    metric : mapping
        ``name``, ``label`` and ``unit``.
    among_all : float, optional
    """
    groups = each.get("groups") or []
    figure = canvas(f"slices_{each.get('by', '')}", 0.95 + _ROW * max(len(groups), 2))
    axes = figure.subplots()
    if not groups:
        note(axes, "there are no groups")
        return figure
    if among_all is not None:
        axes.axvline(among_all, color=PALE, lw=1, zorder=0)
    for row, group in enumerate(groups):
        _forest_row(axes, row, (group.get("values") or {}).get(metric["name"]) or {})
    name_rows(axes, [_named(group) for group in groups])
    axes.set_ylim(len(groups) - 0.5, -0.6)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(str(metric.get("label") or wording.title(metric["name"])))
    axes.xaxis.set_major_formatter(FuncFormatter(_scale_of(metric)))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(axis="x")
    entries = [("● this group, with its 95 % interval", BLUE)]
    key_above(axes, [*entries, ("line: all", SOFT)] if among_all is not None else entries)
    return figure


def _forest_row(axes: Axes, row: int, held: Facts) -> None:
    value, low, high = (held.get(part) for part in ("value", "low", "high"))
    if value is None:
        at = axes.get_yaxis_transform()
        axes.text(0.02, row, "too few", transform=at, va="center", color=SOFT)
        return
    if low is not None and high is not None:
        axes.plot([low, high], [row, row], color=BLUE, lw=1.4, alpha=0.55)
    axes.plot(value, row, "o", color=BLUE, ms=5, clip_on=False)


def _named(group: Facts) -> str:
    count = group.get("customers")
    return str(group.get("name", "")) + ("" if count is None else f" ({wording.count(count)})")


def _scale_of(metric: Facts) -> Any:
    if metric.get("unit") in ("share", "probability", "percent"):
        return percent
    return lambda value, _: f"{value:,.4g}".replace("-", "−")


@styled
def coverage(held: Sequence[Facts], currency: str = "") -> Figure:
    """Draw which share of customers an interval held, against the share that it promised.

    Whiskers are 95 % intervals by Wilson (1927), JASA 22(158).

    Parameters
    ----------
    held : sequence of mapping
        ``level`` (in %), ``who``, ``customers``, ``covered`` and ``width``, on average.
    currency : str
        Of the width.
    """
    figure = canvas("coverage", 1.0 + 0.42 * max(len(held), 2))
    axes = figure.subplots()
    least = 1.0
    for row, each in enumerate(held):
        covered, promised = float(each["covered"]), float(each["level"]) / 100
        low, high = plots.wilson(np.array([covered]), np.array([float(each["customers"])]))
        least = min(least, float(low[0]), promised)
        colour = ORANGE if high[0] < promised else BLUE
        axes.plot([promised, promised], [row - 0.3, row + 0.3], color=INK, lw=1.6)
        axes.plot([low[0], high[0]], [row, row], color=colour, lw=1.4, alpha=0.55)
        axes.plot(covered, row, "o", color=colour, ms=5, clip_on=False)
        width = wording.number(each.get("width"), "currency", currency)
        axes.annotate(
            f"{percent(round(covered, 3))}, {width} wide", (1.0, row),
            xycoords=axes.get_yaxis_transform(), xytext=(6, 0), textcoords="offset points",
            va="center", color=SOFT,
        )  # fmt: skip
    name_rows(axes, [f"{each['level']:g} %: {each['who']}" for each in held], 22)
    axes.set_ylim(len(held) - 0.5, -0.6)
    axes.set_xlim(max(0.0, least - 0.05), 1.0)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(FuncFormatter(percent))
    axes.set_xlabel("customers whose actual value lay within")
    axes.grid(axis="x", color=RULE)
    key_above(axes, [("stroke: promised", INK), ("● measured", BLUE), ("● too few held", ORANGE)])
    return figure
