"""Pictures of cohorts: who came back, how long customers stay, and what each cohort brings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.transforms import ScaledTranslation

from features.figures import calendar_units
from serving.report.amounts import scaled
from serving.report.plot_words import say
from training.canvas import (
    BLUE,
    INK,
    ORANGE,
    PALE,
    SOFT,
    canvas,
    key_above,
    name_rows,
    note,
    styled,
)
from training.quantities import Language, number

NONE_TO_ALL = LinearSegmentedColormap.from_list("none_to_all", ["#f3f7fb", "#7fb0d8", BLUE])
OLD_TO_NEW = LinearSegmentedColormap.from_list(
    "old_to_new", ["#1c3f63", "#4f93c8", "#b9c9d6", "#f0b07a", ORANGE]
)

_MOST = 24  # rows and columns of the heat map
_NUMBERED = 14  # columns up to which there is room for numbers
_COHORTS = 12
_UNITS = 36


@styled
def cohort_retention(
    retention: pd.DataFrame, unit: calendar_units.Unit = "month", language: Language = "en"
) -> Figure:
    """Draw which share of each cohort was there, so many units after it came, as a heat map.

    The latest 24 cohorts are drawn, over at most 24 units; the cohorts' own unit is left out where
    all were there in it, as they are in that of a first purchase. A cohort that is withheld is
    hatched; units that are not over are left empty.

    Parameters
    ----------
    retention : DataFrame
        As `features.figures.cohorts.retention` gives it.
    unit : {"month", "quarter", "year"}
    language : {"en", "da"}
    """
    shares = retention.pivot(index="cohort", columns="offset", values="share").iloc[-_MOST:]
    if shares.shape[1] > 1 and (shares[0].dropna() == 1).all():
        shares = shares.drop(columns=0)
    shares = shares.iloc[:, :_MOST].astype(float)
    figure = canvas("cohort_retention", 0.95 + 0.24 * max(len(shares), 2))
    axes = figure.subplots()
    if shares.empty:
        note(axes, say("no_cohorts", language))
        return figure
    first = retention.drop_duplicates("cohort").set_index("cohort").loc[shares.index]
    hidden = first["withheld"].to_numpy(bool)
    last = retention.groupby("cohort")["offset"].max().loc[shares.index].to_numpy()
    wide = np.where(hidden, last - shares.columns[0] + 1, 0)
    _cells(axes, shares.to_numpy(), np.clip(wide, hidden, shares.shape[1]))
    sizes = ["–" if pd.isna(size) else number(size, 0, language) for size in first["size"]]
    starts = [calendar_units.label(day, unit) for day in shares.index]
    name_rows(axes, [f"{name} ({size})" for name, size in zip(starts, sizes, strict=True)])
    axes.spines[:].set_visible(False)
    every = 1 if shares.shape[1] <= _NUMBERED else 3
    axes.set_xticks(range(0, shares.shape[1], every), shares.columns[::every])
    axes.tick_params(axis="x", length=0)
    later = "later_hatched" if hidden.any() else "later"
    axes.set_xlabel(say(later, language, units=say(f"{unit}s", language)), loc="left")
    axes.set_title(say("there_again", language))
    return figure


def _cells(axes: Axes, shares: np.ndarray, hatched: np.ndarray) -> None:
    """Draw the cells; of each row so many are hatched."""
    rows, columns = shares.shape
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows - 0.5, -0.5))
    shown = shares[np.isfinite(shares)]
    scale = Normalize(0, max(0.05, float(shown.max(initial=0.0))))
    for (row, column), share in np.ndenumerate(shares):
        if np.isnan(share):
            continue
        level = scale(share)
        axes.add_patch(_cell(row, column, NONE_TO_ALL(level)))
        if columns <= _NUMBERED:
            bright = "white" if level > 0.6 else INK
            said = f"{100 * share:.0f}"
            axes.text(column, row, said, ha="center", va="center_baseline", color=bright)
    for row in np.flatnonzero(hatched):
        axes.add_patch(_cell(int(row), 0, "none", int(hatched[row]), "////"))
    if columns > _NUMBERED and shown.size:
        _colour_key(axes, scale)


def _cell(row: int, column: int, colour: Any, wide: int = 1, hatch: str | None = None) -> Rectangle:
    at, edge = (column - 0.48, row - 0.46), PALE if hatch else "none"
    return Rectangle(at, wide - 0.04, 0.92, fc=colour, ec=edge, lw=0, hatch=hatch)


def _colour_key(axes: Axes, scale: Normalize) -> None:
    """Say below the axes, at the right, what the colours are."""
    wide, high = 0.32, 0.17  # inches
    to_corner = ScaledTranslation(1, 0, axes.transAxes)  # type: ignore[arg-type]
    corner = axes.figure.dpi_scale_trans + to_corner
    for step in range(5):
        level = step / 4
        x, y = wide * (step - 5), -0.46
        box = Rectangle((x, y), wide, high, fc=NONE_TO_ALL(level), transform=corner, clip_on=False)
        axes.add_patch(box)
        axes.text(
            x + wide / 2, y + high / 2, f"{100 * scale.inverse(level):.0f}", transform=corner,
            ha="center", va="center_baseline", color="white" if level > 0.6 else INK,
        )  # fmt: skip


@styled
def cohort_revenue(
    revenue: pd.DataFrame,
    currency: str = "",
    unit: calendar_units.Unit = "month",
    language: Language = "en",
) -> Figure:
    """Draw what each cohort brought in each unit, one cohort above the other, old to new.

    The latest twelve cohorts are told apart and the earlier ones put together, over at most 36
    units. What is withheld is left out; where a cohort took back more than it bought, the bar
    reaches below zero.

    Parameters
    ----------
    revenue : DataFrame
        As `features.figures.cohorts.revenue` gives it.
    currency : str
    unit : {"month", "quarter", "year"}
    language : {"en", "da"}
    """
    figure = canvas("cohort_revenue", 3.4)
    axes = figure.subplots()
    money = revenue.pivot_table(
        index="start", columns="cohort", values="revenue", aggfunc="sum", dropna=False
    ).astype(float)
    money = money.fillna(0.0).iloc[-_UNITS:]
    money = money.loc[:, (money != 0).any()]  # nothing is drawn of the others, nor are they named
    if money.empty:
        note(axes, say("no_revenue", language))
        return figure
    layers = _layers(money, unit, language)
    colours = [OLD_TO_NEW(level) for level in np.linspace(0, 1, max(len(layers), 2))]
    above, below = np.zeros(len(money)), np.zeros(len(money))
    for (_, held), colour in zip(layers, colours, strict=False):
        base = np.where(held >= 0, above, below)
        axes.bar(range(len(held)), held, 0.92, base, color=colour, ec="white", lw=0.4)
        above, below = above + np.maximum(held, 0), below + np.minimum(held, 0)
    said = scaled(axes.yaxis, [*above, *below], "money", currency, language)
    names = [calendar_units.label(day, unit) for day in money.index]
    every = max(1, -(-len(names) // 5))
    axes.set_xticks(range(0, len(names), every), names[::every])
    axes.set_ylabel("")
    axes.grid(axis="y")
    last = len(layers) - 1
    amounts = say(
        "a_unit", language, money=said or say("money", language), unit=say(unit, language)
    )
    marks = [(f"■ {layers[0][0]}", colours[0])]
    marks += [(f"■ {layers[last][0]}", colours[last])] if last else []
    key_above(axes, [(amounts, SOFT), *marks])
    coloured = "coloured_withheld" if revenue["withheld"].any() else "coloured"
    axes.set_xlabel(say(coloured, language, unit=say(unit, language)))
    return figure


def _layers(
    money: pd.DataFrame, unit: calendar_units.Unit, language: Language
) -> list[tuple[str, np.ndarray]]:
    """Return each cohort's name and money, oldest first, the earlier ones together."""
    early, late = money.iloc[:, :-_COHORTS], money.iloc[:, -_COHORTS:]
    days: list[Any] = list(late.columns)
    named = zip(days, late.to_numpy().T, strict=True)
    held = [(calendar_units.label(day, unit), amounts) for day, amounts in named]
    return (
        [(say("earlier", language), early.sum(axis=1).to_numpy()), *held]
        if early.shape[1]
        else held
    )
