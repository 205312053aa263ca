"""All of the auditor's pages."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from serving.pages import (
    drift_pages,
    model_pages,
    outcomes_pages,
    proofs,
    record_pages,
    score,
    search,
    signing_in,
    start,
)
from serving.pages.shell import ROOT
from serving.problem import ProblemError
from serving.routes.route import ScopedRoute


async def _nowhere(_: Request) -> Response:
    """Tell who reads pages that there is none at an address, on a page that leads on."""
    raise ProblemError(404, "no page has this address")


ROUTES: list[ScopedRoute] = [
    *signing_in.ROUTES,
    *start.ROUTES,
    *search.ROUTES,
    *score.ROUTES,
    *proofs.ROUTES,
    *model_pages.ROUTES,
    *record_pages.ROUTES,
    *drift_pages.ROUTES,
    *outcomes_pages.ROUTES,
    ScopedRoute(f"{ROOT}/{{rest:path}}", "GET", "audit", _nowhere),
]
