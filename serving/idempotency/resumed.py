"""A call for scores that is answered once, though its first try may have died half-way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import isnan
from pathlib import Path
from typing import Any

from serving.api.asked import ScoreRequest
from serving.api.regular import MANY
from serving.idempotency.remembered import Note
from serving.record import recorded
from serving.record.batch_row import PLACE
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.merkle import Entry
from serving.record.seal import ErasedError
from serving.scoring.online import WHOLE, Name, Online

Results = list[dict[str, Any]]
Scoring = Callable[[ScoreRequest, Name, int], Results]
"""Scores customers under given ids, those of a call of so many or more as one entry, and puts them
on record."""


def scored_once(
    online: Online, var: Path, asked: ScoreRequest, note: Note, score: Scoring
) -> Results:
    """Return a result a customer; whom an earlier try put on record is told again from there.

    Parameters
    ----------
    online : Online
    var : Path
        Where the bundles of former releases are.
    asked : ScoreRequest
    note : Note
        Of the call: it names the scores, the same in every try.
    score : callable
    """

    def name(place: int) -> str:
        return note.name(online.secret, online.config.name, place)

    if not note.again:
        try:
            return score(asked, name, MANY)
        except LedgerError:
            # Another try, taken for lost, went on and was first.
            if not _on_record(online.ledger, name, len(asked.customers)):
                raise
    known = _on_record(online.ledger, name, len(asked.customers))
    if not known:
        return score(asked, name, MANY)
    return _resumed(online, var, asked, known, name, score)


def _on_record(ledger: Ledger, name: Name, count: int) -> dict[int, Entry]:
    """Return the scores that are on record, by their places in the call.

    Those of customers who are erased since are not there: who is asked for anew is refused.
    """
    known = {place: ledger.get(name(place)) for place in range(count) if ledger.holds(name(place))}
    known = {place: entry for place, entry in known.items() if _is_readable(entry)}
    if ledger.holds(name(WHOLE)):
        call = ledger.get(name(WHOLE))
        places = ledger.rows(call).column(PLACE).to_pylist()
        rows = ledger.rows_of_call(call)
        left = (int(place) for place in places if not isnan(place))
        known |= dict(zip(left, rows, strict=True))
    return known


def _is_readable(entry: Entry) -> bool:
    try:
        return bool(entry.body)
    except ErasedError:
        return False


def _resumed(
    online: Online,
    var: Path,
    asked: ScoreRequest,
    known: Mapping[int, Entry],
    name: Name,
    score: Scoring,
) -> Results:
    """Tell again what is on record, and score the rest, each under an id of their own."""
    customers = asked.customers
    there = sorted(known)
    rest = sorted(set(range(len(customers))) - set(there))
    to_tell = [(known[place], customers[place].customer_id) for place in there]
    told = recorded.told_anew(to_tell, recorded.lookup(online.release, var))
    said = dict(zip(there, told, strict=True))
    if rest:
        left = asked.model_copy(update={"customers": [customers[place] for place in rest]})
        scored = score(left, lambda place: name(rest[place]), len(rest) + 1)
        said |= zip(rest, scored, strict=True)
    return [said[place] for place in range(len(customers))]
