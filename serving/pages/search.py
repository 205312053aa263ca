"""Finding scores by customer, time, model and band."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.pages import exports
from serving.pages.search_phrases import SEARCH
from serving.pages.searched import Searched
from serving.pages.shell import config_of, link, page, words_of
from serving.pages.signing_in import sent_form
from serving.pages.words import Words
from serving.problem import ProblemError
from serving.record.index import Index, Page, Search, SearchError
from serving.record.tokens import customer_token
from serving.routes.route import ScopedRoute
from serving.scoring.online import Online
from training.model import TASKS

SCORES = "/audit/scores"
_LIMIT = 50
_PATIENCE = 0.5  # seconds that a page waits for the index to follow the record


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
    # Writing the page takes a while too, for which no call must wait.
    return await to_thread.run_sync(_answer, request, limiter=request.app.state.threads)


def _answer(request: Request) -> Response:
    kind, asked = exports.wanted(request), Searched.of(request.query_params)
    found, online = _found(request, asked), request.app.state.served.online
    if kind is not None:
        rows = [asdict(each) for each in found.rows]
        data = {"scores": rows, "after": found.next, "unread": list(found.unread)}
        return exports.file_of(kind, "scores", data, [_flat(row) for row in rows])
    words = words_of(request, SEARCH)
    return page(
        request,
        "scores.html",
        SEARCH,
        asked=asked,
        said=list(_said(asked, words)),
        found=found.rows,
        after=found.next,
        unread=found.unread,
        models=_models(online, asked.model),
        currency=online.config.currency,
    )


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a score as a line of a table, its bundles in columns of their own."""
    rest = {name: value for name, value in row.items() if name != "bundles"}
    return {**rest, **{f"bundle_{task}": row["bundles"].get(task) for task in TASKS}}


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


def index_of(request: Request) -> Index:
    """Return the index of the record, which is brought up to date as far as is quick."""
    state = request.app.state
    index: Index = state.index
    index.catch_up(state.served.online.ledger, within=_PATIENCE)
    return index


def _found(request: Request, asked: Searched) -> Page:
    zone = ZoneInfo(config_of(request).timezone)
    search = Search(
        customer=asked.customer or None,
        since=_instant(asked.since, zone),
        until=_instant(asked.until, zone, timedelta(days=1)),
        model=asked.model or None,
        band=asked.band or None,
        after=asked.after or None,
        limit=_LIMIT,
    )
    try:
        return index_of(request).find(search)
    except SearchError as error:
        raise ProblemError(422, str(error)) from None


def _instant(day: str, zone: ZoneInfo, later: timedelta = timedelta(0)) -> datetime | None:
    if not day:
        return None
    return datetime.combine(date.fromisoformat(day) + later, time(), zone)


ROUTES = [
    ScopedRoute("/audit/find", "POST", "audit", find),
    ScopedRoute(SCORES, "GET", "audit", scores),
]
