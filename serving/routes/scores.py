"""Scores of customers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving import recorded
from serving.api import RecordedAsked, ScoreRequest
from serving.language import accepted
from serving.ledger import ID, NUMBER, LedgerError
from serving.merkle import RowsError
from serving.online import Online
from serving.problem import ProblemError, read_request
from serving.remembered import Note
from serving.routes import parameters
from serving.routes.once import once
from serving.routes.route import ScopedRoute, as_json
from training.quantities import Language


async def score(request: Request) -> Response:
    """Score the customers of the body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "the body must be JSON: send Content-Type: application/json")
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the caller left before the body's end") from None
    # Once: a release that is swapped meanwhile changes nothing of this call.
    online, var = request.app.state.served.online, request.app.state.var
    return await once(request, body, partial(_scored, online, var, body))


def _scored(online: Online, var: Path, body: bytes, note: Note | None) -> Response:
    asked = read_request(body, online.config.serving.max_customers)
    if note is None:
        return as_json(online.score(asked, datetime.now(UTC)))
    return as_json(_scored_once(online, var, asked, note))


def _scored_once(online: Online, var: Path, asked: ScoreRequest, note: Note) -> dict[str, Any]:
    """Score customers of whom an earlier try of the call may have put some on record."""
    base, secret = online.config.name, online.secret
    ids = [note.name(secret, base, place) for place in range(len(asked.customers))]
    if not note.again:
        try:
            return online.score(asked, datetime.now(UTC), name=ids.__getitem__)
        except LedgerError:
            # Another try, taken for lost, went on and was first.
            if not any(online.ledger.holds(held) for held in ids):
                raise
    return {"results": _resumed(online, var, asked, ids)}


def _resumed(
    online: Online, var: Path, asked: ScoreRequest, ids: Sequence[str]
) -> list[dict[str, Any]]:
    """Tell again what is on record, and score the rest."""
    there = [place for place, held in enumerate(ids) if online.ledger.holds(held)]
    rest = [place for place in range(len(ids)) if place not in set(there)]
    said: dict[int, dict[str, Any]] = {}
    known = [(online.ledger.get(ids[place]), asked.customers[place].customer_id) for place in there]
    bundle_of = recorded.lookup(online.release, var)
    said |= zip(there, recorded.told_anew(known, bundle_of), strict=True)
    if rest:
        left = asked.model_copy(update={"customers": [asked.customers[place] for place in rest]})
        results = online.score(left, datetime.now(UTC), name=lambda place: ids[rest[place]])
        said |= zip(rest, results["results"], strict=True)
    return [said[place] for place in range(len(ids))]


async def recorded_score(request: Request) -> Response:
    """Tell a score that is on record again."""
    told = request.path_params
    entry_id, row = told.get("id") or told["batch"], told.get("row")
    if not ID.fullmatch(entry_id) or not (row is None or NUMBER.fullmatch(row)):
        raise ProblemError(422, "the id of a score has letters, digits and . _ - alone; "
                           "a batch's scores are BATCH/1 and on")  # fmt: skip
    asked = parameters.read(request, RecordedAsked)
    language = asked.language or accepted(request.headers.get("accept-language"))
    said = await to_thread.run_sync(
        _told,
        request.app.state.served.online,
        request.app.state.var,
        (entry_id, int(row) if row else None),
        (asked.reasons, language),
        limiter=request.app.state.threads,
    )
    return as_json(said, headers={"Vary": "Accept-Language"})


def _told(
    online: Online,
    var: Path,
    place: tuple[str, int | None],
    how: tuple[int | None, Language | None],
) -> dict[str, Any]:
    try:
        entry = recorded.find(online.ledger, *place)
    except RowsError:
        raise ProblemError(503, "the rows of this batch cannot be read now") from None
    if entry is None:
        raise ProblemError(404, "no score of this id is on record")
    return recorded.told(entry, recorded.lookup(online.release, var), *how)


ROUTES = [
    ScopedRoute("/v1/score", "POST", "score", score),
    ScopedRoute("/v1/scores/{id}", "GET", "read", recorded_score),
    ScopedRoute("/v1/scores/{batch}/{row}", "GET", "read", recorded_score),
]
