"""What is known of the customers of a call, one by one: looked up, given, or built from rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from difflib import get_close_matches
from functools import cached_property
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from configs.schema import Config
from features.schema import FeatureColumn, FeatureError, FeatureSchema, check_value
from features.store import FeatureStore, StoredFeatures
from serving.api.asked import Asked
from serving.scoring.known import LONGEST_TEXT, CustomerError, Known
from serving.scoring.oddities import OLD
from serving.scoring.rows import FromRows
from training.quantities import Value

_SHOWN = 80  # characters of a name that is not known


@dataclass(frozen=True)
class Lookup:
    """Finds the features of customers.

    Parameters
    ----------
    base : str
        The customer base, as the store knows it.
    config : Config
        The base's: how rows become features, and how old they may be.
    store : FeatureStore
        Where customers named by id are looked up.
    schemas : mapping of str to FeatureSchema
        The feature schemas of what is served, by digest.
    """

    base: str
    config: Config
    store: FeatureStore
    schemas: Mapping[str, FeatureSchema]

    @cached_property
    def columns(self) -> dict[str, FeatureColumn]:
        """The features to give when scoring by features, by name."""
        return {column.name: column for held in self.schemas.values() for column in held.columns}

    @cached_property
    def from_rows(self) -> FromRows:
        """What builds features from customers' own rows."""
        return FromRows(self.config, self.schemas)

    def found(self, customers: Sequence[Asked], at: datetime) -> list[Known | CustomerError]:
        """Return what is known of each customer at an instant, or why nothing is.

        Raises
        ------
        DatabaseError
            If features cannot be looked up.
        """
        stored = self.stored([asked.customer_id for asked in customers if _is_by_id(asked)])
        given = [
            (asked.as_of, asked.rows)
            for asked in customers
            if asked.rows is not None and asked.as_of is not None
        ]
        built = iter(self.from_rows.known(given)) if given else iter(())
        today = self.today(at)
        return [
            self._known(asked, stored, today) if asked.rows is None else next(built)
            for asked in customers
        ]

    def stored(self, ids: Sequence[str]) -> dict[str, Mapping[str, StoredFeatures]]:
        """Look customers up in the store's set of each schema."""
        return {
            digest: self.store.get(self.base, digest, ids) if ids else {} for digest in self.schemas
        }

    def today(self, at: datetime) -> date:
        """Return the day of an instant where the base is."""
        return at.astimezone(self._zone).date()

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.config.timezone)

    def _known(
        self, asked: Asked, stored: Mapping[str, Mapping[str, StoredFeatures]], today: date
    ) -> Known | CustomerError:
        try:
            if asked.features is None:
                return self._of_age(_looked_up(asked.customer_id, stored), today)
            return self._given(asked.features, asked.as_of)
        except CustomerError as refusal:
            return refusal

    def _of_age(self, known: Known, today: date) -> Known:
        """Flag features that are old; refuse those that are too old to be scored by."""
        assert known.as_of is not None
        age = (today - date.fromisoformat(known.as_of)).days
        stale, old = self.config.serving.stale_after, self.config.serving.old_after
        if stale is not None and age > stale:
            raise CustomerError(
                "stale_features",
                f"the stored features are of {known.as_of}, {age} days ago; they may be {stale} "
                "days old (serving.stale_after): fill the store again, or give the features",
            )
        return replace(known, flags=(OLD,)) if age > old else known

    def _given(self, features: Mapping[str, Any], as_of: str | None) -> Known:
        if features.keys() != self.columns.keys():
            self._refuse(features)
        return Known(
            as_of,
            {
                # What JSON has as a finite number is one already: the rest is looked at.
                digest: [
                    value
                    if value is None or (type(value) is float and column.kind == "number")
                    else _checked(column, value)
                    for column, value in zip(schema.columns, ask(features), strict=True)
                ]
                for digest, (schema, ask) in self._askers.items()
            },
        )

    @cached_property
    def _askers(self) -> dict[str, tuple[FeatureSchema, Callable[[Any], tuple[Any, ...]]]]:
        """The schemas, each with what takes its features out of all that are given."""
        return {digest: (schema, _taker(schema.names)) for digest, schema in self.schemas.items()}

    def _refuse(self, features: Mapping[str, Any]) -> None:
        """Say which of the features given is not one, or which is not given."""
        for name in features:
            if name not in self.columns:
                # Of a long name it takes as long as the name, for nothing.
                near = get_close_matches(name, self.columns, n=1) if len(name) <= _SHOWN else []
                advice = f"did you mean {near[0]}?" if near else "see /v1/models for the names"
                raise _invalid(name, f"is not a feature of the models; {advice}")
        for name in self.columns:
            if name not in features:
                raise _invalid(name, "is not given; give null if it is missing")


def _taker(names: Sequence[str]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) == 1:
        return lambda features: (features[names[0]],)
    return itemgetter(*names)


def _is_by_id(asked: Asked) -> bool:
    return asked.features is None and asked.rows is None


def _looked_up(customer_id: str, stored: Mapping[str, Mapping[str, StoredFeatures]]) -> Known:
    held = {digest: rows[customer_id] for digest, rows in stored.items() if customer_id in rows}
    if not held:
        raise CustomerError(
            "unknown_customer",
            "no features are stored for this customer; fill the store, or give the features",
        )
    days = {found.as_of for found in held.values()}
    if len(held) < len(stored) or len(days) > 1:
        raise CustomerError(
            "features_changing",
            "the models' stored features are not of one day; ask again once the store is filled",
        )
    return Known(days.pop(), {digest: found.values for digest, found in held.items()})


def _checked(column: FeatureColumn, value: Any) -> Value:
    if isinstance(value, list | dict):
        raise _invalid(column.name, "must be one value or null, not a list or an object")
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        raise _invalid(column.name, f"must be text of at most {LONGEST_TEXT} characters")
    try:
        return check_value(column, value)
    except FeatureError as error:
        rule = str(error).removeprefix(column.name).strip()
        raise _invalid(column.name, rule) from None


def _invalid(name: str, rule: str) -> CustomerError:
    shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
    return CustomerError("invalid_features", f"{shown} {rule}", shown)
