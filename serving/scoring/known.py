"""What is known of a customer who is asked about, or why it is not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.quantities import Value

LONGEST_TEXT = 200
"""Characters of a text that a caller gives: it may go on record."""


@dataclass(frozen=True)
class Known:
    """A customer's features.

    Parameters
    ----------
    as_of : str or None
        The day they were known at.
    values : mapping of str to sequence
        By schema digest, in the schema's order.
    rows : str, optional
        The digest of the rows that they were built from.
    flags : tuple of str
        What is odd about how they were looked up.
    """

    as_of: str | None
    values: Mapping[str, Sequence[Value]]
    rows: str | None = None
    flags: tuple[str, ...] = ()


class CustomerError(Exception):
    """Why one customer of a call has no score; the others have."""

    def __init__(
        self,
        code: str,
        message: str,
        feature: str | None = None,
        row: Mapping[str, str | int | None] | None = None,
    ) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message, "feature": feature, "row": row}
