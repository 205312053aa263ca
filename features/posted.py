"""Rows that a caller gives as JSON values in canonical columns, as a raw table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa

from configs.sources import Events, Source
from features.contract import DataError, quote_names, quote_value
from features.door import Door
from features.mapping import mapped
from features.reader import Raw

Row = Mapping[str, object]
Numbered = Sequence[tuple[int, Row]]


def canonical(source: Source) -> Source:
    """Return a source whose columns are called as the canonical ones."""
    columns = source.columns  # type: ignore[attr-defined]
    names = {name: name for name, origin in columns if origin is not None}
    held: dict[str, object] = {"columns": type(columns)(**names), "format": None}
    if attributes := getattr(source, "attributes", {}):
        held["attributes"] = {
            name: attribute.model_copy(update={"column": None})
            for name, attribute in attributes.items()
        }
    if consents := getattr(source, "consents", {}):
        held["consents"] = {purpose: f"consent_{purpose}" for purpose in consents}
    if isinstance(source, Events):
        held["kinds"] = {
            name: kind.model_copy(update={"value": None}) for name, kind in source.kinds.items()
        }
    if hasattr(source, "guests"):
        held |= {"guests": "refuse", "duplicates": "keep", "join": ()}
    return source.model_copy(update=held)


@dataclass(frozen=True)
class _Form:
    """What a source's rows may hold: some columns and, of events alone, some kinds."""

    columns: Sequence[str]
    kinds: Sequence[str]

    @classmethod
    def of(cls, table: str, source: Source) -> _Form:
        columns = [column.name for column in mapped(table, canonical(source))]
        return cls(columns, tuple(getattr(source, "kinds", ())))

    def has_kind(self, row: Row) -> bool:
        return not self.kinds or row.get("kind") in self.kinds

    def beyond(self, row: Row) -> str | None:
        """Return the first column with a value in a row that the source does not map."""
        return next((c for c in row if row[c] is not None and c not in self.columns), None)

    def takes(self, row: Row) -> bool:
        return self.has_kind(row) and self.beyond(row) is None


def refuse_unknown(
    rows: Mapping[str, Sequence[Row]], given: Mapping[str, Sequence[Source]]
) -> None:
    """Refuse tables, columns and kinds of events that the config does not have.

    An event's columns must be those of one source that declares its kind.
    """
    for table, held in rows.items():
        if table not in given:
            expected = f"a table of the config ({quote_names(given)})"
            raise DataError(table, expected=expected, found="another")
        forms = [_Form.of(table, source) for source in given[table]]
        names = {column for form in forms for column in form.columns}
        for number, row in enumerate(held, start=1):
            for column in row:
                if column not in names:
                    raise _of_column(table, number, column, names)
            own = [form for form in forms if form.has_kind(row)]
            if not own:
                kinds = {kind for form in forms for kind in form.kinds}
                raise DataError(
                    table,
                    line=number,
                    column="kind",
                    expected=f"a declared kind ({quote_names(sorted(kinds))})",
                    found=quote_value(row.get("kind")),
                )
            if all(odd := [form.beyond(row) for form in own]):
                raise _of_column(table, number, odd[0], own[0].columns, " of its kind")


def _of_column(
    table: str, number: int, column: str | None, names: Iterable[str], which: str = ""
) -> DataError:
    expected = f"a column of {table}{which} ({quote_names(sorted(names))})"
    return DataError(table, line=number, column=column, expected=expected, found="another")


def shares(table: str, rows: Sequence[Row], sources: Sequence[Source]) -> Iterator[Numbered]:
    """Give each source's rows with their numbers, from 1: those that no source before it takes."""
    left = list(enumerate(rows, start=1))
    for form in (_Form.of(table, source) for source in sources):
        yield [each for each in left if form.takes(each[1])]
        left = [each for each in left if not form.takes(each[1])]


def raw_of(door: Door, numbered: Numbered) -> Raw:
    """Return the rows of a door's source as a raw table of text."""
    names = [column.name for column in mapped(door.table, door.source)]
    columns = [
        pa.array([_text(door.table, number, row, name) for number, row in numbered], pa.string())
        for name in names
    ]
    relation = f"raw_{door.name}"
    door.connection.register(relation, pa.table(columns, names=names))
    return Raw(
        relation,
        door.table,
        dict.fromkeys(names, "VARCHAR"),
        len(numbered),
        lambda: ((door.table, number) for number, _ in numbered),
        is_view=True,
    )


def _text(table: str, number: int, row: Row, column: str) -> str | None:
    """Return a value as a file would spell it: a number by its digits, a flag by its word."""
    value = row.get(column)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return str(value)
    found = f"a {type(value).__name__}"
    expected = "a text, a number, true, false or null"
    raise DataError(table, line=number, column=column, expected=expected, found=found)
