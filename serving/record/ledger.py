"""The record of every score, in which whatever is changed afterwards shows."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from serving.record.appending import append
from serving.record.batch_layout import Layout
from serving.record.batch_rows import BATCH, Commitment, Part, write_columns, write_rows
from serving.record.call_rows import (
    CALL,
    committed,
    held_of,
    packed,
    replace_rows,
    unpacked,
    without,
)
from serving.record.draft import Draft, LedgerError, checked, drafted
from serving.record.merkle import ROW, Entry, put, sweep, temporary_beside
from serving.record.migration import VERSION
from serving.record.reading import LedgerReader
from serving.record.table import entry_of


class Ledger(LedgerReader):
    """The record of one customer base: entries numbered from 1, each hung on the one before.

    Takes what `LedgerReader` does.
    """

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
        if drafts:
            with self._writing(drafts, wait) as connection:
                append(connection, self.base, drafts, self._seals)

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

    def migrate(self) -> tuple[int, int]:
        """Bring the record to the present schema, as its first use does by itself.

        Returns
        -------
        tuple of int
            The version it was in before this ledger opened it, and the one it is in.
        """
        self.head()
        return self._was, VERSION

    def scrub(self) -> None:
        """Leave no byte of what was deleted in SQLite's files."""
        self._database.scrub()

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
