"""An entry before it is on record: named and spelt out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from features.contract import StamkundeError
from serving.record.merkle import canonical
from serving.record.seal import CUSTOMER, SEALED_KINDS

ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class LedgerError(StamkundeError):
    """Something that is not on record, or cannot be."""


@dataclass(frozen=True)
class Draft:
    """An entry that is spelt out, and not yet hung on those before it.

    Parameters
    ----------
    base, id, kind, at : str
    body : bytes
        Canonical JSON.
    customer : str, optional
        By whose key the body is to be sealed.
    rows : bytes, optional
        What lies beside the entry of a call: `serving.record.call_rows`.
    """

    base: str
    id: str
    kind: str
    at: str
    body: bytes
    customer: str | None = None
    rows: bytes | None = None


def drafted(base: str, entry_id: str, kind: str, body: Mapping[str, Any], at: datetime) -> Draft:
    """Spell out an entry of a base.

    Raises
    ------
    LedgerError
        If the id or kind cannot be one, or the time has no zone.
    SpellingError
        If the body holds what JSON cannot.
    """
    frame = (base, checked(entry_id), checked(kind), _instant(at))
    spelt = canonical({"body": dict(body)})  # which names a wrong value by its place in the entry
    customer = body.get(CUSTOMER) if kind in SEALED_KINDS else None
    return Draft(*frame, spelt[len(b'{"body":') : -1], customer)


def framed(base: str, entry_id: str, kind: str, at: str, body: bytes) -> bytes:
    """Return an entry's canonical JSON; what frames its body needs no escapes."""
    before, behind = frame(base, entry_id, kind, at)
    return before + body + behind


def frame(base: str, entry_id: str, kind: str, at: str) -> tuple[bytes, bytes]:
    """Return what stands before an entry's body, and what behind it."""
    return (
        f'{{"at":"{at}","base":"{base}","body":'.encode(),
        f',"id":"{entry_id}","kind":"{kind}","v":1}}'.encode(),
    )


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
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"
