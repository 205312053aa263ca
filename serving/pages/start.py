"""The first page: the record at a glance, and where to look for a score."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages import exports
from serving.pages.search_phrases import FORM
from serving.pages.searched import Searched
from serving.pages.shell import ROOT, page
from serving.pages.start_phrases import START
from serving.routes.route import ScopedRoute
from serving.scoring.online import Online


async def start(request: Request) -> Response:
    """Show how much is on record, and the form that finds a score."""
    online: Online = request.app.state.served.online
    told = await to_thread.run_sync(_glance, online, limiter=request.app.state.threads)
    if kind := exports.wanted(request):
        return exports.file_of(kind, "overview", told, [told])
    models = [
        {"task": task, "digest": bundle.digest, "model": bundle.model.name}
        for task, bundle in online.release.bundles.items()
    ]
    return page(
        request, "start.html", {**START, **FORM}, glance=told, models=models, asked=Searched()
    )


def _glance(online: Online) -> dict[str, Any]:
    last = online.ledger.last()
    return {
        "base": online.config.name,
        "entries": 0 if last is None else last.seq,
        "last_at": None if last is None else last.at,
        "last_kind": None if last is None else last.kind,
    }


ROUTES = [ScopedRoute(ROOT, "GET", "audit", start)]
