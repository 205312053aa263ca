"""Customers of the latest batch."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.api.at_risk import AtRiskAsked
from serving.batch.at_risk import AtRiskError, CursorError, Latest, Latests
from serving.problem import ProblemError
from serving.routes import parameters
from serving.routes.route import ScopedRoute, as_json
from serving.scoring.online import Online

_NO_BATCH = "no batch has been scored yet; POST /v1/score/batch scores the base"


async def at_risk(request: Request) -> Response:
    """List the customers of the latest batch, those with most at stake first."""
    asked = parameters.read(request, AtRiskAsked)
    online, latests = request.app.state.served.online, request.app.state.latests
    told = await to_thread.run_sync(
        _listed, latests, online, asked, limiter=request.app.state.threads
    )
    return as_json(told)


def _listed(latests: Latests, online: Online, asked: AtRiskAsked) -> dict[str, Any]:
    try:
        latest = latests.get(online.ledger)
    except AtRiskError:
        raise ProblemError(503, "the latest batch cannot be read now; try again later") from None
    if latest is None:
        raise ProblemError(404, _NO_BATCH)
    segments = [_segment(latest, online, held) for held in asked.segment]
    try:
        held = latest.page(asked.limit, segments, asked.band, asked.cursor)
    except CursorError as error:
        raise ProblemError(409, str(error)) from None
    except AtRiskError as error:
        raise ProblemError(422, str(error)) from None
    return {**held, "currency": online.config.currency}


def _segment(latest: Latest, online: Online, asked: str) -> tuple[str, int]:
    """Return a segment that there is, though the latest batch may have nobody in it."""
    way, _, number = asked.partition(":")
    known = set(latest.ways.get(way, ()))
    if "segments" in online.release.bundles:
        for held in online.release.bundles["segments"].model.segmenters:
            known |= {segment.id for segment in held.segments if held.way == way}
    if way in latest.ways and int(number) not in known:
        raise ProblemError(422, f"segment: {way} has {', '.join(map(str, sorted(known)))}")
    return way, int(number)


ROUTES = [ScopedRoute("/v1/customers/at-risk", "GET", "score", at_risk)]
