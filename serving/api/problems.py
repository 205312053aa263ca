"""An error as callers get it."""

from __future__ import annotations

from pydantic import Field

from serving.api.parts import Part


class Fault(Part):
    """One thing wrong with a request."""

    pointer: str = Field(description="JSON pointer of the wrong value")
    detail: str


class Problem(Part):
    """An error as RFC 9457 has it."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = None
