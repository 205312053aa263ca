"""A route with the scope that a caller's key must have, and its answer as JSON."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Scope = Literal["score", "read", "audit", "admin"]
Handler = Callable[[Request], Awaitable[Response]]


class ScopedRoute(Route):
    """A route that takes keys of one scope.

    Parameters
    ----------
    path : str
        With its parameters in braces.
    method : {"GET", "POST"}
    scope : {"score", "read", "audit", "admin"}
        What the caller's key must be for.
    handler : callable
        From the request to the answer.
    is_open : bool
        Whether it needs no key all the same, as where one is asked for.
    """

    def __init__(
        self,
        path: str,
        method: Literal["GET", "POST"],
        scope: Scope,
        handler: Handler,
        is_open: bool = False,
    ) -> None:
        super().__init__(path, handler, methods=[method])
        self.scope: Scope = scope
        self.is_open = is_open


def in_json(held: Any) -> bytes:
    """Return data in JSON, every number to its last bit."""
    return orjson.dumps(held)


def as_json(held: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return data as a response in JSON."""
    return Response(in_json(held), status, headers, "application/json")
