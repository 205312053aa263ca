"""The whole base as the feature store has it, in tables of some customers each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import islice, zip_longest

import pyarrow as pa

from configs.errors import StamkundeError
from features.schema import FeatureSchema
from features.store import FeatureStore, StoredFeatures, Value
from serving.batch.features import CHUNK


class StoredBaseError(StamkundeError):
    """A store that does not hold the whole base as of one day."""


@dataclass(frozen=True)
class StoredBase:
    """Every customer's stored features.

    Parameters
    ----------
    as_of : date
        The day that all of them were known at.
    customers : int
    tables : iterator of Table
        ``customer_id`` and the features, sorted by id, some customers at a time; it raises
        `StoredBaseError` where the schemas' features are not of the same customers and day.
    """

    as_of: date
    customers: int
    tables: Iterator[pa.Table]


def stored(store: FeatureStore, base: str, schemas: Mapping[str, FeatureSchema]) -> StoredBase:
    """Return the base as the store has it.

    Parameters
    ----------
    store : FeatureStore
    base : str
    schemas : mapping of str to FeatureSchema
        What the models are to be given, by digest.

    Raises
    ------
    StoredBaseError
        If the store holds nobody, or the schemas' features are not of as many customers and one
        day.
    """
    held = [found for found in store.status(base) if found[0] in schemas]
    if not held:
        raise StoredBaseError(
            "the store holds no features of the models that are served; run: "
            "stamkunde features --store"
        )
    if len(held) < len(schemas) or len({found[1:] for found in held}) > 1:
        raise _changing()
    _, as_of, count = held[0]
    return StoredBase(date.fromisoformat(as_of), count, _tables(store, base, schemas, as_of))


def _tables(
    store: FeatureStore, base: str, schemas: Mapping[str, FeatureSchema], as_of: str
) -> Iterator[pa.Table]:
    rows = _rows(store, base, schemas)
    while chunk := list(islice(rows, CHUNK)):
        if any(features[0].as_of != as_of for _, features in chunk):
            raise _changing()
        yield _table(schemas, chunk)


Stored = tuple[str, tuple[StoredFeatures, ...]]


def _rows(store: FeatureStore, base: str, schemas: Mapping[str, FeatureSchema]) -> Iterator[Stored]:
    """Give each customer with the features under each schema."""
    held = [store.rows(base, digest) for digest in schemas]
    for together in zip_longest(*held):
        if None in together:
            raise _changing()
        ids = {customer for customer, _ in together}
        found = tuple(features for _, features in together)
        if len(ids) > 1 or len({features.as_of for features in found}) > 1:
            raise _changing()
        yield ids.pop(), found


def _changing() -> StoredBaseError:
    return StoredBaseError(
        "the models' stored features are not of the same customers and day; start again once the "
        "store is filled"
    )


def _columns(schemas: Mapping[str, FeatureSchema]) -> pa.Schema:
    kinds = {"number": pa.float64(), "category": pa.string()}
    held = {
        column.name: kinds[column.kind] for schema in schemas.values() for column in schema.columns
    }
    return pa.schema([pa.field("customer_id", pa.string(), nullable=False), *held.items()])


def _table(schemas: Mapping[str, FeatureSchema], rows: list[Stored]) -> pa.Table:
    held: dict[str, list[str] | list[Value]] = {
        "customer_id": [customer for customer, _ in rows],
    }
    for place, schema in enumerate(schemas.values()):
        for index, name in enumerate(schema.names):
            held[name] = [features[place].values[index] for _, features in rows]
    return pa.table(held, schema=_columns(schemas))
