"""How entries are hung on those before them, and their customers' bodies sealed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from serving.record import head as heads
from serving.record.draft import Draft, framed
from serving.record.merkle import leaf_hash
from serving.record.seal import Seals, spelt
from serving.record.table import INSERT, INSERT_ROWS

Row = dict[str, Any]
"""An entry as it lies in its table."""


def append(
    connection: sa.Connection, base: str, drafts: Sequence[Draft], seals: Seals | None
) -> list[Row]:
    """Append drafts to a base's record, whose only writer the connection is."""
    spelt_out = [
        framed(base, draft.id, draft.kind, draft.at, body)
        for draft, body in zip(drafts, _bodies(connection, drafts, seals), strict=True)
    ]
    leaves = [leaf_hash(data) for data in spelt_out]
    before = heads.read(connection, base)
    head, chains, blocks = before.after(leaves)
    rows = [
        {
            "base": base,
            "seq": before.size + 1 + place,
            "id": draft.id,
            "kind": draft.kind,
            "at": draft.at,
            "entry": spelt_out[place],
            "leaf_hash": leaves[place],
            "chain_hash": chains[place],
        }
        for place, draft in enumerate(drafts)
    ]
    INSERT(connection, *rows)
    beside = [
        {"base": base, "id": draft.id, "bytes": draft.rows}
        for draft in drafts
        if draft.rows is not None
    ]
    if beside:
        INSERT_ROWS(connection, *beside)
    heads.replace(connection, base, head, blocks)
    return rows


def _bodies(connection: sa.Connection, drafts: Sequence[Draft], seals: Seals | None) -> list[bytes]:
    """Return each draft's body as it is put on record: sealed if it is about a customer."""
    bodies = [draft.body for draft in drafts]
    about = [place for place, draft in enumerate(drafts) if draft.customer is not None]
    if seals is not None and about:
        plain = [(str(drafts[place].customer), bodies[place]) for place in about]
        sealed = seals.seal(connection, plain)
        for place, (key_id, blob) in zip(about, sealed, strict=True):
            bodies[place] = spelt(key_id, blob)
    return bodies
