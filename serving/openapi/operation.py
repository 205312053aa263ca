"""What is said of one operation: what it takes, what it answers, and how it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

JSON = "application/json"


@dataclass(frozen=True)
class Content:
    """A body.

    Parameters
    ----------
    held : str or dict
        The name of one of `serving.openapi.models`, or a JSON Schema; `{}` is any bytes.
    examples : mapping of str to value
        By name.
    media_type : str
    """

    held: str | Mapping[str, Any]
    examples: Mapping[str, Any] = field(default_factory=dict)
    media_type: str = JSON

    def told(self) -> dict[str, Any]:
        """Return the content by its media type."""
        schema = dict(self.held) if isinstance(self.held, Mapping) else reference(self.held)
        examples = {name: {"value": value} for name, value in self.examples.items()}
        held = ({"schema": schema} if schema else {}) | ({"examples": examples} if examples else {})
        return {self.media_type: held}


@dataclass(frozen=True)
class Answer:
    """What is answered where all went well.

    Parameters
    ----------
    said : str
        What it is.
    contents : tuple of Content
        One of each media type.
    headers : tuple of str
        Which of `serving.openapi.headers` it always has.
    """

    said: str
    contents: tuple[Content, ...]
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """A method of a path.

    Parameters
    ----------
    name : str
        By which generated clients call it.
    summary : str
        A line.
    answers : mapping of int to Answer
        By status.
    problems : mapping of int to str
        Why it is refused, by status, beyond what any operation may answer; "" where the
        status's own rule says it all.
    parameters : tuple of str
        Of `serving.openapi.parameters`: in the path and in headers.
    body : Content, optional
    query : str, optional
        The model, of `serving.openapi.models`, of what is asked after the question mark.
    body_required : bool
    description : str
        What else a caller must know.
    """

    name: str
    summary: str
    answers: Mapping[int, Answer]
    problems: Mapping[int, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    body: Content | None = None
    description: str = ""
    query: str | None = None
    body_required: bool = True

    @property
    def models(self) -> set[str]:
        """The names of the models that it needs."""
        contents = [content for answer in self.answers.values() for content in answer.contents]
        contents += [self.body] if self.body else []
        return {content.held for content in contents if isinstance(content.held, str)}


def reference(name: str, kind: str = "schemas") -> dict[str, Any]:
    """Return a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}
