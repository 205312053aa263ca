"""The record of every score, in which whatever is changed afterwards shows."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateIndex

from features.database import Database
from serving.record import head as heads
from serving.record import redaction
from serving.record.appending import Row, append
from serving.record.batch_layout import Layout
from serving.record.batch_rows import (
    BATCH,
    Commitment,
    Part,
    read_row,
    read_rows,
    write_columns,
    write_rows,
)
from serving.record.call_rows import (
    CALL,
    committed,
    entries_of,
    held_of,
    packed,
    replace_rows,
    unpacked,
    without,
)
from serving.record.call_rows import entry_of as entry_of_call
from serving.record.checkpoint import Checkpoint
from serving.record.draft import Draft, LedgerError, checked, drafted
from serving.record.head import Head
from serving.record.merkle import (
    ROW,
    SCORE,
    Entry,
    RowsError,
    leaf_hash,
    put,
    sweep,
    temporary_beside,
)
from serving.record.migration import VERSION, migrate
from serving.record.retired import through
from serving.record.seal import ErasedError, Seals, let_go
from serving.record.table import LEDGER, OF_KIND, OTHERS, TABLES, entry_of, first, streamed
from serving.record.verifying import Told, Verification, walked

NUMBER = re.compile(r"[1-9][0-9]{0,11}")


class Ledger:
    """The record of one customer base: entries numbered from 1, each hung on the one before.

    Parameters
    ----------
    place
        A file's path (SQLite), or a database's URL.
    base
        The customer base; each in a database has a chain of its own.
    folder
        Where this base's batches have their rows; ``batches/BASE`` beside the SQLite file
        unless told.
    seals
        Seals what is about customers, and opens it.
    """

    def __init__(
        self,
        place: str | Path,
        base: str,
        folder: str | Path | None = None,
        seals: Seals | None = None,
    ) -> None:
        self.base = checked(base)
        self._seals = seals
        self._was = VERSION
        self._database = Database(place, *TABLES, prepare=self._prepare)
        beside = (self._database.path or Path("var", "ledger.db")).parent
        self.folder = Path(folder or beside / "batches" / base)

    def append(
        self,
        records: Sequence[tuple[str, str, Mapping[str, Any]]],
        at: datetime,
        together_with: Callable[[sa.Connection], object] = lambda _: None,
    ) -> list[Entry]:
        """Record (id, kind, body) of each, all or none; they are on disk when this returns.

        What they are to be together with is written to the same database, or nothing is.

        Raises
        ------
        LedgerError
            If an id is on record already, or an id or kind cannot be one.
        SpellingError
            If a body holds what JSON cannot.
        """
        drafts = self.drafts(records, at)
        with self._writing(drafts) as connection:
            together_with(connection)
            rows = append(connection, self.base, drafts, self._seals) if drafts else []
        return [entry_of(row, self._seals) for row in rows]

    def drafts(
        self, records: Sequence[tuple[str, str, Mapping[str, Any]]], at: datetime
    ) -> list[Draft]:
        """Spell out (id, kind, body) of each, ready to be written.

        Raises
        ------
        LedgerError
            If an id or kind cannot be one.
        SpellingError
            If a body holds what JSON cannot.
        """
        for _, kind, _ in records:
            if kind in (BATCH, CALL, ROW):
                raise LedgerError(f"the kind {kind!r} is kept for batches; use append_batch")
        return [drafted(self.base, entry_id, kind, body, at) for entry_id, kind, body in records]

    def call(
        self, call_id: str, layout: Layout, rows: pa.Table, body: Mapping[str, Any], at: datetime
    ) -> Draft:
        """Spell out a call of many customers: one entry that commits to its rows in columns.

        Raises
        ------
        LedgerError
            If the id cannot be one.
        """
        count, root = committed(layout, rows)
        of_rows = {"layout": layout.to_dict(), "rows": count, "root": root.hex()}
        draft = drafted(self.base, call_id, CALL, {**body, **of_rows}, at)
        return replace(draft, rows=packed(rows))

    def write(self, drafts: Sequence[Draft], wait: bool = True) -> None:
        """Record drafts, all or none; they are on disk when this returns.

        Raises
        ------
        LedgerError
            If an id is on record already.
        BusyError
            If it was not to wait, and somebody else is writing or a server holds the record.
        """
        self._written(drafts, wait)

    def append_batch(
        self,
        batch_id: str,
        rows: Iterable[Mapping[str, Any] | bytes],
        body: Mapping[str, Any],
        at: datetime,
    ) -> Entry:
        """Record a batch: one entry that commits to its rows, which lie in a file beside it.

        A row is a value, or its canonical bytes. The rows are on disk before the entry is; a
        crash in between leaves a file that no entry names, and the next try replaces it.

        Raises
        ------
        LedgerError
            As `append`, or if the body has a field of the ledger's own.
        """
        return self._append_batch(batch_id, lambda path: write_rows(path, rows), body, at)

    def append_columns(
        self,
        batch_id: str,
        layout: Layout,
        parts: Iterable[Part],
        body: Mapping[str, Any],
        at: datetime,
    ) -> Entry:
        """Record a batch as `append_batch` does, of rows in columns.

        Raises
        ------
        LedgerError
            As `append_batch`.
        """
        laid = {**body, "layout": layout.to_dict()}
        return self._append_batch(
            batch_id, lambda path: write_columns(path, layout, parts), laid, at
        )

    def get(self, entry_id: str) -> Entry:
        """Give an entry as it stands; ``BATCH/17`` is the batch's 17th row.

        Raises
        ------
        LedgerError
            If it is not on record.
        RowsError
            If the batch's file cannot be read.
        """
        of, slash, number = entry_id.partition("/")
        entry = self._known(of)
        if entry is not None and slash:
            entry = self._row(entry, number)
        if entry is None:
            raise LedgerError(f"no entry {entry_id!r} in the record of {self.base}")
        return entry

    def rows(self, call: Entry) -> pa.Table:
        """Give the rows of a call in columns, as the layout in its body has them.

        Raises
        ------
        RowsError
            If they cannot be read.
        """
        with self._database.reading() as connection:
            return unpacked(call, held_of(connection, call, self.base))

    def rows_of_call(self, call: Entry) -> Iterator[Entry]:
        """Give each row of a call as `get` does.

        Raises
        ------
        RowsError
            If they cannot be read.
        """
        return entries_of(call, self.rows(call))

    def rows_of_batch(
        self, batch: Entry, numbers: Collection[int]
    ) -> Iterator[tuple[int, Entry | None]]:
        """Give rows of a batch by their numbers, as `get` does; None of an erased one.

        Raises
        ------
        RowsError
            If they cannot be read.
        """
        for number, held in read_rows(self.folder / f"{batch.id}.parquet", batch, numbers):
            yield number, held and _row_of(batch, number, *held)

    def rows_about(self, call: Entry, customer: str) -> list[int]:
        """Give the numbers of a call's rows about a customer; none where the rows are let go.

        Raises
        ------
        RowsError
            If they cannot be read.
        """
        layout = Layout.from_dict(call.body["layout"])
        with self._database.reading() as connection:
            held = held_of(connection, call, self.base)
        if held is None:
            return []
        return redaction.numbers_of(unpacked(call, held), layout, customer, 1)

    def erase_rows(self, call: Entry, numbers: Collection[int]) -> None:
        """Empty some rows of a call, the first being 1; its root commits to what they were.

        Raises
        ------
        RowsError
            If they cannot be read.
        """
        layout = Layout.from_dict(call.body["layout"])
        with self._database.writing() as connection:
            rows = unpacked(call, held_of(connection, call, self.base))
            replace_rows(connection, call, self.base, without(layout, rows, numbers))

    def holds(self, entry_id: str) -> bool:
        """Say whether an id is on record."""
        return self._known(checked(entry_id)) is not None

    def entries(
        self,
        kind: str | None = None,
        last: int | None = None,
        after: int = 0,
        most: int | None = None,
    ) -> Iterator[Entry]:
        """Give the entries in their order: all, those of a kind, or only the last so many.

        Or those after an entry, so many of them at most.
        """
        of_kind = LEDGER.c.seq > after
        if kind is not None:
            of_kind &= LEDGER.c.kind == kind
            of_kind &= sa.true() if kind == SCORE else OTHERS  # by which the index is found
        with self._database.reading() as connection:
            if last is None:
                oldest = self._select().order_by(LEDGER.c.seq).where(of_kind).limit(most)
                yield from streamed(connection, oldest, self._seals)
            else:
                newest = self._newest_first().where(of_kind).limit(last)
                yield from reversed(list(streamed(connection, newest, self._seals)))

    def counts(self) -> dict[str, int]:
        """Say how many entries of each kind there are."""
        others = sa.select(LEDGER.c.kind, sa.func.count()).where(LEDGER.c.base == self.base, OTHERS)
        with self._database.reading() as connection:
            rows = connection.execute(others.group_by(LEDGER.c.kind)).tuples().all()
            found: dict[str, int] = dict(rows)
            scores = heads.read(connection, self.base).size - sum(found.values())
        return dict(sorted({SCORE: scores, **found}.items())) if scores > 0 else found

    def last(self) -> Entry | None:
        """Give the last entry; None if there is none."""
        with self._database.reading() as connection:
            return first(connection, self._newest_first(), self._seals)

    def head(self) -> Head:
        """Give the record's head, whose root commits to all entries."""
        with self._database.reading() as connection:
            return heads.read(connection, self.base)

    def migrate(self) -> tuple[int, int]:
        """Bring the record to the present schema, as its first use does by itself.

        Returns
        -------
        tuple of int
            The version it was in before this ledger opened it, and the one it is in.
        """
        self.head()
        return self._was, VERSION

    def verify(
        self, told: Told = lambda _, __: None, checkpoints: Sequence[Checkpoint] = ()
    ) -> Verification:
        """Compute every hash of the record anew, and of the rows of its batches.

        What is changed, removed, added or moved shows, unless all that commits to it was written
        anew, heads and all: that takes a checkpoint kept elsewhere to compare with.

        Parameters
        ----------
        told : callable
            Is told how many entries are done, of how many.
        checkpoints : sequence of Checkpoint
            By their size; what the record must have been.
        """
        return walked(self._database, self.base, self.folder, checkpoints, told)

    @property
    def database(self) -> Database:
        """Where the record lies."""
        return self._database

    def scrub(self) -> None:
        """Leave no byte of what was deleted in SQLite's files."""
        self._database.scrub()

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()

    def _append_batch(
        self,
        batch_id: str,
        write: Callable[[Path], Commitment],
        body: Mapping[str, Any],
        at: datetime,
    ) -> Entry:
        if taken := sorted({"rows", "root", "file"} & body.keys()):
            raise LedgerError(f"a batch's {', '.join(taken)}: the ledger says that; leave it out")
        lasting = self.folder / f"{checked(batch_id)}.parquet"
        sweep(self.folder)
        with temporary_beside(lasting) as temporary:
            count, root = write(temporary)
            of_rows = {"rows": count, "root": root.hex(), "file": lasting.name}
            drafts = [drafted(self.base, batch_id, BATCH, {**body, **of_rows}, at)]
            with self._writing(drafts) as connection:
                # The entry goes in first, uncommitted: an id on record keeps the rows it has.
                (row,) = append(connection, self.base, drafts, self._seals)
                put(temporary, lasting)
        return entry_of(row)

    @contextmanager
    def _writing(self, drafts: Sequence[Draft], wait: bool = True) -> Iterator[sa.Connection]:
        database = self._database
        try:
            with database.writing() if wait else database.writing_at_once() as connection:
                yield connection
        except IntegrityError as error:
            ids = [draft.id for draft in drafts]
            known = {known for known in ids if ids.count(known) > 1 or self._known(known)}
            if not known:
                raise LedgerError(
                    f"the record of {self.base} goes on behind its head: nothing was recorded; "
                    "see what was changed: stamkunde audit verify"
                ) from error
            raise LedgerError(
                f"{', '.join(sorted(known))}: already in the record of {self.base}, where an id "
                "stands once; nothing was recorded"
            ) from error

    def _prepare(self, connection: sa.Connection) -> None:
        self._was = migrate(connection, self.base)
        connection.execute(CreateIndex(OF_KIND, if_not_exists=True))

    def _written(self, drafts: Sequence[Draft], wait: bool = True) -> list[Row]:
        if not drafts:
            return []
        with self._writing(drafts, wait) as connection:
            return append(connection, self.base, drafts, self._seals)

    def _select(self) -> sa.Select[Any]:
        return sa.select(LEDGER).where(LEDGER.c.base == self.base)

    def _newest_first(self) -> sa.Select[Any]:
        return self._select().order_by(LEDGER.c.seq.desc())

    def _known(self, entry_id: str) -> Entry | None:
        with self._database.reading() as connection:
            return first(connection, self._select().where(LEDGER.c.id == entry_id), self._seals)

    def _row(self, batch: Entry, number: str) -> Entry | None:
        try:
            return self._row_there(batch, number)
        except RowsError:
            with self._database.reading() as connection:
                if batch.seq <= through(connection, self.base):
                    raise ErasedError(let_go(f"{batch.id}/{number}")) from None
            raise

    def _row_there(self, batch: Entry, number: str) -> Entry | None:
        if batch.kind == CALL and NUMBER.fullmatch(number):
            rows = self.rows(batch)
            place, layout = int(number) - 1, Layout.from_dict(batch.body["layout"])
            return entry_of_call(batch, layout, rows, place) if place < rows.num_rows else None
        if batch.kind != BATCH or not NUMBER.fullmatch(number):
            return None
        found = read_row(self.folder / f"{batch.id}.parquet", batch, int(number))
        if found is None:
            return None
        return _row_of(batch, int(number), *found)


def _row_of(batch: Entry, number: int, data: bytes, said: Mapping[str, Any] | None) -> Entry:
    """Return a row of a batch as an entry in its place."""
    name = f"{batch.id}/{number}"
    return replace(batch, id=name, kind=ROW, bytes=data, leaf_hash=leaf_hash(data), said=said)
