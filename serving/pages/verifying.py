"""An entry held against the record's root, by the proof that anybody can check."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from serving.record.batch_layout import LayoutError
from serving.record.checkpoint import Checkpoint, made
from serving.record.ledger import Ledger
from serving.record.merkle import Entry, RowsError
from serving.record.note import Signer
from serving.record.proof import proof


@dataclass(frozen=True)
class Verified:
    """What checking an entry showed.

    Parameters
    ----------
    held : bool
        Whether the record's root commits to the entry as it is now; of a row, whether it does to
        the entry of its batch or call, and that to the row.
    leaf : str
        The hash of its bytes, in hexadecimal.
    number : int
        Which entry it is, from 1.
    root : str
        The record's Merkle root.
    size : int
        Of how many entries.
    """

    held: bool
    leaf: str
    number: int
    root: str
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def verified(ledger: Ledger, entry: Entry) -> Verified:
    """Check an entry, or a row, against the record's root by its inclusion proof."""
    head = ledger.head()
    unsigned = Checkpoint(ledger.base, head.size, head.root, "", "")
    try:
        shown = proof(ledger, entry.id, unsigned)
        held = root_of(shown["entry"]) == head.root
        if "row" in shown:
            whole = ledger.get(entry.id.partition("/")[0])
            held &= root_of(shown["row"]).hex() == whole.body["root"]
    except (RowsError, LayoutError):
        held = False
    return Verified(held, entry.leaf_hash.hex(), entry.seq, head.root.hex(), head.size)


def proven(ledger: Ledger, entry_id: str, signer: Signer, at: datetime) -> dict[str, Any]:
    """Return the proof that an entry is in the record, with a checkpoint of now.

    Raises
    ------
    LedgerError
        If it is not on record.
    RowsError
        If the rows of its batch cannot be read.
    """
    return proof(ledger, entry_id, made(ledger.base, ledger.head(), signer, at))


def root_of(step: Mapping[str, Any]) -> bytes:
    """Return the root that a step of a proof leads to (RFC 9162, section 2.1.3.2).

    The bytes that it begins with, and no hash that is kept, are what is hashed.
    """
    node = sha256(b"\x00" + b64decode(step["bytes"])).digest()
    at, last = step["index"], step["size"] - 1
    for other in map(bytes.fromhex, step["path"]):
        while at == last and last and at % 2 == 0:
            at, last = at // 2, last // 2
        node = sha256(b"\x01" + (other + node if at % 2 else node + other)).digest()
        at, last = at // 2, last // 2
    return node if last == 0 else b""
