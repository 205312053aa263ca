"""The features of a batch's customers: built now, or read from a file of them, some at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from serving.scoring.customers import Customers

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


def customers(schemas: Mapping[str, FeatureSchema], rows: pa.Table, as_of: date) -> Customers:
    """Return customers to assess, of features in columns.

    Raises
    ------
    FeatureError
        If a feature is missing.
    """
    names = {name for schema in schemas.values() for name in schema.names}
    if missing := sorted(names - set(rows.column_names)):
        raise FeatureError(f"the features lack {quote_names(missing)}")
    ids = [str(customer) for customer in rows.column("customer_id").to_pylist()]
    matrices: dict[str, np.ndarray] = {}
    odd: dict[int, set[str]] = {}
    for digest, schema in schemas.items():
        matrix = np.empty((len(ids), len(schema.columns)))
        for place, column in enumerate(schema.columns):
            matrix[:, place], unseen = _encoded(column, rows.column(column.name))
            for row in unseen:
                odd.setdefault(row, set()).add(column.name)
        matrices[digest] = matrix
    unseen_of = [tuple(sorted(odd[row])) if row in odd else () for row in range(len(ids))]
    return Customers(ids, [str(as_of)] * len(ids), matrices, unseen_of, {}, schemas)


def _encoded(column: FeatureColumn, values: pa.ChunkedArray) -> tuple[np.ndarray, Sequence[int]]:
    """Return a feature as models take it, and the rows whose category was not seen in training."""
    if column.kind == "number":
        held = values.combine_chunks().cast(pa.float64())
        return pc.fill_null(held, np.nan).to_numpy(zero_copy_only=False), ()
    kinds = values.combine_chunks()
    if not pa.types.is_dictionary(kinds.type):
        kinds = kinds.dictionary_encode()
    codes = {name: float(code) for code, name in enumerate(column.categories)}
    by_kind = np.array(
        [codes.get(name, np.nan) for name in kinds.dictionary.to_pylist()] + [np.nan]
    )
    places = np.asarray(kinds.indices.fill_null(len(by_kind) - 1))
    found = by_kind[places]
    return found, np.flatnonzero(np.isnan(found) & (places < len(by_kind) - 1)).tolist()
