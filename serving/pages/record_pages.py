"""The page of the record: its size, whether it is whole, and what was done besides scoring."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages import exports
from serving.pages.model_phrases import MODELS
from serving.pages.record_glance import MOST_EVENTS, events, glance
from serving.pages.record_phrases import RECORD
from serving.pages.shell import page
from serving.record.ledger import Ledger
from serving.routes.route import ScopedRoute


@dataclass(frozen=True)
class Checked:
    """What verifying found: how much was looked at, the faults, and how long it took."""

    entries: int
    rows: int
    faults: tuple[str, ...]
    seconds: float
    all: bool

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


async def record(request: Request) -> Response:
    """Show the record at a glance; verify it where that is asked."""
    kind = exports.wanted(request)
    asked = request.query_params.get("verify") == "1"
    told = await to_thread.run_sync(
        _told, request.app.state.served.online.ledger, asked, limiter=request.app.state.threads
    )
    if kind is not None:
        rows = [each.to_row() for each in told["events"]]
        held = {"record": asdict(told["glance"]), "events": rows}
        checked = told["checked"]
        held |= {} if checked is None else {"verified": asdict(checked)}
        return exports.file_of(kind, "record", held, rows)
    return page(request, "record.html", {**MODELS, **RECORD}, most=MOST_EVENTS, **told)


def _told(ledger: Ledger, asked: bool) -> dict[str, Any]:
    return {
        "glance": glance(ledger),
        "events": events(ledger),
        "checked": _checked(ledger) if asked else None,
        "checkpoints": [],
    }


def _checked(ledger: Ledger) -> Checked:
    start = time.perf_counter()
    found = ledger.verify()
    return Checked(
        found.entries, found.batches_rows, found.faults, time.perf_counter() - start, True
    )


ROUTES = [ScopedRoute("/audit/record", "GET", "audit", record)]
