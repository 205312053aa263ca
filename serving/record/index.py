"""The index of the record: scores by customer, time, model and band, newest first.

It is derived from the record and follows it; whoever loses it makes it anew. With SQLite it lies in
a file of its own beside the record's, whose one writer it never keeps waiting; on a server it lies
in the record's database.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from features.database import Database
from serving.record.index_batch import Roster, Rosters
from serving.record.index_fill import STEP, clear, counted, delete, step
from serving.record.index_rows import Row, spelt, token
from serving.record.index_search import (
    Found,
    Page,
    Search,
    SearchError,
    Sought,
    cursor,
    newest,
    of_batches,
    of_entries,
)
from serving.record.index_table import TABLES
from serving.record.ledger import Ledger
from serving.record.table import LEDGER

__all__ = ["Found", "Index", "Page", "Search", "SearchError"]


class Index:
    """Finds scores on record.

    Parameters
    ----------
    place
        The record's: a file's path (SQLite), or a database's URL.
    base
        The customer base.
    folder
        Where this base's batches have their rows; ``batches/BASE`` beside the SQLite file unless
        told.
    """

    def __init__(self, place: str | Path, base: str, folder: str | Path | None = None) -> None:
        self.base = base
        self._record = Database(place, LEDGER)
        path = self._record.path
        kept = path.with_name("index.db") if path else place
        self._database = Database(kept, *TABLES, derived=True)
        beside = (path or Path("var", "ledger.db")).parent
        self._rosters = Rosters(Path(folder or beside / "batches" / base))

    def catch_up(self, ledger: Ledger, within: float | None = None, entries: int = STEP) -> bool:
        """Follow the record to its end, or for so many seconds and a step at least.

        Parameters
        ----------
        ledger : Ledger
        within : float, optional
            Seconds.
        entries : int
            Of one step, which is whole or not at all.

        Returns
        -------
        bool
            Whether the end is reached.

        Raises
        ------
        DatabaseError
            If the record or the index cannot be used.
        """
        began = time.monotonic()
        while True:
            with self._database.writing() as connection:
                count, batches = step(connection, ledger, entries)
            for batch in batches:
                self._rosters.get(*batch)
            if count < entries:
                return True
            if within is not None and time.monotonic() - began >= within:
                return False

    def find(self, search: Search) -> Page:
        """Find scores, newest first.

        Raises
        ------
        SearchError
            If what is sought cannot be.
        DatabaseError
            If the record or the index cannot be used.
        """
        sought = Sought.of(search)
        unread: list[str] = []

        def roster_of(batch: Mapping[Any, Any]) -> Roster | None:
            held = self._rosters.get(batch["id"], batch["bands"])
            if held is None:
                unread.append(batch["id"])
            return held

        with self._database.reading() as connection:
            sources = [
                *of_entries(connection, self.base, sought),
                *of_batches(connection, self.base, sought, roster_of),
            ]
            rows = newest(sources, sought.limit)
        page = rows[: search.limit]
        after = cursor(page[-1]) if len(rows) > search.limit else None
        return Page(self._named(page), after, tuple(sorted(unread)))

    def count(self) -> int:
        """Count the scores that can be found: of entries, and rows of batches."""
        with self._database.reading() as connection:
            return counted(connection, self.base)

    def forget(self, customers: Iterable[str]) -> int:
        """Take customers out by their tokens; return how many scores of theirs there were.

        Their rows must be gone from the batches' files first, which are looked up anew.
        """
        tokens = sorted({held for held in map(token, customers) if held})
        with self._database.writing() as connection:
            count = delete(connection, self.base, tokens)
        self._database.scrub()
        return count + self._rosters.forget(tokens)

    def clear(self) -> None:
        """Take everything out, so that the next `catch_up` makes the index anew."""
        with self._database.writing() as connection:
            clear(connection, self.base)
        self._database.scrub()
        self._rosters.clear()

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()
        self._record.close()

    def _named(self, rows: Sequence[Row]) -> list[Found]:
        """Tell rows as they are found; an entry's id stands in the record alone."""
        asked = sa.select(LEDGER.c.seq, LEDGER.c.id).where(
            LEDGER.c.base == self.base, LEDGER.c.seq.in_(sorted({row.seq for row in rows}))
        )
        with self._record.reading() as connection:
            ids = dict(connection.execute(asked).tuples().all())
        return [
            Found(
                f"{ids[row.seq]}/{row.row}" if row.row else ids[row.seq],
                spelt(row.at),
                row.customer.hex(),
                row.as_of,
                row.band or None,
                row.probability,
                row.value,
                json.loads(row.bundles),
            )
            for row in rows
            if row.seq in ids
        ]
