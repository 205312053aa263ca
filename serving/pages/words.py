"""How the pages speak: phrases and figures, in English or in Danish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from serving.months import MONTHS
from training.quantities import Language, amount, number

NOTHING = "–"
_SPACE = "\N{NO-BREAK SPACE}"
_SWAPPED = str.maketrans(",.", ".,")

Phrases = Mapping[str, tuple[str, str]]
"""What is said, in English and in Danish, by name."""


@dataclass(frozen=True)
class Words:
    """Says things in a language, and times as a zone has them.

    Parameters
    ----------
    language : {"en", "da"}
    zone : ZoneInfo
    phrases : mapping
        Those of the shell and of the page.
    """

    language: Language
    zone: ZoneInfo
    phrases: Phrases

    def __call__(self, phrase: str, **named: Any) -> str:
        """Return a phrase with what it names put in; numbers as people write them."""
        said = self.phrases[phrase][self.language == "da"]
        held = {name: self._put(value) for name, value in named.items()}
        return said.format(**held) if named else said

    def knows(self, phrase: str) -> bool:
        """Say whether there is a phrase of a name."""
        return phrase in self.phrases

    def number(self, value: float | None, decimals: int = 0) -> str:
        """Return a number, a dash where there is none."""
        return NOTHING if value is None else number(value, decimals, self.language)

    def fixed(self, value: float | None, decimals: int) -> str:
        """Return a number with all its decimals, as those of a column are read together."""
        if value is None:
            return NOTHING
        text = f"{value:,.{decimals}f}".replace("-", "−")
        return text.translate(_SWAPPED) if self.language == "da" else text

    def share(self, value: float | None, decimals: int = 1) -> str:
        r"""Return a share in percent.

        >>> Words("da", ZoneInfo("UTC"), {}).share(0.1234)
        '12,3\xa0%'
        """
        if value is None:
            return NOTHING
        return f"{number(100 * value, decimals, self.language)}{_SPACE}%"

    def signed(self, value: float, decimals: int = 0) -> str:
        """Return a number with its sign."""
        said = number(value, decimals, self.language)
        return f"+{said}" if value > 0 else said

    def points(self, value: float) -> str:
        r"""Return how far a share was moved, in points of a hundred.

        >>> Words("da", ZoneInfo("UTC"), {}).points(-0.0123)
        '−1,23'
        """
        size = abs(100 * value)
        return self.signed(100 * value, 1 if size >= 10 else 2)

    def money(self, value: float | None, currency: str) -> str:
        """Return an amount."""
        if value is None:
            return NOTHING
        return amount(value, currency, self.language).replace(" ", _SPACE)

    def money_moved(self, value: float, currency: str) -> str:
        """Return how far an amount was moved, with its sign."""
        sign = "+" if value > 0 else "−" if value < 0 else ""
        return f"{sign}{self.money(abs(value), currency)}"

    def on(self, day: str) -> str:
        """Return a day of ISO 8601 as people write it."""
        return self.day(date.fromisoformat(day))

    def day(self, day: date) -> str:
        """Return a day as people write it."""
        month = MONTHS[self.language][day.month - 1]
        return f"{day.day}{'.' if self.language == 'da' else ''} {month} {day.year}"

    def short_day(self, day: date) -> str:
        """Return a day without its year, short."""
        month = MONTHS[self.language][day.month - 1][:3]
        return f"{day.day}{'.' if self.language == 'da' else ''} {month}"

    def moment(self, at: datetime | str) -> str:
        """Return a time, of the record's spelling too, as the clocks of the zone had it."""
        held = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(self.zone)
        parted = ("at", "kl.")[self.language == "da"]
        clock = held.strftime("%H.%M.%S" if self.language == "da" else "%H:%M:%S")
        return f"{self.day(held)} {parted} {clock}"

    def _put(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return number(value, 0, self.language)
        return self.day(value) if isinstance(value, date) else value
