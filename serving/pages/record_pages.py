"""The page of the record: its size, whether it is whole, and what was done besides scoring."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages import exports
from serving.pages.model_phrases import MODELS
from serving.pages.record_checked import checked, kept
from serving.pages.record_glance import MOST_EVENTS, events, glance
from serving.pages.record_phrases import RECORD
from serving.pages.shell import page
from serving.record.checkpoint import Checkpoint
from serving.record.ledger import Ledger
from serving.routes.route import ScopedRoute

_MOST_CHECKPOINTS = 20


async def record(request: Request) -> Response:
    """Show the record at a glance; verify it where that is asked."""
    kind = exports.wanted(request)
    asked = request.query_params.get("verify") == "1"
    told = await to_thread.run_sync(_told, request, asked, limiter=request.app.state.threads)
    if kind is not None:
        rows = [each.to_row() for each in told["events"]]
        held = {"record": asdict(told["glance"]), "events": rows}
        held["checkpoints"] = [_plain(each) for each in told["checkpoints"]]
        held |= {"verified": asdict(told["checked"])} if asked else {}
        return exports.file_of(kind, "record", held, rows)
    return page(request, "record.html", {**MODELS, **RECORD}, most=MOST_EVENTS, **told)


def _told(request: Request, asked: bool) -> dict[str, Any]:
    state = request.app.state
    ledger: Ledger = state.served.online.ledger
    held, broken = kept(state.var, ledger.base)
    return {
        "glance": glance(ledger),
        "events": events(ledger),
        "checked": checked(ledger, held) if asked else None,
        "checkpoints": held[::-1][:_MOST_CHECKPOINTS],
        "broken": broken,
    }


def _plain(held: Checkpoint) -> dict[str, Any]:
    return {"at": held.at, "size": held.size, "root": held.root.hex(), "note": held.note}


ROUTES = [ScopedRoute("/audit/record", "GET", "audit", record)]
