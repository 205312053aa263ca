"""The description of the interface."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from configs.serving import Serving
from serving.openapi.document import openapi
from serving.routes.route import ScopedRoute, as_json


async def document(request: Request) -> Response:
    """Describe the interface."""
    return as_json(_document(request.app, request.app.state.served.online.config.serving))


@lru_cache(maxsize=1)  # it takes as long as ten scores
def _document(app: Starlette, serving: Serving) -> dict[str, Any]:
    return openapi(app.routes, serving)


ROUTES = [ScopedRoute("/v1/openapi.json", "GET", "read", document)]
