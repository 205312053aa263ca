"""How a report speaks: its phrases and its figures, in English or in Danish."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from features.figures.definition import Figure, Unit
from serving.months import MONTHS
from serving.report.phrases import PHRASES
from training.quantities import Language, amount, number

NOTHING = "–"
_SPACE = "\N{NO-BREAK SPACE}"
_SWAPPED = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Words:
    """Says things in a language, and money in a currency."""

    language: Language
    currency: str

    def __call__(self, phrase: str, **named: Any) -> str:
        """Return a phrase with what it names put in, days as people write them."""
        said = PHRASES[phrase][self.language == "da"]
        days = {name: self.day(held) for name, held in named.items() if isinstance(held, date)}
        return said.format(**named | days) if named else said

    def pick(self, names: tuple[str, str]) -> str:
        """Return the name in this language of an English and a Danish one."""
        return names[self.language == "da"]

    def label(self, figure: Figure) -> str:
        """Return what a figure is called, as it stands at the head of a line."""
        said = self.pick((figure.label, figure.label_da))
        return said[:1].upper() + said[1:]

    def definition(self, figure: Figure) -> str:
        """Return what a figure is, in a sentence."""
        return self.pick((figure.definition, figure.definition_da))

    def value(self, value: Any, unit: Unit) -> str:
        r"""Return a figure with its unit, a dash where there is none.

        >>> words = Words("en", "USD")
        >>> words.value(0.9512, "share"), words.value(1234.5, "money"), words.value(None, "count")
        ('95.1\xa0%', 'USD\xa01,234', '–')
        """
        if not known(value):
            return NOTHING
        if unit == "money":
            said = amount(float(value), self.currency, self.language)
            said = said if value else re.sub(r"0[.,]00", "0", said)
        elif unit == "share":
            said = f"{number(100 * value, 1, self.language)} %"
        elif unit == "score":
            said = ("+" if value > 0 else "") + number(value, 0, self.language)
        else:
            said = number(value, 0 if unit == "count" else 2, self.language)
        return said.replace(" ", _SPACE)

    def aligned(self, value: Any, unit: Unit, decimals: int) -> str:
        r"""Return a figure as it stands in a column of its kind, whose head says the currency.

        >>> words = Words("da", "DKK")
        >>> words.aligned(0.95, "share", 1), words.aligned(1234.5, "money", 2)
        ('95,0\xa0%', '1.234,50')
        """
        if not known(value):
            return NOTHING
        text = f"{100 * value if unit == 'share' else value:,.{decimals}f}".replace("-", "−")
        said = text.translate(_SWAPPED) if self.language == "da" else text
        return f"{said}{_SPACE}%" if unit == "share" else said

    def head(self, name: str, unit: Unit | None) -> str:
        """Return the head of a column, with the currency of its money."""
        if unit != "money":
            return name
        danish = self.language == "da" and self.currency == "DKK"
        return f"{name}, {'kr.' if danish else self.currency}"

    def change(self, now: Any, before: Any, unit: Unit) -> str:
        r"""Return how far a figure has come since the period before.

        Of shares and scores in points, of all else as a share of what it was.

        >>> words = Words("en", "USD")
        >>> words.change(0.93, 0.95, "share"), words.change(110, 100, "count")
        ('−2 points', '+10\xa0%')
        """
        if not (known(now) and known(before)):
            return NOTHING
        if unit in ("share", "score"):
            moved = (now - before) * (100 if unit == "share" else 1)
            return f"{self._signed(moved)} {self('points')}"
        return f"{self._signed(100 * (now - before) / abs(before))}{_SPACE}%" if before else NOTHING

    def day(self, day: date | pd.Timestamp) -> str:
        """Return a day as people write it."""
        month = MONTHS[self.language][day.month - 1]
        return f"{day.day}{'.' if self.language == 'da' else ''} {month} {day.year}"

    def _signed(self, value: float) -> str:
        said = number(round(value, 1), 1, self.language)
        return f"+{said}" if value > 0 and said != "0" else said


def known(value: Any) -> bool:
    """Say whether there is a number at all."""
    return value is not None and not pd.isna(value) and math.isfinite(value)
