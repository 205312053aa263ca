"""Plots of what predictions were worth, how they were tested and how they were tuned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from training import metrics
from training.canvas import (
    BLUE,
    DASHES,
    INK,
    ORANGE,
    OTHERS,
    PALE,
    RULE,
    SOFT,
    canvas,
    key,
    key_above,
    note,
    percent,
    styled,
)
from training.tenths import by_part, consistency, parts

Array = NDArray[np.float64]

_MOST_CUTOFFS = 12


@styled
def reliability(y: ArrayLike, p: ArrayLike, bins: int = 10) -> Figure:
    """Draw observed against predicted rates over bins of equally many customers.

    Grey consistency bars hold 95 % of what a perfectly calibrated model of this size would show:
    Bröcker & Smith (2007), Weather and Forecasting 22(3). Below stands how many customers got
    which probability.
    """
    y, p = np.asarray(y, float), np.asarray(p, float)
    figure = canvas("reliability", 4.2)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[5, 1])
    if len(y) == 0:
        note(upper, "no customer was tested")
        return figure
    which = parts(p, bins)
    predicted, observed, _ = by_part(which, bins, p, y)
    low, high = consistency(p, which)
    end = min(1.0, 1.08 * max(predicted.max(), observed.max(), high.max(), 0.01))
    upper.plot([0, end], [0, end], color=PALE, lw=1)
    upper.vlines(predicted, low, high, color=PALE, lw=6, alpha=0.6)
    off_line = (observed < low) | (observed > high)
    for held, colour in ((~off_line, BLUE), (off_line, ORANGE)):
        if held.any():  # an empty line would lie outside the axes, and take their room
            upper.plot(predicted[held], observed[held], "o", color=colour, ms=5, clip_on=False)
    upper.set(xlim=(0, end), ylim=(0, end), title="customers who left")
    each = "a tenth of the customers" if bins == 10 else "a bin"
    marks = [(f"● {each}", BLUE), ("● outside its grey bar", ORANGE)]
    key(upper, marks if off_line.any() else marks[:1], "upper left")
    off, chance = 100 * metrics.ece(y, p), 100 * metrics.random_level_ece(p)
    said = [
        ("line: predicted = observed", SOFT),
        ("grey: 95 % of perfect models", SOFT),
        (f"off by {off:.2g} points on average (ECE)", INK),
        (f"a perfect model: {chance:.2g}", SOFT),
    ]
    key(upper, said, "lower right")
    lower.hist(p, bins=np.linspace(0, end, 41).tolist(), color=PALE)
    lower.set(xlabel="predicted probability of leaving", title="customers")
    lower.yaxis.set_major_locator(MaxNLocator(2, integer=True))
    for axis in (upper.xaxis, upper.yaxis, lower.xaxis):
        axis.set_major_formatter(FuncFormatter(percent))
    upper.grid()
    return figure


@styled
def lift(
    y: ArrayLike, p: ArrayLike, others: Mapping[str, ArrayLike], name: str = "this model"
) -> Figure:
    """Draw the rate in each tenth by prediction over the rate of all; ties count in part."""
    figure = canvas("lift", 3.2)
    axes = figure.subplots()
    if not np.sum(np.asarray(y, float)) > 0:
        note(axes, "nobody tested left: there is nothing to rank")
        return figure
    axes.axhline(1, color=PALE, lw=1)
    entries = []
    for label, prediction, line in _lines(name, p, others):
        tenths = 10 * np.diff(_caught(y, prediction, np.linspace(0, 1, 11)))
        axes.plot(np.arange(1, 11), tenths, marker="o", ms=3 if label != name else 4.5, **line)
        entries.append((f"{label}: {tenths[0]:.2f} times", line["color"]))
    key(axes, [("in the first tenth:", SOFT), *entries, ("all: 1", SOFT)], "upper right")
    axes.set(title="leavers in the tenth, times the average", ylim=(0, None))
    axes.set(xlabel="tenths of the customers, highest prediction first", xticks=range(1, 11))
    axes.grid(axis="y")
    return figure


@styled
def gain(
    y: ArrayLike,
    p: ArrayLike,
    others: Mapping[str, ArrayLike],
    name: str = "this model",
    what: str = "leavers",
) -> Figure:
    """Draw which share of the leavers, or of the value, the top x % by prediction hold."""
    figure = canvas("gain", 3.8)
    axes = figure.subplots()
    if not np.sum(np.asarray(y, float)) > 0:
        note(axes, f"no {what} among the tested: there is nothing to catch")
        return figure
    at = np.linspace(0, 1, 201)
    axes.plot([0, 1], [0, 1], color=PALE, lw=1)
    axes.axvline(0.1, color=RULE, lw=1, zorder=0)
    entries, least = [], 0.0
    for label, prediction, line in _lines(name, p, others):
        caught = _caught(y, prediction, at)
        least = min(least, float(caught.min()))
        axes.plot(at, caught, **line)
        entries.append((f"{label}: {percent(float(caught[20]))}", line["color"]))
    ends = [("in the top 10 %:", SOFT), *entries, ("at random: 10 %", SOFT)]
    key(axes, ends, "lower right")
    axes.set(xlim=(0, 1), title=f"share of all {what} among them")
    axes.set_ylim(1.05 * least, 1.01)
    axes.set_xlabel("share of the customers, highest prediction first")
    axes.xaxis.set_major_formatter(FuncFormatter(percent))
    axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid()
    return figure


@styled
def value_deciles(y: ArrayLike, value: ArrayLike, currency: str = "") -> Figure:
    """Draw mean predicted and actual money by tenth of the prediction, highest first."""
    y, value = np.asarray(y, float), np.asarray(value, float)
    figure = canvas("value_deciles", 3.2)
    axes = figure.subplots()
    if len(y) == 0:
        note(axes, "no customer was tested")
        return figure
    which = parts(-value, 10)
    tenth, predicted, actual, _ = by_part(which, 10, which.astype(float) + 1, value, y)
    axes.vlines(tenth, predicted, actual, color=PALE, lw=2.5)
    axes.plot(tenth, actual, "o", color=ORANGE, ms=6)
    axes.plot(tenth, predicted, "o", color=BLUE, ms=6, mfc="white", mew=1.6)
    key(axes, [("○ predicted", BLUE), ("● actual", ORANGE)], "upper right")
    axes.set(title=f"{currency or 'money'} a customer, on average".strip())
    axes.set_ylim(bottom=min(0.0, float(min(predicted.min(), actual.min())) * 1.05))
    axes.set(xlabel="tenths of the customers, highest prediction first", xticks=range(1, 11))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:,.4g}".replace("-", "−")))
    axes.grid(axis="y")
    return figure


@styled
def tuning_history(
    values: Sequence[float], best: Sequence[float], label: str = "score on the validation period"
) -> Figure:
    """Draw each trial's score and the best so far; a trial that failed is nan."""
    figure = canvas("tuning_history", 2.8)
    axes = figure.subplots()
    trials = np.arange(1, len(values) + 1)
    axes.plot(trials, np.asarray(values, float), "o", color=PALE, ms=4)
    axes.step(trials, np.asarray(best, float), where="post", color=BLUE, lw=2)
    axes.set(title=label, xlabel="trial")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if not np.isfinite(np.asarray(values, float)).any():
        note(axes, "no trial gave a score")
    axes.grid(axis="y")
    return figure


