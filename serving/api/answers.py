"""What a call for scores is answered: a result for each customer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from serving.api.parts import Part
from serving.api.scores import Score


class RowFault(Part):
    """Where a given row breaks a rule."""

    table: str
    row: int | None = Field(description="counted from 1 in its table")
    column: str | None
    expected: str
    found: str


class ItemError(Part):
    """Why one customer has no score."""

    code: Literal[
        "unknown_customer",
        "stale_features",
        "invalid_features",
        "features_changing",
        "invalid_rows",
        "rows_not_served",
        "no_consent",
        "erased",
    ]
    message: str
    feature: str | None = None
    row: RowFault | None = None


class Refused(Part):
    """A customer without a score."""

    customer_id: str
    error: ItemError


class ScoreAnswer(Part):
    """One result a customer asked, in the order asked."""

    results: list[Score | Refused]
