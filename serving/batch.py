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
from serving import timing
from serving.ledger import customer_token
from serving.merkle import put, sync, temporary_beside
from serving.release import Release
from serving.score import Assessments, answer, assess, record, schemas
from serving.settings import open_ledger, open_secret
from training.quantities import Language
from training.reasons import Options

CHUNK = 5_000  # customers whose scores are held at once

_TEXTS = pa.list_(pa.string())
SCHEMA = pa.schema(
    [
        pa.field("score_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        ("churn_probability", pa.float64()),
        ("next_purchase", pa.date32()),
        ("clv", pa.float64()),
        ("clv_low_80", pa.float64()),
        ("clv_high_80", pa.float64()),
        ("clv_low_95", pa.float64()),
        ("clv_high_95", pa.float64()),
        ("segment", pa.int32()),
        ("segment_name", pa.string()),
        ("codes", _TEXTS),
        ("flags", _TEXTS),
        ("churn_raises", _TEXTS),
        ("churn_lowers", _TEXTS),
        ("clv_raises", _TEXTS),
        ("clv_lowers", _TEXTS),
        ("segment_apart", _TEXTS),
        ("churn_bundle", pa.string()),
        ("clv_bundle", pa.string()),
        ("segments_bundle", pa.string()),
    ]
)
"""The columns of a file of scores; one is null where a task has no model or a code stands.

Beside them, after the probability, is one for each of the days that the churn model tells of.
"""


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
    scored : dict of task to int
        How many have a score.
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


def columns(release: Release) -> pa.Schema:
    """Return the columns of a file of a release's scores, as ``no_purchase_within_30d``."""
    asked = release.bundles["churn"].model.timing if "churn" in release.bundles else None
    if asked is None:
        return SCHEMA
    whole, after = SCHEMA, SCHEMA.get_field_index("churn_probability") + 1
    for place, days in enumerate(asked.days, start=after):
        whole = whole.insert(place, pa.field(f"{timing.field(asked)}_{days}d", pa.float64()))
    return whole


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
    body = {
        "as_of": str(as_of),
        "release": release.digest,
        "bundles": release.digests,
        "options": asdict(options),
    }
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


class _Batch:
    """One batch: rows of the file and of the record, made in step."""

    def __init__(self, config: Config, release: Release, options: Options, batch_id: str) -> None:
        self.id, self.columns = batch_id, columns(release)
        self._base, self._release, self._options = config.name, release, options
        self._key = open_secret(config.var)
        self._count = self._flagged = 0
        self._scored: dict[str, int] = dict.fromkeys(release.digests, 0)
        self._coded: dict[str, int] = {}

    def records(self, table: pd.DataFrame, writer: Any) -> Iterator[dict[str, Any]]:
        """Write a table's scores, and yield what goes on record of each."""
        for start in range(0, len(table), CHUNK):
            assessed = assess(self._release, table.iloc[start : start + CHUNK])
            writer.write_table(pa.Table.from_pylist(self._rows(assessed), schema=self.columns))
            for row, customer in enumerate(assessed.customer_ids):
                token = customer_token(self._key, self._base, customer)
                yield record(assessed, row, token, self._options)

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
            **_values(told),
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


def _values(told: dict[str, Any]) -> dict[str, Any]:
    churn, clv, segment = told["churn"], told["clv"], told["segment"]
    held: dict[str, Any] = {}
    if churn:
        held["churn_probability"] = churn["probability"]
        for name in ("no_purchase_within", "cancelled_within"):
            for days, chance in (churn[name] or {}).items():
                held[f"{name}_{days}d"] = chance
        if (due := churn["next_purchase"]) and due["date"]:
            held["next_purchase"] = date.fromisoformat(due["date"])
    if clv:
        held["clv"] = clv["value"]
        for level in {"80", "95"} & clv["intervals"].keys():
            held[f"clv_low_{level}"], held[f"clv_high_{level}"] = clv["intervals"][level]
    if segment:
        held["segment"], held["segment_name"] = segment["id"], segment["name"]
    for name, scored in (("churn", churn), ("clv", clv), ("segment", segment)):
        for way, reasons in (scored["reasons"] if scored else {}).items():
            held[f"{name}_{way}"] = [reason["text"] for reason in reasons]
    return held


def fill_store(
    config: Config, tables: Tables, release: Release | None, as_of: date, store: FeatureStore
) -> int:
    """Put every customer's features as of a date into the store; return how many customers.

    They are stored under each schema of the release, or under the present one if nothing is
    promoted yet.

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
    for digest, schema in wanted.items():
        store.replace(config.name, digest, str(as_of), ids, schema.plain(table))
    return len(ids)


def _check_definitions(config: Config, tables: Tables, wanted: dict[str, FeatureSchema]) -> None:
    present = schema_of(config, tables)
    for schema in wanted.values():
        schema.check_definitions(present)
