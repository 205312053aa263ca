"""Scores of customers."""

from __future__ import annotations

from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.online import Online
from serving.problem import ProblemError, read_request
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
    answer, scores = await to_thread.run_sync(
        _scored, online, body, limiter=request.app.state.threads
    )
    request.scope["scores"] = scores  # which the guard counts
    return answer


def _scored(online: Online, body: bytes) -> tuple[Response, int]:
    bounds = online.config.serving
    asked = read_request(body, bounds.max_customers, max_nesting=bounds.max_nesting)
    told = online.score(asked, datetime.now(UTC))
    return as_json(told), sum("error" not in result for result in told["results"])


ROUTES = [ScopedRoute("/v1/score", "POST", "score", score)]
