"""What is served, and the model cards."""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from anyio import to_thread
from starlette.requests import Request
from starlette.responses import Response

from serving.problem import ProblemError
from serving.routes.route import ScopedRoute, as_json
from training.bundle import Bundle, sha256
from training.model import TASKS

PAPERS = ("version", "made_at", "refit_of", "cutoffs", "metrics", "verdict", "libraries")
"""What is told of a model; its config and data name places on the machine that trained it."""

# A card's plots are drawings in the page, which `sandbox` keeps from ever running anything.
_POLICY = (
    "default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox"
)
_STYLE = re.compile(rb"<style>(.*?)</style>", re.DOTALL)


async def models(request: Request) -> Response:
    """Say what is served."""
    served = request.app.state.served
    release, waiting = served.online.release, served.waiting
    held = {
        task: _champion(task, release.bundles[task]) for task in TASKS if task in release.bundles
    }
    return as_json(
        {
            "base": release.base,
            "release": release.digest,
            "waiting": waiting and {**vars(waiting), "since": waiting.since.isoformat()},
            "models": held,
        }
    )


async def card(request: Request) -> Response:
    """Give the card of a task's model, as data or as a page."""
    bundles = request.app.state.served.online.release.bundles
    task = request.path_params["task"]
    if task not in bundles:
        raise ProblemError(404, f"there is no such model; there are {', '.join(bundles)}")
    page = _prefers_page(request.headers.get("accept", ""))
    return await to_thread.run_sync(
        card_page if page else _data, bundles[task], limiter=request.app.state.threads
    )


def _champion(task: str, bundle: Bundle) -> dict[str, Any]:
    return {
        "digest": bundle.digest,
        "model": bundle.model.name,
        "features": list(bundle.model.inputs.names),
        "papers": {name: bundle.manifest[name] for name in PAPERS if name in bundle.manifest},
        "card": _in_short(bundle.card),
        "card_at": f"/v1/models/{task}/card",
    }


def _in_short(told: dict[str, Any]) -> dict[str, Any]:
    """Return what of a card everybody who uses the scores should have read."""
    served = (told.get("verdict") or {}).get("served")
    return {
        "question": told.get("question"),
        "metrics": {
            held["name"]: held["values"][served]
            for held in told.get("metrics") or []
            if served in held["values"]
        },
        "verdict": told.get("verdict"),
        "cautions": [*(told.get("warnings") or []), *(told.get("limits") or [])],
    }


def _data(bundle: Bundle) -> Response:
    return Response(_kept(bundle, "card.json"), media_type="application/json", headers=_VARY)


def card_page(bundle: Bundle) -> Response:
    """Give a model's card as the page that was made with it."""
    page = _kept(bundle, "card.html")
    styles = (base64.b64encode(hashlib.sha256(held).digest()) for held in _STYLE.findall(page))
    allowed = " ".join(f"'sha256-{digest.decode()}'" for digest in styles) or "'none'"
    headers = {"Content-Security-Policy": _POLICY.format(styles=allowed)}
    return Response(page, media_type="text/html; charset=utf-8", headers={**_VARY, **headers})


_VARY = {"Vary": "Accept"}


def _kept(bundle: Bundle, name: str) -> bytes:
    """Return a file of a bundle as it was when it was made."""
    content = (bundle.path / name).read_bytes()
    if sha256(content) != bundle.manifest["files"].get(name):
        raise ProblemError(503, "the card was altered since it was made; restore the bundle")
    return content


def _prefers_page(accept: str) -> bool:
    """Say whether a page is liked better than data; data is given to who does not say."""
    liked = {"text/html": 0.0, "application/json": 0.0}
    for part in accept.split(","):
        kind, *rest = (held.strip().lower() for held in part.split(";"))
        if kind in liked:
            weight = next((held[2:] for held in rest if held.startswith("q=")), "1")
            liked[kind] = float(weight) if re.fullmatch(r"[01](\.\d{0,3})?", weight) else 0.0
    return liked["text/html"] > liked["application/json"]


ROUTES = [
    ScopedRoute("/v1/models", "GET", "read", models),
    ScopedRoute("/v1/models/{task}/card", "GET", "read", card),
]
