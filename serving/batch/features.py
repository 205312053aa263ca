"""The features of a batch's customers: built now, or read from a file of them, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from configs.schema import Config
from features.build import KEYS, known
from features.contract import quote_names
from features.schema import FeatureColumn, FeatureError, FeatureSchema
from features.source import Tables
from serving.scoring.customers import Values

CHUNK = 16_384  # customers whose scores are held at once


def built(config: Config, tables: Tables, as_of: date) -> Iterator[pa.Table]:
    """Build everybody's features as of a date, sorted by customer.

    Raises
    ------
    HistoryError
        If nobody is known by then.
    """
    whole = known(config, tables, as_of)
    return (whole.slice(start, CHUNK) for start in range(0, whole.num_rows, CHUNK))


def read(path: Path, schema: FeatureSchema, as_of: date) -> Iterator[pa.Table]:
    """Read a file that ``stamkunde features --out`` wrote.

    Parameters
    ----------
    path : Path
    schema : FeatureSchema
        What `features.build.schema_of` says that features are now.
    as_of : date

    Raises
    ------
    FeatureError
        If it is no such file, of another day, or of features that are computed otherwise; while
        reading, if a customer comes twice or not in order.
    """
    try:
        with pq.ParquetFile(path) as file:
            _check(path, file, schema, as_of)
            last = ""
            for batch in file.iter_batches(CHUNK):
                ids = batch.column("customer_id").to_pylist()
                if not ids:
                    continue
                if ids[0] <= last or any(a >= b for a, b in pairwise(ids)):
                    raise FeatureError(f"{path}: customers must come once each, sorted by id")
                last = ids[-1]
                yield pa.Table.from_batches([batch])
    except (OSError, pa.ArrowException) as error:
        raise FeatureError(f"{path}: no file of features ({error}); build it anew") from None


def _check(path: Path, file: Any, schema: FeatureSchema, as_of: date) -> None:
    told = {key.decode(): value.decode() for key, value in (file.metadata.metadata or {}).items()}
    if "stamkunde.schema" not in told:
        raise FeatureError(f"{path}: not written by stamkunde features; build the features anew")
    if (found := told.get("stamkunde.as_of")) != str(as_of):
        raise FeatureError(
            f"{path}: features as of {found}, not {as_of}; build them as of that day"
        )
    if told["stamkunde.schema"] != schema.digest:
        raise FeatureError(f"{path}: features computed otherwise than now; build them anew")
    held = set(file.schema_arrow.names)
    if missing := [name for name in (*KEYS, *schema.names) if name not in held]:
        raise FeatureError(f"{path}: lacks {quote_names(missing)}; build the features anew")
    if not file.metadata.num_rows:
        raise FeatureError(f"{path}: holds no customer; build the features anew")


def columns(schemas: Mapping[str, FeatureSchema], rows: pa.Table) -> dict[str, Values]:
    """Return the features of schemas, by name, out of a table.

    Raises
    ------
    FeatureError
        If a feature is missing.
    """
    held = {column.name: column for schema in schemas.values() for column in schema.columns}
    if missing := sorted(held.keys() - set(rows.column_names)):
        raise FeatureError(f"the features lack {quote_names(missing)}")
    return {name: _values(column, rows.column(name)) for name, column in held.items()}


def _values(column: FeatureColumn, held: pa.ChunkedArray) -> Values:
    found = held.combine_chunks()
    if column.kind == "number":
        numbers = pc.fill_null(found.cast(pa.float64()), np.nan)
        return np.asarray(numbers.to_numpy(zero_copy_only=False))
    return found if pa.types.is_dictionary(found.type) else found.dictionary_encode()
