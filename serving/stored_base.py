"""The whole base as the feature store has it: a file of features, written in chunks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import islice, zip_longest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from configs.errors import StamkundeError
from features.schema import FeatureSchema
from features.store import FeatureStore, StoredFeatures, Value

CHUNK = 20_000  # customers held at once

_KEYS = [
    pa.field("customer_id", pa.string(), nullable=False),
    pa.field("as_of", pa.date32(), nullable=False),
]


class StoredBaseError(StamkundeError):
    """A store that does not hold the whole base as of one day."""


def write_features(
    store: FeatureStore, base: str, schemas: Mapping[str, FeatureSchema], path: Path
) -> tuple[date, int]:
    """Write every customer's stored features to a Parquet file, sorted by id.

    Parameters
    ----------
    store : FeatureStore
    base : str
    schemas : mapping of str to FeatureSchema
        What the models are to be given, by digest.
    path : Path

    Returns
    -------
    as_of : date
        The day that all features were known at.
    customers : int

    Raises
    ------
    StoredBaseError
        If the store holds nobody, or the schemas' features are not of the same customers and day.
    """
    rows = _rows(store, base, schemas)
    days, count = set(), 0
    with pq.ParquetWriter(path, _columns(schemas), compression="zstd") as writer:
        while chunk := list(islice(rows, CHUNK)):
            days |= {held[0].as_of for _, held in chunk}
            count += len(chunk)
            writer.write_table(_table(schemas, chunk))
    if not count:
        raise StoredBaseError(
            "the store holds no features of the models that are served; run: "
            "stamkunde features --store"
        )
    if len(days) > 1:
        raise _changing()
    return date.fromisoformat(days.pop()), count


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
    return pa.schema([*_KEYS, *held.items()])


def _table(schemas: Mapping[str, FeatureSchema], rows: list[Stored]) -> pa.Table:
    held: dict[str, list[str] | list[date] | list[Value]] = {
        "customer_id": [customer for customer, _ in rows],
        "as_of": [date.fromisoformat(features[0].as_of) for _, features in rows],
    }
    for place, schema in enumerate(schemas.values()):
        for index, name in enumerate(schema.names):
            held[name] = [features[place].values[index] for _, features in rows]
    return pa.table(held, schema=_columns(schemas))
