"""Scores of customers."""

from __future__ import annotations

from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.online import Online
from serving.problem import ProblemError, read_request
from serving.routes.route import ScopedRoute, as_json
from serving.shadow import Recent


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
    served = request.app.state.served
    return await to_thread.run_sync(
        _scored, served.online, served.recent, body, limiter=request.app.state.threads
    )


def _scored(online: Online, recent: Recent, body: bytes) -> Response:
    asked = read_request(body, online.config.serving.max_customers)
    recent.note(asked)
    return as_json(online.score(asked, datetime.now(UTC)))


ROUTES = [ScopedRoute("/v1/score", "POST", "score", score)]
