"""The program that calls a base's service, as it is printed."""

from __future__ import annotations

from datetime import date
from typing import Literal

from configs.schema import Config
from serving.app import application
from serving.client_example import in_curl, in_python
from serving.client_example.facts import facts_of
from serving.releases.release import current
from serving.routes.route import ScopedRoute

Tool = Literal["curl", "python"]
_SCRIPTS = {"curl": in_curl.script, "python": in_python.script}


def printed(config: Config, url: str, tool: Tool, customer: str, as_of: date) -> str:
    """Return a program that calls the service of a base.

    Parameters
    ----------
    config : Config
    url : str
        Of the service, with no slash at its end.
    tool : {"curl", "python"}
    customer : str
        Whom to ask about by id.
    as_of : date
        The day that features and rows are seen from.
    """
    routes = {
        (method, route.path_format)
        for route in application(lambda told: current(told.var)).routes
        if isinstance(route, ScopedRoute)
        for method in route.methods or ()
    }
    return _SCRIPTS[tool](facts_of(config, customer, as_of), url, routes)
