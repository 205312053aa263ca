"""Features of customers whose own rows are given: what the batch would make of the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Any

from configs.schema import Config
from features.contract import DataError
from features.own_rows import OwnRows, Rows
from features.schema import FeatureError, FeatureSchema
from serving.api.asked import TABLES, GivenRows
from serving.record.merkle import canonical
from serving.scoring.known import LONGEST_TEXT, CustomerError, Known

_GIVEN_AS = {table: name for name, table in TABLES.items()}
_INEXACT = 2**53  # from it on, a JSON number is not the same to every reader


@dataclass(frozen=True)
class FromRows:
    """Builds the features that a release's models are to be given.

    Parameters
    ----------
    config : Config
        The customer base's.
    schemas : mapping of str to FeatureSchema
        The models', by digest.
    """

    config: Config
    schemas: Mapping[str, FeatureSchema]

    def known(self, customers: Sequence[tuple[str, GivenRows]]) -> list[Known | CustomerError]:
        """Return what is known of customers, each given by a day and the rows."""
        found: list[Known | CustomerError | None] = [self._refused(rows) for _, rows in customers]
        left = [number for number, held in enumerate(found) if held is None]
        for day in dict.fromkeys(customers[number][0] for number in left):
            of_day = [number for number in left if customers[number][0] == day]
            built = self._built(day, [customers[number][1] for number in of_day])
            for number, held in zip(of_day, built, strict=True):
                found[number] = held
        return [held for held in found if held is not None]

    @cached_property
    def _own_rows(self) -> OwnRows:
        return OwnRows(self.config)

    @cached_property
    def _changed(self) -> str | None:
        """Why no model can be given what is built here, if it cannot."""
        if self.config.sources.snapshot:
            return "this base's customers have attributes and no rows; give the features"
        try:
            for schema in self.schemas.values():
                schema.check_definitions(self._own_rows.schema)
        except FeatureError as error:
            return str(error)
        return None

    def _refused(self, rows: GivenRows) -> CustomerError | None:
        if self._changed:
            return CustomerError("rows_not_served", self._changed)
        most = self.config.serving.max_rows
        count = sum(len(held) for held in rows.tables.values())
        if count > most:
            return CustomerError(
                "invalid_rows", f"{count} rows are given, and at most {most} may be"
            )
        faults = (
            _fault(table, number, column, value)
            for table, held in rows.tables.items()
            for number, row in enumerate(held, start=1)
            for column, value in row.items()
        )
        return next((fault for fault in faults if fault), None)

    def _built(self, day: str, customers: Sequence[GivenRows]) -> list[Known | CustomerError]:
        tables: list[Rows] = [rows.tables for rows in customers]
        frame, refused = self._own_rows.build(tables, date.fromisoformat(day))
        plain = {digest: schema.plain(frame) for digest, schema in self.schemas.items()}
        place = {int(number): row for row, number in enumerate(frame["customer_id"])}

        def known(number: int) -> Known | CustomerError:
            if number in refused:
                return _invalid(refused[number])
            if number not in place:
                return CustomerError(
                    "unknown_customer", f"no row had happened and was known before {day}"
                )
            values = {digest: held[place[number]] for digest, held in plain.items()}
            return Known(day, values, _digest(customers[number]))

        return [known(number) for number in range(len(customers))]


def _digest(rows: GivenRows) -> str:
    """Return the SHA-256 of rows as canonical JSON, in hexadecimal."""
    return sha256(canonical(rows.given)).hexdigest()


def _fault(table: str, number: int, column: str, value: Any) -> CustomerError | None:
    """Return what is wrong with a value whatever its column, if anything is."""
    if column == "customer_id":
        expected, found = "no customer_id, as the rows are the customer's own", "one"
    elif isinstance(value, str) and len(value) > LONGEST_TEXT:
        expected, found = f"at most {LONGEST_TEXT} characters", f"{len(value)}"
    elif isinstance(value, list | dict):
        expected, found = "one value or null", "a list or an object"
    elif isinstance(value, int) and abs(value) >= _INEXACT:
        expected, found = "a number below 2^53, or text", "a larger one"
    else:
        return None
    return _invalid(DataError(table, line=number, column=column, expected=expected, found=found))


def _invalid(error: DataError) -> CustomerError:
    row = {
        "table": _GIVEN_AS.get(error.file, error.file),
        "row": error.line,
        "column": error.column and _cut(error.column),
        "expected": error.expected,
        "found": error.found,
    }
    place = [row["table"], error.line and f"row {error.line}", row["column"]]
    told = ", ".join(str(part) for part in place if part)
    message = f"{told}: expected {error.expected}, found {error.found}"
    return CustomerError("invalid_rows", message, row=row)


def _cut(name: str) -> str:
    return name if len(name) <= 80 else name[:80] + "…"
