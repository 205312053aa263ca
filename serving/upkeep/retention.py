"""The end of the time for which contents of the record are kept.

Of each score and each batch that is older, what it says is removed for good; its hashes stay, so
that the record can be verified as before, and an entry says what was let go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE
from serving.record.retired import KIND, THROUGH, through
from serving.record.table import LEDGER, OTHERS, ROWS

_TOGETHER = 10_000  # entries of one write


@dataclass(frozen=True)
class Retirement:
    """What was let go.

    Parameters
    ----------
    before : str
        What was recorded before that instant, UTC.
    through : int
        The number of the last entry of that time.
    scores : int
        How many entries of single scores lost what they said.
    batches, calls : list of str
        The batches, and the calls of many customers, whose rows were removed.
    """

    before: str
    through: int
    scores: int
    batches: list[str]
    calls: list[str]

    @property
    def is_any(self) -> bool:
        """Whether anything was."""
        return bool(self.scores or self.batches or self.calls)


def retire(ledger: Ledger, before: datetime, at: datetime) -> Retirement:
    """Let go of the contents of scores that were recorded before an instant.

    It is put on record first: where this is ended in between, the next time goes on.

    Raises
    ------
    DatabaseError
        If the record cannot be written.
    """
    limit = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with ledger.database.reading() as connection:
        known = through(connection, ledger.base)
        last = max(_last(connection, ledger.base, limit), known)
        scores = connection.scalar(
            sa.select(sa.func.count()).select_from(LEDGER).where(*_held(ledger.base, last))
        )
        calls = [str(call) for call in connection.scalars(_calls(ledger.base, last))]
    found = Retirement(limit, last, int(scores or 0), list(_batches(ledger, last)), calls)
    if not found.is_any:
        return found
    ledger.append([(uuid4().hex, KIND, {**asdict(found), THROUGH: last})], at)
    _empty(ledger, last)
    with ledger.database.writing() as connection:
        for call in calls:
            connection.execute(sa.delete(ROWS).where(*_rows_of(ledger.base, call)))
    for batch in found.batches:
        (ledger.folder / f"{batch}.parquet").unlink(missing_ok=True)
    ledger.database.scrub()
    return found


def _last(connection: sa.Connection, base: str, limit: str) -> int:
    """Return the number of the last entry before a time; entries come in the order of time."""
    earlier = sa.select(sa.func.max(LEDGER.c.seq)).where(LEDGER.c.base == base, LEDGER.c.at < limit)
    return int(connection.scalar(earlier) or 0)


def _held(base: str, last: int) -> tuple[sa.ColumnElement[bool], ...]:
    """Return which entries up to a number are scores that still say something."""
    said = sa.func.length(LEDGER.c.entry) > 0
    return LEDGER.c.base == base, LEDGER.c.seq <= last, LEDGER.c.kind == SCORE, said


def _batches(ledger: Ledger, last: int) -> Iterator[str]:
    for entry in ledger.entries(BATCH):
        if entry.seq <= last and (ledger.folder / f"{entry.id}.parquet").exists():
            yield entry.id


def _calls(base: str, last: int) -> sa.Select[Any]:
    """Return what finds the calls up to a number that still have rows."""
    same = sa.and_(ROWS.c.base == LEDGER.c.base, ROWS.c.id == LEDGER.c.id)
    held = sa.select(LEDGER.c.id).join(ROWS, same).order_by(LEDGER.c.seq)
    return held.where(LEDGER.c.base == base, LEDGER.c.seq <= last, LEDGER.c.kind == CALL, OTHERS)


def _rows_of(base: str, call: str) -> tuple[sa.ColumnElement[bool], ...]:
    return ROWS.c.base == base, ROWS.c.id == call


def _empty(ledger: Ledger, last: int) -> None:
    """Remove what scores say, some at a time, so that a service can write in between."""
    of = _held(ledger.base, last)
    while True:
        with ledger.database.writing() as connection:
            upto = sa.select(LEDGER.c.seq).where(*of).order_by(LEDGER.c.seq).limit(_TOGETHER)
            seqs = list(connection.execute(upto).scalars())
            if not seqs:
                return
            within = LEDGER.c.seq.between(seqs[0], seqs[-1])
            connection.execute(sa.update(LEDGER).where(*of, within).values(entry=b""))
