"""What operations are told beside a body: in the path, the query and headers."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_ENTRY = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"}

_IN_PATH: dict[str, tuple[str, dict[str, Any], Any]] = {
    "id": ("the id of a score that was answered", _ENTRY, "0a4d55a8d778e5022fab701977c5d840"),
    "batch": ("the id of a batch", _ENTRY, "5b1c0a3de0f84d5f9c0c9c1a8d1e7a42"),
    "row": ("a row of the batch", {"type": "integer", "minimum": 1, "maximum": 10**12 - 1}, 17),
    "task": ("a task", {"enum": ["churn", "clv", "segments"]}, "churn"),
    "job": ("the id of a job, as its start answered it", _ID, "5b1c0a3de0f84d5f9c0c9c1a8d1e7a42"),
}
_IN_HEADER: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Accept-Language": (
        "the languages that reasons are wanted in, English or Danish",
        {"type": "string"},
        "da, en;q=0.8",
    ),
    "Idempotency-Key": (
        "a word of the caller's for this call: sent again with it, the same call gets the same "
        "answer and is recorded once",
        {"type": "string", "pattern": "^[!-~]{1,255}$"},
        "8e03978e-40d5-43e8-bc93-6894a57f9324",
    ),
}


def components() -> dict[str, Any]:
    """Return what is said of each parameter in a path or a header, by name."""
    held = {"path": _IN_PATH, "header": _IN_HEADER}
    return {
        name: {
            "name": name,
            "in": place,
            "required": place == "path",
            "description": said,
            "schema": schema,
            "example": example,
        }
        for place, parameters in held.items()
        for name, (said, schema, example) in parameters.items()
    }


def of_query(model: type[BaseModel]) -> list[dict[str, Any]]:
    """Return the parameters of a query, as the model has them that reads it."""
    return [
        {"name": name, "in": "query", "description": held.pop("description"), "schema": _sent(held)}
        for name, held in model.model_json_schema()["properties"].items()
    ]


def _sent(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that, where it is not sent, is null."""
    given = [each for each in schema.get("anyOf", []) if each != {"type": "null"}]
    unless = {} if schema.get("default") in (None, []) else {"default": schema["default"]}
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "default", "title")}
    return {**rest, **(given[0] if given else {}), **unless}
