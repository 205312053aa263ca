"""The OpenAPI document: valid, of every route there is, its examples true to their schemas."""

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from pydantic import BaseModel
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from configs.serving import Serving
from serving import problem
from serving.app import application
from serving.openapi.document import UndescribedError, openapi
from serving.openapi.models import MODELS
from serving.openapi.operations import PROBES
from serving.openapi.problems import ANYWHERE, OF_A_BODY, OF_A_KEY, OF_A_PROBE
from serving.releases.release import current
from serving.routes.route import ScopedRoute

SERVING = Serving(reasons=3, language="en", max_customers=1000, max_body_mb=1.0)
ROUTES = application(lambda told: current(told.var)).routes
DOCUMENT = openapi(ROUTES, SERVING)
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}


def under(pointer: str) -> Any:
    """What a reference within the document refers to."""
    held = DOCUMENT
    for part in pointer.removeprefix("#/").split("/"):
        held = held[part]
    return held


def places(held: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every object of the document with its place."""
    if isinstance(held, dict):
        yield place, held
        for name, value in held.items():
            yield from places(value, f"{place}/{name}")
    elif isinstance(held, list):
        for number, value in enumerate(held):
            yield from places(value, f"{place}/{number}")


def validator(schema: dict) -> jsonschema_rs.Draft202012Validator:
    """A schema of the document, its references resolved."""
    whole = {**schema, "components": DOCUMENT["components"]}
    return jsonschema_rs.Draft202012Validator(whole, validate_formats=True)


def faults(schema: dict, value: Any) -> list[str]:
    return [
        f"{fault.instance_path}: {fault.message}" for fault in validator(schema).iter_errors(value)
    ]


def test_it_is_openapi_3_1_and_its_schemas_are_json_schema():
    assert [str(error) for error in OPENAPI_31_VALIDATOR.iter_errors(DOCUMENT)] == []
    assert DOCUMENT["openapi"] == "3.1.0"
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)


def test_every_reference_leads_somewhere_and_every_component_is_referred_to():
    found = {held["$ref"] for _, held in places(DOCUMENT) if isinstance(held.get("$ref"), str)}
    for reference in found:
        assert under(reference)
    kinds = ("schemas", "responses", "parameters", "headers")
    held = {
        f"#/components/{kind}/{name}" for kind in kinds for name in DOCUMENT["components"][kind]
    }
    assert held - found == set()


def test_every_route_and_probe_is_described_with_the_scope_it_takes():
    scopes = {
        f"{min(route.methods - {'HEAD'})} {route.path_format}": route.scope
        for route in ROUTES
        if route.scope != "audit"  # pages, which are for people
    }
    scopes |= {f"GET {path}": "read" for path in PROBES}
    assert set(OPERATIONS) == set(scopes)
    for name, operation in OPERATIONS.items():
        asked = [set(held) for held in operation["security"]]
        needed = [scope for held in operation["security"] for (scope,) in held.values()]
        if name == "GET /livez":
            assert asked == []
        else:
            assert asked == [{"key"}, {"key_header"}]
            assert needed == [scopes[name]] * 2
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"key", "key_header"}


def test_a_route_that_nothing_is_said_of_is_an_error():
    route = ScopedRoute("/v1/secret/{id}", "GET", "read", ROUTES[0].endpoint)
    with pytest.raises(UndescribedError, match=r"GET /v1/secret/\{id\} is not described"):
        openapi([*ROUTES, route], SERVING)


def test_operations_have_names_of_their_own():
    names = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_tells_each_way_it_may_be_refused(name):
    operation = OPERATIONS[name]
    usual = OF_A_PROBE if name.removeprefix("GET ") in PROBES else ANYWHERE
    expected = {*usual, *(OF_A_KEY if operation["security"] else ())}
    expected |= set(OF_A_BODY) if "requestBody" in operation else set()
    expected |= {404} if "{" in name else set()
    assert {str(status) for status in expected} <= set(operation["responses"])
    parameters = [
        under(held["$ref"]) if "$ref" in held else held for held in operation.get("parameters", [])
    ]
    in_path = {held["name"] for held in parameters if held["in"] == "path"}
    assert in_path == {part[1:-1] for part in name.split("/") if part.startswith("{")}
    for status, response in operation["responses"].items():
        if int(status) >= 400:
            told = under(response["$ref"])
            assert list(told["content"]) == [problem.MEDIA_TYPE]
            (example,) = told["content"][problem.MEDIA_TYPE]["examples"].values()
            assert example["value"]["status"] == int(status)


def test_what_asks_to_come_again_says_when():
    for name in ("Conflict", "TooManyRequests", "ServiceUnavailable"):
        assert "Retry-After" in DOCUMENT["components"]["responses"][name]["headers"]


CONTENTS = {
    f"{place} {name}": (held["schema"], example["value"])
    for place, held in places(DOCUMENT)
    if "schema" in held and "examples" in held
    for name, example in held["examples"].items()
}


@pytest.mark.parametrize("place", CONTENTS)
def test_an_example_is_what_its_schema_says(place):
    schema, example = CONTENTS[place]
    assert faults(schema, example) == []
    # And what the models that requests are checked with say, which are stricter in places.
    model = MODELS.get(schema.get("$ref", "").rpartition("/")[2])
    if model is not None:
        assert issubclass(model, BaseModel)
        model.model_validate_json(json.dumps(example))


def test_every_body_that_is_json_has_an_example():
    without = [
        place
        for place, held in places(DOCUMENT["paths"])
        if place.endswith(("/application~1json", "/application/json")) and "examples" not in held
    ]
    assert [place for place in without if "openapi.json" not in place and "card" not in place] == []


def test_the_example_of_a_parameter_is_one():
    for held in DOCUMENT["components"]["parameters"].values():
        assert faults(held["schema"], held["example"]) == []
    for held in DOCUMENT["components"]["headers"].values():
        assert faults(held["schema"], held["example"]) == []


ASKED = {
    "by id": ({"customer_id": "1"}, True),
    "by id, the rest null": (
        {"customer_id": "1", "features": None, "rows": None, "as_of": None},
        True,
    ),
    "by id of a day": ({"customer_id": "1", "as_of": "2024-06-03"}, False),
    "by features": ({"customer_id": "1", "features": {"tenure": 3}}, True),
    "by features of a day": ({"customer_id": "1", "features": {}, "as_of": "2024-06-03"}, True),
    "by rows": ({"customer_id": "1", "rows": {}, "as_of": "2024-06-03"}, True),
    "by rows of no day": ({"customer_id": "1", "rows": {}}, False),
    "by both": ({"customer_id": "1", "rows": {}, "features": {}, "as_of": "2024-06-03"}, False),
    "by an unknown key": ({"customer_id": "1", "name": "x"}, False),
    "by a number": ({"customer_id": 1}, False),
    "by a text with a line's end": ({"customer_id": "1\n"}, False),
    "on no day": ({"customer_id": "1", "features": {}, "as_of": "2024-02-30"}, False),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_schema_takes_what_the_service_takes(name):
    asked, taken = ASKED[name]
    body = {"customers": [asked]}
    schema = {"$ref": "#/components/schemas/ScoreRequest"}
    assert (faults(schema, body) == []) is taken
    if taken:
        problem.read_request(json.dumps(body).encode(), 1000)
    else:
        with pytest.raises(problem.ProblemError):
            problem.read_request(json.dumps(body).encode(), 1000)


def test_the_configs_bound_is_in_the_schema():
    schema = {"$ref": "#/components/schemas/ScoreRequest"}
    assert faults(schema, {"customers": [{"customer_id": "1"}] * 1000}) == []
    assert faults(schema, {"customers": [{"customer_id": "1"}] * 1001}) != []
