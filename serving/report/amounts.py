"""How the pictures say amounts: short beside a mark, in thousands or millions on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator

from features.figures.definition import Unit
from training.canvas import percent

_SPACE = "\N{NO-BREAK SPACE}"
_SCALES = ((1e9, "billion"), (1e6, "million"), (1e3, "thousand"))
_FROM = 10  # a scale is taken where the largest amount is so many of it


def short(value: float, unit: Unit = "count", currency: str = "") -> str:
    r"""Return an amount in three digits or so, as it stands beside a mark.

    >>> short(0.954, "share"), short(1_250_000, "money", "DKK"), short(950)
    ('95.4\xa0%', 'DKK\xa01.25M', '950')
    """
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{100 * value + 0.0:.3g}{_SPACE}%".replace("-", "−")
    if unit in ("ratio", "score"):
        return _digits(value)
    said = _rounded(value)
    return f"{currency}{_SPACE}{said}" if unit == "money" and currency else said


def _rounded(value: float) -> str:
    size = abs(value)
    for scale, letter in ((1e9, "bn"), (1e6, "M"), (1e4, "k")):
        if float(f"{size:.3g}") >= scale:
            return _digits(value / (1e3 if letter == "k" else scale)) + letter
    return _digits(value) if size < 100 else f"{value:,.0f}".replace("-", "−")


def _digits(value: float) -> str:
    size = float(f"{abs(value):.3g}")
    places = 0 if size == int(size) or size >= 100 else 1 if size >= 10 else 2
    return f"{value + 0.0:,.{places}f}".replace("-", "−")


def scaled(axis: Axis, values: Iterable[float], unit: Unit, currency: str = "") -> str:
    """Set an axis's ticks for amounts like these, and return what its title says of the unit.

    Money and counts are told in thousands or millions where they are large.
    """
    axis.set_major_locator(MaxNLocator(4, integer=unit == "count"))
    if unit == "share":
        axis.set_major_formatter(FuncFormatter(percent))
        return "%"
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    large = unit in ("money", "count")
    scale, word = next((s for s in _SCALES if large and largest >= _FROM * s[0]), (1.0, ""))

    def tick(value: float, _position: int) -> str:
        return f"{value / scale:,.10g}".replace("-", "−")

    axis.set_major_formatter(FuncFormatter(tick))
    return " ".join(part for part in (currency if unit == "money" else "", word) if part)
