"""What a place for scores does: take tables of them, and show all or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from features.contract import StamkundeError


class DestinationError(StamkundeError):
    """A place that cannot take scores."""


@dataclass(frozen=True)
class Written:
    """What a batch did to a place.

    Parameters
    ----------
    rows : int
        How many were written.
    new, gone : int, optional
        How many of them are of customers who were not there; how many customers are there, or
        were, whom the batch has not. None where nobody looked at what was there.
    renewed, unchanged : int, optional
        How many were written though the answer is as it was, as their time is running out; how
        many were not written, as the answer is as it was. None unless only changes were asked for.
    """

    rows: int
    new: int | None = None
    gone: int | None = None
    renewed: int | None = None
    unchanged: int | None = None

    def lines(self, pruned: bool) -> list[str]:
        """Return what was counted, a line each; nothing where all was written anew."""
        counted = {
            "rows written": self.rows,
            "of them new": self.new,
            "of them unchanged, renewed as their time runs out": self.renewed,
            "unchanged, left as they are": self.unchanged,
            "gone, removed" if pruned else "gone, to be used until their valid_until": self.gone,
        }
        held = {what: count for what, count in counted.items() if count is not None}
        return [f"{count:,} {what}" for what, count in held.items()] if len(held) > 1 else []


class Destination(Protocol):
    """A place for the scores of one batch; nothing shows there before `commit`.

    Called in this order: `begin`, `write` any number of times, then `commit` or `abort`. A process
    that dies before the end of `commit` leaves the place as it was.
    """

    @property
    def told(self) -> str:
        """The place, as a user may be told: no password."""

    def begin(self, schema: pa.Schema) -> None:
        """Get ready to take tables of a schema, `serving.batch.schema.columns` of a release.

        Raises
        ------
        DestinationError
            If the place cannot take them.
        """

    def write(self, table: pa.Table) -> None:
        """Take the scores of some customers, each customer once in a batch.

        Raises
        ------
        DestinationError
            If they cannot be written.
        """

    def commit(self) -> Written:
        """Let all that was taken show at one instant; it is on disk when this returns.

        Raises
        ------
        DestinationError
            If that cannot be done: then nothing shows.
        """

    def abort(self) -> None:
        """Drop what was taken; after a `commit` there is nothing to drop."""
