"""What every row of a batch carries: whose it is, what it was made with, and how long it holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa

_BUNDLES = {"churn_bundle", "clv_bundle", "segments_bundle"}
_FIELDS = (
    pa.field("release", pa.string(), nullable=False),
    pa.field("valid_until", pa.date32(), nullable=False),
    pa.field("base", pa.string(), nullable=False),
)
_OCCASION = {"base", "customer_id", "score_id", "as_of", "release", "valid_until"} | _BUNDLES


@dataclass(frozen=True)
class Stamp:
    """The columns that are one for all rows of a batch.

    Parameters
    ----------
    base : str
        The customer base's name.
    release : str
        The digest of the release that scores it.
    as_of : date
        The day whose first instant is excluded.
    valid_for : int
        Days after which a row is no longer to be used (``serving.valid_for``).
    """

    base: str
    release: str
    as_of: date
    valid_for: int

    @property
    def valid_until(self) -> date:
        """The first day on which a row is no longer to be used."""
        return self.as_of + timedelta(days=self.valid_for)

    @property
    def renewed_until(self) -> date:
        """A row valid no longer than this is written again, though its answer is as it was.

        That is half of its time, as leases of addresses are renewed (RFC 2131, T1): who gets only
        changes never holds a row past its time while batches come at most that far apart.
        """
        return self.as_of + timedelta(days=self.valid_for // 2)

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """Return a schema with those of the stamp's columns that it lacks, at its end."""
        lacking = [field for field in _FIELDS if field.name not in schema.names]
        return pa.schema([*schema, *lacking])

    def table(self, table: pa.Table) -> pa.Table:
        """Return a table with those of the stamp's columns that it lacks."""
        values = {"base": self.base, "release": self.release, "valid_until": self.valid_until}
        schema = self.schema(table.schema)
        lacking = [field for field in schema if field.name not in table.schema.names]
        held = [pa.repeat(pa.scalar(values[each.name], each.type), len(table)) for each in lacking]
        return pa.table([*table.columns, *held], schema=schema)


def answer_columns(names: list[str]) -> list[str]:
    """Return which of a row's columns are its answer.

    The others tell the occasion: whose it is, as of when, by what. A row whose answer is as it was
    may keep them: they name a score on record that says the same.
    """
    return [name for name in names if name not in _OCCASION]
