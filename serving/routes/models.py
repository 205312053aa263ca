"""What is served."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from serving.routes.route import ScopedRoute, as_json
from training.bundle import Bundle
from training.model import TASKS

PAPERS = ("version", "made_at", "refit_of", "cutoffs", "metrics", "verdict", "libraries")
"""What is told of a model; its config and data name places on the machine that trained it."""


async def models(request: Request) -> Response:
    """Say what is served."""
    served = request.app.state.served
    release, waiting = served.online.release, served.waiting
    held = {task: _champion(release.bundles[task]) for task in TASKS if task in release.bundles}
    return as_json(
        {
            "base": release.base,
            "release": release.digest,
            "waiting": waiting and {**vars(waiting), "since": waiting.since.isoformat()},
            "models": held,
        }
    )


def _champion(bundle: Bundle) -> dict[str, Any]:
    return {
        "digest": bundle.digest,
        "model": bundle.model.name,
        "features": list(bundle.model.inputs.names),
        "papers": {name: bundle.manifest[name] for name in PAPERS if name in bundle.manifest},
    }


ROUTES = [ScopedRoute("/v1/models", "GET", "read", models)]
