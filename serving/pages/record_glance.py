"""The record at a glance: how much of what is in it, what was done besides scoring, is it whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE, Entry

KEYS, ERASURE = "keys", "erasure"
MOST_EVENTS = 200
"""Of a kind: the latest that a page tells of."""

_SCORES = (SCORE, BATCH, CALL)


@dataclass(frozen=True)
class Glance:
    """How much is on record.

    Parameters
    ----------
    entries : int
    kinds : dict of str to int
        How many of each kind.
    first_at, last_at : str, optional
        When the first and the last were put on record.
    root : str
        The Merkle root over all entries, in hexadecimal.
    """

    entries: int
    kinds: Mapping[str, int]
    first_at: str | None
    last_at: str | None
    root: str


@dataclass(frozen=True)
class Event:
    """Something that was done and is no score: an entry, and what it says without any person."""

    seq: int
    id: str
    at: str
    kind: str
    body: Mapping[str, Any]

    def to_row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        told = {name: value for name, value in self.body.items() if _is_plain(value)}
        said = "; ".join(f"{name}: {value}" for name, value in sorted(told.items()))
        return {"seq": self.seq, "at": self.at, "kind": self.kind, "id": self.id, "said": said}


def glance(ledger: Ledger) -> Glance:
    """Return how much is on record."""
    first = next(ledger.entries(most=1), None)
    last, head = ledger.last(), ledger.head()
    return Glance(
        head.size,
        ledger.counts(),
        None if first is None else first.at,
        None if last is None else last.at,
        head.root.hex(),
    )


def events(ledger: Ledger, most: int = MOST_EVENTS) -> list[Event]:
    """Return what was done besides scoring, the latest first: so many of each kind."""
    held: list[Entry] = []
    for kind in ledger.counts():
        if kind not in _SCORES:
            held += ledger.entries(kind, last=most)
    held.sort(key=lambda entry: -entry.seq)
    return [Event(each.seq, each.id, each.at, each.kind, each.body) for each in held]


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, dict | list)