@styled
def timeline(
    cutoffs: Mapping[str, Any], first: date | str | None = None, last: date | str | None = None
) -> Figure:
    """Draw what was known at each cut-off and which days after it were asked about.

    Parameters
    ----------
    cutoffs : mapping
        ``fit`` (dates), ``validation`` and ``test`` (a date each), ``horizon_days`` and
        ``gap_days``; what is missing is left out. Of many fit cut-offs some are drawn, evenly.
    first, last : date, optional
        The days the data spans.
    """
    fit = list(cutoffs.get("fit") or [])
    rows = [("fit", _day(day)) for day in _thinned(fit)]
    rows += [(name, _day(cutoffs[name])) for name in ("validation", "test") if cutoffs.get(name)]
    figure = canvas("timeline", 1.0 + 0.2 * max(len(rows), 2))
    axes = figure.subplots()
    if not rows:
        note(axes, "there are no cut-offs")
        return figure
    horizon, gap = cutoffs.get("horizon_days") or 0, cutoffs.get("gap_days") or 0
    start = _day(first) if first else min(day for _, day in rows) - 2 * horizon
    for row, (name, day) in enumerate(rows):
        colour = {"fit": BLUE, "validation": OTHERS[1], "test": ORANGE}[name]
        axes.barh(row, day - start, left=start, height=0.3, color=RULE)
        axes.barh(row, horizon, left=day + gap, height=0.62, color=colour)
        axes.plot(day, row, "|", color=INK, ms=9, mew=1.3)
    axes.set_yticks(range(len(rows)), _row_names(rows), color=INK)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    if last:
        axes.axvline(_day(last), color=PALE, lw=0.8, ls=":")
    _date_axis(axes)
    axes.xaxis_date()
    entries = [("grey: known", SOFT), ("stroke: cut-off", INK), ("colour: asked about", BLUE)]
    key_above(axes, entries)
    if len(fit) > _MOST_CUTOFFS:
        axes.set_xlabel(f"{_MOST_CUTOFFS} of the {len(fit)} fit cut-offs are drawn")
    return figure


