"""All of the auditor's pages."""

from __future__ import annotations

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
from serving.routes.route import ScopedRoute

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
]
