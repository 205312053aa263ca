"""The headers that every answer carries."""

from __future__ import annotations

from starlette.types import Message

SECURITY = {
    "Cache-Control": "no-store",
    # A page that needs more says so itself, with a nonce for its own style and script.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

# Only to who came by TLS, which ends in front of the service: over plain HTTP browsers ignore it.
_OVER_TLS = (b"strict-transport-security", b"max-age=31536000")
_SPELT = [(name.lower().encode(), value.encode()) for name, value in SECURITY.items()]


def put_on(message: Message, request_id: str, over_tls: bool) -> None:
    """Put the headers on the beginning of an answer, beside those that it has of its own."""
    held = message["headers"] = list(message.get("headers", ()))
    names = {name for name, _ in held}
    held.extend(header for header in _SPELT if header[0] not in names)
    held.append((b"x-request-id", request_id.encode()))
    if over_tls:
        held.append(_OVER_TLS)
