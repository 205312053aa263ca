"""Scores of customers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.api import ScoreRequest
from serving.online import Online
from serving.problem import ProblemError, read_request
from serving.remembered import Note
from serving.resumed import Results, scored_once
from serving.routes.once import HEADER, once
from serving.routes.route import ScopedRoute, as_json


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
    online = request.app.state.served.online
    if HEADER in request.headers:
        return await once(request, body, partial(_once, online, request.app.state.var, body))
    return await to_thread.run_sync(_scored, online, body, limiter=request.app.state.threads)


def _scored(online: Online, body: bytes) -> Response:
    asked = read_request(body, online.config.serving.max_customers)
    return as_json(online.score(asked, datetime.now(UTC)))


def _once(online: Online, var: Path, body: bytes, note: Note | None) -> Response:
    assert note is not None  # there is a key
    asked, at = read_request(body, online.config.serving.max_customers), datetime.now(UTC)

    def score(wanted: ScoreRequest, name: Callable[[int], str]) -> Results:
        held: Results = online.score(wanted, at, name=name)["results"]
        return held

    return as_json({"results": scored_once(online, var, asked, note, score)})


ROUTES = [ScopedRoute("/v1/score", "POST", "score", score)]
