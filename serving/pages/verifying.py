"""An entry held against the record's fingerprints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from serving.record.ledger import Ledger
from serving.record.merkle import Entry, leaf_hash


@dataclass(frozen=True)
class Verified:
    """What checking an entry showed.

    Parameters
    ----------
    held : bool
        Whether the entry is as it was written, and the record commits to it.
    leaf : str
        The hash of its bytes, in hexadecimal.
    root : str
        The record's Merkle root.
    size : int
        Of how many entries.
    """

    held: bool
    leaf: str
    root: str
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {"held": self.held, "leaf": self.leaf, "root": self.root, "size": self.size}


def verified(ledger: Ledger, entry: Entry) -> Verified:
    """Check an entry's bytes against its leaf hash."""
    head = ledger.head()
    held = leaf_hash(entry.bytes) == entry.leaf_hash
    return Verified(held, entry.leaf_hash.hex(), head.root.hex(), head.size)