def _thinned(days: Sequence[Any]) -> list[Any]:
    """Return at most as many days as can be drawn, the first and the last among them."""
    if len(days) <= _MOST_CUTOFFS:
        return list(days)
    return [days[index] for index in np.linspace(0, len(days) - 1, _MOST_CUTOFFS).astype(int)]


def _row_names(rows: Sequence[tuple[str, float]]) -> list[str]:
    days = [mdates.num2date(day).date().isoformat() for _, day in rows]
    return [f"{name} {day}" for (name, _), day in zip(rows, days, strict=True)]


def _date_axis(axes: Axes) -> None:
    locator = mdates.AutoDateLocator(minticks=3, maxticks=6)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _day(given: date | str) -> float:
    """Return a day as matplotlib counts them."""
    return mdates.date2num(date.fromisoformat(given[:10]) if isinstance(given, str) else given)


def _lines(
    name: str, p: ArrayLike, others: Mapping[str, ArrayLike]
) -> list[tuple[str, ArrayLike, dict[str, Any]]]:
    """Return what to draw as lines: label, prediction, look; the model first and on top."""
    held: list[tuple[str, ArrayLike, dict[str, Any]]] = [
        (name, p, {"color": BLUE, "lw": 2.2, "zorder": 3})
    ]
    for index, (label, prediction) in enumerate(others.items()):
        look = {"color": OTHERS[index % len(OTHERS)], "ls": DASHES[index % len(DASHES)], "lw": 1.3}
        held.append((label, prediction, look))
    return held


def _caught(y: ArrayLike, p: ArrayLike, at: Array) -> Array:
    """Return the share of the sum of y that the top shares `at` by p hold, ties in part."""
    y, p = np.asarray(y, float), np.asarray(p, float)
    levels, which = np.unique(-p, return_inverse=True)
    reached = np.cumsum(np.bincount(which, minlength=len(levels))) / len(p)
    caught = np.cumsum(np.bincount(which, y, minlength=len(levels))) / np.sum(y)
    return np.interp(at, np.r_[0.0, reached], np.r_[0.0, caught])


def wilson(rate: Array, count: Array) -> tuple[Array, Array]:
    """Return the 95 % interval of a rate among so many, by Wilson (1927), JASA 22(158)."""
    z = 1.96
    middle = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2))
    return middle - half, middle + half
