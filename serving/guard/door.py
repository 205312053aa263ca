"""The outermost layer: what it does not let in, no other layer sees, counts or logs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as Connection

from serving.guard.call import Call
from serving.guard.caller import known
from serving.guard.keys import FILE, Key, KeysError, KeyStore
from serving.guard.log import failed, log
from serving.guard.metrics import metrics
from serving.guard.places import NOWHERE, PROBES, Place, Places
from serving.guard.queue import Queue
from serving.guard.rate import HERE, Rate
from serving.guard.refusal import RefusalError
from serving.guard.sessions import Sessions
from serving.guard.visitors import is_page, visitor
from serving.problem import FAILED, ProblemError
from serving.routes.route import Scope
from serving.settings import Settings


@dataclass(frozen=True)
class _Rules:
    """What the settings say of who may call, and how much."""

    keys: KeyStore
    sessions: Sessions
    rate: Rate
    queue: Queue
    most_bytes: int
    timeout: float


class Guard:
    """The door of the service.

    Parameters
    ----------
    application : Starlette
        What serves the routes; it is called straight, past BentoML's layers.
    probes : ASGI application
        BentoML's, which serves its own probes, starts and ends.
    told : callable
        Gives the settings, at the first call: a process that only starts others has none.
    """

    def __init__(
        self, application: Starlette, probes: ASGIApp, told: Callable[[], Settings]
    ) -> None:
        self._application, self._probes, self._told = application, probes, told
        self._places = Places(application.routes)
        self._answering: set[asyncio.Task[None]] = set()

    @cached_property
    def _rules(self) -> _Rules:
        told = self._told()
        serving = told.config.serving
        keys = KeyStore(told.var / FILE)
        return _Rules(
            keys,
            Sessions(keys),
            Rate(serving.calls_per_minute),
            Queue(serving.max_waiting, metrics().in_hand),
            int(serving.max_body_mb * 1_000_000),
            serving.timeout,
        )

    async def __call__(self, scope: Connection, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "http":
            await self._serve(Call(scope, receive, send))
        elif scope["type"] == "lifespan":
            await self._probes(scope, receive, send)
        else:
            await receive()
            await send({"type": "websocket.close"})  # a websocket, which nobody serves

    async def _serve(self, call: Call) -> None:
        try:
            app = self._admitted(call)
            await app(call.scope, call.receive, call.send)
        except ProblemError as problem:
            await self._refuse(call, problem)
        except KeysError as error:
            log.error("unavailable", error=type(error).__name__, detail=str(error), id=call.id)
            await call.refuse(ProblemError(503, "the keys of callers cannot be read now"))
        except Exception as error:
            failed(error, call.id)
            await call.refuse(ProblemError(500, FAILED))
        finally:
            call.end()
        if not call.cut:
            _tell(call)

    def _admitted(self, call: Call) -> ASGIApp:
        """Return what is to serve a call.

        The cheapest question comes first, and none reads the body: to refuse must cost far less
        than to serve. Who has no key is told nothing, not even what there is.
        """
        rules, scope = self._rules, call.scope
        place = self._places.find(scope["path"])
        call.route = place.label
        key = scope["key"] = None if place.is_open else self._caller(call)
        needed = _needed(place, scope["method"])
        if key is not None and not key.allows(needed):
            raise RefusalError(403, "scope", f"this needs a key of the scope {needed}")
        scope["sessions"] = rules.sessions
        call.bound(rules.most_bytes)
        if place.probe:  # which who watches the service asks even when it is busy
            return self._probes
        rules.rate.take(key.id if key is not None else HERE, time.monotonic())
        rules.queue.enter()
        call.in_hand(rules.queue.leave)
        call.due(rules.timeout, lambda refusal: self._cut(call, refusal))
        return self._application

    def _caller(self, call: Call) -> Key | None:
        rules, now = self._rules, datetime.now(UTC)
        if is_page(call.scope["path"]):
            return visitor(call.scope, call.headers, rules.keys, rules.sessions, now)
        return known(call.scope, call.headers, rules.keys, now)

    async def _refuse(self, call: Call, problem: ProblemError) -> None:
        if isinstance(problem, RefusalError):
            metrics().refused(problem.reason)
        await call.refuse(problem)

    def _cut(self, call: Call, refusal: RefusalError) -> None:
        async def answer() -> None:
            await call.cut_short(refusal)
            _tell(call)

        call.cut = True  # at once: whatever the application answers from now on is too late
        metrics().refused(refusal.reason)

        task = asyncio.get_running_loop().create_task(answer())
        self._answering.add(task)  # the loop itself holds it only weakly
        task.add_done_callback(self._answering.discard)


def _needed(place: Place, method: str) -> Scope:
    """Return the scope that a key needs to call a place by a method."""
    if place is NOWHERE:
        raise RefusalError(404, "path", "there is nothing here; see /v1/openapi.json")
    if method not in place.scopes:
        allowed = ", ".join(sorted(place.scopes))
        raise RefusalError(405, "method", f"only {allowed} is served here", {"Allow": allowed})
    return place.scopes[method]


def _tell(call: Call) -> None:
    """Count a call and log it: its route, never its path, nor anything else that was sent."""
    seconds = call.seconds
    scores = call.scope.get("scores", 0)
    metrics().answered(call.route, call.method, call.status, seconds, scores)
    if call.route in PROBES:
        return
    key = call.scope.get("key")
    log.info(
        "answered",
        method=call.method,
        route=call.route,
        status=call.status,
        ms=round(1000 * seconds, 1),
        id=call.id,
        key=None if key is None else key.id,
    )
