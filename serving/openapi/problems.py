"""How a call is refused: each status with its rule, its headers and an example."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from serving.openapi.headers import answered_with
from serving.openapi.operation import Content
from serving.problem import MEDIA_TYPE

ANYWHERE = (405, 413, 415, 429, 500, 504)
"""What any operation may answer."""

OF_A_PROBE = (405, 413, 415, 500)
"""What a probe may answer: it is never kept waiting."""

OF_A_KEY = (401, 403)
"""What any operation that needs a key may answer besides."""

OF_A_BODY = (400, 408, 422)
"""What any operation that reads a body may answer besides."""

RULES = {
    400: "the body or a header is not what it must be: no JSON, or a key stands twice in an object",
    401: "no key is given, or one that is unknown, expired or revoked",
    403: "the key is not for this: it lacks the scope that the operation needs",
    404: "there is nothing of this name",
    405: "the method is not served here",
    408: "the body did not come in time",
    409: "it cannot be now; what stands against it is told",
    410: "it was about a customer who is erased, and cannot be read any more",
    413: "the body is too large",
    415: "the body is not called JSON, or is compressed",
    422: "what is asked for cannot be: each fault with its JSON pointer",
    429: "too many calls: of this key, or in hand at once; ask again after Retry-After",
    500: "the service failed; no score was answered",
    503: "scores cannot be looked up or recorded now; none was given",
    504: "it took too long",
}
_HEADERS = {
    401: ("WWW-Authenticate",),
    405: ("Allow",),
    409: ("Retry-After",),
    429: ("Retry-After", "RateLimit", "RateLimit-Policy"),
    503: ("Retry-After",),
}


def responses(statuses: set[int]) -> dict[str, Any]:
    """Return the components that operations refer to, by name."""
    return {name_of(status): _response(status) for status in sorted(statuses)}


def name_of(status: int) -> str:
    """Return the name of a status's component."""
    return "".join(word.capitalize() for word in HTTPStatus(status).name.split("_"))


def _response(status: int) -> dict[str, Any]:
    content = Content("Problem", {"problem": _example(status)}, MEDIA_TYPE)
    return {
        "description": RULES[status],
        "headers": answered_with(*_HEADERS.get(status, ())),
        "content": content.told(),
    }


def _example(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": RULES[status],
    }
    if status == HTTPStatus.UNPROCESSABLE_ENTITY:
        told["errors"] = [{"pointer": "/customers/0/customer_id", "detail": "is missing"}]
    return told
