"""Plots of what a model makes of its features: SHAP values of many customers at once.

Contributions are on the raw margin: log-odds of leaving, or log-money (see `unit`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pandas as pd
import shap
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from features.schema import FeatureColumn, FeatureSchema
from training.canvas import (
    BLUE,
    INK,
    LOW_TO_HIGH,
    ORANGE,
    PALE,
    SOFT,
    canvas,
    key_above,
    name_rows,
    note,
    percent,
    spread,
    styled,
)

Array = NDArray[np.float64]

_KEY = [("● low", BLUE), ("● high", ORANGE), ("● category, or missing", SOFT)]


@styled
def beeswarm(
    explanation_values: Array,
    matrix: Array,
    schema: FeatureSchema,
    base: float,
    most: int = 15,
    unit: str = "log-odds",
) -> Figure:
    """Draw every customer's contributions, feature by feature, the largest first.

    Parameters
    ----------
    explanation_values : ndarray, shape (customers, features)
        Contributions on the margin.
    matrix : ndarray, shape (customers, features)
        The features as the schema encodes them.
    schema : FeatureSchema
    base : float
        The margin before any contribution.
    most : int
        Features drawn; the others are summed in the last row.
    unit : str
        Of the margin.
    """
    shown = min(most, len(schema.columns))
    figure = canvas("beeswarm", 1.1 + 0.36 * shown)
    axes = figure.subplots()
    if len(explanation_values) == 0:
        note(axes, "no customer to explain")
        return figure
    _swarm(axes, explanation_values, matrix, schema, shown)
    _restyle(axes, len(schema.columns) - shown + 1)
    start = f"starting from {base:.2f}".replace("-", "−")
    axes.set_xlabel(f"moves the {unit}, {start}", color=SOFT, fontsize="medium")
    key_above(axes, [("its value:", SOFT), *_KEY])
    return figure


@styled
def importance_bar(
    explanation_values: Array,
    schema: FeatureSchema,
    most: int = 15,
    unit: str = "log-odds",
) -> Figure:
    """Draw the mean size of each feature's contribution; what can be acted on is blue."""
    size = np.abs(explanation_values).mean(axis=0) if len(explanation_values) else np.zeros(0)
    order = np.argsort(-size, kind="stable")[:most]
    figure = canvas("importance", 0.8 + 0.36 * max(len(order), 2))
    axes = figure.subplots()
    if not len(order):
        note(axes, "no customer to explain")
        return figure
    for row, index in enumerate(order):
        column = schema.columns[index]
        colour = BLUE if column.actionable else PALE
        axes.barh(row, size[index], height=0.34, color=colour)
        axes.annotate(column.label, (0, row), (0, 10), "data", "offset points", va="center")
        axes.annotate(
            f"{size[index]:.3g}", (size[index], row), (4, 0), "data", "offset points",
            va="center", color=SOFT,
        )  # fmt: skip
    axes.set_ylim(len(order) - 0.4, -0.9)
    axes.set(yticks=[], xlim=(0, size.max() * 1.12 or 1.0))
    axes.set_xlabel(f"moves the {unit} by so much on average; blue: can be acted on")
    axes.spines["left"].set_visible(False)
    return figure


@styled
def dependence(
    feature: str,
    explanation_values: Array,
    matrix: Array,
    schema: FeatureSchema,
    unit: str = "log-odds",
) -> Figure:
    """Draw one feature's contribution against its value: numbers as points, categories as strips.

    Of numbers the outermost half percent on either side is not drawn.
    """
    index = schema.names.index(feature)
    column, values, moved = schema.columns[index], matrix[:, index], explanation_values[:, index]
    figure = canvas(f"dependence_{feature}", 3.0)
    axes = figure.subplots()
    if len(values) == 0:
        note(axes, "no customer to explain")
    elif column.kind == "category":
        figure.set_figheight(_strips(axes, column, values, moved))
        axes.set(xlabel=f"moves the {unit}", title=column.label)
        axes.axvline(0, color=PALE, lw=1, zorder=0)
    else:
        _points(axes, values, moved)
        axes.set(xlabel=_with_unit(column), title=f"moves the {unit}")
        axes.axhline(0, color=PALE, lw=1, zorder=0)
    return figure


