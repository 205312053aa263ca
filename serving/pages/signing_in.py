"""Signing in by a key at a browser, and out again."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from serving.guard.sessions import COOKIE, LASTS, Sessions
from serving.guard.visitors import SIGN_IN, is_page
from serving.pages.phrases import SIGN_IN as PHRASES
from serving.pages.shell import ROOT, link, page
from serving.routes.route import ScopedRoute

_HOURS = int(LASTS.total_seconds() // 3600)


async def form(request: Request) -> Response:
    """Show where a key is asked for; no key is needed where there is none."""
    if not _sessions(request).needs_key(datetime.now(UTC)):
        return RedirectResponse(link(request, ROOT), 303)
    return _form(request)


async def sign_in(request: Request) -> Response:
    """Begin a session by a key, and go on to the page that was asked for."""
    sent = await sent_form(request)
    text = _sessions(request).begin(sent.get("key", "").strip(), datetime.now(UTC))
    if text is None:
        return _form(request, wrong=True)
    answer = RedirectResponse(_next(request), 303)
    answer.set_cookie(
        COOKIE,
        text,
        path=ROOT,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return answer


async def sign_out(request: Request) -> Response:
    """End the session."""
    _sessions(request).end(dict(request.scope["headers"]))
    answer = RedirectResponse(link(request, SIGN_IN), 303)
    answer.delete_cookie(COOKIE, path=ROOT)
    return answer


async def sent_form(request: Request) -> dict[str, str]:
    """Return a form's fields."""
    held = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=20)
    return {name: values[0] for name, values in held.items()}


def _form(request: Request, wrong: bool = False) -> Response:
    return page(
        request,
        "sign_in.html",
        PHRASES,
        status=403 if wrong else 200,
        wrong=wrong,
        hours=_HOURS,
        next=_next(request),
    )


def _next(request: Request) -> str:
    """Return the page to go on to: one of these, whatever the address says."""
    path, _, query = request.query_params.get("next", "").partition("?")
    if not is_page(path) or not path.isprintable() or path.startswith(SIGN_IN):
        return link(request, ROOT)
    return f"{path}?{query}" if query else path


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.scope["sessions"]
    return sessions


ROUTES = [
    ScopedRoute(SIGN_IN, "GET", "audit", form, is_open=True),
    ScopedRoute(SIGN_IN, "POST", "audit", sign_in, is_open=True),
    ScopedRoute("/audit/sign-out", "POST", "audit", sign_out),
]
