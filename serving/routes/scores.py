"""Scores of customers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from anyio import to_thread
from starlette.datastructures import State
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serving.api.asked import ScoreRequest
from serving.idempotency.once import HEADER, once
from serving.idempotency.remembered import Note
from serving.idempotency.resumed import Results, scored_once
from serving.problem import ProblemError, read_request
from serving.record.draft import Draft
from serving.releases.shadow import Recent
from serving.routes.language import accepted
from serving.routes.route import ScopedRoute, as_json
from serving.scoring.online import Call, Name, Online
from serving.scoring.prepared import Prepared
from serving.watching.note import Watch
from training.quantities import Language

_SMALL = 16_384  # bytes of a body that is read where it arrives
_FEW = 4  # customers that are scored there: a thread would cost as much as one of them


@dataclass(frozen=True)
class _Asked:
    """A call for scores.

    Parameters
    ----------
    online : Online
        Read once: a release that is swapped meanwhile changes nothing of this call.
    recent : Recent
        Keeps the latest calls.
    watch : Watch
        Counts the scores that are given.
    body : bytes
    at : datetime
    key : str or None
        The id of the key that asks.
    language : {"en", "da"} or None
        What the caller reads.
    """

    online: Online
    recent: Recent
    watch: Watch
    body: bytes
    at: datetime
    key: str | None
    language: Language | None

    def read(self) -> ScoreRequest:
        """Return what is asked."""
        bounds = self.online.config.serving
        asked = read_request(
            self.body,
            bounds.max_customers,
            bounds.max_given,
            max_nesting=bounds.max_nesting,
        )
        self.recent.note(asked, len(self.body) <= _SMALL)
        return asked

    def prepared(self, asked: ScoreRequest | None = None) -> tuple[Prepared, list[Draft]]:
        """Return the answer to be, and what must be on record before it leaves."""
        asked = asked or self.read()
        prepared = self.online.prepare(asked, self.at, self.key, self.language)
        return prepared, prepared.drafts(self.online.ledger, self.at)

    def once(
        self, var: Path, note: Note | None, scored: Callable[[int], None] = lambda _: None
    ) -> Response:
        """Answer, under ids that every try of the same call gives again.

        Parameters
        ----------
        var : Path
            Where the bundles of former releases are.
        note : Note
            Of the call and its key.
        scored : callable
            Told how many customers are given a score now; those who had theirs before are none.
        """
        assert note is not None  # there is a key

        def score(wanted: ScoreRequest, name: Name, many: int) -> Results:
            asked = wanted, self.at, self.key, self.language, name, many
            told = self.online.score(*asked, self.watch.note)
            results: Results = told["results"]
            scored(sum("id" in result for result in results))
            return results

        return as_json({"results": scored_once(self.online, var, self.read(), note, score)})


async def score(request: Request) -> Response:
    """Score the customers of the body."""
    served = request.app.state.served
    call = _Asked(
        served.online,
        served.recent,
        request.app.state.watch,
        await _body(request),
        datetime.now(UTC),
        getattr(request.scope.get("key"), "id", None),
        accepted(request.headers.get("accept-language")),
    )
    if HEADER in request.headers:
        scored = partial(request.scope.__setitem__, "scores")
        work = partial(call.once, request.app.state.var, scored=scored)
        return await once(request, call.body, work)
    asked = call.read() if len(call.body) <= _SMALL else None
    if asked and _is_light(asked):
        wanted = Call(asked, call.at, call.key, call.language)
        prepared, written = await request.app.state.together.begin(call.online, wanted)
        content = prepared.content
        await written
    else:
        prepared, content = await _worked_off(call, asked, request.app.state)
    request.scope["scores"] = prepared.count  # which the guard counts
    return Response(content, media_type="application/json")


async def _worked_off(
    call: _Asked, asked: ScoreRequest | None, state: State
) -> tuple[Prepared, bytes]:
    """Return the answer to a call that is better not worked off where all others wait."""
    in_thread = partial(to_thread.run_sync, limiter=state.threads)
    prepared, drafts = await in_thread(call.prepared, asked)
    written = state.recorder.begin(drafts)
    content = await in_thread(lambda: prepared.content)
    await written
    state.watch.note(prepared.assessed, call.at)
    return prepared, content


def _is_light(asked: ScoreRequest) -> bool:
    """Say whether a call costs less than handing it to a thread and back."""
    return len(asked.customers) <= _FEW and all(each.rows is None for each in asked.customers)


async def _body(request: Request) -> bytes:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ProblemError(415, "the body must be JSON: send Content-Type: application/json")
    try:
        return await request.body()
    except ClientDisconnect:
        raise ProblemError(400, "the caller left before the body's end") from None


ROUTES = [ScopedRoute("/v1/score", "POST", "score", score)]
