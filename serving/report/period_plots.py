"""Pictures of periods: how figures went from one to the next, and what came and went in one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.figures.definition import Unit
from serving.report.amounts import short
from serving.report.plot_words import say
from training.canvas import BLUE, INK, ORANGE, PALE, RULE, SOFT, canvas, name_rows, note, styled
from training.quantities import Language

GREEN = "#12805c"

Told = tuple[str, str, Unit]
"""A figure's name, what it is called, and its unit."""


@styled
def trend(
    periods: pd.DataFrame,
    figures: Sequence[Told],
    currency: str = "",
    language: Language = "en",
) -> Figure:
    """Draw figures of successive periods one above the other, the first and the last said.

    The highest and the lowest are said too where they are neither.

    Parameters
    ----------
    periods : DataFrame
        As `features.figures.trend.trend` gives it; a period without a value is a gap.
    figures : sequence of (str, str, str)
        Name, label and unit of each that is drawn.
    currency : str
    language : {"en", "da"}
    """
    figure = canvas("trend", 0.55 + 0.95 * max(len(figures), 1))
    grid = figure.subplots(max(len(figures), 1), 1, sharex=True, squeeze=False)[:, 0]
    if not figures or periods.empty:
        note(grid[0], say("no_periods", language))
        return figure
    spans = periods[["start", "end"]].drop_duplicates().sort_values("end")
    last_days = pd.to_datetime(spans["end"]) - pd.Timedelta(days=1)
    days = mdates.date2num(last_days.to_numpy())
    for axes, (name, label, unit) in zip(grid, figures, strict=True):
        held = periods[periods["figure"] == name].set_index("end")["value"]
        values = held.reindex(spans["end"]).to_numpy(float)
        axes.set_title(label + (f", {currency}" if unit == "money" and currency else ""))
        _spark(axes, days, values, unit, language)
        axes.tick_params(axis="x", length=0)
    width = (days[-1] - days[0]) or 1.0
    grid[-1].set_xlim(days[0] - 0.06 * width, days[-1] + 0.06 * width)
    ends = sorted({0, len(days) // 2, len(days) - 1})
    grid[-1].set_xticks([days[k] for k in ends], [f"{last_days.iloc[k]:%Y-%m-%d}" for k in ends])
    length = (pd.Timestamp(spans["end"].iloc[-1]) - pd.Timestamp(spans["start"].iloc[-1])).days
    grid[-1].set_xlabel(say("span", language, days=length))
    return figure


def _spark(
    axes: Axes, days: np.ndarray, values: np.ndarray, unit: Unit, language: Language
) -> None:
    axes.spines[:].set_visible(False)
    axes.set_yticks([])
    there = np.flatnonzero(np.isfinite(values))
    if not len(there):
        note(axes, say("no_value", language))
        return
    low, high = float(values[there].min()), float(values[there].max())
    room = (high - low) or abs(high) or 1.0
    axes.set_ylim(low - 0.45 * room, high + 0.45 * room)
    axes.plot(days, values, "-", color=BLUE, lw=1.6, zorder=3)
    axes.plot(days[there], values[there], "o", color=BLUE, ms=2.5, zorder=3)
    for k, above in _marked(values, there).items():
        last = k == there[-1]
        axes.plot(days[k], values[k], "o", color=ORANGE if last else BLUE, ms=5, zorder=4)
        axes.annotate(
            short(values[k], unit, "", language), (days[k], values[k]), (0, 6 if above else -6),
            textcoords="offset points", ha="center", va="bottom" if above else "top",
            color=ORANGE if last else INK, annotation_clip=False,
        )  # fmt: skip


def _marked(values: np.ndarray, there: np.ndarray) -> dict[int, bool]:
    """Return which periods are said, and whether above the line: no two so near that they meet."""
    first, last = int(there[0]), int(there[-1])
    middle = (values[there].min() + values[there].max()) / 2
    held = {k: bool(values[k] >= middle) for k in (first, last)}
    far = max(1, math.ceil(len(values) / 7))
    for k in (int(there[values[there].argmax()]), int(there[values[there].argmin()])):
        if all(abs(k - other) >= far for other in held):
            held[k] = bool(values[k] >= middle)
    return held


@styled
def flow(
    start: tuple[str, float],
    changes: Sequence[tuple[str, float]],
    end: tuple[str, float],
    unit: Unit = "count",
    currency: str = "",
    name: str = "flow",
    language: Language = "en",
) -> Figure:
    """Draw how an amount at the start of a period became that at its end, step by step.

    Parameters
    ----------
    start, end : (str, float)
        What they are called, and the amounts.
    changes : sequence of (str, float)
        What came (positive) and went (negative), in their order; NaN for what is withheld.
    unit : str
    currency : str
    name : str
        The figure's, such as ``customers_flow`` or ``mrr_flow``.
    language : {"en", "da"}
    """
    rows = [start, *changes, end]
    figure = canvas(name, 0.5 + 0.36 * len(rows))
    axes = figure.subplots()
    level, known = 0.0, [0.0]
    for row, (_, amount) in enumerate(rows):
        whole = row in (0, len(rows) - 1)
        if not math.isfinite(amount):
            _said(axes, row, level, say("withheld", language) if not whole else "–", SOFT)
            continue
        base = 0.0 if whole else level
        level = base + amount
        colour = BLUE if whole else GREEN if amount >= 0 else ORANGE
        axes.barh(row, amount, 0.62, base, color=colour)
        if row < len(rows) - 1:  # to the next step
            axes.plot([level, level], [row - 0.31, row + 1.31], color=PALE, lw=0.8, zorder=0)
        said = short(amount, unit, currency if whole else "", language)
        signed = said if whole or amount <= 0 else f"+{said}"
        _said(axes, row, max(base, level), signed, INK)
        known += [base, level]
    span = (max(known) - min(known)) or 1.0
    axes.set_xlim(min(known), max(known) + 0.02 * span)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.axvline(0, color=RULE, lw=0.8, zorder=0)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    name_rows(axes, [label for label, _ in rows])
    return figure


def _said(axes: Axes, row: int, at: float, text: str, colour: str) -> None:
    axes.annotate(
        text, (at, row), (4, 0), textcoords="offset points", va="center_baseline", color=colour,
        annotation_clip=False,
    )  # fmt: skip
