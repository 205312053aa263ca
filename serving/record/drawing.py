"""Scores drawn from the record by lot: the same ones for the same seed, each as likely as any."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import sqlalchemy as sa

from serving.record.ledger import Ledger
from serving.record.merkle import Entry
from serving.record.seal import ErasedError
from serving.record.table import LEDGER, OTHERS

WITH_ROWS = ("batch", "call")
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
    many = {entry.id: entry.body["rows"] for entry in _with_rows(ledger)}
    scores = ledger.head().size - len(others)
    total = scores + sum(many.values())
    chosen = sorted(Random(seed).sample(range(total), min(count, total)))
    return len(chosen), _read(ledger, chosen, scores, others, many)


def _others(ledger: Ledger) -> list[int]:
    """Return the numbers of the entries that are no scores."""
    asked = sa.select(LEDGER.c.seq).where(LEDGER.c.base == ledger.base, OTHERS)
    with ledger.database.reading() as connection:
        return sorted(connection.execute(asked).scalars())


def _with_rows(ledger: Ledger) -> Iterator[Entry]:
    for kind in WITH_ROWS:
        yield from ledger.entries(kind)


def _read(
    ledger: Ledger,
    chosen: Sequence[int],
    scores: int,
    others: Sequence[int],
    many: dict[str, int],
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
    for entry_id, rows in many.items():
        numbers = [place - first + 1 for place in chosen if first <= place < first + rows]
        for number in numbers:
            yield f"{entry_id}/{number}", _row(ledger, f"{entry_id}/{number}")
        first += rows


def _row(ledger: Ledger, row_id: str) -> Entry | None:
    try:
        return _unless_erased(ledger.get(row_id))
    except ErasedError:
        return None


def _unless_erased(entry: Entry) -> Entry | None:
    try:
        return entry if entry.body else None
    except ErasedError:
        return None
