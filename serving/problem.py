"""What the service refuses: problem documents (RFC 9457), and the strict reading of a body."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

import numpy as np
import orjson
from pydantic import ValidationError
from starlette.responses import Response

from serving.api.asked import ScoreRequest
from serving.api.parts import Part
from serving.api.regular import DEEP, MANY, regular
from serving.nesting import is_deeper, members

MEDIA_TYPE = "application/problem+json"

FAILED = "the service failed; its log tells where"

_MOST_FAULTS = 20

Asked = TypeVar("Asked", bound=Part)


class ProblemError(Exception):
    """A request that is answered with a problem document."""

    def __init__(self, status: int, detail: str, errors: list[dict[str, str]] | None = None):
        super().__init__(detail)
        self.status, self.detail, self.errors = status, detail, errors

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the problem document."""
        held: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        if self.errors:
            held["errors"] = self.errors
        content = json.dumps(held, allow_nan=False).encode()
        said = {"Retry-After": "5"} if self.status == 503 else {}
        return Response(content, self.status, {**said, **(headers or {})}, MEDIA_TYPE)


def read_request(
    body: bytes, max_customers: int, max_given: int | None = None, *, max_nesting: int = 16
) -> ScoreRequest:
    """Read the body of a call for scores.

    Parameters
    ----------
    body : bytes
    max_customers, max_given : int
        How many customers one call may name by id, and how many it may give features or rows of:
        as many unless told.
    max_nesting : int
        How deep lists and objects may lie in each other.

    Raises
    ------
    ProblemError
        400 if it is no JSON as RFC 8259 has it, names a key twice or is nested too deep; 422 if
        it does not ask for scores as it should.
    """
    bounds = {"max_customers": max_customers, "max_given": max_given or max_customers}
    if (call := _regular(body, bounds, max_nesting)) is not None:
        return call
    return read_as(ScoreRequest, body, bounds, max_nesting=max_nesting)


def _regular(body: bytes, bounds: dict[str, int], max_nesting: int) -> ScoreRequest | None:
    """Read a large call that is plainly in order; None where it takes a closer look."""
    place = -1
    for _ in range(MANY):
        place = body.find(b'"customer_id"', place + 1)
        if place < 0:
            return None
    try:
        found = regular(orjson.loads(body), bounds)
    except orjson.JSONDecodeError:
        return None
    if found is None or max_nesting < DEEP:
        return None
    call, due = found
    # A bracket or a colon more may stand in a text, and may be what is not allowed.
    if body.find(b"[", body.find(b"[") + 1) >= 0 and is_deeper(body, max_nesting):
        return None
    colons = np.count_nonzero(np.frombuffer(body, np.uint8) == ord(":"))
    return call if colons == due or members(body) == due else None


def read_as(
    model: type[Asked],
    body: bytes,
    context: dict[str, Any] | None = None,
    *,
    max_nesting: int = 16,
) -> Asked:
    """Read a body of JSON as a model has it.

    Raises
    ------
    ProblemError
        400 if it is no JSON as RFC 8259 has it, names a key twice or is nested too deep; 422 if
        it is not as the model has it.
    """
    if is_deeper(body, max_nesting):
        raise ProblemError(400, f"lists and objects may lie {max_nesting} deep in each other")
    try:
        return model.model_validate(_read_json(body), context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
    errors = [
        {"pointer": _pointer(fault["loc"]), "detail": _said(fault["type"], fault["msg"])}
        for fault in found[:_MOST_FAULTS]
    ]
    raise ProblemError(422, f"{errors[0]['pointer'] or '/'}: {errors[0]['detail']}", errors)


def _read_json(body: bytes) -> Any:
    if b'"rows"' not in body:  # nothing in it is money, which is read by its digits
        try:
            value = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _read_slowly(body)  # which tells what is wrong with it
        if members(body) == _members_of(value):
            return value
    return _read_slowly(body)


def _members_of(value: Any) -> int:
    """Return how many names with a value the objects in a value have together."""
    if type(value) is dict:
        return len(value) + sum(
            _members_of(part) for part in value.values() if type(part) is dict or type(part) is list
        )
    if type(value) is list:
        return sum(map(_members_of, value))
    return 0


def _read_slowly(body: bytes) -> Any:
    try:
        value = json.loads(
            body.decode(),
            object_pairs_hook=_without_duplicates,
            parse_float=_finite,
            parse_constant=_refuse_constant,
        )
        if b"\\u" in body:  # an escape may be half a surrogate pair, which is no text
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except UnicodeEncodeError:
        raise ProblemError(400, "an escaped character is half a surrogate pair") from None
    except UnicodeDecodeError as error:
        raise ProblemError(400, f"the body must be UTF-8; byte {error.start} is not") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ProblemError(400, f"the body must be JSON; {place}: {error.msg}") from None
    except RecursionError:
        raise ProblemError(400, "the body is nested too deep") from None
    except ValueError:  # Python's own limit on the digits of an integer
        raise ProblemError(400, "a number has too many digits") from None


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        raise ProblemError(400, "a key stands twice in one object; give each once")
    return held


class Written(float):
    """A number that as text is what was written: an amount is exact, which no double is."""

    digits: str

    def __str__(self) -> str:
        return self.digits


def _finite(digits: str) -> float:
    value = Written(digits)
    value.digits = digits
    if not math.isfinite(value):
        raise ProblemError(400, "a number is too large for a double")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ProblemError(400, f"{name} is not JSON; give null for a missing value")


def _pointer(location: tuple[int | str, ...]) -> str:
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in location)
    return "".join(f"/{part}" for part in parts)


def _said(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "is not a known key"
    if kind == "missing":
        return "is missing"
    return message.removeprefix("Value error, ").replace("Input should", "must")
