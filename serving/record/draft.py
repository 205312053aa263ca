"""An entry before it is on record: named, spelt out and hashed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from features.contract import StamkundeError
from serving.record.merkle import canonical, leaf_hash

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")

Draft = dict[str, Any]
"""An entry that is spelt out and hashed, and not yet hung on those before it."""


class LedgerError(StamkundeError):
    """Something that is not on record, or cannot be."""


def drafted(base: str, entry_id: str, kind: str, body: Mapping[str, Any], at: datetime) -> Draft:
    """Spell out an entry of a base.

    Raises
    ------
    LedgerError
        If the id or kind cannot be one, or the time has no zone.
    SpellingError
        If the body holds what JSON cannot.
    """
    frame = {"id": checked(entry_id), "kind": checked(kind), "at": _instant(at)}
    data = canonical({"v": 1, "base": base, **frame, "body": dict(body)})
    return {"base": base, **frame, "entry": data, "leaf_hash": leaf_hash(data)}


def checked(name: str) -> str:
    """Return a base's name, an id or a kind, if it can be one.

    Raises
    ------
    LedgerError
        If it cannot.
    """
    if not ID.fullmatch(name):
        raise LedgerError(
            "a base, an id and a kind are letters, digits and . _ -, at most 200, beginning with "
            f"a letter or digit; got {name!r}"
        )
    return name


def _instant(at: datetime) -> str:
    if at.tzinfo is None:
        raise LedgerError(f"an entry's time needs its zone, got {at}; give datetime.now(UTC)")
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
