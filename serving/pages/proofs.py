"""Proofs to be handed out: that an entry is in the record, and what checks it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages.exports import as_json
from serving.pages.score import place_of, score_at
from serving.pages.verifying import proven
from serving.problem import ProblemError
from serving.record.merkle import RowsError
from serving.record.proof import SCRIPT
from serving.routes.route import ScopedRoute
from serving.scoring.online import Online
from serving.settings import open_signer


async def proof(request: Request) -> Response:
    """Hand out the proof of a score or a row, with a signed checkpoint of now."""
    held = await to_thread.run_sync(
        _proven, request, place_of(request), limiter=request.app.state.threads
    )
    return _file(as_json(held), "proof.json", "application/json")


async def script(_: Request) -> Response:
    """Hand out the script that checks a proof with the standard library alone."""
    return _file(SCRIPT.read_bytes(), "proven.py", "text/x-python; charset=utf-8")


def _proven(request: Request, place: tuple[str, int | None]) -> dict[str, Any]:
    state = request.app.state
    online: Online = state.served.online
    entry = score_at(online.ledger, place)
    signer = open_signer(online.config.name, state.var)
    try:
        return proven(online.ledger, entry.id, signer, datetime.now(UTC))
    except RowsError:
        raise ProblemError(503, "the rows of this batch cannot be read now") from None


def _file(content: bytes, name: str, media: str) -> Response:
    said = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(content, 200, said, media)


ROUTES = [
    ScopedRoute("/audit/proof-script", "GET", "audit", script),
    ScopedRoute("/audit/proofs/{id}", "GET", "audit", proof),
    ScopedRoute("/audit/proofs/{batch}/{row}", "GET", "audit", proof),
]
