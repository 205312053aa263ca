"""What customers consent to, by purpose, as it held at a date."""

from __future__ import annotations

from datetime import date
from itertools import compress

import ibis.expr.types as ir

from configs.schema import Config
from features import profile
from features.engine import computed
from features.source import Tables
from features.timeline import stamp

PREFIX = "consent_"
"""What a purpose's column is called after."""


def purposes(tables: Tables) -> list[str]:
    """Return the columns of consent that a base has, ``consent_PURPOSE`` each."""
    rows = tables.customers
    return [] if rows is None else [name for name in rows.columns if name.startswith(PREFIX)]


def at(config: Config, tables: Tables, as_of: date) -> ir.Table:
    """Return the customers and their consents as of a date: yes, no, or null where not known.

    The base must have customers with consents.
    """
    rows = tables.need("customers")
    held = profile.with_spans(rows)
    if "valid_from" in rows.columns:
        held = held.filter(profile.holds(held, stamp(as_of, config.timezone)))
    return held.select("customer_id", *purposes(tables))


def given(config: Config, tables: Tables, as_of: date) -> dict[str, list[str]]:
    """Return who consents to each purpose as of a date; who has not said so does not."""
    names = purposes(tables)
    if not names:
        return {}
    held = at(config, tables, as_of)
    found = computed(tables.backend, held.order_by("customer_id")).to_pydict()
    return {
        name.removeprefix(PREFIX): list(compress(found["customer_id"], found[name]))
        for name in names
    }
