"""A call for scores that is answered once, though its first try may have died half-way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from serving.api.asked import ScoreRequest
from serving.idempotency.remembered import Note
from serving.record import recorded
from serving.record.draft import LedgerError
from serving.scoring.online import Online

Results = list[dict[str, Any]]
Scoring = Callable[[ScoreRequest, Callable[[int], str]], Results]
"""Scores customers, each under the id that is given for its place, and puts them on record."""


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
    ids = [
        note.name(online.secret, online.config.name, place) for place in range(len(asked.customers))
    ]
    if not note.again:
        try:
            return score(asked, ids.__getitem__)
        except LedgerError:
            # Another try, taken for lost, went on and was first.
            if not any(online.ledger.holds(held) for held in ids):
                raise
    return _resumed(online, var, asked, ids, score)


def _resumed(
    online: Online, var: Path, asked: ScoreRequest, ids: Sequence[str], score: Scoring
) -> Results:
    """Tell again what is on record, and score the rest."""
    there = [place for place, held in enumerate(ids) if online.ledger.holds(held)]
    rest = sorted(set(range(len(ids))) - set(there))
    known = [(online.ledger.get(ids[place]), asked.customers[place].customer_id) for place in there]
    told = recorded.told_anew(known, recorded.lookup(online.release, var))
    said = dict(zip(there, told, strict=True))
    if rest:
        left = asked.model_copy(update={"customers": [asked.customers[place] for place in rest]})
        said |= zip(rest, score(left, lambda place: ids[rest[place]]), strict=True)
    return [said[place] for place in range(len(ids))]
