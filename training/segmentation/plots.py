"""Plots of segments: what each is like, what sets it apart, and why there are so many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from training.canvas import (
    BELOW_TO_ABOVE,
    BLUE,
    INK,
    ORANGE,
    PALE,
    RULE,
    SOFT,
    canvas,
    key_above,
    name_columns,
    name_rows,
    note,
    percent,
    styled,
)
from training.segmentation.apart import Apart
from training.segmentation.surrogate import Description

_MOST = 2.0  # deviations at which a colour is full
_ROOM = 6.0  # times the longest bar, for the figures beside it
_LEANINGS = {
    1: ("■ high or often", ORANGE),
    -1: ("■ low or seldom", BLUE),
    0: ("■ neither", SOFT),
}


@styled
def segment_profile(names: Sequence[str], sizes: Sequence[float], profile: pd.DataFrame) -> Figure:
    """Draw how far each segment's mean lies from everyone's, in deviations, as a heat map.

    Parameters
    ----------
    names : sequence of str
        The segments', in the order of the profile's rows.
    sizes : sequence of float
        How many customers each has.
    profile : DataFrame, shape (segments, features)
        Standardised means; the columns are the features' labels.
    """
    cells = profile.to_numpy(dtype=float).T
    figure = canvas("segment_profile", 1.0 + 0.34 * max(len(cells), 2))
    axes = figure.subplots()
    if cells.size == 0:
        note(axes, "there is nothing to compare")
        return figure
    axes.imshow(np.nan_to_num(cells), cmap=BELOW_TO_ABOVE, vmin=-_MOST, vmax=_MOST, aspect="auto")
    for (row, column), value in np.ndenumerate(cells):
        bright = "white" if abs(value) > 0.75 * _MOST else INK
        axes.text(column, row, _signed(value), ha="center", va="center", color=bright)
    name_rows(axes, [str(label) for label in profile.columns])
    whole = float(np.sum(sizes)) or 1.0
    shares = [percent(round(size / whole, 2)) for size in sizes]
    name_columns(axes, names, shares, width=max(7, 46 // len(shares)))
    axes.spines[:].set_visible(False)
    return figure


@styled
def segment_apart(names: Sequence[str], descriptions: Sequence[Description]) -> Figure:
    """Draw what sets each segment apart, the strongest first, under how faithful that is.

    Parameters
    ----------
    names : sequence of str
        The segments'.
    descriptions : sequence of Description
        In the same order.
    """
    rows = sum(2 + len(one.apart) for one in descriptions)
    figure = canvas("segment_apart", 0.6 + 0.27 * max(rows, 3))
    axes = figure.subplots()
    if not descriptions:
        note(axes, "there is nothing to compare")
        return figure
    labels: list[str] = []
    for name, one in zip(names, descriptions, strict=True):
        _head(axes, len(labels), name, one)
        labels.append("")
        for apart in one.apart:
            _bar(axes, len(labels), apart)
            labels.append(apart.label)
        labels.append("")
    name_rows(axes, labels)
    largest = max((apart.importance for one in descriptions for apart in one.apart), default=1.0)
    axes.set(xticks=[], xlim=(0, _ROOM * largest), ylim=(len(labels) - 0.5, -0.9))
    axes.spines[:].set_visible(False)
    key_above(axes, [("values:", SOFT), *_LEANINGS.values()])
    return figure


def _head(axes: Axes, row: int, name: str, one: Description) -> None:
    """Name a segment above its bars, and say how faithful they are."""
    weak = ": a weak description" if one.weak else ""
    auc = "too few customers to say" if one.roc_auc is None else f"ROC-AUC {one.roc_auc:.3f}{weak}"
    for text, up, colour in ((name, 8, INK), (auc, -4, SOFT)):
        held = axes.annotate(
            text, (0.02, row), (0, up), ("figure fraction", "data"), "offset points", va="center",
            color=colour, weight="bold" if text == name else "normal",
        )  # fmt: skip
        held.set_in_layout(False)


def _bar(axes: Axes, row: int, apart: Apart) -> None:
    """Draw how much of what sets a segment apart a feature is, and its figures."""
    axes.barh(row, apart.importance, height=0.5, color=_LEANINGS[apart.direction][1])
    end = (apart.importance, row)
    axes.annotate(apart.figures, end, (4, 0), "data", "offset points", va="center", color=SOFT)


@styled
def segment_tradeoff(
    rows: Sequence[Mapping[str, Any]], chosen: Mapping[str, Any], most: int
) -> Figure:
    """Draw what speaks for each number of segments, and the one chosen.

    Parameters
    ----------
    rows : sequence of mapping
        ``k``, ``way`` (a text), ``weighed``, ``silhouette``, ``stability`` and ``smallest_share``
        of each tried.
    chosen : mapping
        ``k`` and ``way`` of what was taken.
    most : int
        More segments than a team can treat differently begin past it.
    """
    figure = canvas("segment_tradeoff", 5.2)
    told = {
        "weighed": "what was weighed: both below, less what is held against them",
        "silhouette": "silhouette: how far apart (1 is best)",
        "stability": "stability: the same segments again on a new draw (1 is best)",
        "smallest_share": "smallest segment's share of the customers",
    }
    lines = {way: _line(rows, way) for way in sorted({str(row["way"]) for row in rows})}
    for axes, (name, title) in zip(figure.subplots(4, 1, sharex=True), told.items(), strict=True):
        axes.axvspan(most + 0.5, most + 0.5 + len(rows), color="#f4f1ec", lw=0, zorder=0)
        axes.axvline(chosen["k"], color="#dbe8f3", lw=14, zorder=0)
        values = [float(row[name]) for row in rows]
        for way, held in lines.items():
            mine = way == chosen["way"]
            axes.plot(
                [row["k"] for row in held],
                [row[name] for row in held],
                "o-",
                color=PALE if mine else RULE,
                lw=1.4 if mine else 0.9,
                mfc=BLUE if mine else RULE,
                mec=BLUE if mine else RULE,
                ms=4 if mine else 2.5,
                zorder=3 if mine else 2,
            )
        axes.set_title(title)
        low, high = min([0.0, *values]), max([0.0, *values])
        axes.set_ylim(1.15 * low, 1.15 * high or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.grid(axis="y")
    axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    counts = [row["k"] for row in rows]
    axes.set_xlim(min(counts) - 0.5, max(counts) + 0.5)
    axes.set_xlabel(f"segments ({chosen['k']} chosen)", color=SOFT)
    return figure


def _line(rows: Sequence[Mapping[str, Any]], way: str) -> list[Mapping[str, Any]]:
    return sorted((row for row in rows if row["way"] == way), key=lambda row: row["k"])


def _signed(value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:+.1f}".replace("-", "−") if abs(value) >= 0.05 else "0.0"
