"""What is on record of a customer base, as it is read."""

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex

from features.database import Database
from serving.record import head as heads
from serving.record import redaction
from serving.record.batch_layout import Layout
from serving.record.batch_rows import BATCH, read_row, read_rows
from serving.record.batch_rows import entry_of as entry_of_batch
from serving.record.call_rows import CALL, entries_of, held_of, unpacked
from serving.record.call_rows import entry_of as entry_of_call
from serving.record.checkpoint import Checkpoint
from serving.record.draft import LedgerError, checked
from serving.record.head import Head
from serving.record.merkle import SCORE, Entry, RowsError
from serving.record.migration import VERSION, migrate
from serving.record.retired import through
from serving.record.seal import ErasedError, Seals, let_go
from serving.record.table import LEDGER, OF_KIND, OTHERS, TABLES, first, streamed
from serving.record.verifying import Told, Verification, walked

NUMBER = re.compile(r"[1-9][0-9]{0,11}")


class LedgerReader:
    """The entries of one customer base, and the rows of its batches and calls.

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
            yield number, held and entry_of_batch(batch, number, *held)

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

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()

    def _prepare(self, connection: sa.Connection) -> None:
        self._was = migrate(connection, self.base)
        connection.execute(CreateIndex(OF_KIND, if_not_exists=True))

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
        return entry_of_batch(batch, int(number), *found)
