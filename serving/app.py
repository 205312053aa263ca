"""The service as a Starlette application, which BentoML serves."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime

from anyio import CapacityLimiter
from starlette.applications import Starlette
from starlette.datastructures import State
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from configs.errors import StamkundeError
from features.database import DatabaseError
from serving import settings
from serving.batch.at_risk import FILE, Latests
from serving.batch.jobs import Jobs
from serving.guard.log import failed, log
from serving.pages import routes as pages
from serving.pages import shell
from serving.problem import FAILED, ProblemError
from serving.record.checkpointing import checkpointing
from serving.record.draft import LedgerError
from serving.record.index_following import following as index_following
from serving.record.recorder import Recorder
from serving.releases.release import Release
from serving.releases.shadow import warm
from serving.releases.swap import Served, following, note
from serving.routes import customers, document, jobs, models, recorded, scores
from serving.scoring.online import Online
from serving.scoring.together import Together
from serving.settings import Settings
from serving.watching.note import Watch
from training import compiled

# More threads than processors only wait for each other, and some calls then wait for seconds.
_THREADS = max(2, os.cpu_count() or 1)

ReadRelease = Callable[[Settings], Release]


def application(read_release: ReadRelease) -> Starlette:
    """Return the application; it reads its settings and models once it starts."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        told = settings.read()
        if told.models:  # a Bento, which trusts nothing on the machine that it lands on
            compiled.keep_nothing()
        _open(app.state, told, read_release(told))
        async with _followed(app.state, told):
            yield
        _close(app.state)

    return Starlette(
        routes=[
            *scores.ROUTES,
            *recorded.ROUTES,
            *jobs.ROUTES,
            *customers.ROUTES,
            *models.ROUTES,
            *document.ROUTES,
            *pages.ROUTES,
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
    store = settings.open_store(told.var)
    return Online(
        release,
        store,
        settings.open_ledger(told.config.name, told.var),
        settings.open_secret(told.var),
        told.config,
        settings.permission(told.config, told.var, store),
    )


def _open(state: State, told: Settings, release: Release) -> None:
    """Open all that answers look into, and have it ready before the first call."""
    online = opened(told, release)
    state.served = Served(online)
    state.threads = CapacityLimiter(_THREADS)
    state.recorder = Recorder(online.ledger)
    state.recorder.start()
    state.var = told.var
    state.remembered = settings.open_remembered(told.config, told.var)
    state.jobs = Jobs(told.var)
    state.latests = Latests(told.var / FILE)
    state.index = settings.open_index(told.config.name, told.var)
    state.watch = Watch(settings.open_seen(told.config.name, told.var), told.config.timezone)
    state.watch.start()
    state.together = Together(state.recorder, state.watch)
    _warmed(online)
    note(online, told.var)


@asynccontextmanager
async def _followed(state: State, told: Settings) -> AsyncIterator[None]:
    """Follow promotions and the record's growth beside the answering."""
    ledger = state.served.online.ledger
    # A Bento's models are its own: nothing that is promoted elsewhere takes their place.
    async with nullcontext() if told.models else following(state.served, told.var):
        told_of = settings.open_checkpointing(told.config, told.var, ledger)
        with index_following(told.config.name, told.var), checkpointing(told_of):
            yield


def _close(state: State) -> None:
    state.recorder.stop()
    state.watch.stop()
    state.index.close()
    state.remembered.close()
    state.served.online.ledger.close()
    state.served.online.store.close()


def _warmed(online: Online) -> None:
    # The record's tables are made now, not while a call waits.
    for begin in (online.ledger.head, lambda: warm(online, datetime.now(UTC))):
        try:
            begin()
        except StamkundeError as error:
            # Calls will tell; some may be answered all the same.
            log.warning("cold", why=str(error))
        except Exception as error:
            failed(error, "warming")


async def _refused(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException):
        return _told(request, ProblemError(error.status_code, error.detail), error.headers)
    assert isinstance(error, ProblemError)
    return _told(request, error)


async def _unavailable(request: Request, error: Exception) -> Response:
    # The text is about the database alone: no statement and no parameter is in it.
    log.error("unavailable", error=type(error).__name__, detail=str(error))
    return _told(
        request,
        ProblemError(
            503, "scores cannot be looked up or recorded now, so none is given; try again later"
        ),
    )


async def _failed(request: Request, _: Exception) -> Response:
    # Starlette raises it again after this answer; the guard logs it.
    return _told(request, ProblemError(500, FAILED))


def _told(
    request: Request, problem: ProblemError, headers: Mapping[str, str] | None = None
) -> Response:
    """Tell a problem: as a page to who reads pages, else as the document that programs read."""
    return shell.problem(request, problem) if shell.is_shown(request) else problem.response(headers)
