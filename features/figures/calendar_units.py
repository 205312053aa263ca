"""Months, quarters and years as whole numbers, one more for the next, and as words."""

from __future__ import annotations

from datetime import date
from typing import Literal

import ibis.expr.types as ir

Unit = Literal["month", "quarter", "year"]

_A_YEAR: dict[Unit, int] = {"month": 12, "quarter": 4, "year": 1}


def numbers(days: ir.DateValue, unit: Unit) -> ir.IntegerValue:
    """Return the number of the unit that each day of a table lies in."""
    if unit == "year":
        return days.year().cast("int32")
    part = days.month() if unit == "month" else days.quarter()
    return (days.year() * _A_YEAR[unit] + part - 1).cast("int32")


def number(day: date, unit: Unit) -> int:
    """Return the number of the unit that a day lies in.

    >>> number(date(2024, 3, 31), "quarter") + 1 == number(date(2024, 4, 1), "quarter")
    True
    """
    units = _A_YEAR[unit]
    return day.year * units + (day.month - 1) * units // 12


def first_day(number: int, unit: Unit) -> date:
    """Return the first day of a unit.

    >>> first_day(number(date(2024, 6, 3), "quarter"), "quarter")
    datetime.date(2024, 4, 1)
    """
    units = _A_YEAR[unit]
    return date(number // units, number % units * (12 // units) + 1, 1)


def label(first: date, unit: Unit) -> str:
    """Return what a unit is called, by its first day.

    >>> [label(date(2024, 4, 1), unit) for unit in ("month", "quarter", "year")]
    ['2024-04', '2024-Q2', '2024']
    """
    if unit == "year":
        return f"{first.year}"
    if unit == "quarter":
        return f"{first.year}-Q{(first.month + 2) // 3}"
    return f"{first.year}-{first.month:02}"
