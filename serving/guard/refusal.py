"""A call that is turned away before, or instead of, being served."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from starlette.responses import Response

from serving.problem import ProblemError

Reason = Literal[
    "key", "path", "method", "scope", "rate", "busy", "size", "encoding", "slow_body", "time_out"
]


class RefusalError(ProblemError):
    """A call that the guard turns away, with a problem document.

    Parameters
    ----------
    status : int
    reason : str
        What the figures count it under.
    detail : str
        What the caller is told: no value of their own.
    headers : mapping, optional
        What the answer carries besides, such as ``Retry-After``.
    """

    def __init__(
        self, status: int, reason: Reason, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, detail)
        self.reason: Reason = reason
        self.headers = dict(headers or {})

    def response(self, headers: Mapping[str, str] | None = None) -> Response:
        """Return the problem document."""
        return super().response({**self.headers, **(headers or {})})
