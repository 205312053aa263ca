"""Which rows had happened, and were known, as a period ended."""

from __future__ import annotations

from datetime import date

import ibis.expr.types as ir

from features.timeline import stamp


def known(rows: ir.Table, end: date, zone: str) -> ir.Table:
    """Return the rows of transactions or events before a day begins, and known by then.

    Parameters
    ----------
    rows : Table
        With ``occurred_at``; each is known as it happens unless there is a ``known_at``.
    end : date
        The local day whose first instant is excluded.
    zone : str
    """
    instant = stamp(end, zone)
    rows = rows.filter(rows.occurred_at < instant)
    return rows.filter(rows.known_at < instant) if "known_at" in rows.columns else rows
