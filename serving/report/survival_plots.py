"""The picture of how long customers stay, group by group."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from scipy.optimize import isotonic_regression

from serving.report.plot_words import say
from training.canvas import BLUE, INK, OTHERS, PALE, canvas, note, percent, styled
from training.quantities import Language

_MOST = 6  # curves beside that of all
_WIDTH = 17  # letters of a group's name in a line
_COLOURS = (BLUE, *OTHERS)


@styled
def survival(curves: pd.DataFrame, dimension: str = "all", language: Language = "en") -> Figure:
    """Draw which share of customers stays longer than so many days, with the band of all.

    The six largest groups are drawn, each named where its curve ends; withheld groups are not.

    Parameters
    ----------
    curves : DataFrame
        As `features.figures.survival.curves` gives it.
    dimension : str
        Whose groups are drawn beside all: ``all`` for none.
    language : {"en", "da"}
    """
    told = curves[~curves["withheld"].astype(bool)]
    whole = told[told["dimension"] == "all"]
    held = told[(told["dimension"] == dimension) & (dimension != "all")]
    figure = canvas(f"survival_{dimension}", 3.4)
    axes = figure.subplots()
    if whole.empty and held.empty:
        note(axes, say("no_lives", language))
        return figure
    ends = []
    if not whole.empty:
        days, low, high = (whole[name].to_numpy(float) for name in ("days", "low", "high"))
        axes.fill_between(days, low, high, step="post", color=PALE, alpha=0.35, lw=0)
        ends.append(_curve(axes, say("all", language), whole, INK))
    sizes = held.groupby("group")["at_risk"].max().sort_values(ascending=False, kind="stable")
    drawn = sorted(sizes.index[:_MOST])
    for group, colour in zip(drawn, _COLOURS, strict=False):
        ends.append(_curve(axes, group, held[held["group"] == group], colour))
    _named(axes, ends)
    axes.set(ylim=(0, 1.02), title=say("staying", language))
    axes.set_xlim(left=0)
    few = len(sizes) <= _MOST
    axes.set_xlabel(say("days", language) if few else say("largest", language, count=_MOST))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid(axis="y")
    return figure


End = tuple[str, float, float, str]
"""What a curve is called, its last day and share, and its colour."""


def _curve(axes: Axes, name: str, held: pd.DataFrame, colour: str) -> End:
    days, surviving = held["days"].to_numpy(float), held["surviving"].to_numpy(float)
    axes.step(days, surviving, where="post", color=colour, lw=1.8)
    return name, float(days[-1]), float(surviving[-1]), colour


def _named(axes: Axes, ends: list[End]) -> None:
    """Name curves at the right of the axes, none over another, each tied to its curve's end."""
    last = max(day for _, day, _, _ in ends)
    said = [textwrap.wrap(name, _WIDTH, max_lines=2, placeholder="…") or [""] for name, *_ in ends]
    line = 0.062  # a line's height, as a share of the axes
    high = [line * len(lines) for lines in said]
    order = sorted(range(len(ends)), key=lambda k: (-ends[k][2], k))
    at = _apart([ends[k][2] / 1.02 for k in order], [high[k] for k in order])
    for place, k in zip(at, order, strict=True):
        _, day, share, colour = ends[k]
        axes.annotate(
            "", (day, share), (1.035, place), "data", "axes fraction",
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.7, "alpha": 0.6},
            annotation_clip=False,
        ).set_in_layout(False)  # fmt: skip
        for number, text in enumerate(said[k]):
            up = line * ((len(said[k]) - 1) / 2 - number)
            axes.text(1.045, place + up, text, transform=axes.transAxes, va="center", color=colour)
    axes.set_xlim(right=last or 1.0)


def _apart(places: Sequence[float], high: Sequence[float]) -> list[float]:
    """Return falling places moved as little as need be for names so high not to meet."""
    gaps = np.convolve(high, [0.5, 0.5])[:-1]  # from the middle of a name to that of the next
    gaps[0] = 0.0
    down = np.cumsum(gaps)
    # Without their gaps they need not but fall, which isotonic regression makes them do.
    moved = isotonic_regression(np.asarray(places) + down, increasing=False).x
    lowest, highest = high[-1] / 2 + down[-1], 1 - high[0] / 2
    return list(np.clip(moved, lowest, max(lowest, highest)) - down)
