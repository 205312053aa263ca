"""The page of one score, under a permanent address."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.guard import keys
from serving.pages import exports
from serving.pages.answers import answers, asked_by, chances, flags
from serving.pages.lineage import lineage
from serving.pages.model_history import of_bundle, reigns
from serving.pages.otherwise import alternatives, as_data, otherwise
from serving.pages.score_phrases import SCORE
from serving.pages.search import index_of
from serving.pages.shell import config_of, page, words_of
from serving.pages.told_score import EXPLAINED, ToldScore
from serving.pages.verifying import Verified, verified
from serving.problem import ProblemError
from serving.record import recorded
from serving.record.call_rows import CALL
from serving.record.draft import ID
from serving.record.index import Found, Index, Search
from serving.record.ledger import Ledger
from serving.record.merkle import Entry, RowsError
from serving.record.reading import NUMBER
from serving.record.replaying import Replayed, replayed
from serving.record.seal import ErasedError
from serving.routes.route import ScopedRoute
from serving.scoring.changes import Alternative
from serving.scoring.online import Online
from training.quantities import Language

_OTHERS = 10
_SHOWN = 12  # features that stand on the page unasked


@dataclass(frozen=True)
class _Contents:
    """All that the page tells of besides the score itself."""

    score: ToldScore
    origin: list[dict[str, Any]]
    others: list[Found]
    alternatives: tuple[Alternative, ...] | None
    key: keys.Key | None
    is_call: bool
    replayed: Replayed | None
    verified: Verified | None


async def score(request: Request) -> Response:
    """Show a score, or a row of a batch or of a call, with what led to it."""
    # Writing the page takes a while too, for which no call must wait.
    return await to_thread.run_sync(_answer, request, limiter=request.app.state.threads)


def _answer(request: Request) -> Response:
    kind, held = exports.wanted(request), _contents(request, place_of(request))
    words, currency = words_of(request, SCORE), config_of(request).currency
    if kind is not None:
        return _file(kind, held, words.language)
    return page(
        request,
        "score.html",
        SCORE,
        **{name: getattr(held, name) for name in ("score", "origin", "others", "replayed")},
        asked_by=asked_by(held.score, held.key, held.is_call, words),
        otherwise=(
            None if held.alternatives is None else otherwise(held.score, held.alternatives, words)
        ),
        verified=held.verified,
        falls={task: each.waterfall(words.language) for task, each in held.score.tasks.items()},
        answers=answers(held.score, words, currency),
        chances=chances(held.score, words),
        flags=flags(held.score, words),
        features=held.score.features(words.language),
        shown=_SHOWN,
        segments=held.score.segments(words.language),
        money=lambda value: words.money(value, currency),
        money_moved=lambda value: words.money_moved(value, currency),
        config=config_of(request),
    )


def _contents(request: Request, place: tuple[str, int | None]) -> _Contents:
    state = request.app.state
    online: Online = state.served.online
    bundle_of = recorded.lookup(online.release, state.var)
    told = ToldScore.of(score_at(online.ledger, place), bundle_of)
    history = reigns(online.ledger)
    asked = request.query_params
    return _Contents(
        told,
        [
            lineage(bundle, of_bundle(history, bundle.digest), told.entry.at)
            for bundle in told.bundles.values()
        ],
        _others(index_of(request), told),
        alternatives(told),
        keys.read(state.var / keys.FILE).get(told.body.get("key") or ""),
        online.ledger.get(place[0]).kind == CALL,
        replayed(told.entry, bundle_of) if "replay" in asked else None,
        verified(online.ledger, told.entry) if "verify" in asked else None,
    )


def place_of(request: Request) -> tuple[str, int | None]:
    """Return the entry and the row that an address names.

    Raises
    ------
    ProblemError
        404 if it can be none.
    """
    told = request.path_params
    entry_id, row = told.get("id") or told["batch"], told.get("row")
    if not ID.fullmatch(entry_id) or not (row is None or NUMBER.fullmatch(row)):
        raise ProblemError(404, "no score has this address")
    return entry_id, int(row) if row else None


def score_at(ledger: Ledger, place: tuple[str, int | None]) -> Entry:
    """Return a score, or a row, that is on record and can be read.

    Raises
    ------
    ProblemError
        404 if there is none, 410 if its customer was erased, 503 if its rows cannot be read now.
    """
    try:
        entry = recorded.find(ledger, *place)
        if entry is None:
            raise ProblemError(404, "no score of this id is on record")
        _ = entry.body  # which is refused where it was erased
    except ErasedError:
        raise ProblemError(410, "what this score said was erased") from None
    except RowsError:
        raise ProblemError(503, "the rows of this batch cannot be read now") from None
    return entry


def _others(index: Index, told: ToldScore) -> list[Found]:
    found = index.find(Search(customer=told.body["customer"], limit=_OTHERS + 1)).rows
    return [held for held in found if held.id != told.entry.id][:_OTHERS]


def _file(kind: str, held: _Contents, language: Language) -> Response:
    told = held.score
    features = [
        {
            "feature": each.column.name,
            "label": each.column.label_da if language == "da" else each.column.label,
            "value": each.value,
            "unit": each.column.unit,
            "typical": each.typical,
            "quantile": each.place and each.place.quantile,
            **{f"adds_to_{task}": each.added.get(task) for task in EXPLAINED},
        }
        for each in told.features(language)
    ]
    falls = {task: each.waterfall(language) for task, each in told.tasks.items()}
    data = {
        "id": told.entry.id,
        "at": told.entry.at,
        "recorded": dict(told.body),
        "features": features,
        "steps": {task: fall and asdict(fall) for task, fall in falls.items()},
        "segments": told.segments(language),
        "otherwise": as_data(held.alternatives),
        "origin": held.origin,
        "replayed": held.replayed and asdict(held.replayed),
        "verified": held.verified and held.verified.to_dict(),
    }
    return exports.file_of(kind, "score", data, features)


ROUTES = [
    ScopedRoute("/audit/scores/{id}", "GET", "audit", score),
    ScopedRoute("/audit/scores/{batch}/{row}", "GET", "audit", score),
]
