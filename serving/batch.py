"""The whole customer base: its scores to a file, its features to the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Config
from features.build import build_known, schema_of
from features.schema import FeatureSchema
from features.source import Tables
from features.store import FeatureStore
from serving.columns import columns, values, ways
from serving.kept import still_asked
from serving.ledger import customer_token
from serving.merkle import put, sync, temporary_beside
from serving.release import Release
from serving.score import Assessments, answer, assess, record, schemas
from serving.settings import open_ledger, open_secret
from training.quantities import Language
from training.reasons import Options

CHUNK = 5_000  # customers whose scores are held at once


@dataclass(frozen=True)
class BatchSummary:
    """What a batch did.

    Parameters
    ----------
    batch_id : str
        Its entry in the record; its rows are ``BATCH/1`` and on.
    out : Path
        The file of scores.
    as_of : date
    customers : int
    scored : dict of str to int
        How many have a score of each task, or a segment of each way as ``segments.behaviour``.
    coded : dict of str to int
        How many have a code instead, as ``churn:inactive``.
    flagged : int
        How many have something odd about their features.
    """

    batch_id: str
    out: Path
    as_of: date
    customers: int
    scored: dict[str, int]
    coded: dict[str, int]
    flagged: int


def score_base(
    config: Config,
    tables: Tables,
    release: Release,
    as_of: date,
    out: Path,
    at: datetime,
    reasons: int,
    language: Language,
) -> BatchSummary:
    """Score all customers known at a date into a Parquet file, sorted by customer.

    The scores are on record before the file has its name.

    Parameters
    ----------
    config, tables
        The customer base.
    release : Release
        What to score with.
    as_of : date
        The first instant of this day is excluded.
    out : Path
        The file; one that is there is replaced.
    at : datetime
        When this is done, for the record.
    reasons, language
        How many reasons each way, and in which language they are told.

    Raises
    ------
    FeatureError
        If a feature is computed otherwise than when a model was trained.
    LedgerError, DatabaseError
        If the scores cannot be recorded: then there is no file.
    """
    _check_definitions(config, tables, schemas(release))
    table = build_known(config, tables, as_of).sort_values("customer_id", ignore_index=True)
    options = Options(reasons, language)
    batch = _Batch(config, release, options, f"batch-{as_of:%Y%m%d}-{uuid4().hex[:12]}")
    body = entry_body(release, as_of, options)
    ledger = open_ledger(config.name, config.var)
    try:
        with temporary_beside(out) as temporary:
            with pq.ParquetWriter(temporary, batch.columns, compression="zstd") as writer:
                ledger.append_batch(batch.id, batch.records(table, writer), body, at)
            sync(temporary)
            put(temporary, out)
    finally:
        ledger.close()
    return batch.summary(out, as_of)


def entry_body(release: Release, as_of: date, options: Options) -> dict[str, Any]:
    """Return what the entry of a batch says of all its rows."""
    return {
        "as_of": str(as_of),
        "release": release.digest,
        "bundles": release.digests,
        "options": asdict(options),
    }


def records(
    assessed: Assessments, key: bytes, base: str, options: Options
) -> Iterator[dict[str, Any]]:
    """Yield what goes on record of each customer, under a name that is not their id."""
    for row, customer in enumerate(assessed.customer_ids):
        yield record(assessed, row, customer_token(key, base, customer), options)


class _Batch:
    """One batch: rows of the file and of the record, made in step."""

    def __init__(self, config: Config, release: Release, options: Options, batch_id: str) -> None:
        self.id, self.columns = batch_id, columns(release)
        self._base, self._release, self._options = config.name, release, options
        self._key = open_secret(config.var)
        self._count = self._flagged = 0
        asked = [task for task in release.digests if task != "segments"]
        asked += [f"segments.{way}" for way in ways(release)]
        self._scored: dict[str, int] = dict.fromkeys(asked, 0)
        self._coded: dict[str, int] = {}

    def records(self, table: pd.DataFrame, writer: Any) -> Iterator[dict[str, Any]]:
        """Write a table's scores, and yield what goes on record of each."""
        for start in range(0, len(table), CHUNK):
            assessed = assess(self._release, table.iloc[start : start + CHUNK])
            writer.write_table(pa.Table.from_pylist(self._rows(assessed), schema=self.columns))
            yield from records(assessed, self._key, self._base, self._options)

    def _rows(self, assessed: Assessments) -> list[dict[str, Any]]:
        return [self._row(answer(assessed, row, self._options)) for row in range(len(assessed))]

    def _row(self, told: dict[str, Any]) -> dict[str, Any]:
        self._count += 1
        self._flagged += bool(told["flags"])
        codes = [f"{task}:{code}" for task, code in told["codes"].items()]
        for code in codes:
            self._coded[code] = self._coded.get(code, 0) + 1
        for task in self._scored.keys() - told["codes"].keys():
            self._scored[task] += 1
        return {
            "score_id": f"{self.id}/{self._count}",
            "customer_id": told["customer_id"],
            "as_of": date.fromisoformat(told["as_of"]),
            **values(told),
            "codes": codes,
            "flags": told["flags"],
            **{
                f"{task}_bundle": told["bundles"].get(task) for task in ("churn", "clv", "segments")
            },
        }

    def summary(self, out: Path, as_of: date) -> BatchSummary:
        """Return what was done."""
        return BatchSummary(
            self.id, out, as_of, self._count, self._scored, self._coded, self._flagged
        )


def fill_store(
    config: Config, tables: Tables, release: Release | None, as_of: date, store: FeatureStore
) -> int:
    """Put every customer's features as of a date into the store; return how many customers.

    They are stored under each schema of the release, or under the present one if nothing is
    promoted yet; and at the same instant under those by which a service answers until it has
    taken up the release. Sets of other schemas are taken away.

    Raises
    ------
    FeatureError
        If a feature is computed otherwise than when a model was trained.
    """
    present = schema_of(config, tables)
    wanted = schemas(release) if release else {present.digest: present}
    _check_definitions(config, tables, wanted)
    table = build_known(config, tables, as_of)
    ids = table["customer_id"].tolist()
    kept = {**still_asked(config.var, present), **wanted}
    store.replace_sets(
        config.name,
        str(as_of),
        ids,
        {digest: schema.plain(table) for digest, schema in kept.items()},
        [digest for digest in store.schemas(config.name) if digest not in kept],
    )
    return len(ids)


def _check_definitions(config: Config, tables: Tables, wanted: dict[str, FeatureSchema]) -> None:
    present = schema_of(config, tables)
    for schema in wanted.values():
        schema.check_definitions(present)
