"""Headers that answers have."""

from __future__ import annotations

from typing import Any

from serving.openapi.operation import reference

ALWAYS = {
    "WWW-Authenticate": ("how to name the key", {"type": "string"}, "Bearer"),
    "Allow": ("the methods that are served here", {"type": "string"}, "GET, HEAD"),
    "Location": ("where to ask how the job goes on", {"type": "string"}, "/v1/score/batch/5f2c"),
    "Content-Disposition": ("the file's name", {"type": "string"}, "attachment"),
}
"""Headers that certain answers always have: what they say, their schema, an example."""

SOMETIMES = {
    "Retry-After": (
        "seconds after which to ask again; unless told, wait longer each time",
        {"type": "integer", "minimum": 0},
        1,
    ),
    "RateLimit": ("what is left, and until when", {"type": "string"}, '"calls";r=0;t=12'),
    "RateLimit-Policy": ("calls a minute", {"type": "string"}, '"calls";q=60000;w=60'),
    "X-Request-Id": ("the call's id, as the service's log has it", {"type": "string"}, "c0ffee"),
}
"""Headers that certain answers may have; any may have the last."""


def components() -> dict[str, Any]:
    """Return what is said of each header, by name."""
    return {
        name: {"description": said, "schema": schema, "example": example}
        | ({"required": True} if name in ALWAYS else {})
        for name, (said, schema, example) in {**ALWAYS, **SOMETIMES}.items()
    }


def answered_with(*names: str) -> dict[str, Any]:
    """Return an answer's headers: these, and the call's id."""
    return {name: reference(name, "headers") for name in (*names, "X-Request-Id")}
