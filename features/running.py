"""Which subscriptions run at an instant.

An instant is excluded, as a cut-off is: a start at it has not happened, nor has an end. So where
one plan ends as the next begins, exactly one of them runs at every instant.
"""

from __future__ import annotations

import ibis.expr.types as ir


def running(
    subscriptions: ir.Table, instant: ir.Value, known_before: ir.Value | None = None
) -> ir.BooleanColumn:
    """Return whether each subscription runs at an instant, as far as was known by another.

    Parameters
    ----------
    subscriptions : Table
        Rows with the canonical columns; those that are not mapped may be absent.
    instant : Value
        When it runs or not, in UTC: it had begun before, and had not ended before.
    known_before : Value, optional
        A start not known before it is no start, and an end not known before it is no end. What is
        known by now counts unless given.
    """
    begun = subscriptions.started_at < instant
    if known_before is not None:
        begun &= start_is_known(subscriptions, known_before)
    if "ended_at" not in subscriptions.columns:
        return begun
    ended = subscriptions.ended_at < instant
    if known_before is not None:
        ended &= end_is_known(subscriptions, known_before)
    return begun & ~ended.fill_null(False)


def start_is_known(subscriptions: ir.Table, known_before: ir.Value) -> ir.BooleanColumn:
    """Return whether each start was known before an instant."""
    learnt = "known_at" if "known_at" in subscriptions.columns else "started_at"
    return subscriptions[learnt] < known_before


def end_is_known(subscriptions: ir.Table, known_before: ir.Value) -> ir.BooleanColumn:
    """Return whether each end was known before an instant; missing where there is none."""
    learnt = "ended_known_at" if "ended_known_at" in subscriptions.columns else "ended_at"
    return subscriptions[learnt] < known_before
