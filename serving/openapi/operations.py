"""What is said of each route."""

from __future__ import annotations

from serving.openapi import examples
from serving.openapi.operation import JSON, Answer, Content, Operation

_NO_RECORD = "the record cannot be read now"

_SCORES = {
    ("POST", "/v1/score"): Operation(
        "score",
        "Score customers, by id, by their features or by their own rows",
        {
            200: Answer(
                "a result for each customer, in their order",
                (Content("ScoreAnswer", examples.ANSWERS),),
            )
        },
        {409: "a call with the same Idempotency-Key is under way", 503: ""},
        ("Accept-Language", "Idempotency-Key"),
        Content("ScoreRequest", examples.REQUESTS),
        "A result is a score or an error with a code; one bad customer spoils no other. Each score "
        "is on record by the time it is answered.",
    ),
    ("GET", "/v1/scores/{id}"): Operation(
        "recorded_score",
        "A score as it was given, told again from the record",
        {200: Answer("the score", (Content("RecordedScore", examples.RECORDED),))},
        {404: "no score of this id is on record", 410: "", 422: "", 503: _NO_RECORD},
        ("id", "Accept-Language"),
        query="RecordedAsked",
    ),
    ("GET", "/v1/scores/{batch}/{row}"): Operation(
        "recorded_row",
        "A score of a batch, or of a call of many customers, told again from the record",
        {200: Answer("the score", (Content("RecordedScore", examples.RECORDED),))},
        {404: "the batch or call, or the row, is not on record", 410: "", 422: "", 503: _NO_RECORD},
        ("batch", "row", "Accept-Language"),
        query="RecordedAsked",
    ),
    ("GET", "/v1/customers/at-risk"): Operation(
        "at_risk",
        "The customers whose leaving would cost most, of the latest batch",
        {200: Answer("a page of them", (Content("AtRiskAnswer", examples.AT_RISK),))},
        {
            404: "no batch was scored yet",
            409: "the cursor is of a batch that is no longer the latest; begin again without one",
            422: "",
            503: "the latest batch cannot be read now",
        },
        query="AtRiskAsked",
    ),
}
_MODELS = {
    ("GET", "/v1/models"): Operation(
        "models",
        "What is served",
        {200: Answer("the model of each task", (Content("ModelsAnswer", examples.CHAMPIONS),))},
    ),
    ("GET", "/v1/models/{task}/card"): Operation(
        "card",
        "The card of a task's model: what it is for, how good it is, what to beware of",
        {
            200: Answer(
                "the card, as JSON or, where Accept asks for it, as a page",
                (
                    Content({"type": "object"}),
                    Content({"type": "string"}, media_type="text/html"),
                ),
            )
        },
        {404: "no model of this task is served", 503: "the card cannot be read now"},
        ("task",),
    ),
}
_BATCHES = {
    ("POST", "/v1/score/batch"): Operation(
        "start_batch",
        "Score the whole base, as a job of its own",
        {
            202: Answer(
                "the job; Location is where to ask for it",
                (Content("Job", examples.STARTED),),
                ("Location",),
            )
        },
        {
            409: "a job of this base is under way, and Location is where to ask for it; or a call "
            "with the same Idempotency-Key is",
            503: "",
        },
        ("Idempotency-Key",),
        Content("BatchRequest", examples.BATCHES),
        body_required=False,
    ),
    ("GET", "/v1/score/batch/{job}"): Operation(
        "batch",
        "How a job goes on",
        {200: Answer("the job", (Content("Job", examples.DONE),))},
        {404: "no job of this id", 422: ""},
        ("job",),
    ),
    ("GET", "/v1/score/batch/{job}/result"): Operation(
        "batch_result",
        "The file that a job made",
        {
            200: Answer(
                "a row a customer",
                (
                    Content({}, media_type="application/vnd.apache.parquet"),
                    Content({"type": "string"}, media_type="text/csv"),
                ),
                ("Content-Disposition",),
            )
        },
        {404: "no job of this id, or no longer its file", 409: "the job is not done", 422: ""},
        ("job",),
    ),
}
_DOCUMENT = {
    ("GET", "/v1/openapi.json"): Operation(
        "document",
        "This document",
        {200: Answer("OpenAPI 3.1", (Content({"type": "object"}, media_type=JSON),))},
    ),
}

OPERATIONS = {**_SCORES, **_MODELS, **_BATCHES, **_DOCUMENT}
"""Each operation by its method and path."""


def _probe(name: str, said: str) -> Operation:
    content = Content({"type": "string"}, media_type="text/plain")
    return Operation(name, said[0].upper() + said[1:], {200: Answer(said, (content,))})


PROBES = {
    "/livez": _probe("lives", "whether the process lives"),
    "/healthz": _probe("healthy", "whether the process lives, by its other name"),
    "/readyz": _probe("ready", "whether calls can be taken"),
    "/metrics": _probe("metrics", "figures of the process and its calls for Prometheus"),
}
"""BentoML's own, by path."""

OPEN = ("/livez",)
"""The paths that need no key."""
