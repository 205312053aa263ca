"""What customers are called in the record: names that only who holds the base's secret can give."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from serving.record.draft import LedgerError
from serving.record.merkle import canonical, sync, temporary_beside

_PLAIN = re.compile(r"[ !#-\[\]-~]*")  # what JSON spells as it stands


def secret(path: str | Path) -> bytes:
    """Read the secret of 32 bytes, or make it, readable by its owner alone.

    Raises
    ------
    LedgerError
        If the file holds something else.
    """
    path = Path(path)
    if not path.exists():
        with temporary_beside(path) as temporary:
            temporary.write_bytes(secrets.token_bytes(32))
            sync(temporary)
            # Unlike a rename, a link gives way to the one another process made meanwhile.
            with suppress(FileExistsError):
                os.link(temporary, path)
            sync(path.parent)
    key = path.read_bytes()
    if len(key) != 32:
        raise LedgerError(f"{path}: a secret is 32 bytes, found {len(key)}; restore the right file")
    return key


def customer_token(key: bytes, base: str, customer_id: str) -> str:
    """Name a customer in the record so that only who holds the secret can tell who it is."""
    return customer_tokens(key, base, [customer_id])[0]


def customer_tokens(key: bytes, base: str, customer_ids: Sequence[str]) -> list[str]:
    """Name customers as `customer_token` does.

    Returns
    -------
    list of str
        The first 16 bytes of the HMAC-SHA256 (RFC 2104) of the base's name and the customer's id,
        in hexadecimal.
    """
    inner, outer, behind = _pads(key, base)
    texts: Iterable[bytes] = map(str.encode, customer_ids)
    if not _PLAIN.fullmatch("".join(customer_ids)):
        texts = (canonical(customer)[1:-1] for customer in customer_ids)
    return [
        sha256(outer + sha256(inner + text + behind).digest()).hexdigest()[:32] for text in texts
    ]


@lru_cache(maxsize=8)
def _pads(key: bytes, base: str) -> tuple[bytes, bytes, bytes]:
    """Return what stands before a customer in HMAC's two hashes, and behind it in the inner.

    Each begins with a block that the key alone makes. To make these anew for each customer, as a
    library does, takes four times as long.
    """
    inner, outer = (bytes(byte ^ pad for byte in key.ljust(64, b"\0")) for pad in (0x36, 0x5C))
    empty = canonical([base, ""])
    return inner + empty[:-2], outer, empty[-2:]
