"""Which features a base has, and what is said of them: known from its config, with no row read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from configs.schema import Attribute, Config
from features import basket, engagement, recency, rhythm, spend, subscription
from features.definition import Family, Feature, Kind
from features.mapping import mapped
from features.schema import FeatureColumn

FAMILIES: dict[str, tuple[Family, ...]] = {
    "transactions": (recency.family, spend.family, rhythm.family, basket.family),
    "events": (engagement.family,),
    "subscriptions": (subscription.family,),
}
"""The families of features of each table of behaviour, in the order of their columns."""

SIGNED_UP = "signed_up"
_SIGNED_UP = Attribute(
    kind="date", label="days since signing up", label_da="dage siden tilmelding", unit="days"
)


@dataclass(frozen=True)
class Described:
    """A feature as its reader is told of it.

    Parameters
    ----------
    column : FeatureColumn
    table : str
        The canonical table that it is made of.
    window : int, optional
        Look-back in local days.
    """

    column: FeatureColumn
    table: str
    window: int | None = None


def behaviour_features(config: Config) -> list[Feature]:
    """Return the features of behaviour that the base's columns and kinds of events allow."""
    return [feature for table in FAMILIES for feature in _features(config, table)]


def event_kinds(config: Config) -> tuple[Kind, ...]:
    """Return the declared kinds of events."""
    sources = config.sources.events
    valued = {name for held in sources if held.columns.value for name in held.kinds}
    return tuple(
        Kind(
            name,
            kind.role,
            kind.label or name.replace("_", " "),
            kind.label_da or kind.label or name.replace("_", " "),
            name in valued,
        )
        for name, kind in config.sources.event_kinds.items()
    )


def describe(
    config: Config, categories: Mapping[str, tuple[str, ...]] | None = None
) -> list[Described]:
    """Return the features of a base in the order of their columns.

    Parameters
    ----------
    config : Config
    categories : mapping of str to tuple of str, optional
        The values of each attribute that is a category, which the data tell.
    """
    behaved = [
        Described(_column_of(feature), table, feature.window)
        for table in FAMILIES
        for feature in _features(config, table)
    ]
    customers = config.sources.customers
    held = "customers" if customers else "snapshot"
    dated = customers is not None and customers.columns.valid_from is not None
    attributes = [
        _column_of_attribute(name, attribute, (categories or {}).get(name, ()), dated)
        for name, attribute in config.inputs.items()
    ]
    if customers and customers.columns.signed_up_at:
        attributes.append(_column_of_attribute(SIGNED_UP, _SIGNED_UP, (), dated))
    return behaved + [Described(column, held) for column in attributes]


def _features(config: Config, table: str) -> list[Feature]:
    sources = config.sources.given.get(table)
    if not sources:
        return []
    columns = {column.name for held in sources for column in mapped(table, held)}
    kinds = event_kinds(config) if table == "events" else ()
    windows = config.features.windows
    return [f for family in FAMILIES[table] for f in family.build(windows, columns, kinds)]


def _column_of(feature: Feature) -> FeatureColumn:
    return FeatureColumn(
        name=feature.name,
        kind="number",
        categories=(),
        unit=feature.unit,
        idea=feature.idea,
        label=feature.label,
        label_da=feature.label_da,
        actionable=feature.actionable,
        against=feature.against,
        as_of_today=False,
        definition=feature.definition,
    )


def _column_of_attribute(
    name: str, attribute: Attribute, categories: tuple[str, ...], dated: bool
) -> FeatureColumn:
    definition = f"attribute:{name}:{attribute.kind}" + ":dated" * dated
    return FeatureColumn(
        name=name,
        kind="category" if attribute.kind == "category" else "number",
        categories=categories,
        unit="days" if attribute.kind == "date" else attribute.unit,
        idea=name,
        label=attribute.label or name.replace("_", " "),
        label_da=attribute.label_da or attribute.label or name.replace("_", " "),
        actionable=attribute.actionable,
        against=None,
        as_of_today=not dated,
        definition=hashlib.sha256(definition.encode()).hexdigest()[:16],
    )
