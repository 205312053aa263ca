"""What of a person is on record: entries that their key seals, and rows of batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from serving.people.holding import Person
from serving.record import batch_rows
from serving.record.index import Index, Search
from serving.record.ledger import BATCH, Ledger
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
class BatchRows:
    """Rows of batches: emptied in their files, so that the batches' roots still hold."""

    ledger: Ledger
    name: str = "rows of batches on record"

    def held(self, person: Person) -> list[Any]:
        """Return what the person's rows say."""
        found = []
        for batch in self._batches():
            for number in self.numbers(batch, person):
                row = self.ledger.get(f"{batch.id}/{number}")
                found.append({"id": row.id, "at": row.at, **row.body})
        return found

    def remove(self, person: Person) -> None:
        """Empty the person's rows."""
        for batch in self._batches():
            if numbers := self.numbers(batch, person):
                batch_rows.erase(self.ledger.folder / f"{batch.id}.parquet", batch.body, numbers)

    def places(self, person: Person) -> dict[str, list[int]]:
        """Return which rows of which batches are about the person."""
        held = {batch.id: self.numbers(batch, person) for batch in self._batches()}
        return {batch_id: numbers for batch_id, numbers in held.items() if numbers}

    def numbers(self, batch: Entry, person: Person) -> list[int]:
        """Return the numbers of the person's rows in a batch."""
        path = self.ledger.folder / f"{batch.id}.parquet"
        return batch_rows.of_customer(path, batch.body, person.token)

    def _batches(self) -> list[Entry]:
        return list(self.ledger.entries(BATCH))
