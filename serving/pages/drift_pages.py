"""The page of drift: how far those scored lie from those learned from, week by week."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from configs.errors import StamkundeError
from serving.pages import exports
from serving.pages.charts import Chart, by_week
from serving.pages.model_phrases import MODELS
from serving.pages.shell import in_use, page, words_of
from serving.pages.watching_phrases import DRIFT
from serving.pages.words import Words
from serving.problem import ProblemError
from serving.record.recorded import lookup
from serving.routes.route import ScopedRoute
from serving.watching.drift import Drift, FeatureDrift, drifts
from serving.watching.psi import FEW, MOVED, MOVED_MUCH, word

WEEKS = 8
MOST = 10
"""Features that are shown at once, those that matter most; the others are folded."""

Psi = Sequence[float | None]


async def drift(request: Request) -> Response:
    """Show the drift of every model that gave scores in the latest weeks."""
    kind = exports.wanted(request)
    held = await to_thread.run_sync(_drifts, request, limiter=request.app.state.threads)
    if kind is not None:
        rows = [row for each in held for row in _rows(each)]
        return exports.file_of(kind, "drift", {"drift": rows}, rows)
    words = words_of(request, {**MODELS, **DRIFT})
    parts = [_part(each, words) for each in held]
    now = in_use(request)
    return page(request, "drift.html", {**MODELS, **DRIFT}, parts=parts, few=FEW, now=now)


def _drifts(request: Request) -> list[Drift]:
    state = request.app.state
    state.watch.flush()  # what this process has counted until now
    try:
        zone = state.served.online.config.timezone
        return drifts(
            state.watch.seen,
            lookup(state.served.online.release, state.var),
            datetime.now(UTC),
            zone,
            WEEKS,
        )
    except StamkundeError:
        raise ProblemError(503, "the counts of scores cannot be read now") from None


def _part(held: Drift, words: Words) -> dict[str, Any]:
    return {
        "task": held.task,
        "bundle": held.bundle,
        "weeks": [
            {"short": words.short_day(week.start), "count": week.count, "few": week.few}
            for week in held.weeks
        ],
        "score": [_cell(value, words) for value in held.score],
        "drawn": _drawn(held, held.score, words),
        "features": [_feature(each, words) for each in held.features],
        "most": MOST,
        "latest": _latest(held, words),
    }


def _feature(held: FeatureDrift, words: Words) -> dict[str, Any]:
    return {
        "label": held.label_da if words.language == "da" else held.label,
        "cells": [_cell(value, words) for value in held.psi],
    }


def _cell(value: float | None, words: Words) -> dict[str, str]:
    return {"said": words.fixed(value, 2), "word": "" if value is None else word(value)}


def _drawn(held: Drift, psi: Psi, words: Words) -> Chart:
    rules = [(MOVED, words("moved")), (MOVED_MUCH, words("moved much"))]
    weeks = [words.short_day(week.start) for week in held.weeks]
    return by_week(weeks, psi, lambda value: words.number(value, 2), rules)


def _latest(held: Drift, words: Words) -> str:
    """Return in a sentence what the latest week with scores says."""
    place = max(index for index, value in enumerate(held.score) if value is not None)
    week, told = held.weeks[place], held.score[place]
    if week.few or told is None:
        return words("latest_few", day=week.start, count=week.count)
    shown = [
        word(np.nan if each.psi[place] is None else float(each.psi[place] or 0.0))
        for each in held.features[:MOST]
    ]
    return words(
        "latest",
        day=week.start,
        word=words(word(told)),
        most=len(shown),
        moved=shown.count("moved"),
        much=shown.count("moved much"),
    )


def _rows(held: Drift) -> list[dict[str, Any]]:
    of = [("score", 0.0, held.score)]
    of += [(each.feature, each.importance, each.psi) for each in held.features]
    return [
        {
            "task": held.task,
            "bundle": held.bundle,
            "week": week.start.isoformat(),
            "scores": week.count,
            "few": week.few,
            "feature": name,
            "importance": importance,
            "psi": psi[place],
        }
        for name, importance, psi in of
        for place, week in enumerate(held.weeks)
    ]


ROUTES = [ScopedRoute("/audit/drift", "GET", "audit", drift)]
