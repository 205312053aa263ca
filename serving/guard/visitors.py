"""Who looks at the auditor's pages: by a key, as any caller, or signed in at a browser."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from starlette.responses import RedirectResponse, Response

from serving.guard.caller import Headers, known
from serving.guard.keys import Key, KeyStore
from serving.guard.refusal import RefusalError
from serving.guard.sessions import Sessions

SIGN_IN = "/audit/sign-in"
_PAGES = "/audit"


class SignInError(RefusalError):
    """A page that was asked for by a browser that is not signed in: it is led to where it can."""

    def __init__(self, call: Mapping[str, Any], refusal: RefusalError) -> None:
        super().__init__(refusal.status, refusal.reason, refusal.detail, refusal.headers)
        query = call.get("query_string", b"").decode("latin-1")
        self._next = call["path"] + (f"?{query}" if query else "")

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the way to sign in, from which the page is come back to."""
        asked = urlencode({"next": self._next})
        return RedirectResponse(f"{SIGN_IN}?{asked}", 303, dict(headers or {}))


def is_page(path: str) -> bool:
    """Say whether a path is one of the auditor's pages, or would be."""
    return path == _PAGES or path.startswith(f"{_PAGES}/")


def visitor(
    call: Mapping[str, Any], headers: Headers, keys: KeyStore, sessions: Sessions, now: datetime
) -> Key | None:
    """Return the key of a call for a page, as `known` does, or that which a session stands for.

    Raises
    ------
    RefusalError
        401 if there is neither; a browser is led to where it can sign in.
    """
    if b"authorization" not in headers and (key := sessions.find(headers, now)) is not None:
        return key
    try:
        return known(call, headers, keys, now)
    except RefusalError as refusal:
        if sessions.needs_key(now) and call["method"] == "GET" and _is_browser(headers):
            raise SignInError(call, refusal) from None
        raise


def _is_browser(headers: Headers) -> bool:
    return b"text/html" in headers.get(b"accept", b"")
