"""How the index follows the record: some entries a step, each step whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.index_rows import Row, bundles, instant, is_columns, rows_of, rows_of_call
from serving.record.index_table import BATCHES, GROUPS, INSERT, SCORES, STATE
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE, Entry, RowsError, parsed
from serving.record.retired import through
from serving.record.seal import ErasedError

VERSION = 1
STEP = 1_000  # entries of one commit


def step(
    connection: sa.Connection, ledger: Ledger, most: int = STEP
) -> tuple[int, list[tuple[str, str]]]:
    """Put the next entries of the record into the index.

    Returns
    -------
    int
        How many entries there were; none at the record's end.
    list of (str, str)
        The batches in columns among them, each with the chances at which its bands begin.
    """
    seq = followed(connection, ledger.base)
    entries = list(ledger.entries(after=seq, most=most))
    if not entries:
        return 0, []
    with ledger.database.reading() as record:
        gone = through(record, ledger.base)  # whose rows are no longer kept
    later = (entry for entry in entries if entry.seq > gone)
    batches = [_batch(entry, ledger.base) for entry in later if is_columns(entry)]
    _put(connection, ledger.base, [row for entry in entries for row in _scores(entry, ledger)])
    if batches:
        connection.execute(sa.insert(BATCHES), batches)
    _note(connection, ledger.base, entries[-1].seq)
    return len(entries), [(batch["id"], batch["bands"]) for batch in batches]


def followed(connection: sa.Connection, base: str) -> int:
    """Return the number of the last entry in the index."""
    asked = sa.select(STATE.c.seq).where(STATE.c.base == base, STATE.c.version == VERSION)
    return connection.execute(asked).scalar() or 0


def delete(connection: sa.Connection, base: str, customers: Sequence[bytes] | None = None) -> int:
    """Delete a base's scores, all or those of customers; return how many there were."""
    gone = sa.delete(SCORES).where(_of(base))
    if customers is not None:
        gone = gone.where(SCORES.c.customer.in_(customers))
    return connection.execute(gone).rowcount


def counted(connection: sa.Connection, base: str) -> int:
    """Count a base's scores, of entries and of batches."""
    held = sa.select(sa.func.count()).select_from(SCORES).where(_of(base))
    rows = sa.select(sa.func.coalesce(sa.func.sum(BATCHES.c.rows), 0)).where(BATCHES.c.base == base)
    return sum(int(connection.execute(asked).scalar_one()) for asked in (held, rows))


def _of(base: str) -> sa.ColumnElement[bool]:
    return SCORES.c.group.in_(sa.select(GROUPS.c.number).where(GROUPS.c.base == base))


def clear(connection: sa.Connection, base: str) -> None:
    """Take everything of a base out of the index."""
    delete(connection, base)
    for table in (GROUPS, BATCHES, STATE):
        connection.execute(sa.delete(table).where(table.c.base == base))


def _note(connection: sa.Connection, base: str, seq: int) -> None:
    connection.execute(sa.delete(STATE).where(STATE.c.base == base))
    connection.execute(sa.insert(STATE), {"base": base, "version": VERSION, "seq": seq})


def _scores(entry: Entry, ledger: Ledger) -> Iterator[Row]:
    if entry.kind == SCORE:
        try:
            return rows_of(entry, iter([(0, entry.body)]))
        except ErasedError:
            return iter(())
    if entry.kind == CALL:
        try:
            return rows_of_call(entry, ledger.rows(entry))
        except RowsError:
            return iter(())  # which the record's verification tells
    if entry.kind == BATCH and not is_columns(entry):
        return rows_of(entry, _spelt_rows(ledger.folder / f"{entry.id}.parquet"))
    return iter(())


def _spelt_rows(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Yield the rows of a batch that are spelt as JSON, but for those that were erased."""
    try:
        rows = pq.read_table(file, columns=["row"]).column(0).to_pylist()
    except (OSError, pa.ArrowException):
        return  # which the record's verification tells
    for number, data in enumerate(rows, start=1):
        if data:
            yield number, parsed(data)


def _batch(entry: Entry, base: str) -> dict[str, Any]:
    body = entry.body
    bands = ",".join(map(repr, body["options"]["bands"] or ()))
    return {
        "base": base,
        "seq": entry.seq,
        "id": entry.id,
        "at": instant(entry.at),
        "as_of": body["as_of"],
        "bundles": bundles(body),
        "bands": bands,
        "rows": body["rows"],
    }


def _put(connection: sa.Connection, base: str, rows: Sequence[Row]) -> None:
    if not rows:
        return
    spans: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        first, last = spans.get((row.bundles, row.band), (row.at, row.at))
        spans[row.bundles, row.band] = min(first, row.at), max(last, row.at)
    groups = {key: _group(connection, base, key, span) for key, span in spans.items()}
    kept = [{**vars(row), "group": groups[row.bundles, row.band]} for row in rows]
    INSERT(connection, *kept)


def _group(
    connection: sa.Connection, base: str, key: tuple[str, str], span: tuple[int, int]
) -> int:
    """Return the number of a group, which lasts from now on over a span of time too."""
    made, (first, last) = dict(zip(("bundles", "band"), key, strict=True)), span
    this = sa.and_(GROUPS.c.base == base, *(GROUPS.c[name] == made[name] for name in made))
    held = connection.execute(sa.select(GROUPS).where(this)).mappings().first()
    if held is None:
        given = {"base": base, **made, "first": first, "last": last}
        made_anew = sa.insert(GROUPS).returning(GROUPS.c.number)
        return int(connection.execute(made_anew, given).scalar_one())
    spans = {"first": min(first, held["first"]), "last": max(last, held["last"])}
    connection.execute(sa.update(GROUPS).where(this).values(spans))
    return int(held["number"])
