"""The pages of the models: which were in use when, and what each is."""

from __future__ import annotations

from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.pages import exports, model_facts
from serving.pages.charts import reliability
from serving.pages.model_facts import Told
from serving.pages.model_history import Reign, of_bundle, of_task, reigns
from serving.pages.model_phrases import MODEL, MODELS
from serving.pages.model_words import tick
from serving.pages.shell import page, words_of
from serving.problem import ProblemError
from serving.record.recorded import lookup
from serving.releases.release import Release, ReleaseError
from serving.routes.models import card_page
from serving.routes.route import ScopedRoute
from training.bundle import Bundle, BundleError
from training.comparison import headline
from training.model import TASKS

_MOST_BARS = 10


async def models(request: Request) -> Response:
    """Show which models are in use, and which were."""
    kind = exports.wanted(request)
    online = request.app.state.served.online
    held = await _in_thread(request, reigns, online.ledger)
    if kind is not None:
        rows = [each.to_dict() for each in held]
        return exports.file_of(kind, "models", {"models": rows}, rows)
    return page(request, "models.html", MODELS, tasks=_tasks(online.release, held))


async def model(request: Request) -> Response:
    """Show one model: its tests, its worth, what it goes by, and where it comes from."""
    kind = exports.wanted(request)
    bundle = await _in_thread(request, _bundle, request)
    told = Told(bundle, words_of(request, MODEL))
    if kind is not None:
        name = f"model-{bundle.digest[:12]}"
        return exports.file_of(kind, name, model_facts.as_data(told), model_facts.as_rows(told))
    held = await _in_thread(request, reigns, request.app.state.served.online.ledger)
    return page(request, "model.html", MODEL, **_content(told, of_bundle(held, bundle.digest)))


async def card(request: Request) -> Response:
    """Show the model card as it was made."""
    return await _in_thread(request, lambda: card_page(_bundle(request)))


def _tasks(release: Release, held: list[Reign]) -> list[dict[str, Any]]:
    return [
        {
            "task": task,
            "now": release.bundles.get(task),
            "reigns": of_task(held, task),
        }
        for task in TASKS
        if task in release.bundles or of_task(held, task)
    ]


def _content(told: Told, used: list[Reign]) -> dict[str, Any]:
    features = model_facts.features(told)
    unit = "currency" if told.task == "clv" else "share"
    parts = told.card.get("tenths") or []
    off = told.card.get("calibration") or {}
    return {
        "told": told,
        "used": used,
        "headline": headline(told.card),
        "checks": model_facts.checks(told),
        "metrics": model_facts.metrics(told),
        "features": features,
        "ideas": model_facts.ideas(features)[:_MOST_BARS],
        "slices": model_facts.slices(told),
        "tenths": model_facts.tenths(told),
        "drawn": reliability(parts, lambda value: tick(value, unit, told.currency, told.words))
        if parts
        else None,
        "off": {name: told.words.number(100 * value, 1) for name, value in off.items()},
        "lineage": model_facts.lineage(told),
    }


def _bundle(request: Request) -> Bundle:
    """Return the bundle that an address names: of what is served, or once was."""
    state = request.app.state
    try:
        return lookup(state.served.online.release, state.var)(request.path_params["digest"])
    except ReleaseError:
        raise ProblemError(404, "no such model is kept here") from None
    except BundleError:
        raise ProblemError(503, "the model was altered since it was made") from None


async def _in_thread(request: Request, work: Any, *given: Any) -> Any:
    return await to_thread.run_sync(work, *given, limiter=request.app.state.threads)


ROUTES = [
    ScopedRoute("/audit/models", "GET", "audit", models),
    ScopedRoute("/audit/models/{digest}", "GET", "audit", model),
    ScopedRoute("/audit/models/{digest}/card", "GET", "audit", card),
]
