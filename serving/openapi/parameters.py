"""What operations are told beside a body: in the path, the query and headers."""

from __future__ import annotations

from typing import Any

_ID = {"type": "string", "pattern": "^[0-9a-f]{32}$"}

_IN_PATH = {
    "id": ("the id of a score that was answered", _ID, "0a4d55a8d778e5022fab701977c5d840"),
    "batch": ("the id of a batch", _ID, "5b1c0a3de0f84d5f9c0c9c1a8d1e7a42"),
    "row": ("a row of the batch, counted from 1", {"type": "integer", "minimum": 1}, 17),
    "task": ("a task", {"enum": ["churn", "clv", "segments"]}, "churn"),
    "job": ("the id of a job, as its start answered it", _ID, "5b1c0a3de0f84d5f9c0c9c1a8d1e7a42"),
}
_IN_QUERY = {
    "limit": (
        "how many customers at most",
        {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
        20,
    ),
    "segment": (
        "those of one segment alone: a way of telling customers apart and the segment's id",
        {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,62}:[0-9]{1,9}$"},
        "behaviour:2",
    ),
    "band": ("those of one band alone", {"enum": ["low", "middle", "high"]}, "high"),
    "cursor": ("where the page before ended: what its next says", {"type": "string"}, "100"),
    "reasons": (
        "how many reasons each way",
        {"type": "integer", "minimum": 0, "maximum": 50},
        3,
    ),
    "language": ("of the reasons; it goes before Accept-Language", {"enum": ["en", "da"]}, "da"),
}
_IN_HEADER = {
    "Accept-Language": (
        "the languages that reasons are wanted in, English or Danish",
        {"type": "string", "maxLength": 200},
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
    """Return what is said of each parameter, by name."""
    held: dict[str, Any] = {"path": _IN_PATH, "query": _IN_QUERY, "header": _IN_HEADER}
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
