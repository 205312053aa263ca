"""The one visual language of the plots, and figures as SVG and PNG.

Figures are five inches wide, so that their text can be read on a telephone. Marks that stand for
single customers are drawn as pixels: nobody's exact values can be read back from a page.
"""

from __future__ import annotations

import io
import re
import textwrap
import xml.etree.ElementTree as ET
from collections.abc import Callable, Sequence
from functools import wraps
from typing import ParamSpec

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

INK = "#1c2733"
SOFT = "#5b6875"
RULE = "#dfe3e8"
PALE = "#b4bcc5"
BLUE = "#0b62a4"
ORANGE = "#d55e00"
OTHERS = (ORANGE, "#7a5fa0", "#12805c", "#8a7420", SOFT)
"""Colours of what a model is held against, in order; they stay apart for the colour-blind."""
DASHES = ("--", (0, (5, 1, 1, 1)), (0, (1, 1)), "-.", (0, (6, 3)))
LOW_TO_HIGH = LinearSegmentedColormap.from_list("low_to_high", [BLUE, "#c9c3ba", ORANGE])
BELOW_TO_ABOVE = LinearSegmentedColormap.from_list("below_to_above", [BLUE, "#ffffff", ORANGE])

WIDTH = 5.0
_SIZE = 8.5
_LINE = 10.5  # from a line of text to the next
_STYLE = {
    "figure.autolayout": False,
    "figure.constrained_layout.use": False,
    "font.family": "DejaVu Sans",
    "font.size": _SIZE,
    "axes.titlesize": _SIZE,
    "axes.titlelocation": "left",
    "axes.titlecolor": SOFT,
    "axes.labelcolor": SOFT,
    "axes.edgecolor": PALE,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": RULE,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # "$" in a label is money
    "text.usetex": False,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.labelcolor": SOFT,
    "ytick.labelcolor": SOFT,
    "xtick.labelsize": _SIZE,
    "ytick.labelsize": _SIZE,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
}

P = ParamSpec("P")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a function draw in this language, whatever pyplot has been set to.

    The layout is settled once: left to itself it moves a little with every rendering.
    """

    @wraps(draw)
    def settled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with mpl.rc_context(_STYLE):
            figure = draw(*args, **kwargs)
            if engine := figure.get_layout_engine():
                engine.execute(figure)
            figure.set_layout_engine(None)  # "none" leaves one, for which a save draws twice
        return figure

    return settled


def canvas(name: str, height: float) -> Figure:
    """Return an empty figure under its name, which goes before every id in its SVG."""
    return Figure(figsize=(WIDTH, height), layout="constrained", label=name)


def note(axes: Axes, text: str) -> None:
    """Say in an empty plot why it is empty."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=SOFT)


def key(axes: Axes, entries: Sequence[tuple[str, str]], corner: str) -> None:
    """Name a plot's marks in their own colours, in a corner that they leave free.

    Parameters
    ----------
    axes : Axes
    entries : sequence of (str, str)
        Words and colour, from top to bottom.
    corner : {"upper left", "upper right", "lower right"}
    """
    vertical, side = corner.split()
    across = 0.99 if side == "right" else 0.01
    for line, (text, colour) in enumerate(entries):
        below = line if vertical == "upper" else line - len(entries) + 1
        axes.annotate(
            text,
            (across, 0.99 if vertical == "upper" else 0.02),
            xycoords="axes fraction",
            xytext=(0, -12 * below),
            textcoords="offset points",
            ha=side,
            va="top" if vertical == "upper" else "bottom",
            color=colour,
        )


def key_above(axes: Axes, entries: Sequence[tuple[str, str]]) -> None:
    """Name a plot's marks in their own colours, side by side above it."""
    axes.set_title(" ")  # keeps the room
    across = 0.02
    for text, colour in entries:
        at = axes.annotate(
            text, (across, 1), (0, 5), ("figure fraction", "axes fraction"), "offset points",
            color=colour,
        )  # fmt: skip
        at.set_in_layout(False)
        across += 0.017 * (len(text) + 2)


