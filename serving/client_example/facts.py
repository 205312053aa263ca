"""What the example calls name: a customer, the base's features, and rows in its columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from configs.schema import Config
from configs.sources import Events, Source
from features.contract import Kind
from features.mapping import mapped
from features.own_rows import OwnRows
from features.posted import canonical
from features.schema import FeatureSchema
from serving.api.asked import TABLES
from serving.releases.release import current, is_promoted
from serving.scoring.score import schemas

_GIVEN_AS = {table: name for name, table in TABLES.items()}


@dataclass(frozen=True)
class Facts:
    """What example calls name.

    Parameters
    ----------
    customer : str
        An id.
    as_of : str
        The day that features and rows are seen from.
    features : dict
        Every feature to give by its name, with a usual value; nobody's own.
    rows : dict or None
        A few rows by table, in the base's columns; None if the base has no rows.
    """

    customer: str
    as_of: str
    features: dict[str, Any]
    rows: dict[str, Any] | None


def facts_of(config: Config, customer: str, as_of: date) -> Facts:
    """Gather what example calls name of a base: of its current release if one is promoted."""
    usual: dict[str, Any] = {}
    if is_promoted(config.var):
        release = current(config.var)
        held = list(schemas(release).values())
        for bundle in release.bundles.values():
            usual |= bundle.reference
    else:
        held = [OwnRows(config).schema]
    features = {name: _usual(usual.get(name, {})) for schema in held for name in schema.names}
    rows = None if config.sources.snapshot else _rows(config, held, as_of)
    return Facts(customer, str(as_of), features, rows)


def _usual(summary: Mapping[str, Any]) -> float | str | None:
    """Return the median of a feature, or its commonest category; null where neither is known."""
    if "median" in summary:
        return round(float(summary["median"]), 2)
    counts = summary.get("counts")
    return (
        max(counts, key=lambda name: counts[name]) if isinstance(counts, dict) and counts else None
    )


def _rows(config: Config, held: list[FeatureSchema], as_of: date) -> dict[str, Any]:
    """Return a row or two of each table that the base has."""
    categories = {
        column.name: column.categories[0]
        for schema in held
        for column in schema.columns
        if column.categories
    }
    told: dict[str, Any] = {}
    for table, sources in config.sources.given.items():
        if table not in _GIVEN_AS:
            continue
        days = (30,) if table in ("customers", "subscriptions") else (30, 9)
        told[_GIVEN_AS[table]] = [
            _row(table, sources[0], as_of - timedelta(days=ago), categories) for ago in days
        ]
    return told


def _row(table: str, source: Source, day: date, categories: Mapping[str, str]) -> dict[str, Any]:
    values: dict[Kind, Any] = {
        "id": f"order-{day:%m%d}",
        "text": "other",
        "stamp": f"{day}T10:30:00",
        "money": 24.5,
        "number": 1,
        "flag": "yes",
        "date": f"{day}",
    }
    row = {
        column.name: categories.get(column.name, values[column.kind])
        for column in mapped(table, canonical(source))
        # That a row was known late, or ended, is said of few.
        if column.name not in ("customer_id", "known_at", "ended_at", "ended_known_at")
        and not column.name.startswith("consent_")
    }
    if isinstance(source, Events):
        row["kind"] = min(source.kinds)
    return row
