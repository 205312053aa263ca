"""Pictures of segments: how customers went from one to another, and what is at stake in each."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from features.figures.definition import Unit
from serving.report.amounts import short
from serving.report.cohort_plots import NONE_TO_ALL
from serving.report.plot_words import say
from training.canvas import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    RULE,
    SOFT,
    canvas,
    name_columns,
    name_rows,
    note,
    styled,
)
from training.quantities import Language, number

_NAMED = 4  # columns up to which their names are written above them
_COUNTED = 5  # columns up to which there is room for counts
_MOST = 16  # columns up to which there is room for shares

Bars = tuple[str, Sequence[float], Unit]
"""What bars are of, one for each segment (NaN is withheld), and their unit."""


@styled
def migration(
    counts: pd.DataFrame, before: Sequence[float] = (), language: Language = "en"
) -> Figure:
    """Draw which share of each segment's customers went where, as a heat map.

    Of up to five segments the counts stand below the shares. Of many, the columns are told by the
    numbers of the rows.

    Parameters
    ----------
    counts : DataFrame
        Customers by the segment they were in (rows) and are in (columns), both in the order they
        are drawn; NaN is withheld.
    before : sequence of float
        How many customers each row is of; the sum of its cells if not told. NaN is withheld.
    language : {"en", "da"}
    """
    names = list(dict.fromkeys([*map(str, counts.columns), *map(str, counts.index)]))
    width = max(9, 38 // max(counts.shape[1], 1))
    longest = max(map(len, map(str, counts.columns)), default=0)
    numbered = counts.shape[1] > _NAMED or longest > 2.4 * width
    rows = names if numbered else [str(name) for name in counts.index]
    tall = 0.40 if counts.shape[1] <= _COUNTED else 0.33
    figure = canvas("migration", (0.75 if numbered else 1.15) + tall * max(len(rows), 2))
    axes = figure.subplots()
    if counts.empty:
        note(axes, say("no_moves", language))
        return figure
    held = counts.set_axis(counts.index.map(str)).set_axis(counts.columns.map(str), axis=1)
    held = held.reindex(rows).astype(float)
    there = held.index.isin([str(name) for name in counts.index])
    whole = pd.Series(
        counts.sum(axis=1, skipna=False).to_numpy(float) if not len(before) else before,
        index=counts.index.map(str),
        dtype="float64",
    )
    _cells(axes, held.to_numpy(), whole.reindex(rows).to_numpy(), there, language)
    if numbered:
        number = {name: place for place, name in enumerate(names, 1)}
        name_rows(axes, [f"{number[name]}  {name}" for name in rows], 26)
        every = 1 if held.shape[1] <= _MOST else 2
        told = [str(number[name]) for name in held.columns[::every]]
        axes.set_xticks(range(0, held.shape[1], every), told)
        axes.xaxis.tick_top()
        axes.tick_params(axis="x", length=0)
        axes.set_title(say("went_to", language), pad=18)
    else:
        name_rows(axes, rows, 20)
        arrived = [short(float(total), language=language) for total in held.sum()]
        name_columns(axes, list(held.columns), arrived, width=width)
    axes.spines[:].set_visible(False)
    return figure


def _cells(
    axes: Axes, counts: np.ndarray, whole: np.ndarray, there: np.ndarray, language: Language
) -> None:
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = counts / whole[:, None]
    axes.imshow(shares, cmap=NONE_TO_ALL, vmin=0, vmax=1, aspect="auto")
    columns = counts.shape[1]
    drawn = there & (np.isnan(counts).any(axis=1) | (whole > 0)) & (columns <= _MOST)
    for (row, column), count in np.ndenumerate(counts):
        if not drawn[row]:
            continue
        share = float(shares[row, column])
        colour, soft = ("white", "white") if share > 0.6 else (INK, SOFT)
        counted = columns <= _COUNTED and count > 0
        if math.isnan(share) and counted:
            _text(axes, column, row, number(count, 0, language), 0, soft)
            continue
        _text(axes, column, row, _share(share, columns, language), 6 if counted else 0, colour)
        if counted:
            _text(axes, column, row, number(count, 0, language), -6, soft)


def _share(share: float, columns: int, language: Language) -> str:
    if math.isnan(share):
        return "–"
    if columns <= _COUNTED:
        return short(round(share, 2), "share", "", language)
    return f"{100 * share:.0f}" if share >= 0.005 else "·"


def _text(axes: Axes, x: float, y: float, text: str, up: float, colour: str) -> None:
    axes.annotate(
        text, (x, y), (0, up), textcoords="offset points", ha="center", va="center_baseline",
        color=colour,
    )  # fmt: skip


@styled
def stakes(
    names: Sequence[str],
    bars: Sequence[Bars],
    currency: str = "",
    language: Language = "en",
) -> Figure:
    """Draw a few amounts of each segment side by side, such as its size and the value at risk.

    Parameters
    ----------
    names : sequence of str
        The segments', from top to bottom.
    bars : sequence of (str, sequence of float, str)
        Up to three, from left to right.
    currency : str
    language : {"en", "da"}
    """
    figure = canvas("stakes", 0.6 + 0.32 * max(len(names), 1))
    columns = list(figure.subplots(1, max(len(bars), 1), sharey=True, squeeze=False)[0])
    if not len(names) or not bars:
        note(columns[0], say("no_segments", language))
        return figure
    colours = (BLUE, ORANGE, SOFT)
    for axes, (title, amounts, unit), colour in zip(columns, bars, colours, strict=False):
        held = np.asarray(amounts, float)
        axes.barh(range(len(held)), np.nan_to_num(held), 0.62, color=colour)
        axes.set_title(title + (f", {currency}" if unit == "money" and currency else ""))
        _ends(axes, held, unit, language)
        axes.axvline(0, color=PALE, lw=0.8)
        axes.spines[:].set_visible(False)
        axes.set_xticks([])
        axes.tick_params(axis="y", length=0, labelleft=False)
    columns[0].set_ylim(len(names) - 0.4, -0.6)
    name_rows(columns[0], [str(name) for name in names], 28 if len(bars) < 3 else 18)
    return figure


def _ends(axes: Axes, held: np.ndarray, unit: Unit, language: Language) -> None:
    """Say amounts at the ends of their bars, and leave room for them."""
    high = float(np.nanmax(held, initial=0.0))
    low = float(np.nanmin(held, initial=0.0))
    span = (high - low) or 1.0
    axes.set_xlim(low, high + 0.45 * span)
    for row, amount in enumerate(held):
        known = math.isfinite(amount)
        axes.annotate(
            short(amount, unit, "", language) if known else say("withheld", language),
            (max(amount, 0.0) if known else 0.0, row),
            (4, 0), textcoords="offset points", va="center_baseline",
            color=INK if known else SOFT, annotation_clip=False,
        )  # fmt: skip
    axes.grid(axis="x", color=RULE, lw=0)
