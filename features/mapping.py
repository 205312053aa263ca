"""Which columns of a user's table make the canonical ones, and the SQL that makes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from configs.sources import (
    Attribute,
    Behaviour,
    Column,
    Constant,
    Events,
    Product,
    Source,
    Sum,
)
from features.cast import Cast, as_amount
from features.contract import CANONICAL, Kind
from features.sql import identifier, literal, literals

_PRODUCT_DECIMALS = 27  # of all parts together: a product has 38 digits, 11 before the point
_ATTRIBUTE_KINDS: dict[str, Kind] = {
    "category": "text",
    "number": "number",
    "flag": "flag",
    "date": "date",
}
_DAYS = {
    "occurred_at": "local_day",
    "started_at": "start_day",
    "ended_at": "end_day",
    "signed_up_at": "signed_up_day",
}
_DEFAULTS = {"known_at": ("occurred_at", "started_at"), "ended_known_at": ("ended_at",)}
"""What stands where a row does not say when it, or its end, was known."""


@dataclass(frozen=True)
class Mapped:
    """A canonical column: where it comes from, what it must be, whether every row has it."""

    name: str
    origin: Column | Constant
    kind: Kind
    required: bool

    @property
    def parts(self) -> tuple[str, ...]:
        """The columns of the user's table that it is made of."""
        if isinstance(self.origin, Constant):
            return ()
        if isinstance(self.origin, Product):
            return self.origin.product
        return self.origin.sum if isinstance(self.origin, Sum) else (self.origin,)

    @property
    def sign(self) -> str:
        """What stands between its parts."""
        return " + " if isinstance(self.origin, Sum) else " × "


def mapped(table: str, source: Source) -> list[Mapped]:
    """Return the columns that a source maps, in the canonical order."""
    origins = dict(source.columns)  # type: ignore[attr-defined]
    refuses_guests = isinstance(source, Behaviour) and source.guests == "refuse"
    columns = [
        Mapped(
            column.name,
            origins[column.name],
            column.kind,
            column.required or (column.name == "customer_id" and refuses_guests),
        )
        for column in CANONICAL[table]
        if origins.get(column.name) is not None
    ]
    attributes: Mapping[str, Attribute] = getattr(source, "attributes", {})
    consents: Mapping[str, str] = getattr(source, "consents", {})
    columns += [
        Mapped(name, held.column or name, _ATTRIBUTE_KINDS[held.kind], False)
        for name, held in attributes.items()
    ]
    return columns + [
        Mapped(f"consent_{purpose}", column, "flag", False) for purpose, column in consents.items()
    ]


@dataclass(frozen=True)
class Translation:
    """How a raw table of some types becomes a canonical one.

    Parameters
    ----------
    table : str
        The canonical table.
    source : Source
        What the config says of it.
    types : mapping of str to str
        DuckDB's type of each raw column.
    to : Cast
        How values become canonical.
    """

    table: str
    source: Source
    types: Mapping[str, str]
    to: Cast

    @property
    def columns(self) -> list[Mapped]:
        """The columns that the source maps."""
        return mapped(self.table, self.source)

    @property
    def part_of_customer(self) -> str:
        """The raw column that names the customer."""
        return str(dict(self.source.columns)["customer_id"])  # type: ignore[attr-defined]

    def part(self, column: Mapped, part: str) -> str:
        """Return SQL for one of the columns that a canonical one is made of."""
        return self.to.kind(column.kind, part, self.types[part])

    def value(self, column: Mapped) -> str:
        """Return SQL for a canonical column, NULL where there is no value to make."""
        origin = column.origin
        if isinstance(origin, Constant):
            return literal(origin.constant)
        if isinstance(origin, Product):
            exact = f"DECIMAL(38, {_PRODUCT_DECIMALS // len(column.parts)})"
            factors = (self.to.amount(part, self.types[part], exact) for part in column.parts)
            return as_amount(f"TRY({' * '.join(factors)})")
        parts = [self.part(column, part) for part in column.parts]
        if isinstance(origin, Sum):
            return as_amount(f"TRY({' + '.join(f'coalesce({part}, 0)' for part in parts)})")
        return parts[0]

    def select(self) -> str:
        """Return the columns of the canonical table as SQL, defaults and local days included."""
        values = {column.name: self.value(column) for column in self.columns}
        days = {
            _DAYS[column.name]: self.to.day_of(part, self.types[part])
            for column in self.columns
            for part in column.parts
            if column.name in _DAYS
        }
        if not isinstance(self.source, Behaviour):
            return _listed(values | days)
        for name, defaults in _DEFAULTS.items():
            if name in values:
                default = next(values[each] for each in defaults if each in values)
                values[name] = f"coalesce({values[name]}, {default})"
        if "order_id" in values:
            day = f"CAST({days['local_day']} AS VARCHAR)"
            values["order_id"] = f"coalesce({values['order_id']}, {day})"
        if isinstance(self.source, Events) and not isinstance(self.source.columns.kind, Constant):
            values["kind"] = self._slug(self.source, values["kind"])
        return _listed(values | days)

    def undeclared(self) -> tuple[str, str] | None:
        """Return SQL for an event's kind as it is written, and of whether it is not declared."""
        if not isinstance(self.source, Events) or isinstance(self.source.columns.kind, Constant):
            return None
        kind = next(self.value(column) for column in self.columns if column.name == "kind")
        return kind, f"{kind} NOT IN ({literals(self.source.written_kinds)})"

    @staticmethod
    def _slug(source: Events, kind: str) -> str:
        names = zip(source.written_kinds, source.kinds, strict=True)
        cases = " ".join(f"WHEN {literal(held)} THEN {literal(slug)}" for held, slug in names)
        return f"CASE {kind} {cases} END"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} AS {identifier(name)}" for name, sql in columns.items())
