"""The document: of each route that there is what is said of it, and the models it names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import models_json_schema
from starlette.routing import BaseRoute

from configs.errors import StamkundeError
from configs.serving import Serving
from serving.openapi import headers, parameters
from serving.openapi.models import MODELS
from serving.openapi.operation import Answer, Operation, reference
from serving.openapi.operations import OPEN, OPERATIONS, PROBES
from serving.openapi.problems import ANYWHERE, OF_A_BODY, OF_A_KEY, OF_A_PROBE, name_of, responses
from serving.routes.route import ScopedRoute

VERSION = "3.1.0"
PROBES_SCOPE = "read"

_ABOUT = (
    "Churn, customer lifetime value and segments of customers, each with its reasons. Every score "
    "is on record, under its id, before it is answered.\n\n"
    "A call names its key, made by `stamkunde keys add`; each operation says under `security` "
    "which scope the key must have, and `admin` is every scope. A service without any key answers "
    "its own machine alone, and asks for none."
)
_KEYS = {
    "key": {"type": "http", "scheme": "bearer", "description": "Authorization: Bearer KEY"},
    "key_header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
}


class UndescribedError(StamkundeError):
    """A route that nothing is said of."""


def openapi(routes: Sequence[BaseRoute], serving: Serving) -> dict[str, Any]:
    """Return the OpenAPI document of the service.

    Parameters
    ----------
    routes : sequence of BaseRoute
        The application's; of what has no scope nothing is said, nor of the auditor's pages,
        which are for people.
    serving : Serving
        The config's bounds of what the service takes.

    Raises
    ------
    UndescribedError
        If a route is not described.
    """
    scoped = [route for route in routes if isinstance(route, ScopedRoute)]
    scoped = [route for route in scoped if route.scope != "audit"]
    told = [_described(route) for route in scoped] + list(PROBES.values())
    statuses = {status for operation in told for status in (*_refusals(operation), *OF_A_KEY)}
    paths: dict[str, Any] = {}
    for route, operation in zip(scoped, told, strict=False):
        (method,) = (route.methods or set()) - {"HEAD"}
        paths.setdefault(route.path_format, {})[method.lower()] = _told(operation, route.scope)
    for path, operation in PROBES.items():
        paths[path] = {"get": _told(operation, None if path in OPEN else PROBES_SCOPE)}
    return {
        "openapi": VERSION,
        "info": {"title": "Stamkunde", "version": "1", "description": _ABOUT},
        "paths": paths,
        "components": {
            "schemas": _schemas(told, serving),
            "responses": responses(statuses),
            "parameters": _used(parameters.components(), paths),
            "headers": _used(headers.components(), {"paths": paths, "of": responses(statuses)}),
            "securitySchemes": _KEYS,
        },
    }


def _described(route: ScopedRoute) -> Operation:
    (method,) = (route.methods or set()) - {"HEAD"}
    operation = OPERATIONS.get((method, route.path_format))
    if operation is None:
        raise UndescribedError(
            f"{method} {route.path_format} is not described; describe it in "
            "serving/openapi/operations.py"
        )
    return operation


def _told(operation: Operation, scope: str | None) -> dict[str, Any]:
    """Return an operation as the document has it."""
    told: dict[str, Any] = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        told["description"] = operation.description
    asked = [reference(name, "parameters") for name in operation.parameters]
    asked += parameters.of_query(MODELS[operation.query]) if operation.query else []
    if asked:
        told["parameters"] = asked
    if operation.body:
        told["requestBody"] = {
            "required": operation.body_required,
            "content": operation.body.told(),
        }
    answers = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    refusals = _refusals(operation) | ({} if scope is None else dict.fromkeys(OF_A_KEY, ""))
    refused = {str(status): _refusal(status, said) for status, said in sorted(refusals.items())}
    security = [] if scope is None else [{name: [scope]} for name in _KEYS]
    return {**told, "responses": {**answers, **refused}, "security": security}


def _answer(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for held in answer.contents:
        content |= held.told()
    told = {"description": answer.said, "headers": headers.answered_with(*answer.headers)}
    return {**told, "content": content} if content else told


def _refusals(operation: Operation) -> dict[int, str]:
    """Return how an operation may be refused: the status, and what is said beyond its rule."""
    usual = OF_A_PROBE if operation in PROBES.values() else ANYWHERE
    of_body = OF_A_BODY if operation.body else ()
    return {**dict.fromkeys((*usual, *of_body), ""), **operation.problems}


def _refusal(status: int, said: str) -> dict[str, Any]:
    told = reference(name_of(status), "responses")
    return {**told, "description": said} if said else told


def _schemas(operations: Sequence[Operation], serving: Serving) -> dict[str, Any]:
    """Return the schemas of the models that operations name, with the config's own bounds."""
    names = {name for operation in operations for name in operation.models} | {"Problem"}
    _, held = models_json_schema(
        [(MODELS[name], "validation") for name in sorted(names)],
        ref_template="#/components/schemas/{model}",
    )
    schemas: dict[str, Any] = held["$defs"]
    if "ScoreRequest" in schemas:
        schemas["ScoreRequest"]["properties"]["customers"]["maxItems"] = serving.max_customers
    return schemas


def _used(components: Mapping[str, Any], within: Mapping[str, Any]) -> dict[str, Any]:
    """Return the components that are referred to."""
    found = set(_references(within))
    return {name: held for name, held in components.items() if name in found}


def _references(held: Any) -> Sequence[str]:
    """Return the names of all components that are referred to."""
    if isinstance(held, Mapping):
        own = [held["$ref"].rpartition("/")[2]] if isinstance(held.get("$ref"), str) else []
        return own + [name for value in held.values() for name in _references(value)]
    if isinstance(held, list):
        return [name for value in held for name in _references(value)]
    return []
