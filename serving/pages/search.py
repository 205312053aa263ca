"""Finding scores by customer, time, model and band."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.pages import exports
from serving.pages.search_phrases import SEARCH
from serving.pages.searched import Searched
from serving.pages.shell import link, page, words_of
from serving.pages.signing_in import sent_form
from serving.pages.words import Words
from serving.record.tokens import customer_token
from serving.routes.route import ScopedRoute
from serving.scoring.online import KIND, Online

SCORES = "/audit/scores"
_LIMIT = 50


async def find(request: Request) -> Response:
    """Go on to a search's page, whose address has the record's name of the customer, not the id."""
    sent = await sent_form(request)
    asked = {**Searched.of(sent).given()}
    if customer := sent.get("customer_id", "").strip():
        online: Online = request.app.state.served.online
        asked["customer"] = customer_token(online.secret, online.config.name, customer)
    return RedirectResponse(link(request, SCORES, **asked), 303)


async def scores(request: Request) -> Response:
    """Show the scores that a search finds, the newest first."""
    asked, online = Searched.of(request.query_params), request.app.state.served.online
    found, after = await to_thread.run_sync(
        _found, online, asked, limiter=request.app.state.threads
    )
    if kind := exports.wanted(request):
        return exports.file_of(kind, "scores", {"scores": found, "after": after}, found)
    words = words_of(request, SEARCH)
    return page(
        request,
        "scores.html",
        SEARCH,
        asked=asked,
        said=list(_said(asked, words)),
        found=found,
        after=after,
        models=_models(online, asked.model),
        currency=online.config.currency,
    )


def _models(online: Online, chosen: str) -> list[dict[str, str]]:
    present = [
        {"task": task, "digest": bundle.digest} for task, bundle in online.release.bundles.items()
    ]
    known = not chosen or any(held["digest"] == chosen for held in present)
    return present if known else [*present, {"task": "", "digest": chosen}]


def _said(asked: Searched, words: Words) -> Iterator[str]:
    if asked.customer:
        yield words("for_customer", token=asked.customer[:8])
    if asked.since:
        yield words("for_since", day=date.fromisoformat(asked.since))
    if asked.until:
        yield words("for_until", day=date.fromisoformat(asked.until))
    if asked.band:
        yield words("for_band", band=words(f"band_{asked.band}"))
    if asked.model:
        yield words("for_model", digest=asked.model[:8])


def _found(online: Online, asked: Searched) -> tuple[list[dict[str, Any]], str | None]:
    """Return the scores found, the newest first, and where the next page begins."""
    zone = ZoneInfo(online.config.timezone)
    since, until = _instant(asked.since, zone), _instant(asked.until, zone, timedelta(days=1))
    found = []
    for entry in reversed(list(online.ledger.entries(KIND, last=1_000))):
        body, at = entry.body, datetime.fromisoformat(entry.at)
        churn, clv = (body["scores"].get(task, {}) for task in ("churn", "clv"))
        if (
            (not asked.customer or body["customer"] == asked.customer)
            and (since is None or at >= since)
            and (until is None or at < until)
            and (not asked.model or asked.model in body["bundles"].values())
            and (not asked.band or churn.get("band") == asked.band)
        ):
            found.append(
                {
                    "id": entry.id,
                    "at": entry.at,
                    "customer": body["customer"],
                    "as_of": body["as_of"],
                    "band": churn.get("band"),
                    "probability": churn.get("served"),
                    "value": clv.get("served"),
                }
            )
    return found[:_LIMIT], None


def _instant(day: str, zone: ZoneInfo, later: timedelta = timedelta(0)) -> datetime | None:
    if not day:
        return None
    return datetime.combine(date.fromisoformat(day) + later, time(), zone)


ROUTES = [
    ScopedRoute("/audit/find", "POST", "audit", find),
    ScopedRoute(SCORES, "GET", "audit", scores),
]
