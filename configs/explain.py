"""What Pydantic found wrong, told in a config's own words and at its own lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from configs.errors import Key, Problem
from configs.schema import Config
from configs.values import Section
from configs.written import Written

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d{1,12})?([eE][-+]?\d{1,2})?")
_RULES = {
    "missing": "is missing",
    "string_type": "must be text",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "model_type": "must be a mapping of keys to values",
    "model_attributes_type": "must be a mapping of keys to values",
    "dict_type": "must be a mapping of keys to values",
    "tuple_type": "must be a list such as [a, b]",
}


def explained(tree: Written, detail: ErrorDetails) -> Problem:
    """Return one of Pydantic's errors as a config's problem."""
    kind, loc = detail["type"], detail["loc"]
    if kind == "extra_forbidden":
        return _unknown(tree, loc)
    of_key = loc[-1:] == ("[key]",)
    key, choices = _followed(loc[:-1] if of_key else loc)
    rule = _rule(detail)
    if kind.startswith("union_tag_"):
        key, rule = (*key, "kind"), f"must be {_either([_tag(choice) for choice in choices])}"
    written, found = _nearest(tree, key)
    if of_key:
        return Problem(written.place, key, f'{rule}, got the key "{key[-1]}"')
    if not found:
        return Problem(written.place, key, rule if kind == "missing" else f"is missing; {rule}")
    if kind == "value_error" and isinstance(written.value, dict):
        return _pointed(tree, key, rule)
    if kind == "location":  # it may hold a password that is not known for one
        return Problem(written.place, key, rule)
    return Problem(written.place, key, f"{rule}, got {written.shown}{_hint(kind, written)}")


def _unknown(tree: Written, loc: Key) -> Problem:
    sections = _followed(loc[:-1])[1]
    key = (*_followed(loc[:-1])[0], loc[-1])
    known = [*sections[0].model_fields, *(["extends"] if len(key) == 1 else [])]
    near = get_close_matches(str(key[-1]), known, n=1)
    advice = f"did you mean {near[0]}?" if near else f"the keys here are {', '.join(known)}"
    return Problem(_nearest(tree, key)[0].place, key, f"is not a known key; {advice}")


def _pointed(tree: Written, key: Key, rule: str) -> Problem:
    """Tell a section's rule where it points, if it begins with the name of a key in it."""
    word, _, rest = rule.partition(" ")
    deeper = (*key, *word.split("."))
    written, found = _nearest(tree, deeper)
    if found:
        return Problem(written.place, deeper, rest)
    return Problem(_nearest(tree, key)[0].place, key, rule)


def _rule(detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    if kind == "string_pattern_mismatch":
        return f"must match {detail['ctx']['pattern']}"
    if kind.startswith("date_"):
        return "must be a date such as 2017-12-04"
    rule = re.sub(r"^(Input|String|Tuple|Dictionary) should", "must", detail["msg"])
    return _RULES.get(kind, rule.partition(" after validation")[0])


def _either(tags: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(tags[:-1]), tags[-1])))


def _hint(kind: str, written: Written) -> str:
    value = written.value
    if kind in {"string_type", "column"} and not isinstance(value, str | dict | list | NoneType):
        return f'; quote it to make it text: "{written.spelt}"'
    # YAML takes 1e-3 for text.
    if kind in {"int_type", "float_type"} and value == written.spelt and _NUMBER.fullmatch(value):
        return f"; write {Decimal(value):f} without quotes"
    if kind == "literal_error" and isinstance(value, bool):
        return f'; quote it to make it text: "{written.spelt}"'
    return ""


def _nearest(tree: Written, key: Key) -> tuple[Written, bool]:
    """Return what is written under a key, or else the nearest that it would be in."""
    for part in key:
        if isinstance(part, int) and isinstance(tree.value, dict):
            continue  # one stands where a list of them may
        try:
            tree = tree.value[part]
        except (KeyError, IndexError, TypeError):
            return tree, False
    return tree, True


def _followed(loc: Key) -> tuple[Key, list[Any]]:
    """Return the key that Pydantic's location means, and the types that may stand there.

    A location also holds the tag of each union that it goes through; a key does not. Every union
    of the schema has tags.
    """
    key: list[str | int] = []
    choices: list[Any] = [Config]
    for part in loc:
        if len(choices) > 1:
            choices = [choice for choice in choices if _tag(choice) == part]
        else:
            key.append(part)
            choices = list(_inside(choices[0], part))
    return tuple(key), choices


def _inside(choice: Any, part: str | int) -> Iterator[Any]:
    """Yield the types that may stand under a part of a section, a mapping or a list."""
    if isinstance(choice, type) and issubclass(choice, Section):
        return _choices(choice.model_fields[str(part)].annotation)
    return _choices(get_args(choice)[1 if get_origin(choice) is dict else 0])


def _choices(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from _choices(get_args(annotation)[0])
    elif get_origin(annotation) in (Union, UnionType):
        for each in get_args(annotation):
            yield from _choices(each)
    elif annotation is not NoneType:
        yield annotation


def _tag(choice: Any) -> str:
    """Return the tag of a member of a union: its kind, or the one key that it has."""
    if not (isinstance(choice, type) and issubclass(choice, Section)):
        return "name"
    kind = choice.model_fields.get("kind")
    return str(get_args(kind.annotation)[0] if kind else next(iter(choice.model_fields)))
