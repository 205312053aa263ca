"""The description of the interface: OpenAPI 3.1, of the models that requests are checked with."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from pydantic.json_schema import models_json_schema

from serving.api import ModelsAnswer, Problem, ScoreAnswer, ScoreRequest
from serving.problem import MEDIA_TYPE

_MODELS = (ScoreRequest, ScoreAnswer, ModelsAnswer, Problem)
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def openapi(max_customers: int = 1_000) -> dict[str, Any]:
    """Return the OpenAPI document of the service.

    Parameters
    ----------
    max_customers : int
        How many customers one call may name.
    """
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stamkunde",
            "version": "1",
            "description": "Churn, customer lifetime value and segments of customers, each with "
            "its reasons. Every score is on record, under its id, before it is answered.",
        },
        "paths": {
            "/v1/score": {"post": _score()},
            "/v1/models": {"get": _models()},
            "/v1/openapi.json": {"get": _document()},
            **{path: {"get": _probe(said)} for path, said in _PROBES.items()},
        },
        "components": {"schemas": _schemas(max_customers)},
    }


_PROBES = {
    "/livez": "whether the process lives",
    "/healthz": "the same",
    "/readyz": "whether calls can be taken",
    "/metrics": "figures of the process and its calls for Prometheus",
}


def _schemas(max_customers: int) -> dict[str, Any]:
    _, held = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    schemas: dict[str, Any] = held["$defs"]
    schemas["ScoreRequest"]["properties"]["customers"]["maxItems"] = max_customers
    return schemas


def _score() -> dict[str, Any]:
    return {
        "operationId": "score",
        "summary": "Score customers, by id, by their features or by their own rows",
        "requestBody": {
            "required": True,
            "content": {"application/json": _content(ScoreRequest, _REQUESTS)},
        },
        "responses": {
            "200": _ok("a result for each customer, in their order", ScoreAnswer, _ANSWERS),
            **_problems(400, 413, 415, 422, 503),
            **_anywhere(),
        },
    }


def _models() -> dict[str, Any]:
    return {
        "operationId": "models",
        "summary": "What is served",
        "responses": {
            "200": _ok("the model of each task", ModelsAnswer, _CHAMPIONS),
            **_anywhere(),
        },
    }


def _document() -> dict[str, Any]:
    content = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": "document",
        "summary": "This document",
        "responses": {"200": {"description": "OpenAPI 3.1", "content": content}, **_anywhere()},
    }


def _probe(said: str) -> dict[str, Any]:
    content = {"text/plain": {"schema": {"type": "string"}}}
    answers: dict[str, Any] = {"200": {"description": said, "content": content}}
    if said == _PROBES["/readyz"]:
        answers["500"] = {"description": "not ready yet"}
    return {"summary": said, "responses": answers}


def _anywhere() -> dict[str, Any]:
    """Return what any route of ours may answer; 504 is BentoML's, after a minute."""
    late = {"application/json": {"schema": {"type": "object"}}}
    return {**_problems(405, 500), "504": {"description": "it took too long", "content": late}}


def _problems(*statuses: int) -> dict[str, Any]:
    return {
        str(status): {
            "description": _RULES[status],
            "content": {MEDIA_TYPE: _content(Problem, {"problem": _problem(status)})},
        }
        for status in statuses
    }


_RULES = {
    400: "the body is no JSON, or names a key twice",
    405: "the method is not served here",
    413: "the body is too large",
    415: "the body is not called JSON",
    422: "the body does not ask as it should; each fault with its JSON pointer",
    500: "the service failed; no score was answered",
    503: "scores cannot be looked up or recorded now; none was given",
}


def _problem(status: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": _RULES[status],
    }
    if status == 422:
        told["errors"] = [{"pointer": "/customers/0/customer_id", "detail": "is missing"}]
    return told


def _ok(said: str, model: Any, examples: dict[str, Any]) -> dict[str, Any]:
    return {"description": said, "content": {"application/json": _content(model, examples)}}


def _content(model: Any, examples: dict[str, Any]) -> dict[str, Any]:
    return {
        "schema": {"$ref": f"#/components/schemas/{model.__name__}"},
        "examples": {name: {"value": value} for name, value in examples.items()},
    }


_REASON = {
    "idea": "recency",
    "feature": "days_since_purchase",
    "label": "days since the last purchase",
    "value": 74.0,
    "unit": "days",
    "contribution": 0.18,
    "actionable": True,
    "text": "days since the last purchase: 74 days (usually every 21 days)",
}
_REQUESTS: dict[str, Any] = {
    "by id": {"customers": [{"customer_id": "1"}, {"customer_id": "2"}], "reasons": 3},
    "by features": {
        "customers": [
            {
                "customer_id": "1",
                "features": {"days_since_purchase": 74, "income": None},
                "as_of": "2017-12-04",
            }
        ],
        "language": "da",
    },
    "by rows": {
        "customers": [
            {
                "customer_id": "1",
                "as_of": "2017-12-04",
                "rows": {
                    "transactions": [
                        {"occurred_at": "2017-11-30T17:05:00Z", "amount": 24.5, "order_id": "81"},
                        {"occurred_at": "2017-12-01T09:30:00Z", "amount": -3.2, "order_id": "82"},
                    ],
                    "customer": {"income": "50-74K"},
                },
            }
        ],
    },
}
_ANSWERS: dict[str, Any] = {
    "a score, an unknown customer and a bad row": {
        "results": [
            {
                "id": "0a4d55a8d778e5022fab701977c5d840",
                "customer_id": "1",
                "as_of": "2017-12-04",
                "churn": {
                    "probability": 0.41,
                    "band": "middle",
                    "no_purchase_within": {"30": 0.39, "60": 0.24, "90": 0.18},
                    "cancelled_within": None,
                    "next_purchase": {
                        "days": 21,
                        "date": "2017-12-24",
                        "text": "as likely as not to buy by 2017-12-24",
                    },
                    "base": 0.23,
                    "margin": -0.36,
                    "reasons": {"raises": [_REASON], "lowers": []},
                },
                "clv": None,
                "value_at_risk": None,
                "segments": {
                    "behaviour": {
                        "id": 2,
                        "name": "Long silent, rare",
                        "potential": None,
                        "reasons": {"apart": [_REASON]},
                    }
                },
                "codes": {"clv": "inactive"},
                "flags": ["unseen_category:income"],
                "bundles": {"churn": _DIGEST, "clv": _DIGEST, "segments": _DIGEST},
            },
            {
                "customer_id": "2",
                "error": {
                    "code": "unknown_customer",
                    "message": "no features are stored for this customer; fill the store, or give "
                    "the features",
                    "feature": None,
                    "row": None,
                },
            },
            {
                "customer_id": "3",
                "error": {
                    "code": "invalid_rows",
                    "message": "transactions, row 2, amount: expected an amount below ten billion, "
                    "with a point before its decimals, found '24,50'",
                    "feature": None,
                    "row": {
                        "table": "transactions",
                        "row": 2,
                        "column": "amount",
                        "expected": "an amount below ten billion, with a point before its decimals",
                        "found": "'24,50'",
                    },
                },
            },
        ]
    }
}
_CHAMPIONS: dict[str, Any] = {
    "one model": {
        "base": "complete_journey",
        "release": _DIGEST,
        "models": {
            "churn": {
                "digest": _DIGEST,
                "model": "xgboost",
                "features": ["days_since_purchase", "income"],
                "papers": {"version": 3, "made_at": "2018-01-01T00:00:00Z"},
            }
        },
    }
}
