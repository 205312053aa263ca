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
from serving.report.plot_words import say
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
from training.quantities import Language

_BARS = 30
_CLIPPED = 0.98  # the quantile from which on customers are drawn together
_TENTHS = 10
_WORDS = 0.33  # where the words of a plot begin, as a share of its width


@styled
def clv_distribution(
    values: ArrayLike, currency: str = "", least: int = 1, language: Language = "en"
) -> Figure:
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
    language : {"en", "da"}
    """
    held = np.asarray(values, float)
    held = held[np.isfinite(held)]
    figure = canvas("clv_distribution", 3.0)
    axes = figure.subplots()
    if len(held) < max(least, 1):
        note(axes, say("too_few" if len(held) else "nobody_valued", language))
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
        (say("half_less", language), float(np.median(held)), INK),
        (say("on_average", language), float(held.mean()), ORANGE),
        (say("tenth_more", language), float(np.quantile(held, 0.9)), SOFT),
    ]
    for _, at, colour in marks:
        end = min(at, edges[-1] + step)
        below_words = (end - edges[0]) / (edges[-1] - edges[0]) > _WORDS
        axes.axvline(end, 0, 0.56 if below_words else 1, color=colour, lw=1.2, ls=(0, (3, 2)))
    said = [
        (f"{words} {short(at, 'money', currency, language)}", colour) for words, at, colour in marks
    ]
    if counts[-1] and not hidden[-1]:
        most = say("or_more", language, money=short(top, "money", currency, language))
        said.append((f"■ {most}", SOFT))
    if hidden.any():
        said.append((say("few_left_out", language, least=least), SOFT))
    key(axes, said, "upper right")
    axes.set_xlim(edges[0], edges[-1] + 1.6 * step)
    unit = scaled(axes.xaxis, edges, "money", currency, language)
    axes.set_xlabel(f"{say('lifetime_value', language)}{', ' + unit if unit else ''}")
    axes.set_title(say("customers", language))
    axes.yaxis.set_major_locator(MaxNLocator(3, integer=True))
    axes.grid(axis="y")
    return figure


@styled
def track_record(
    tenths: pd.DataFrame,
    unit: Unit = "share",
    currency: str = "",
    language: Language = "en",
) -> Figure:
    """Draw what was predicted last period of each tenth of customers, and what then happened.

    Parameters
    ----------
    tenths : DataFrame
        ``tenth`` (1 has the highest predictions), ``predicted`` and ``actual``, each the mean of
        its customers; NaN for what is withheld.
    unit : {"share", "money"}
        Of the rate at which customers left, or of their value.
    currency : str
    language : {"en", "da"}
    """
    figure = canvas(f"track_record_{unit}", 3.0)
    axes = figure.subplots()
    held = tenths.dropna(subset=["predicted", "actual"])
    if held.empty:
        note(axes, say("none_of_age", language))
        return figure
    at, predicted, actual = (
        held[name].to_numpy(float) for name in ("tenth", "predicted", "actual")
    )
    axes.vlines(at, predicted, actual, color=PALE, lw=2.5)
    axes.plot(at, actual, "o", color=ORANGE, ms=6, clip_on=False)
    axes.plot(at, predicted, "o", color=BLUE, ms=6, mfc="white", mew=1.6, clip_on=False)
    both = [*predicted, *actual]
    said = scaled(axes.yaxis, both, unit, currency, language)
    money = said or say("money", language)
    left = say("share_left", language)
    what = left if unit == "share" else say("a_customer", language, money=money)
    predicted_said, actual_said = say("predicted", language), say("actual", language)
    key_above(axes, [(what, SOFT), (f"○ {predicted_said}", BLUE), (f"● {actual_said}", ORANGE)])
    axes.set_ylim(min(0.0, 1.05 * min(both)), 1.08 * max(*both, 0.0) or 1.0)
    axes.set_xlim(0.5, max(_TENTHS, math.ceil(at.max())) + 0.5)
    axes.set(xlabel=say("tenths", language), xticks=range(1, 11))
    if unit == "share":
        axes.yaxis.set_major_formatter(FuncFormatter(percent))
    axes.grid(axis="y")
    return figure
