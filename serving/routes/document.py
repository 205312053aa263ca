"""The description of the interface."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from serving.openapi.document import openapi
from serving.routes.route import ScopedRoute, as_json


async def document(request: Request) -> Response:
    """Describe the interface."""
    serving = request.app.state.served.online.config.serving
    return as_json(openapi(request.app.routes, serving))


ROUTES = [ScopedRoute("/v1/openapi.json", "GET", "read", document)]
