"""Scores that are on record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.api.recorded import RecordedAsked
from serving.problem import ProblemError
from serving.record import recorded
from serving.record.draft import ID
from serving.record.merkle import RowsError
from serving.record.reading import NUMBER
from serving.record.seal import ErasedError
from serving.routes import parameters
from serving.routes.language import accepted
from serving.routes.route import ScopedRoute, as_json
from serving.scoring.online import Online
from training.quantities import Language

_NO_ID = (
    "the id of a score has letters, digits and . _ - alone; those of a batch, or of a call of many "
    "customers, are ID/1 and on"
)


_ERASED = "this score was of a customer who is erased: what it said cannot be read any more"


async def score(request: Request) -> Response:
    """Tell a score, or a row of a batch, again."""
    told = request.path_params
    entry_id, row = told.get("id") or told["batch"], told.get("row")
    if not ID.fullmatch(entry_id) or not (row is None or NUMBER.fullmatch(row)):
        raise ProblemError(422, _NO_ID)
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
    except ErasedError:
        raise ProblemError(410, _ERASED) from None
    if entry is None:
        raise ProblemError(404, "no score of this id is on record")
    try:
        return recorded.told(entry, recorded.lookup(online.release, var), *how)
    except ErasedError:
        raise ProblemError(410, _ERASED) from None


ROUTES = [
    ScopedRoute("/v1/scores/{id}", "GET", "read", score),
    ScopedRoute("/v1/scores/{batch}/{row}", "GET", "read", score),
]
