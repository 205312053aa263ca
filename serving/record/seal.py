"""What of the record is sealed: a body that only a customer's own key opens.

Where the key is destroyed, the entry's bytes stay, and with them every hash over them, and nobody
can tell any more what they say.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import Connection

from configs.errors import StamkundeError

SEALED_KINDS = ("score",)
"""The kinds of entries that are about one customer."""

CUSTOMER = "customer"
"""Where a body names its customer, by the token under which the key is kept."""

_FIELDS = {"sealed", "under"}


class ErasedError(StamkundeError):
    """What was about a customer who is erased: nobody can read it any more."""


def let_go(entry_id: str) -> str:
    """Say that what was recorded under an id was let go at the end of its time."""
    return f"{entry_id}: what it said was let go at the end of its time"


class Seals(Protocol):
    """Seals what is about customers, each with a key of its own."""

    def seal(
        self, connection: Connection, plain: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """Seal bytes about customers, named by token; a key that is made is made in this write.

        Returns
        -------
        list of (str, bytes)
            The key's id, and the sealed bytes, of each.
        """
        ...

    def open(self, key_id: str, blob: bytes) -> bytes:
        """Open what a key sealed.

        Raises
        ------
        ErasedError
            If the key is destroyed.
        """
        ...


def spelt(key_id: str, blob: bytes) -> bytes:
    """Return a sealed body as canonical JSON."""
    return b'{"sealed":"%b","under":"%b"}' % (b64encode(blob), key_id.encode())


def is_sealed(body: Mapping[str, Any]) -> bool:
    """Say whether a body is sealed."""
    return body.keys() == _FIELDS


def opened(seals: Seals, body: Mapping[str, Any]) -> bytes:
    """Return the bytes that are sealed in a body."""
    return seals.open(body["under"], b64decode(body["sealed"]))
