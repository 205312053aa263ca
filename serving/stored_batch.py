"""A batch over a file of features, to a file of scores."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Config
from serving.batch import CHUNK, _Batch, entry_body
from serving.merkle import put, sync, temporary_beside
from serving.release import Release
from serving.settings import open_ledger
from training.reasons import Options

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def score_features(
    config: Config,
    features: Path,
    release: Release,
    as_of: date,
    out: Path,
    at: datetime,
    options: Options,
    done: Callable[[int], None],
) -> str:
    """Score the customers of a file; return the batch's id once the scores are on record.

    Parameters
    ----------
    config : Config
    features : Path
        Parquet, sorted by customer: ``customer_id``, ``as_of`` and the features.
    release : Release
    as_of : date
    out : Path
        Parquet, or CSV by its ending.
    at : datetime
    options : Options
    done : callable
        Is told how many customers are scored so far.
    """
    batch = _Batch(config, release, options, f"batch-{as_of:%Y%m%d}-{uuid4().hex[:12]}")
    ledger = open_ledger(config.name, config.var)

    def records(writer: Any) -> Iterator[dict[str, Any]]:
        count = 0
        with pq.ParquetFile(features) as file:
            for chunk in file.iter_batches(CHUNK):
                yield from batch.records(chunk.to_pandas(), writer)
                count += len(chunk)
                done(count)

    try:
        with temporary_beside(out) as temporary:
            with pq.ParquetWriter(temporary, batch.columns, compression="zstd") as writer:
                body = entry_body(release, as_of, options)
                ledger.append_batch(batch.id, records(writer), body, at)
            if out.suffix == ".csv":
                _to_csv(temporary)
            sync(temporary)
            put(temporary, out)
    finally:
        ledger.close()
    return batch.id


def _to_csv(path: Path) -> None:
    """Put a table of CSV in the place of one of Parquet; no cell of text is a formula."""
    with temporary_beside(path) as beside:
        with pq.ParquetFile(path) as file, beside.open("w", newline="") as written:
            rows = csv.writer(written)
            rows.writerow(file.schema_arrow.names)
            for chunk in file.iter_batches(CHUNK):
                columns = [_cells(column) for column in chunk.columns]
                rows.writerows(zip(*columns, strict=True))
        beside.replace(path)


def _cells(column: pa.Array) -> list[Any]:
    values = column.to_pylist()
    if pa.types.is_list(column.type):
        return [None if held is None else json.dumps(held, ensure_ascii=False) for held in values]
    if pa.types.is_string(column.type):
        return [f"'{held}" if held and held.startswith(_FORMULA) else held for held in values]
    return values
