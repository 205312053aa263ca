"""Headers that answers have."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from serving.openapi.operation import reference

ALWAYS = {
    "WWW-Authenticate": ("how to name the key", {"type": "string"}, "Bearer"),
    "Allow": ("the methods that are served here", {"type": "string"}, "GET, HEAD"),
    "Retry-After": ("seconds after which to ask again", {"type": "integer", "minimum": 0}, 1),
    "Location": ("where to ask how it goes on", {"type": "string"}, "/v1/score/batch/5f2c"),
    "Content-Disposition": ("the file's name", {"type": "string"}, "attachment"),
}
"""Headers that certain answers always have: what they say, their schema, an example."""

SOMETIMES = {
    "X-Request-Id": ("the call's id, as the service's log names it", {"type": "string"}, "c0ffee"),
}
"""Headers that any answer may have."""


def components() -> dict[str, Any]:
    """Return what is said of each header, by name."""
    return {
        name: {"description": said, "schema": schema, "example": example}
        | ({"required": True} if name in ALWAYS else {})
        for name, (said, schema, example) in {**ALWAYS, **SOMETIMES}.items()
    }


def answered_with(always: Iterable[str] = ()) -> dict[str, Any]:
    """Return an answer's headers: those that it always has, and those that any may have."""
    return {name: reference(name, "headers") for name in (*always, *SOMETIMES)}
