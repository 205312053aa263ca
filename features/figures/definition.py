"""What a figure of retention is: its name, its definition in words, and the sums it is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

Sums = Mapping[str, float]
"""What the customers of a group add up to, by measure."""

Unit = Literal["count", "share", "money", "ratio", "score"]


@dataclass(frozen=True)
class Period:
    """The local days from ``start`` on and before ``end``."""

    start: date
    end: date

    @classmethod
    def before(cls, end: date, days: int) -> Period:
        """Return the period of so many days that ends as a day begins."""
        return cls(end - timedelta(days=days), end)

    @property
    def days(self) -> int:
        """How many days it has."""
        return (self.end - self.start).days


@dataclass(frozen=True)
class Figure:
    """A figure of a group of customers in a period.

    Parameters
    ----------
    name : str
    label, label_da : str
        What it is called in English and in Danish.
    unit : {"count", "share", "money", "ratio", "score"}
    definition, definition_da : str
        What it is, in a sentence that stands beside it.
    about : str
        The measure whose sum is how many customers it is about: it is withheld of fewer than
        ``report.least``.
    of : callable
        Takes the sums of a group's measures and returns the figure, or None where it has none, as
        a rate of nobody.
    needs : tuple of str
        Further measures that ``of`` reads and a base may lack: there is no such figure then.
    beside : tuple of str
        Further measures of how many customers it tells of: where one of them is withheld, it is.
    """

    name: str
    label: str
    label_da: str
    unit: Unit
    definition: str
    definition_da: str
    about: str
    of: Callable[[Sums], float | None]
    needs: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


def ratio(part: float, whole: float) -> float | None:
    """Return part ÷ whole, or None where the whole is nothing."""
    return part / whole if whole else None
