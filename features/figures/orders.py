"""Orders as known at a day, which nearly all figures of transactions are made of.

To gather lines to orders is most of the work, so that who tells several figures as of one day
gathers them once, and hands on the tables with their orders beside them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features import frames
from features.asof import CUSTOMER
from features.engine import kept
from features.figures.known import known
from features.source import Tables


@dataclass(frozen=True)
class Gathered(Tables):
    """A base's tables, and its orders as known at a day.

    Parameters
    ----------
    end : date
        Its first instant is excluded.
    orders : Table
        What `orders` returns as of that day.
    """

    end: date | None = None
    orders: ir.Table | None = None


def orders(config: Config, tables: Tables, end: date) -> ir.Table:
    """Return the orders that had been placed, and were known, before a day.

    Returns
    -------
    Table
        ``customer_id``, the ``day`` of the first line (since 1970-01-01), the ``net`` amount and
        what of it was ``returned``, how many ``lines``, and their ``margin`` where it is mapped.
    """
    if isinstance(tables, Gathered) and tables.end == end and tables.orders is not None:
        return tables.orders
    lines = known(tables.need("transactions"), end, config.timezone)
    margin = ["margin"] if "margin" in lines.columns else []
    gathered = frames.orders(lines, [CUSTOMER])
    return gathered.select(CUSTOMER, "day", "net", "returned", "lines", *margin)


def on_day(number: ir.IntegerValue) -> ir.DateValue:
    """Return days since 1970-01-01 as dates."""
    return (ibis.literal(date(1970, 1, 1)) + number.as_interval("D")).cast("date")


@contextmanager
def gathered(config: Config, tables: Tables, end: date) -> Iterator[Tables]:
    """Gather a base's orders as of a day once, for all that is told of them meanwhile."""
    if tables.transactions is None:
        yield tables
        return
    held = {field.name: getattr(tables, field.name) for field in fields(tables)}
    with kept(tables.backend, orders(config, tables, end)) as placed:
        yield Gathered(**{**held, "end": end, "orders": placed})
