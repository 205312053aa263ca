"""What was predicted of whom, as the record has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.record.batch_layout import CUSTOMER
from serving.record.batch_row import AS_OF
from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE, Entry, RowsError
from serving.record.redaction import NOBODY
from serving.record.retired import through
from serving.record.seal import ErasedError

TASKS = ("churn", "clv")
_TOGETHER = 10_000  # scores of single customers that are laid into columns at once


@dataclass(frozen=True)
class Told:
    """What was said of some customers by one bundle, in the order it was said.

    Parameters
    ----------
    task, bundle : str
    as_of : ndarray of date
        The days that their features were known at; of those who gave none, when they asked.
    customers : ndarray of str
        By their names in the record.
    served : ndarray
        The probability of leaving, or the value.
    """

    task: str
    bundle: str
    as_of: np.ndarray
    customers: np.ndarray
    served: np.ndarray


def predicted(ledger: Ledger, zone: str) -> Iterator[Told]:
    """Yield every prediction on record, in its order.

    Of those who are erased there is none, nor is what is older than the record keeps.

    Parameters
    ----------
    ledger : Ledger
    zone : str
        The base's, in which a day begins.

    Raises
    ------
    RowsError
        If a batch's rows cannot be read.
    """
    waiting: list[tuple[str, str, date, str, float]] = []
    with ledger.database.reading() as connection:
        retired = through(connection, ledger.base)  # what the scores up to there said is let go
    for entry in ledger.entries(after=retired):
        if entry.kind == SCORE:
            waiting += _of_score(entry, zone)
        elif entry.kind in (BATCH, CALL):
            yield from _laid(waiting)
            waiting = []
            if entry.kind == BATCH:
                yield from _of_batch(ledger, entry)
            else:
                yield from _of_call(ledger, entry, zone)
        if len(waiting) >= _TOGETHER:
            yield from _laid(waiting)
            waiting = []
    yield from _laid(waiting)


def _of_score(entry: Entry, zone: str) -> Iterator[tuple[str, str, date, str, float]]:
    try:
        body = entry.body
    except ErasedError:
        return
    as_of = body["as_of"]
    day = date.fromisoformat(as_of) if as_of else _day(entry.at, zone)
    for task in TASKS:
        said = body["scores"].get(task, {})
        if "served" in said:
            yield task, body["bundles"][task], day, body["customer"], said["served"]


def _day(at: str, zone: str) -> date:
    return datetime.fromisoformat(at).astimezone(ZoneInfo(zone)).date()


def _laid(scores: Sequence[tuple[str, str, date, str, float]]) -> Iterator[Told]:
    """Lay single scores into columns, those of a bundle together in their order."""
    together: dict[tuple[str, str], list[tuple[date, str, float]]] = {}
    for task, bundle, day, customer, served in scores:
        together.setdefault((task, bundle), []).append((day, customer, served))
    for (task, bundle), held in together.items():
        days, customers, values = zip(*held, strict=True)
        named = np.array(customers, dtype=object)
        yield Told(task, bundle, np.array(days, dtype=object), named, np.array(values))


def _of_batch(ledger: Ledger, entry: Entry) -> Iterator[Told]:
    body = entry.body
    if "layout" not in body:
        return  # rows spelt as JSON, of a version that had no columns
    path = ledger.folder / f"{entry.id}.parquet"
    try:
        with pq.ParquetFile(path) as file:
            for task in _tasks(body):
                rows = file.read(columns=[CUSTOMER, f"{task}.served", f"{task}.code"])
                days = np.full(rows.num_rows, date.fromisoformat(body["as_of"]), dtype=object)
                yield _told(body, task, rows, days)
    except (OSError, pa.ArrowException) as error:
        raise RowsError(f"{path}: {error}; restore it from a backup") from error


def _of_call(ledger: Ledger, entry: Entry, zone: str) -> Iterator[Told]:
    body, rows, asked = entry.body, ledger.rows(entry), _day(entry.at, zone)
    said = rows.column(AS_OF).to_pylist()
    days = np.array([date.fromisoformat(day) if day else asked for day in said], dtype=object)
    for task in _tasks(body):
        yield _told(body, task, rows, days)


def _tasks(body: Mapping[str, Any]) -> list[str]:
    return [task for task in TASKS if task in body["bundles"]]


def _told(body: Mapping[str, Any], task: str, rows: pa.Table, days: np.ndarray) -> Told:
    """Return what rows in columns say, but for those with a code and those who are erased."""
    named = pc.not_equal(rows.column(CUSTOMER), NOBODY)
    scored = pc.is_finite(rows.column(f"{task}.served"))
    coded = pc.is_valid(rows.column(f"{task}.code"))
    chosen = np.asarray(pc.and_not(pc.and_(named, scored), coded))
    held = rows.filter(pa.array(chosen))
    return Told(
        task,
        body["bundles"][task],
        days[chosen],
        np.array(held.column(CUSTOMER).to_pylist(), dtype=object),
        held.column(f"{task}.served").to_numpy(),
    )
