"""Scores drawn from the record by lot: the same ones for the same seed, each as likely as any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

import sqlalchemy as sa

from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.ledger import Ledger
from serving.record.merkle import Entry
from serving.record.retired import through
from serving.record.seal import ErasedError
from serving.record.table import LEDGER, OTHERS

WITH_ROWS = (BATCH, CALL)
"""The kinds of entries that commit to rows, each of which is a score."""

Drawn = tuple[str, Entry | None]
"""A score's id, and the score; None of a customer who was erased."""


def drawn(ledger: Ledger, count: int, seed: int) -> tuple[int, Iterator[Drawn]]:
    """Draw scores that are kept: entries, and rows of batches and of calls.

    Returns
    -------
    int
        How many are drawn: all, if there are fewer.
    iterator of (str, Entry or None)
        In the order of the record.

    Raises
    ------
    RowsError
        If the rows of a batch cannot be read.
    """
    gone, others = _numbers(ledger)
    many = [entry for kind in WITH_ROWS for entry in ledger.entries(kind) if entry.seq > gone]
    scores = ledger.head().size - gone - len(others)
    total = scores + sum(entry.body["rows"] for entry in many)
    chosen = sorted(Random(seed).sample(range(total), min(count, total)))
    entries = _entries(ledger, [place for place in chosen if place < scores], gone, others)
    rows = _rows(ledger, [place - scores for place in chosen if place >= scores], many)
    return len(chosen), chain(entries, rows)


def _numbers(ledger: Ledger) -> tuple[int, list[int]]:
    """Return up to which entry scores were let go, and the entries after it that are none."""
    with ledger.database.reading() as connection:
        gone = through(connection, ledger.base)
        asked = sa.select(LEDGER.c.seq).where(LEDGER.c.base == ledger.base, OTHERS)
        later = connection.execute(asked.where(LEDGER.c.seq > gone))
        return gone, sorted(later.scalars())


def _entries(
    ledger: Ledger, places: Sequence[int], gone: int, others: Sequence[int]
) -> Iterator[Drawn]:
    """Yield scores by their places among the entries that are scores, from 0."""
    passed = 0
    for place in places:
        while passed < len(others) and others[passed] <= gone + place + 1 + passed:
            passed += 1
        (entry,) = ledger.entries(after=gone + place + passed, most=1)
        yield entry.id, _unless_erased(entry)


def _rows(ledger: Ledger, places: Sequence[int], many: Sequence[Entry]) -> Iterator[Drawn]:
    """Yield rows by their places among those of all entries that have rows, from 0."""
    first = 0
    for batch in many:
        after = first + batch.body["rows"]
        numbers = [place - first + 1 for place in places if first <= place < after]
        for number, row in _rows_of(ledger, batch, numbers) if numbers else ():
            yield f"{batch.id}/{number}", row
        first = after


def _rows_of(
    ledger: Ledger, batch: Entry, numbers: Sequence[int]
) -> Iterator[tuple[int, Entry | None]]:
    if batch.kind == BATCH:
        yield from ledger.rows_of_batch(batch, numbers)
        return
    for number in numbers:
        try:
            yield number, ledger.get(f"{batch.id}/{number}")
        except ErasedError:
            yield number, None


def _unless_erased(entry: Entry) -> Entry | None:
    try:
        return entry if entry.body else None
    except ErasedError:
        return None
