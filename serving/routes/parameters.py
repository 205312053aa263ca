"""The strict reading of what a call asks in its address."""

from __future__ import annotations

from typing import TypeVar, get_origin

from pydantic import ValidationError
from starlette.requests import Request

from serving.api.parts import Parameters
from serving.problem import ProblemError

Asked = TypeVar("Asked", bound=Parameters)


def read(request: Request, model: type[Asked]) -> Asked:
    """Return the parameters after the question mark.

    Raises
    ------
    ProblemError
        422 if one is not known, is given twice, or is not as it should be.
    """
    given: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        given.setdefault(name, []).append(value)
    known = sorted(model.model_fields)
    if not given.keys() <= set(known):
        raise ProblemError(422, f"a parameter is not known; there are {', '.join(known)}")
    lists = {
        name for name, field in model.model_fields.items() if get_origin(field.annotation) is tuple
    }
    for name, values in given.items():
        if len(values) > 1 and name not in lists:
            raise ProblemError(422, f"{name}: is given twice; give it once")
    try:
        return model.model_validate(
            {name: values if name in lists else values[0] for name, values in given.items()}
        )
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
    said = fault["msg"].removeprefix("Value error, ")
    said = said.replace("Input should", "must").replace("String should", "must")
    raise ProblemError(422, f"{fault['loc'][0]}: {said}")
