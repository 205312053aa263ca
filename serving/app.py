"""The service's routes, as a Starlette application that BentoML serves."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from features.database import DatabaseError
from serving import settings
from serving.guard import FAILED, log
from serving.ledger import LedgerError
from serving.online import Online
from serving.openapi import openapi
from serving.problem import ProblemError, read_request
from serving.release import Release
from serving.settings import Settings
from training.bundle import Bundle
from training.model import TASKS

PAPERS = ("version", "made_at", "refit_of", "cutoffs", "metrics", "verdict", "libraries")
"""What is told of a model; its config and data name places on the machine that trained it."""

# More threads than processors only wait for each other, and some calls then wait for seconds.
_THREADS = max(2, os.cpu_count() or 1)

ReadRelease = Callable[[Settings], Release]


def application(read_release: ReadRelease) -> Starlette:
    """Return the application; it reads its settings and models once it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        told = settings.read()
        app.state.online = opened(told, read_release(told))
        app.state.threads = CapacityLimiter(_THREADS)
        yield
        app.state.online.ledger.close()
        app.state.online.store.close()

    return Starlette(
        routes=[
            Route("/v1/score", score, methods=["POST"]),
            Route("/v1/models", models, methods=["GET"]),
            Route("/v1/openapi.json", document, methods=["GET"]),
        ],
        exception_handlers={
            ProblemError: _refused,
            HTTPException: _refused,
            DatabaseError: _unavailable,
            LedgerError: _unavailable,
            Exception: _failed,
        },
        lifespan=lifespan,
    )


def opened(told: Settings, release: Release) -> Online:
    """Open a base's feature store and record for a release."""
    return Online(
        release,
        settings.open_store(told.var),
        settings.open_ledger(told.config.name, told.var),
        settings.open_secret(told.var),
        told.config,
    )


async def score(request: Request) -> Response:
    """Score the customers of the body."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "the body must be JSON: send Content-Type: application/json")
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the caller left before the body's end") from None
    return await to_thread.run_sync(
        _scored, request.app.state.online, body, limiter=request.app.state.threads
    )


def _scored(online: Online, body: bytes) -> Response:
    asked = read_request(body, online.config.serving.max_customers)
    return _json(online.score(asked, datetime.now(UTC)))


async def models(request: Request) -> Response:
    """Say what is served."""
    release = request.app.state.online.release
    held = {task: _champion(release.bundles[task]) for task in TASKS if task in release.bundles}
    return _json({"base": release.base, "release": release.digest, "models": held})


def _champion(bundle: Bundle) -> dict[str, Any]:
    return {
        "digest": bundle.digest,
        "model": bundle.model.name,
        "features": list(bundle.model.inputs.names),
        "papers": {name: bundle.manifest[name] for name in PAPERS if name in bundle.manifest},
    }


async def document(request: Request) -> Response:
    """Describe the interface."""
    return _json(openapi(request.app.state.online.config.serving.max_customers))


async def _refused(_: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return ProblemError(error.status_code, error.detail).response(error.headers)
    assert isinstance(error, ProblemError)
    return error.response()


async def _unavailable(_: Request, error: Exception) -> Response:
    # The text is about the database alone: no statement and no parameter is in it.
    log.error("unavailable", error=type(error).__name__, detail=str(error))
    return ProblemError(
        503, "scores cannot be looked up or recorded now, so none is given; try again later"
    ).response({"Retry-After": "5"})


async def _failed(_: Request, __: Exception) -> Response:
    # Starlette raises it again after this answer; the guard logs it.
    return ProblemError(500, FAILED).response()


def _json(held: dict[str, Any]) -> Response:
    content = json.dumps(held, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    return Response(content.encode(), media_type="application/json")