def _points(axes: Axes, values: Array, moved: Array) -> None:
    known = ~np.isnan(values)
    if not known.any():
        note(axes, "no customer has a value of it")
        return
    low, high = np.quantile(values[known], [0.005, 0.995])
    inside = known & (values >= low) & (values <= high)
    axes.scatter(values[inside], moved[inside], s=9, lw=0, color=BLUE, alpha=0.35, rasterized=True)
    middle = _running_median(values[inside], moved[inside])
    axes.plot(*middle, color=INK, lw=1.6)
    spread(axes, values[inside])
    if (~known).any():
        level = float(np.median(moved[~known]))
        axes.axhline(level, color=ORANGE, lw=1, ls="--")
        axes.annotate(
            f"missing ({percent(round(float(np.mean(~known)), 3))})", (0.99, level),
            xycoords=axes.get_yaxis_transform(), xytext=(0, 3), textcoords="offset points",
            ha="right", color=ORANGE,
        )  # fmt: skip


def _strips(
    axes: Axes, column: FeatureColumn, values: Array, moved: Array, most: int = 10
) -> float:
    """Draw a strip for each of the commonest categories; return the height it takes."""
    codes = np.where(np.isnan(values), -1, values).astype(int)
    found, count = np.unique(codes, return_counts=True)
    order = found[np.argsort(-count, kind="stable")]
    shown = sorted(order[:most], key=lambda code: (code < 0, code))
    groups = [(_category(column, code), codes == code) for code in shown]
    if len(order) > most:
        groups.append((f"{len(order) - most} others", np.isin(codes, order[most:])))
    jitter = np.random.default_rng(0).uniform(-0.25, 0.25, len(codes))
    for row, (_, held) in enumerate(groups):
        axes.scatter(
            moved[held], row + jitter[held], s=9, lw=0, color=BLUE, alpha=0.35, rasterized=True
        )
        axes.plot([np.median(moved[held])] * 2, [row - 0.35, row + 0.35], color=INK, lw=1.6)
    name_rows(axes, [f"{name} ({percent(round(float(held.mean()), 3))})" for name, held in groups])
    axes.set_ylim(len(groups) - 0.5, -0.5)
    spread(axes, np.r_[moved, 0.0])
    axes.spines["left"].set_visible(False)
    return 0.9 + 0.36 * max(len(groups), 2)


def _category(column: FeatureColumn, code: int) -> str:
    return column.categories[code] if 0 <= code < len(column.categories) else "missing"


def _running_median(values: Array, moved: Array, parts: int = 20) -> tuple[Array, Array]:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, parts + 1)))
    which = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, max(len(edges) - 2, 0))
    held = [which == part for part in np.unique(which)]
    return (
        np.array([np.median(values[part]) for part in held]),
        np.array([np.median(moved[part]) for part in held]),
    )


def _with_unit(column: FeatureColumn) -> str:
    said = column.unit in ("", "count", "money") or column.unit in column.label
    return column.label if said else f"{column.label} ({column.unit})"


def _coloured(matrix: Array, schema: FeatureSchema) -> pd.DataFrame:
    """Return the features as shap colours them: numbers by value, the rest grey."""
    held = {}
    for index, column in enumerate(schema.columns):
        numbers = column.kind == "number" and not np.isnan(matrix[:, index]).all()
        held[index] = pd.Series(matrix[:, index], dtype=float if numbers else object)
    return pd.DataFrame(held)


def _swarm(axes: Axes, values: Array, matrix: Array, schema: FeatureSchema, shown: int) -> None:
    explanation = shap.Explanation(
        values,
        data=_coloured(matrix, schema),
        feature_names=[column.label for column in schema.columns],
    )
    with _own_draws():
        shap.plots.beeswarm(
            explanation, max_display=shown, color=LOW_TO_HIGH, s=9, ax=axes,
            show=False, plot_size=None, color_bar=False,
        )  # fmt: skip


@contextmanager
def _own_draws() -> Iterator[None]:
    """Let shap shuffle with a seed of its own: it draws from numpy's global state."""
    state = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(state)


def _restyle(axes: Axes, summed: int) -> None:
    """Make shap's axes speak as the others do."""
    labels = [text.get_text() for text in axes.get_yticklabels()]
    if summed > 1:
        labels[0] = f"{summed} other features together"
    name_rows(axes, labels)
    for collection in axes.collections:
        collection.set_rasterized(True)
    axes.tick_params(axis="x", labelsize=8.5, labelcolor=SOFT, color=PALE)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}".replace("-", "−")))
    axes.spines["bottom"].set_edgecolor(PALE)
    axes.set_ylim(-0.7, len(labels) - 0.3)
