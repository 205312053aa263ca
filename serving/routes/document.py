"""The description of the interface."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from serving.openapi import openapi
from serving.routes.route import ScopedRoute, as_json


async def document(request: Request) -> Response:
    """Describe the interface."""
    return as_json(openapi(request.app.state.served.online.config.serving.max_customers))


ROUTES = [ScopedRoute("/v1/openapi.json", "GET", "read", document)]
