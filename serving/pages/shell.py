"""The frame of every page: layout, language, navigation, and what a browser may do with it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from configs.schema import Config
from serving.pages.phrases import SHELL
from serving.pages.words import Phrases, Words
from serving.problem import ProblemError
from serving.routes.language import accepted
from training.page import TEMPLATES, render
from training.quantities import Language
from training.wording import title

ROOT = "/audit"
NAVIGATION = (
    ("/audit", "nav_start"),
    ("/audit/scores", "nav_scores"),
    ("/audit/models", "nav_models"),
    ("/audit/record", "nav_record"),
    ("/audit/drift", "nav_drift"),
    ("/audit/outcomes", "nav_outcomes"),
)
"""The pages at the head of every page: where they are, and the phrase of the shell's for each."""

_OWN = Path(__file__).parent / "templates"
_SAID_OF = {400: "422", 404: "404", 410: "410", 422: "422", 503: "503"}


def page(
    request: Request,
    template: str,
    phrases: Phrases | None = None,
    status: int = 200,
    **content: Any,
) -> Response:
    """Return a page of a template that extends ``audit.html``.

    Parameters
    ----------
    request : Request
    template : str
        Its file's name, in ``serving/pages/templates``.
    phrases : mapping, optional
        What it says besides the shell's own.
    status : int
    content
        What it tells of; text is escaped. The template has besides ``t``, the words; ``link``,
        which gives the address of another page in the same language; ``path``, this page's.
    """
    words = words_of(request, phrases or {})
    written = render(
        template,
        _OWN,
        style=_style(),
        language=words.language,
        t=words,
        link=lambda path, **asked: link(request, path, **asked),
        here=lambda **asked: link(request, request.url.path, **{**request.query_params, **asked}),
        path=request.url.path,
        navigation=NAVIGATION,
        base=title(config_of(request).name),
        key=request.scope.get("key"),
        **content,
    )
    return Response(written, status, _headers(), "text/html; charset=utf-8")


def problem(request: Request, error: ProblemError) -> Response:
    """Return a problem as a page."""
    said = _SAID_OF.get(error.status, "other")
    answer = page(request, "problem.html", status=error.status, said=said, detail=error.detail)
    if error.status == 503:
        answer.headers["Retry-After"] = "5"
    return answer


def is_shown(request: Request) -> bool:
    """Say whether who asks for a page reads it in a browser, rather than by a program."""
    path = request.url.path
    is_page = path == ROOT or path.startswith(f"{ROOT}/")
    return is_page and "text/html" in request.headers.get("accept", "")


def words_of(request: Request, phrases: Phrases) -> Words:
    """Return the words of a page: in the language that its address names, else the reader's."""
    zone = ZoneInfo(config_of(request).timezone)
    return Words(_language(request), zone, {**SHELL, **phrases})


def link(request: Request, path: str, **asked: Any) -> str:
    """Return the address of a page, in the language that this one's address names."""
    chosen = {"lang": request.query_params.get("lang"), **asked}
    held = {name: value for name, value in chosen.items() if value not in (None, "")}
    return f"{path}?{urlencode(held)}" if held else path


def config_of(request: Request) -> Config:
    """Return the config of the base that is served."""
    config: Config = request.app.state.served.online.config
    return config


def in_use(request: Request) -> frozenset[str]:
    """Return the digests of the bundles that give scores now."""
    return frozenset(request.app.state.served.online.release.digests.values())


def _language(request: Request) -> Language:
    named = request.query_params.get("lang")
    if named in ("en", "da"):
        return "da" if named == "da" else "en"
    wanted = accepted(request.headers.get("accept-language"))
    return wanted or config_of(request).serving.language


@cache
def _style() -> str:
    return (_OWN / "audit.css").read_text(encoding="utf-8")


@cache
def _headers() -> Mapping[str, str]:
    # As `training.page.render` puts the style together.
    whole = (TEMPLATES / "page.css").read_text(encoding="utf-8") + _style()
    digest = base64.b64encode(hashlib.sha256(whole.encode()).digest()).decode()
    return {
        "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{digest}'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        # With no referrer a browser would not say either which page sends a form.
        "Referrer-Policy": "same-origin",
        "Vary": "Accept-Language, Accept",
    }
