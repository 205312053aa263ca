"""A call with an Idempotency-Key: its work is done once, however often it is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.idempotency.remembered import (
    LONGEST_KEY,
    Answer,
    Call,
    Note,
    OtherRequestError,
    Remembered,
    UnderWayError,
)
from serving.problem import ProblemError

HEADER = "Idempotency-Key"
Work = Callable[[Note | None], Response]

_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")
_KEPT_HEADERS = ("content-type", "content-language", "location", "vary")


async def once(request: Request, body: bytes, work: Work) -> Response:
    """Do a call's work in a thread; with an Idempotency-Key, unless it was done before.

    Parameters
    ----------
    request : Request
    body : bytes
        Of the request.
    work : callable
        From the note of the call, None without a key, to the answer. What it makes is named by
        the note, as it may be called again after a process died at it.

    Raises
    ------
    ProblemError
        400 if the key cannot be one, 422 if it was given with another request before.
    """
    threads = request.app.state.threads
    if HEADER not in request.headers:
        return await to_thread.run_sync(work, None, limiter=threads)
    call = _call(request, body)
    remembered = request.app.state.remembered
    return await to_thread.run_sync(_remembered, remembered, call, work, limiter=threads)


def _call(request: Request, body: bytes) -> Call:
    given = request.headers.getlist(HEADER)
    if len(given) != 1 or not _KEY.fullmatch(given[0]):
        raise ProblemError(
            400, f"{HEADER} must be one text of 1 to {LONGEST_KEY} visible ASCII characters"
        )
    key = request.scope.get("key")
    parts = (request.method, request.url.path, request.headers.get("accept-language", ""))
    return Call.of(key.id if key else "", given[0], *(part.encode() for part in parts), body)


def _remembered(remembered: Remembered, call: Call, work: Work) -> Response:
    try:
        held = remembered.begin(call, datetime.now(UTC))
    except OtherRequestError:
        raise ProblemError(
            422, f"this {HEADER} was given with another request before; give each its own"
        ) from None
    except UnderWayError:
        problem = ProblemError(
            409, f"the call with this {HEADER} is still under way; ask again in a moment"
        )
        return problem.response({"Retry-After": "1"})
    if isinstance(held, Answer):
        return _response(held)
    try:
        answered = work(held)
    except ProblemError:
        # The caller's own fault, found before anything was made: the key is free again.
        remembered.forget(held)
        raise
    except BaseException:
        remembered.release(held)
        raise
    if answered.status_code >= 400:
        remembered.forget(held)
        return answered
    headers = {name: answered.headers[name] for name in _KEPT_HEADERS if name in answered.headers}
    return _response(
        remembered.keep(held, Answer(answered.status_code, headers, bytes(answered.body)))
    )


def _response(answer: Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