def name_rows(axes: Axes, names: Sequence[str], width: int = 28) -> None:
    """Name the rows at y = 0, 1, … left of the axes, long names in several lines."""
    axes.set_yticks([])
    along = axes.get_yaxis_transform()
    for row, name in enumerate(names):
        lines = _wrapped(name, width, 2)
        for line, text in enumerate(lines):
            at, up = (0, row), (-6, _LINE * ((len(lines) - 1) / 2 - line))
            axes.annotate(text, at, up, along, "offset points", ha="right", va="center")


def name_columns(axes: Axes, names: Sequence[str], below: Sequence[str], width: int) -> None:
    """Name the columns at x = 0, 1, … above the axes, with a line below each name."""
    axes.set_xticks([])
    across = axes.get_xaxis_transform()
    for column, (name, last) in enumerate(zip(names, below, strict=True)):
        lines = [*_wrapped(name, width, 3), last]
        for line, text in enumerate(reversed(lines)):
            at, up = (column, 1), (0, 4 + _LINE * line)
            colour = INK if line else SOFT
            axes.annotate(text, at, up, across, "offset points", ha="center", color=colour)


def _wrapped(text: str, width: int, most: int) -> list[str]:
    """Return a text's lines, to be drawn one by one.

    An SVG of several lines in one text puts their left ends where matplotlib's own font has them.
    """
    lines = textwrap.wrap(text, width, max_lines=most, placeholder="…") or [""]
    for narrower in range(width // 2, width):  # lines of much the same length read better
        balanced = textwrap.wrap(text, narrower, break_long_words=False)
        if len(balanced) == len(lines) and max(map(len, balanced)) <= width:
            return balanced
    return lines


def spread(axes: Axes, values: NDArray[np.float64]) -> None:
    """Set x limits around values, with room where they are all one."""
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    margin = 0.05 * (high - low) or max(abs(high), 1.0) * 0.1
    axes.set_xlim(low - margin, high + margin)


def percent(value: float, _position: int = 0) -> str:
    """Return a share as an axis says it."""
    return f"{100 * value:.3g}\N{NO-BREAK SPACE}%".replace("-", "−")


def svg(figure: Figure, name: str | None = None) -> str:
    """Return a figure as an ``<svg>`` element to stand in a page.

    It has no style of its own but presentation attributes, takes its font from the page, and
    draws the same bytes each time.

    Parameters
    ----------
    figure : Figure
    name : str, optional
        Goes before its ids, and must be the only one of its page; the figure's own name unless
        given.
    """
    prefix = re.sub(r"[^a-zA-Z0-9_-]", "_", name or str(figure.get_label()) or "figure")
    drawn = io.BytesIO()
    with mpl.rc_context({**_STYLE, "svg.hashsalt": prefix}):
        figure.savefig(drawn, format="svg", dpi=200, metadata={"Date": None})
    root = ET.fromstring(drawn.getvalue())
    _drop(root, "metadata")
    _drop(root, "style")
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = _attributes(element.attrib, prefix)
    words = (str(figure.get_label()) or prefix).replace("_", " ")
    root.attrib.update({"role": "img", "aria-label": words, "stroke-linejoin": "round"})
    root.attrib["xmlns"] = "http://www.w3.org/2000/svg"
    root.attrib.setdefault("font-family", "system-ui, 'DejaVu Sans', sans-serif")
    return ET.tostring(root, encoding="unicode")


def png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    drawn = io.BytesIO()
    with mpl.rc_context(_STYLE):
        figure.savefig(drawn, format="png", dpi=160, metadata={"Software": None})
    return drawn.getvalue()


def _drop(root: ET.Element, tag: str) -> None:
    for parent in list(root.iter()):
        for child in list(parent):
            if _local(child.tag) == tag:
                parent.remove(child)


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _attributes(held: dict[str, str], prefix: str) -> dict[str, str]:
    """Return an element's attributes with its style taken apart and its ids under the prefix."""
    styles = [part.split(":", 1) for part in held.get("style", "").split(";") if ":" in part]
    found = {_local(name): value for name, value in held.items() if name != "style"}
    found |= {name.strip(): value.strip() for name, value in styles}
    found.pop("font-family", None)
    if "id" in found:
        found["id"] = f"{prefix}-{found['id']}"
    if found.get("href", "").startswith("#"):
        found["href"] = f"#{prefix}-{found['href'][1:]}"
    return {name: value.replace("url(#", f"url(#{prefix}-") for name, value in found.items()}
