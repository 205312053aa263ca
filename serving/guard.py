"""What stands around the service: known routes, the body's limit, headers, and a log of no data."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.problem import ProblemError

PROBES = ("/livez", "/readyz", "/healthz", "/metrics")
"""BentoML's own routes that are let through."""

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

FAILED = "the service failed; its log tells where"

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

log = structlog.wrap_logger(
    structlog.PrintLogger(sys.stdout),
    processors=[
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.JSONRenderer(),
    ],
)


class Guard:
    """The outermost layer: what it does not know, no other layer sees, counts or logs.

    Parameters
    ----------
    app
        BentoML's application.
    routes
        The routes that are served besides BentoML's probes.
    max_body_mb
        How many MB a body may have; asked at each call, as settings are read late.
    """

    def __init__(
        self, app: ASGIApp, routes: Sequence[BaseRoute], max_body_mb: Callable[[], float]
    ) -> None:
        self._app, self._routes, self._max_body_mb = app, routes, max_body_mb

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return  # a websocket, which nobody answers, is closed
        call = _Call(scope, receive, send)
        try:
            self._check(scope, call)
            await self._app(scope, call.receive, call.send)
        except ProblemError as problem:
            await call.refuse(problem)
        except Exception as error:
            # The error's text may quote the caller's data: its kind and place tell enough.
            log.error("failed", error=type(error).__name__, at=_place(error))
            await call.refuse(ProblemError(500, FAILED))
        call.report(self._label(scope))

    def _check(self, scope: Scope, call: _Call) -> None:
        if self._label(scope) == "unknown":
            raise ProblemError(404, "there is nothing here; see /v1/openapi.json")
        call.limit = int(self._max_body_mb() * 1_000_000)
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared[:20]) > call.limit:
            raise call.too_large()

    def _label(self, scope: Scope) -> str:
        """Return what the log calls a call's path: the route's template, never what was sent."""
        if scope["path"] in PROBES:
            return str(scope["path"])
        # A copy: the layers within match for themselves.
        found = [route for route in self._routes if route.matches(dict(scope))[0] != Match.NONE]
        return str(getattr(found[0], "path", "route")) if found else "unknown"


class _Call:
    """One request and its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self.limit = 0
        self._read = 0
        self._status = 0
        self._begun = time.perf_counter()

    async def receive(self) -> Message:
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self.limit:
            # Starlette's own kind, which the application answers as any other problem.
            raise HTTPException(413, str(self.too_large()))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def refuse(self, problem: ProblemError) -> None:
        if not self._status:
            # What is left of the body is not read, so the connection cannot be used again.
            response = problem.response({"Connection": "close"})
            await response(self._scope, self._receive, self.send)

    def too_large(self) -> ProblemError:
        return ProblemError(413, f"a body may have {self.limit / 1_000_000:g} MB; send less")

    def report(self, route: str) -> None:
        if route in PROBES:
            return
        method = self._scope["method"]
        log.info(
            "answered",
            method=method if method in _METHODS else "other",
            route=route,
            status=self._status,
            ms=round(1000 * (time.perf_counter() - self._begun), 1),
        )


def _place(error: BaseException) -> str:
    frames: list[Any] = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}"
