"""The whole customer base scored, to a file or a table."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow as pa

from configs.schema import Config
from features import consent
from features.build import schema_of
from features.marks import Marks
from features.source import Tables
from serving.batch import latest
from serving.batch import record as batch_record
from serving.batch.columns import Columns
from serving.batch.features import built, columns, read
from serving.batch.fill import check_definitions
from serving.batch.schema import ways
from serving.batch.tally import Tally
from serving.destinations.destination import Destination, Written
from serving.destinations.place import destination_of
from serving.destinations.stamp import Stamp
from serving.people.permission import Permission
from serving.record.batch_layout import leaves
from serving.record.batch_rows import Part
from serving.record.tokens import customer_tokens
from serving.releases.release import Release
from serving.scoring.customers import Customers
from serving.scoring.score import assess, schemas
from serving.settings import open_ledger, open_secret, open_seen
from serving.watching.note import References, counted, given
from serving.watching.seen import Counts, add_all
from training.quantities import Language
from training.reasons import Options

THREADS = 2
_AHEAD = 3  # chunks that are in hand or wait to be written


@dataclass(frozen=True)
class BatchSummary:
    """What a batch did.

    Parameters
    ----------
    batch_id : str
        Its entry in the record; its rows are ``BATCH/1`` and on.
    out : str
        Where the scores are.
    as_of : date
    customers : int
    scored : dict of str to int
        How many have a score of each task, or a segment of each way as ``segments.behaviour``.
    coded : dict of str to int
        How many have a code instead, as ``churn:inactive``.
    flagged : int
        How many have something odd about their features.
    written : Written
        What that place says of it.
    left_out : dict of str to int
        How many were not scored, as they may not be, by code: ``erased``, ``no_consent``.
    """

    batch_id: str
    out: str
    as_of: date
    customers: int
    scored: dict[str, int]
    coded: dict[str, int]
    flagged: int
    written: Written
    left_out: dict[str, int] = field(default_factory=dict)


def score_base(
    config: Config,
    tables: Tables,
    release: Release,
    as_of: date,
    out: Path | Destination,
    at: datetime,
    reasons: int,
    language: Language,
    features: Path | None = None,
    batch_id: str | None = None,
) -> BatchSummary:
    """Score all customers known at a date, sorted by customer, to a file or a table.

    The scores are on record before they show there; then they are what is at hand as the latest
    (`serving.batch.latest`).

    Parameters
    ----------
    config, tables
        The customer base.
    release : Release
        What to score with.
    as_of : date
        The first instant of this day is excluded.
    out : Path or Destination
        A file; one that is there is replaced. Or any other place.
    at : datetime
        When this is done, for the record.
    reasons, language
        How many reasons each way, and in which language they are told.
    features : Path, optional
        A file of the features as of that day, ``stamkunde features --out``; they are built unless
        it is given.
    batch_id : str, optional
        What the batch is to be called in the record; made up unless given.

    Raises
    ------
    FeatureError
        If a feature is computed otherwise than when a model was trained, or the file of features
        is not of that day.
    LedgerError, DatabaseError
        If the scores cannot be recorded: then none show.
    DestinationError
        If the place cannot take them.
    """
    present = schema_of(config, tables)
    check_definitions(present, schemas(release))
    options = Options(reasons, language, config.serving.bands)
    rows = read(features, present, as_of) if features else built(config, tables, as_of)
    allowed = _permission(config, tables, as_of)
    return score_rows(config, release, rows, as_of, out, at, options, batch_id, allowed)


def _permission(config: Config, tables: Tables, as_of: date) -> Permission:
    """Return whom a batch may score, by the marks and by the base's own consents."""
    purpose = config.serving.purpose
    consenting = frozenset(consent.given(config, tables, as_of)[purpose] if purpose else ())
    marks = Marks(config.var, config.name)
    return Permission(marks, purpose, consenting.intersection)


