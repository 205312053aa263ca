"""The page of outcomes: what was predicted beside what happened, week by week."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages import exports
from serving.pages.charts import beside
from serving.pages.model_phrases import MODELS
from serving.pages.model_words import HELP, METRICS, between, figure, named, short, tick
from serving.pages.shell import config_of, in_use, page, words_of
from serving.pages.watching_phrases import DRIFT, OUTCOMES
from serving.pages.words import Words
from serving.routes.route import ScopedRoute
from serving.watching import kept
from serving.watching.outcome import OutcomeWeek
from training.bootstrap import Interval
from training.metrics import CHURN_METRICS, LEVEL_METRICS, VALUE_METRICS

PHRASES = {**MODELS, **DRIFT, **OUTCOMES}
# What fits on a page; the files have all.
_SHOWN = {
    "churn": ("mean_predicted", "mean_actual", "roc_auc", "brier", "lift_at_10"),
    "clv": ("mean_predicted", "mean_actual", "normalised_gini", "mae", "total_bias"),
}
_METRICS = {**CHURN_METRICS, **VALUE_METRICS, **LEVEL_METRICS}


async def outcomes(request: Request) -> Response:
    """Show what became of what was predicted, as it was last worked out."""
    kind = exports.wanted(request)
    held = await to_thread.run_sync(
        kept.read, request.app.state.var, limiter=request.app.state.threads
    )
    weeks = () if held is None else held.weeks
    if kind is not None:
        told: dict[str, Any] = {"weeks": kept.as_data(weeks)}
        if held is not None:
            told |= {"at": held.at.isoformat(), "as_of": held.as_of.isoformat()}
        return exports.file_of(
            kind, "outcomes", told, [row for week in weeks for row in _rows(week)]
        )
    words = words_of(request, PHRASES)
    currency = config_of(request).currency
    parts = [
        _part(task, bundle, list(group), words, currency)
        for (task, bundle), group in groupby(
            sorted(weeks, key=lambda each: (each.task, each.bundle, each.week)),
            key=lambda each: (each.task, each.bundle),
        )
    ]
    now = in_use(request)
    return page(request, "outcomes.html", PHRASES, parts=parts, held=held, now=now)


def _part(
    task: str, bundle: str, weeks: Sequence[OutcomeWeek], words: Words, currency: str
) -> dict[str, Any]:
    names = [name for name in _SHOWN[task] if any(name in week.metrics for week in weeks)]
    over = [week for week in weeks if not week.estimate and _agrees(week) is not None]
    predicted = [_value(week, "mean_predicted") for week in weeks]
    came = [_value(week, "mean_actual") for week in weeks]
    drawn = beside(
        [words.short_day(week.week) for week in weeks],
        predicted,
        came,
        lambda value: tick(value, _unit("mean_actual", task), currency, words),
    )
    return {
        "task": task,
        "bundle": bundle,
        "columns": [short(name, words) for name in names],
        "measures": [_measure(name, words) for name in names if name in HELP],
        "rows": [_row(week, names, words, currency) for week in weeks],
        "drawn": drawn if any(value is not None for value in predicted) else None,
        "over": len(over),
        "inside": sum(bool(_agrees(week)) for week in over),
        "strangers": sum(week.strangers for week in weeks),
        "estimates": any(week.estimate for week in weeks),
    }


def _measure(name: str, words: Words) -> dict[str, str]:
    """Return what a column says, for who has never met the measure."""
    told = {"short": short(name, words), "label": named(METRICS, name, words)}
    return {**told, "help": named(HELP, name, words)}


def _row(week: OutcomeWeek, names: Sequence[str], words: Words, currency: str) -> dict[str, Any]:
    return {
        "week": week.week,
        "until": week.until,
        "count": week.count,
        "few": week.few,
        "estimate": week.estimate,
        "agrees": _agrees(week),
        "cells": [_cell(week.metrics, name, week.task, words, currency) for name in names],
    }


def _cell(
    metrics: Mapping[str, Interval], name: str, task: str, words: Words, currency: str
) -> dict[str, str]:
    if name not in metrics:
        return {"value": "", "interval": ""}
    found, unit = metrics[name], _unit(name, task)
    ends = (None if math.isnan(end) else end for end in (found.low, found.high))
    low, high = ends
    return {
        "value": figure(found.estimate, unit, currency, words),
        "interval": between(low, high, unit, words),
    }


def _unit(name: str, task: str) -> str:
    if name in LEVEL_METRICS:
        return "currency" if task == "clv" else "share"
    return _METRICS[name].unit


def _value(week: OutcomeWeek, name: str) -> float | None:
    return week.metrics[name].estimate if name in week.metrics else None


def _agrees(week: OutcomeWeek) -> bool | None:
    """Say whether what came agrees with what was predicted; None where it cannot be told."""
    excess = None if week.estimate else week.metrics.get("mean_excess")
    if excess is None or math.isnan(excess.low):
        return None
    return excess.low <= 0 <= excess.high


def _rows(week: OutcomeWeek) -> list[dict[str, Any]]:
    of = {
        "task": week.task,
        "bundle": week.bundle,
        "week": week.week.isoformat(),
        "until": week.until.isoformat(),
        "estimate": week.estimate,
        "customers": week.count,
    }
    return [
        {**of, "metric": name, **{end: _plain(value) for end, value in vars(found).items()}}
        for name, found in week.metrics.items()
    ]


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


ROUTES = [ScopedRoute("/audit/outcomes", "GET", "audit", outcomes)]
