"""Rows laid before the cut-offs: each once for every cut-off that it lies before, with its age."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from features.timeline import stamp

CUSTOMER = "customer_id"
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class AsOf:
    """The cut-offs of a build, rising.

    One cut-off is a filter; several are a table that rows are joined to.
    """

    days: tuple[date, ...]
    zone: str

    @cached_property
    def numbers(self) -> list[int]:
        """The cut-offs as days since 1970-01-01."""
        return [(day - _EPOCH).days for day in self.days]

    @cached_property
    def instants(self) -> list[ir.Value]:
        """The first instants of the cut-offs, in UTC."""
        return [ibis.timestamp(stamp(day, self.zone).isoformat()) for day in self.days]

    @property
    def keys(self) -> list[str]:
        """What tells the rows of one customer at one cut-off from others."""
        return [CUSTOMER] if len(self.days) == 1 else ["cutoff", CUSTOMER]

    def lay(self, rows: ir.Table, moment: ir.Value, bounds: Sequence[int | ir.Value]) -> ir.Table:
        """Give each row once for every cut-off whose bound its moment lies before."""
        if len(bounds) == 1:
            return rows.filter(moment < bounds[0])
        first = ibis.cases(*((moment < bound, number) for number, bound in enumerate(bounds)))
        pairs = [(i, number) for i in range(len(bounds)) for number in self.numbers[i:]]
        columns = [pa.array(column, pa.int32()) for column in zip(*pairs, strict=True)]
        later = ibis.memtable(pa.table(columns, names=["first", "cutoff"]))
        laid = rows.mutate(first=first.cast("int32"))
        return laid.join(later, "first").drop("first")

    def aged(self, rows: ir.Table) -> ir.Table:
        """Give rows their age, the days from their ``day`` to the cut-off, and mark the latest."""
        if "cutoff" not in rows.columns:
            rows = rows.mutate(cutoff=ibis.literal(self.numbers[0], "int32"))
        rows = rows.mutate(age=rows.cutoff - rows.day)
        if "next_day" not in rows.columns:
            return rows
        return rows.mutate(latest=rows.next_day >= rows.cutoff)

    def timed(self, rows: ir.Table) -> ir.Table:
        """Give rows laid before the cut-offs the ``instant`` of theirs, in UTC."""
        if len(self.days) == 1:
            return rows.mutate(instant=self.instants[0])
        instants = zip(self.numbers, self.instants, strict=True)
        return rows.mutate(instant=rows.cutoff.cases(*instants))

    def dated(self, table: ir.Table) -> ir.Table:
        """Give a table of features its date ``as_of`` in the place of the cut-off's number."""
        if len(self.days) == 1:
            return table.mutate(as_of=ibis.literal(self.days[0], "date"))
        columns = [pa.array(self.numbers, pa.int32()), pa.array(self.days, pa.date32())]
        dates = ibis.memtable(pa.table(columns, names=["cutoff", "as_of"]))
        return table.join(dates, "cutoff").drop("cutoff")

    def portions(self, size: int) -> Iterator[AsOf]:
        """Give the cut-offs in their order, so many at a time."""
        for start in range(0, len(self.days), size):
            yield AsOf(self.days[start : start + size], self.zone)