def score_rows(
    config: Config,
    release: Release,
    rows: Iterable[pa.Table],
    as_of: date,
    out: Path | Destination,
    at: datetime,
    options: Options,
    batch_id: str | None = None,
    permission: Permission | None = None,
) -> BatchSummary:
    """Score tables of features, sorted by customer, as `score_base` does.

    Parameters
    ----------
    config : Config
    release : Release
    rows : iterable of Table
        ``customer_id`` and the features of every schema of the release.
    as_of, out, at
        As `score_base` has them.
    options : Options
    batch_id : str, optional
    permission : Permission, optional
        Whom it may score; those of `rows` whom it may not are left out, and counted by code.

    Raises
    ------
    FeatureError
        If a feature is missing.
    LedgerError, DatabaseError, DestinationError
        As `score_base`.
    """
    stamp = Stamp(config.name, release.digest, as_of, config.serving.valid_for)
    place = destination_of(str(out), stamp) if isinstance(out, Path) else out
    name = batch_id or f"batch-{as_of:%Y%m%d}-{uuid4().hex[:12]}"
    batch = _Batch(config, release, options, stamp, name, at)
    ledger = open_ledger(config.name, config.var)
    rows = permission.allowed(rows) if permission else rows
    try:
        place.begin(batch.columns.schema)
        body = batch_record.entry_body(release, as_of, options)
        body["terms"] = batch_record.terms(release, options)
        ledger.append_columns(name, batch.layout, batch.parts(rows, place), body, at)
        written = place.commit()
    except BaseException:
        place.abort()
        raise
    finally:
        ledger.close()
    batch.note_counts(config.var)
    latest.write(config.var, pa.concat_tables(batch.shortened).unify_dictionaries())
    summary = batch.summary(place.told, written)
    return replace(summary, left_out=dict(permission.left_out) if permission else {})


@dataclass(frozen=True)
class _Chunk:
    """What is written of some customers."""

    scores: pa.Table
    part: Part
    counts: Counts


class _Batch:
    """One batch: rows of the place and of the record, made in step."""

    def __init__(
        self,
        config: Config,
        release: Release,
        options: Options,
        stamp: Stamp,
        batch_id: str,
        at: datetime,
    ) -> None:
        self.columns = Columns(release, options, stamp.as_of, stamp.valid_until)
        self.layout = batch_record.layout(release, options)
        self.shortened: list[pa.Table] = []
        self._id, self._base, self._release, self._options = batch_id, config.name, release, options
        self._stamp, self._key = stamp, open_secret(config.var)
        self._schemas = schemas(release)
        self._tally = Tally()
        self._at, self._zone = at, config.timezone
        self._references, self._counts = References(), Counts()

    def parts(self, tables: Iterable[pa.Table], place: Destination) -> Iterator[Part]:
        """Score tables of features, write their scores, and yield what goes on record."""
        for chunk in self._chunks(tables):
            place.write(chunk.scores)
            self._tally.add(chunk.scores)
            self.shortened.append(latest.shortened(chunk.scores))
            add_all(self._counts, chunk.counts)
            yield chunk.part

    def _chunks(self, tables: Iterable[pa.Table]) -> Iterator[_Chunk]:
        """Score in several threads; what comes out is in order, whichever was done first."""
        with ThreadPoolExecutor(THREADS) as pool:
            waiting: deque[Future[_Chunk]] = deque()
            first = 1
            for rows in tables:
                waiting.append(pool.submit(self._scored, rows, first))
                first += rows.num_rows
                if len(waiting) == _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _scored(self, rows: pa.Table, first: int) -> _Chunk:
        features = columns(self._schemas, rows)
        ids = [str(customer) for customer in rows.column("customer_id").to_pylist()]
        days = [str(self._stamp.as_of)] * len(ids)
        asked = Customers.of_columns(self._schemas, features, ids, days)
        assessed = assess(self._release, asked, explained=self._options.reasons > 0)
        tokens = customer_tokens(self._key, self._base, ids)
        held = batch_record.recorded(assessed, features, tokens, self.layout)
        scores = self.columns.table(assessed, features, self._id, first)
        counts = counted(given(assessed, self._at), self._zone, self._references)
        return _Chunk(scores, Part(held, leaves(self.layout, held)), counts)

    def note_counts(self, var: Path) -> None:
        """Note how the scores fall into their bundles' bins, for the drift."""
        seen = open_seen(self._base, var)
        seen.add(self._counts)
        seen.close()

    def summary(self, out: str, written: Written) -> BatchSummary:
        """Return what was done."""
        asked = [task for task in self._release.digests if task != "segments"]
        asked += [f"segments.{way}" for way in ways(self._release)]
        tally = self._tally
        tally.finish(asked)
        return BatchSummary(
            self._id,
            out,
            self._stamp.as_of,
            tally.customers,
            tally.scored,
            tally.coded,
            tally.flagged,
            written,
        )
