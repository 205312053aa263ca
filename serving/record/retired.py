"""What time let go: contents of entries that are no longer kept, whose hashes still are.

An entry on record says up to which number the contents of scores were let go, and by that the
record is still whole: without it, an entry without its bytes is one that somebody emptied.
"""

from __future__ import annotations

import sqlalchemy as sa

from serving.record.merkle import SCORE, parsed
from serving.record.table import LEDGER, OTHERS

KIND = "retention"
"""Of the entries that say what was let go."""

THROUGH = "through"
"""Where their bodies say up to which number."""


def through(connection: sa.Connection, base: str) -> int:
    """Return the number up to which contents were let go; 0 where none were."""
    mine = (LEDGER.c.base == base, LEDGER.c.kind == KIND, OTHERS)
    rows = connection.execute(sa.select(LEDGER.c.entry).where(*mine)).scalars()
    return max((_through(row) for row in rows), default=0)


def is_let_go(seq: int, kind: str, data: bytes, last: int) -> bool:
    """Say whether an entry has no bytes because they were let go, up to the number `last`."""
    return not data and kind == SCORE and seq <= last


def _through(data: bytes) -> int:
    """Return what an entry says, or 0 where it says nothing that can be read."""
    try:
        held = parsed(data)["body"][THROUGH]
    except (ValueError, LookupError, TypeError):
        return 0  # it was changed, which is a fault of its own
    return held if isinstance(held, int) else 0
