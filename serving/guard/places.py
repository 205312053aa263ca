"""What a path is for: which route serves it, and which scope a key needs there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.routing import BaseRoute

from serving.routes.route import Scope

LIVE = "/livez"
"""The one probe that needs no key: it tells nothing but that the process lives."""

_GET = ("GET", "HEAD")


@dataclass(frozen=True)
class Place:
    """What lies at a path.

    Parameters
    ----------
    label : str
        The route's template, such as ``/v1/scores/{id}``: what the log and the figures say.
    scopes : mapping
        Which scope a key needs, by method.
    probe : bool
        Whether BentoML answers.
    is_open : bool
        Whether it needs no key.
    """

    label: str
    scopes: Mapping[str, Scope]
    probe: bool = False
    is_open: bool = False


NOWHERE = Place("unknown", {})
PROBES = {
    path: Place(path, dict.fromkeys(_GET, "read"), probe=True, is_open=path == LIVE)
    for path in (LIVE, "/healthz", "/metrics", "/readyz")
}


class Places:
    """The paths there are.

    Parameters
    ----------
    routes : sequence of BaseRoute
        The application's; one that names no scope takes keys of scope ``admin`` alone.
    """

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._fixed: dict[str, Place] = dict(PROBES)
        self._templates: dict[str, tuple[Any, Place]] = {}
        for route in routes:
            self._add(route)

    def _add(self, route: Any) -> None:
        path: str = route.path
        methods: Iterable[str] = getattr(route, "methods", None) or _GET
        scope: Scope = getattr(route, "scope", "admin")
        scopes = dict.fromkeys(methods, scope)
        fixed = not route.param_convertors
        before = self._fixed.get(path) if fixed else self._templates.get(path, (None, None))[1]
        is_open: bool = getattr(route, "is_open", False)
        place = Place(path, {**scopes, **(before.scopes if before else {})}, is_open=is_open)
        if fixed:
            self._fixed[path] = place
        else:
            self._templates[path] = (route.path_regex, place)

    def find(self, path: str) -> Place:
        """Return what lies at a path; `NOWHERE` if nothing does."""
        if (place := self._fixed.get(path)) is not None:
            return place
        for pattern, held in self._templates.values():
            if pattern.match(path):
                return held
        return NOWHERE
