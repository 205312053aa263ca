"""Pictures of customer lifetime value: how it is spread, and what predictions turned out to be."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike

from features.figures.definition import Unit
from features.figures.withheld import withheld
from serving.report.amounts import scaled, short
from training.canvas import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    SOFT,
    canvas,
    key,
    key_above,
    note,
    percent,
    styled,
)

_BARS = 30
_CLIPPED = 0.98  # the quantile from which on customers are drawn together
_TENTHS = 10
_WORDS = 0.33  # where the words of a plot begin, as a share of its width


@styled
def clv_distribution(values: ArrayLike, currency: str = "", least: int = 1) -> Figure:
    """Draw how customer lifetime value is spread, and where its middle, mean and top tenth lie.

    The two in a hundred who are worth most are drawn as one bar at the right; bars of few
    customers, and what would give them away, are left out.

    Parameters
    ----------
    values : array-like, shape (customers,)
        NaN for who has none.
    currency : str
    least : int
        Bars of fewer customers are left out.
    """
    held = np.asarray(values, float)
    held = held[np.isfinite(held)]
    figure = canvas("clv_distribution", 3.0)
    axes = figure.subplots()
    if len(held) < max(least, 1):
        note(axes, "no customer has a value" if not len(held) else "too few customers to draw")
        return figure
    low, top = float(held.min()), float(np.quantile(held, _CLIPPED))
    low = min(low, 0.0) if top > 0 else low
    edges = np.linspace(low, top if top > low else low + 1.0, _BARS + 1)
    step = edges[1] - edges[0]
    counts, _ = np.histogram(np.minimum(held, edges[-1] + step / 2), [*edges, edges[-1] + step])
    hidden = withheld(counts, least)
    colours = [BLUE] * _BARS + [SOFT]
    left = [*edges[:-1], edges[-1] + 0.4 * step]
    axes.bar(left, np.where(hidden, 0, counts), 0.92 * step, align="edge", color=colours)
    marks = [
        ("half are worth less than", float(np.median(held)), INK),
        ("on average", float(held.mean()), ORANGE),
        ("a tenth are worth more than", float(np.quantile(held, 0.9)), SOFT),
    ]
    for _, at, colour in marks:
        end = min(at, edges[-1] + step)
        below_words = (end - edges[0]) / (edges[-1] - edges[0]) > _WORDS
        axes.axvline(end, 0, 0.56 if below_words else 1, color=colour, lw=1.2, ls=(0, (3, 2)))
    said = [(f"{words} {short(at, 'money', currency)}", colour) for words, at, colour in marks]
    if counts[-1] and not hidden[-1]:
        said.append((f"■ {short(top, 'money', currency)} or more", SOFT))
    if hidden.any():
        said.append((f"bars of fewer than {least} left out", SOFT))
    key(axes, said, "upper right")
    axes.set_xlim(edges[0], edges[-1] + 1.6 * step)
    unit = scaled(axes.xaxis, edges, "money", currency)
    axes.set_xlabel(f"customer lifetime value{', ' + unit if unit else ''}")
    axes.set_title("customers")
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.grid(axis="y")
    return figure


@styled
def track_record(tenths: pd.DataFrame, unit: Unit = "share", currency: str = "") -> Figure:
    """Draw what was predicted last period of each tenth of customers, and what then happened.

    Parameters
    ----------
    tenths : DataFrame
        ``tenth`` (1 has the highest predictions), ``predicted`` and ``actual``, each the mean of
        its customers; NaN for what is withheld.
    unit : {"share", "money"}
        Of the rate at which customers left, or of their value.
    currency : str
    """
    figure = canvas(f"track_record_{unit}", 3.0)
    axes = figure.subplots()
    held = tenths.dropna(subset=["predicted", "actual"])
    if held.empty:
        note(axes, "no prediction has come of age")
        return figure
    at, predicted, actual = (
        held[name].to_numpy(float) for name in ("tenth", "predicted", "actual")
    )
    axes.vlines(at, predicted, actual, color=PALE, lw=2.5)
    axes.plot(at, actual, "o", color=ORANGE, ms=6, clip_on=False)
    axes.plot(at, predicted, "o", color=BLUE, ms=6, mfc="white", mew=1.6, clip_on=False)
    both = [*predicted, *actual]
    said = scaled(axes.yaxis, both, unit, currency)
    what = "share who left" if unit == "share" else f"{said or 'money'} a customer"
    key_above(axes, [(what, SOFT), ("○ predicted", BLUE), ("● actual", ORANGE)])
    axes.set_ylim(min(0.0, 1.05 * min(both)), 1.08 * max(*both, 0.0) or 1.0)
    axes.set_xlim(0.5, max(_TENTHS, math.ceil(at.max())) + 0.5)
    axes.set(xlabel="tenths of the customers, highest prediction first", xticks=range(1, 11))
    if unit == "share":
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid(axis="y")
    return figure
