"""Figures as people write them, in English and Danish."""

from __future__ import annotations

import re
from typing import Literal

import numpy as np

Language = Literal["en", "da"]
Value = float | str | None

_CURRENCY = re.compile(r"[A-Z]{3}")
_UNITS: dict[Language, dict[str, tuple[str, str]]] = {
    "en": {
        "days": ("day", "days"),
        "weeks": ("week", "weeks"),
        "months": ("month", "months"),
        "years": ("year", "years"),
    },
    "da": {
        "days": ("dag", "dage"),
        "weeks": ("uge", "uger"),
        "months": ("måned", "måneder"),
        "years": ("år", "år"),
    },
}

_MOST_TIMES = 100
"""Past it a ratio says no more than that what it is held against is next to nothing."""
_FAR: dict[Language, str] = {"en": "more than {}×", "da": "over {}×"}


def number(value: float, decimals: int, language: Language) -> str:
    """Return a number with its thousands parted, without trailing zeros.

    >>> number(1234.5, 2, "en"), number(1234.5, 2, "da")
    ('1,234.5', '1.234,5')
    """
    text = f"{value:,.{decimals}f}"
    return _spelt(text.rstrip("0").rstrip(".") if decimals else text, language)


def amount(value: float, currency: str, language: Language) -> str:
    """Return money: whole from a hundred on, to the cent below.

    >>> amount(1234.5, "USD", "en"), amount(34.5, "DKK", "da"), amount(-3.0, "EUR", "da")
    ('USD 1,234', '34,50 kr.', '−3,00 EUR')
    """
    text = _spelt(f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}", language)
    if language == "en":
        return f"{currency} {text}"
    return f"{text} {'kr.' if currency == 'DKK' else currency}"


def quantity(value: float, unit: str, language: Language) -> str:
    """Return a number with its unit: as many decimals as a person would give.

    >>> quantity(0.125, "share", "en"), quantity(0.125, "share", "da")
    ('12%', '12 %')
    >>> quantity(1.0, "days", "en"), quantity(3.46, "ratio", "da"), quantity(21.4, "days", "da")
    ('1 day', '3,5×', '21 dage')
    >>> quantity(12395.0, "ratio", "en"), quantity(12395.0, "ratio", "da")
    ('more than 100×', 'over 100×')
    """
    if unit == "share":
        return _rounded(100 * value, language) + ("%" if language == "en" else " %")
    if _CURRENCY.fullmatch(unit):
        return amount(value, unit, language)
    text = _rounded(value, language)
    if unit == "ratio":
        return f"{text}×" if value <= _MOST_TIMES else _FAR[language].format(_MOST_TIMES)
    if unit in _UNITS[language]:
        one, many = _UNITS[language][unit]
        return f"{text} {one if text == '1' else many}"
    # A unit of the config's own is written in English; abbreviations are read everywhere.
    told = unit not in ("", "count") and (language == "en" or len(unit) <= 3)
    return f"{text} {unit}" if told else text


_PLACES, _TINY, _FAR_OFF, _MISSING = (0, 1, 2), 3, 4, 5
_NEARLY_HALF = 1e-9


def alike(values: np.ndarray, unit: str) -> np.ndarray:
    """Return a number for each value's reading: values of one number are written alike.

    Parameters
    ----------
    values : ndarray
        NaN where one is missing.
    unit : str
        As `quantity` takes it, or ``money``.

    Returns
    -------
    ndarray of int64

    >>> alike(np.array([21.4, 20.9, 21.6]), "days").tolist()  # 21, 21 and 22 days
    [336, 336, 352]
    """
    if unit == "money" or _CURRENCY.fullmatch(unit):
        told = np.abs(values)
        kind = np.where(told >= 100, 0, 2)
    else:
        told = np.abs(100 * values if unit == "share" else values)
        kind = np.where(told >= 10, 0, np.where(told >= 1, 1, 2))
        kind = np.where((told > 0) & (told < 0.005), _TINY, kind)
    if unit == "ratio":
        kind = np.where(values > _MOST_TIMES, _FAR_OFF, kind)
    kind = np.where(np.isnan(values), _MISSING, kind)
    digits = np.zeros(len(values))
    for places in _PLACES:
        rows = np.flatnonzero(kind == places)
        digits[rows] = _digits(told[rows], places)
    sign = np.where(kind < _TINY, np.signbit(values), 0)
    return digits.astype(np.int64) * 16 + kind * 2 + sign


def _digits(values: np.ndarray, places: int) -> np.ndarray:
    """Return what is left of values when they are written with some decimals, without the point."""
    scaled = values * 10**places
    found = np.rint(scaled)
    # Times ten, a value just off the middle may seem to be at it: those are written out.
    middle = np.abs(scaled - np.floor(scaled) - 0.5) < _NEARLY_HALF
    if places and middle.any():
        held, place = np.unique(values[middle], return_inverse=True)
        written = [int(f"{value:.{places}f}".replace(".", "")) for value in held.tolist()]
        found[middle] = np.array(written, dtype=float)[place]
    return found


def _rounded(value: float, language: Language) -> str:
    size = abs(value)
    if 0 < size < 0.005:
        return ("less than " if language == "en" else "under ") + number(0.01, 2, language)
    return number(value, 0 if size >= 10 else 1 if size >= 1 else 2, language)


def _spelt(text: str, language: Language) -> str:
    text = "0" if text.strip("-0.,") == "" and text.startswith("-") else text.replace("-", "−")
    return text.translate(str.maketrans(",.", ".,")) if language == "da" else text
