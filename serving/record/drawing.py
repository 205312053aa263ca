"""Scores drawn from the record by lot: the same ones for the same seed, each as likely as any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import sqlalchemy as sa

from serving.record.call_rows import CALL
from serving.record.ledger import BATCH, Ledger
from serving.record.merkle import Entry
from serving.record.seal import ErasedError
from serving.record.table import LEDGER, OTHERS

WITH_ROWS = (BATCH, CALL)
"""The kinds of entries that commit to rows, each of which is a score."""

Drawn = tuple[str, Entry | None]
"""A score's id, and the score; None of a customer who was erased."""


def drawn(ledger: Ledger, count: int, seed: int) -> tuple[int, Iterator[Drawn]]:
    """Draw scores: entries, and rows of batches and of calls.

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
    others = _others(ledger)
    many = [entry for kind in WITH_ROWS for entry in ledger.entries(kind)]
    scores = ledger.head().size - len(others)
    total = scores + sum(entry.body["rows"] for entry in many)
    chosen = sorted(Random(seed).sample(range(total), min(count, total)))
    return len(chosen), _read(ledger, chosen, scores, others, many)


def _others(ledger: Ledger) -> list[int]:
    """Return the numbers of the entries that are no scores."""
    asked = sa.select(LEDGER.c.seq).where(LEDGER.c.base == ledger.base, OTHERS)
    with ledger.database.reading() as connection:
        return sorted(connection.execute(asked).scalars())


def _read(
    ledger: Ledger,
    chosen: Sequence[int],
    scores: int,
    others: Sequence[int],
    many: Sequence[Entry],
) -> Iterator[Drawn]:
    passed = 0
    for place in chosen:
        if place >= scores:
            break
        while passed < len(others) and others[passed] <= place + 1 + passed:
            passed += 1
        (entry,) = ledger.entries(after=place + passed, most=1)
        yield entry.id, _unless_erased(entry)
    first = scores
    for batch in many:
        after = first + batch.body["rows"]
        numbers = [place - first + 1 for place in chosen if first <= place < after]
        for number, row in _rows(ledger, batch, numbers) if numbers else ():
            yield f"{batch.id}/{number}", row
        first = after


def _rows(
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
