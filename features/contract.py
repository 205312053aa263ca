"""The canonical tables, and how a row that breaks their rules is told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from configs.errors import StamkundeError
from configs.values import without_password

Kind = Literal["id", "text", "stamp", "money", "number", "flag", "date"]

EXPECTED: dict[Kind, str] = {
    "id": "an id",
    "text": "text",
    "stamp": "a date or time between 1900 and 2100, in ISO 8601 unless date_format says otherwise",
    "money": "an amount below ten billion, with a point before its decimals",
    "number": "a finite number",
    "flag": "yes or no (also true/false, 1/0)",
    "date": "a date between 1900 and 2100",
}
"""What a value of each kind must be, in words."""

MONEY = "DECIMAL(18, 4)"
"""Amounts are exact; more than four decimals are rounded, halves away from zero."""


@dataclass(frozen=True)
class CanonicalColumn:
    """A column of a canonical table."""

    name: str
    kind: Kind
    required: bool = False


CANONICAL: dict[str, tuple[CanonicalColumn, ...]] = {
    "transactions": (
        CanonicalColumn("customer_id", "id"),  # the config says what becomes of guests
        CanonicalColumn("occurred_at", "stamp", required=True),
        CanonicalColumn("amount", "money", required=True),
        CanonicalColumn("known_at", "stamp"),
        CanonicalColumn("order_id", "id"),
        CanonicalColumn("quantity", "money"),
        CanonicalColumn("category", "text"),
        CanonicalColumn("channel", "text"),
        CanonicalColumn("discount", "money"),
        CanonicalColumn("margin", "money"),
    ),
    "events": (
        CanonicalColumn("customer_id", "id"),
        CanonicalColumn("occurred_at", "stamp", required=True),
        CanonicalColumn("kind", "text", required=True),
        CanonicalColumn("known_at", "stamp"),
        CanonicalColumn("value", "money"),
    ),
    "subscriptions": (
        CanonicalColumn("customer_id", "id"),
        CanonicalColumn("started_at", "stamp", required=True),
        CanonicalColumn("ended_at", "stamp"),
        CanonicalColumn("known_at", "stamp"),
        CanonicalColumn("ended_known_at", "stamp"),
        CanonicalColumn("plan", "text"),
        CanonicalColumn("mrr", "money"),
    ),
    "customers": (
        CanonicalColumn("customer_id", "id", required=True),
        CanonicalColumn("signed_up_at", "stamp"),
        CanonicalColumn("valid_from", "stamp", required=True),
    ),
    "snapshot": (
        CanonicalColumn("customer_id", "id", required=True),
        CanonicalColumn("label", "text", required=True),
    ),
}
"""The tables that everything else is computed from. Ids are text, stamps UTC in microseconds."""


class DataError(StamkundeError, ValueError):
    """A file breaks a rule of the canonical tables.

    Parameters
    ----------
    file : str
        The file as the config names it; a password in it is told to nobody.
    expected, found : str
        The rule, and what stood there instead.
    line : int, optional
        The line of a text file or the row of a table, both counted from 1.
    column : str, optional
        The column in the user's file.
    step : str
        What to do about it.
    """

    def __init__(
        self,
        file: str,
        *,
        expected: str,
        found: str,
        line: int | None = None,
        column: str | None = None,
        step: str = "",
    ) -> None:
        self.file, self.line, self.column = without_password(file), line, column
        self.expected, self.found, self.step = expected, found, step
        place = self.file if line is None else f"{self.file}:{line}"
        if column is not None:
            place = f"{place} {column}"
        super().__init__(f"{place}: expected {expected}, found {found}" + (step and f"; {step}"))

    def and_in(self, more: int) -> DataError:
        """Return it as the first of some: so many more rows break the rule."""
        if not more:
            return self
        return DataError(
            self.file,
            expected=self.expected,
            found=f"{self.found} (and in {more} more rows)",
            line=self.line,
            column=self.column,
            step=self.step,
        )

    @classmethod
    def of_missing_file(cls, file: str) -> DataError:
        """Say that no file lies at the path."""
        return cls(file, expected="a file", found="none", step="mend the path in the config")

    @classmethod
    def of_missing_column(cls, file: str, column: str, held: Sequence[str]) -> DataError:
        """Say that the config names a column which the file does not have."""
        close = difflib.get_close_matches(column, held, n=1, cutoff=0.5)
        hint = f"did you mean {close[0]!r}?" if close else "mend the name in the config"
        return cls(
            file,
            line=1,
            column=column,
            expected="a column of this name",
            found=quote_names(held),
            step=hint,
        )


def quote_names(names: Iterable[str], most: int = 12) -> str:
    """List names for an error text, cut to ``most`` of them."""
    held = list(names)
    shown = ", ".join(repr(name) for name in held[:most])
    return (shown or "nothing") + (f" and {len(held) - most} more" if len(held) > most else "")


def quote_value(value: object, most: int = 40) -> str:
    """Show a found value in an error text, cut to ``most`` characters."""
    if value is None or value == "":
        return "nothing"
    text = str(value)
    return repr(text if len(text) <= most else text[:most] + "…")
