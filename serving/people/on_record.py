"""What of a person is on record: entries that their key seals, and rows of batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.people.holding import Person
from serving.record import batch_rows
from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.index import Index, Search
from serving.record.ledger import Ledger
from serving.record.merkle import Entry
from serving.record.seal import ErasedError

_PAGE = 500


@dataclass(frozen=True)
class SealedScores:
    """Scores that are entries of their own: gone with the key, which the erasure destroys last."""

    ledger: Ledger
    index: Index
    name: str = "scores on record"

    def held(self, person: Person) -> list[Any]:
        """Return the person's scores, newest first."""
        self.index.catch_up(self.ledger)
        return list(self._scores(person))

    def remove(self, person: Person) -> None:
        """Take the person out of the index, by which the scores are found."""
        self.index.forget([person.token])

    def _scores(self, person: Person) -> Iterator[dict[str, Any]]:
        after = None
        while True:
            page = self.index.find(Search(customer=person.token, after=after, limit=_PAGE))
            for found in page.rows:
                if "/" not in found.id:
                    try:
                        entry = self.ledger.get(found.id)
                        yield {"id": entry.id, "at": entry.at, **entry.body}
                    except ErasedError:
                        continue
            after = page.next
            if after is None:
                return


@dataclass(frozen=True)
class RowsOnRecord:
    """Rows of batches and of calls of many: emptied where they lie, so that their roots hold."""

    ledger: Ledger
    name: str = "rows of batches and large calls on record"

    def held(self, person: Person) -> list[Any]:
        """Return what the person's rows say."""
        found = []
        for entry in self._entries():
            for number in self.numbers(entry, person):
                row = self.ledger.get(f"{entry.id}/{number}")
                found.append({"id": row.id, "at": row.at, **row.body})
        return found

    def remove(self, person: Person) -> None:
        """Empty the person's rows."""
        for entry in self._entries():
            numbers = self.numbers(entry, person)
            if numbers and entry.kind == CALL:
                self.ledger.erase_rows(entry, numbers)
            elif numbers:
                batch_rows.erase(self._file(entry), entry.body, numbers)
        self.ledger.scrub()

    def places(self, person: Person) -> dict[str, list[int]]:
        """Return which rows of which batches and calls are about the person."""
        held = {entry.id: self.numbers(entry, person) for entry in self._entries()}
        return {name: numbers for name, numbers in held.items() if numbers}

    def numbers(self, entry: Entry, person: Person) -> list[int]:
        """Return the numbers of the person's rows in a batch or a call."""
        if entry.kind == CALL:
            return self.ledger.rows_about(entry, person.token)
        file = self._file(entry)  # which is let go at the end of its time
        return batch_rows.of_customer(file, entry.body, person.token) if file.exists() else []

    def _entries(self) -> Iterator[Entry]:
        for kind in (BATCH, CALL):
            yield from list(self.ledger.entries(kind))

    def _file(self, batch: Entry) -> Path:
        return self.ledger.folder / f"{batch.id}.parquet"
