"""How the pictures say amounts: short beside a mark, in thousands or millions on an axis."""

from __future__ import annotations

import math
from collections.abc import Iterable

from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, MaxNLocator

from features.figures.definition import Unit
from serving.report.plot_words import say
from training.canvas import percent
from training.quantities import Language

_SPACE = "\N{NO-BREAK SPACE}"
_SWAPPED = str.maketrans(",.", ".,")
_SCALES = ((2e9, 1e9, "billion"), (2e6, 1e6, "million"), (1e4, 1e3, "thousand"))
"""From which amount on a scale is taken, what it divides by, and its name."""


def short(value: float, unit: Unit = "count", currency: str = "", language: Language = "en") -> str:
    r"""Return an amount in three digits or so, as it stands beside a mark.

    >>> short(0.954, "share"), short(1_250_000, "money", "DKK"), short(950)
    ('95.4\xa0%', 'DKK\xa01.25M', '950')
    >>> short(17_842, "count", "", "da"), short(1_250_000, "money", "DKK", "da")
    ('17.800', '1,25\xa0mio.\xa0kr.')
    """
    if not math.isfinite(value):
        return "–"
    if unit == "share":
        return f"{_spelt(_digits(100 * value), language)}{_SPACE}%"
    if unit in ("ratio", "score"):
        return _spelt(_digits(value), language)
    if language == "da":
        said = _in_danish(value)
        return f"{said}{_SPACE}{_danish(currency)}" if unit == "money" and currency else said
    said = _rounded(value)
    return f"{currency}{_SPACE}{said}" if unit == "money" and currency else said


def _in_danish(value: float) -> str:
    """Return an amount as Danes shorten it: thousands are written out."""
    for scale, name in ((1e9, "mia."), (1e6, "mio.")):
        if abs(value) >= 0.9995 * scale:
            return f"{_spelt(_digits(value / scale), 'da')}{_SPACE}{name}"
    few = abs(value) < 9_999.5 and abs(value) >= 999.5
    return _spelt(f"{value:,.0f}".replace("-", "−") if few else _digits(value), "da")


def _danish(currency: str) -> str:
    return "kr." if currency == "DKK" else currency


def _spelt(text: str, language: Language) -> str:
    return text.translate(_SWAPPED) if language == "da" else text


def _rounded(value: float) -> str:
    size = abs(value)
    if size < 9_999.5:
        return _digits(value) if size < 999.5 else f"{value:,.0f}".replace("-", "−")
    for scale, letter in ((1e9, "bn"), (1e6, "M")):
        if size >= 0.9995 * scale:  # 999,900 is said as a million, not as a thousand thousands
            return _digits(value / scale) + letter
    return _digits(value / 1e3) + "k"


def _digits(value: float) -> str:
    rounded = float(f"{value:.3g}") + 0.0
    return (f"{rounded:,.0f}" if abs(rounded) >= 1000 else f"{rounded:g}").replace("-", "−")


def scaled(
    axis: Axis,
    values: Iterable[float],
    unit: Unit,
    currency: str = "",
    language: Language = "en",
) -> str:
    """Set an axis's ticks for amounts like these, and return what its title says of the unit.

    Money and counts are told in thousands or millions where they are large.
    """
    axis.set_major_locator(MaxNLocator(4, integer=unit == "count"))
    if unit == "share":
        axis.set_major_formatter(FuncFormatter(percent))
        return "%"
    largest = max((abs(value) for value in values if math.isfinite(value)), default=0.0)
    large = unit in ("money", "count")
    fits = ((scale, word) for least, scale, word in _SCALES if large and largest >= least)
    scale, word = next(fits, (1.0, ""))

    def tick(value: float, _position: int) -> str:
        return _spelt(f"{value / scale:,.10g}".replace("-", "−"), language)

    axis.set_major_formatter(FuncFormatter(tick))
    money = currency if unit == "money" else ""
    scale_name = say(word, language) if word else ""
    parts = (scale_name, _danish(money)) if language == "da" else (money, scale_name)
    return " ".join(part for part in parts if part)
