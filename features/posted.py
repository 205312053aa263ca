"""Rows that a caller gives as JSON values in canonical columns, as a raw table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import pyarrow as pa

from configs.sources import Events, Source
from features.contract import DataError, quote_names, quote_value
from features.door import Door
from features.mapping import mapped
from features.reader import Raw

Row = Mapping[str, object]


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


def refuse_unknown(
    rows: Mapping[str, Sequence[Row]], given: Mapping[str, Sequence[Source]]
) -> None:
    """Refuse tables, columns and kinds of events that the config does not have."""
    for table, held in rows.items():
        if table not in given:
            expected = f"a table of the config ({quote_names(given)})"
            raise DataError(table, expected=expected, found="another")
        sources = [canonical(source) for source in given[table]]
        names = {column.name for source in sources for column in mapped(table, source)}
        kinds = {kind for source in sources for kind in getattr(source, "kinds", ())}
        for number, row in enumerate(held, start=1):
            for column in row:
                if column not in names:
                    raise DataError(
                        table,
                        line=number,
                        column=column,
                        expected=f"a column of {table} ({quote_names(sorted(names))})",
                        found="another",
                    )
            if kinds and row.get("kind") not in kinds:
                raise DataError(
                    table,
                    line=number,
                    column="kind",
                    expected=f"a declared kind ({quote_names(sorted(kinds))})",
                    found=quote_value(row.get("kind")),
                )


def raw_of(door: Door, rows: Sequence[Row]) -> Raw:
    """Return rows as a raw table of text; of events, those of the kinds that the door is for."""
    numbered = list(enumerate(rows, start=1))
    if isinstance(door.source, Events):
        numbered = [(n, row) for n, row in numbered if row["kind"] in door.source.kinds]
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
