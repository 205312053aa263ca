"""Jobs that score the base."""

from __future__ import annotations

import re
from functools import partial
from typing import Any
from uuid import uuid4

from anyio import to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, Response

from serving.api.jobs import BatchRequest
from serving.batch import jobs
from serving.batch.jobs import BusyError, Job, Jobs
from serving.idempotency.once import once
from serving.idempotency.remembered import Note
from serving.problem import ProblemError, read_as
from serving.routes.route import ScopedRoute, as_json
from serving.scoring.online import Online

_ID = re.compile(r"[0-9a-f]{32}")
_MEDIA_TYPES = {"parquet": "application/vnd.apache.parquet", "csv": "text/csv; charset=utf-8"}


async def start(request: Request) -> Response:
    """Start a job that scores the base."""
    try:
        body = await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the caller left before the body's end") from None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and kind != "application/json":
        raise ProblemError(415, "the body must be JSON: send Content-Type: application/json")
    online, held = request.app.state.served.online, request.app.state.jobs
    return await once(request, body, partial(_started, online, held, body))


def _started(online: Online, held: Jobs, body: bytes, note: Note | None) -> Response:
    asked = read_as(BatchRequest, body) if body else BatchRequest()
    defaults = online.config.serving
    job = Job(
        job=note.name(online.secret, online.config.name, 0) if note else uuid4().hex,
        state="queued",
        bundles=online.release.digests,
        reasons=defaults.reasons if asked.reasons is None else asked.reasons,
        language=asked.language or defaults.language,
        format=asked.format,
        asked_at=jobs.instant(),
    )
    try:
        job = held.start(job)
    except BusyError as error:
        return ProblemError(409, str(error)).response({"Location": _place(error.job)})
    return as_json(jobs.as_told(job), 202, {"Location": _place(job.job)})


async def job(request: Request) -> Response:
    """Say how far a job is."""
    return as_json(jobs.as_told(await _found(request)))


async def result(request: Request) -> Response:
    """Give the file that a job made."""
    found = await _found(request)
    if found.state != "done":
        raise ProblemError(409, f"the job is {found.state}; there is a file once it is done")
    file = request.app.state.jobs.result(found)
    if not file.exists():
        raise ProblemError(404, "the file is no longer kept; start another job")
    return FileResponse(
        file,
        media_type=_MEDIA_TYPES[found.format],
        filename=f"scores-{found.as_of}.{found.format}",
    )


async def _found(request: Request) -> Job:
    job_id = request.path_params["job"]
    if not _ID.fullmatch(job_id):
        raise ProblemError(422, "the id of a job is 32 digits, 0-9 and a-f")
    held: Any = request.app.state.jobs
    found: Job | None = await to_thread.run_sync(
        held.get, job_id, limiter=request.app.state.threads
    )
    if found is None:
        raise ProblemError(404, "there is no job of this id")
    return found


def _place(job_id: str) -> str:
    return f"/v1/score/batch/{job_id}"


ROUTES = [
    ScopedRoute("/v1/score/batch", "POST", "admin", start),
    ScopedRoute("/v1/score/batch/{job}", "GET", "read", job),
    ScopedRoute("/v1/score/batch/{job}/result", "GET", "score", result),
]
