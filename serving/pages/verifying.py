"""An entry held against the record's fingerprints."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from serving.record.batch_layout import Layout, LayoutError
from serving.record.batch_rows import batch_faults
from serving.record.call_rows import CALL, committed
from serving.record.ledger import BATCH, Ledger
from serving.record.merkle import START, Entry, RowsError, chain_hash, leaf_hash


@dataclass(frozen=True)
class Verified:
    """What checking an entry showed.

    Parameters
    ----------
    held : bool
        Whether its bytes are those written, and it hangs on the entry before it as it did; of a
        row, whether its batch does, and commits to the rows that there are.
    leaf : str
        The hash of its bytes, in hexadecimal.
    chain : str
        The hash that commits to the entry and all before it.
    number : int
        Which entry it is, from 1.
    root : str
        The record's Merkle root.
    size : int
        Of how many entries.
    """

    held: bool
    leaf: str
    chain: str
    number: int
    root: str
    size: int

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def verified(ledger: Ledger, entry: Entry) -> Verified:
    """Compute an entry's hashes again, and of a row those of all rows beside it."""
    whole = ledger.get(entry.id.partition("/")[0])
    before = next(ledger.entries(after=whole.seq - 2, most=1)) if whole.seq > 1 else None
    chain = START if before is None else before.chain_hash
    held = (
        leaf_hash(whole.bytes) == whole.leaf_hash
        and chain_hash(chain, whole.leaf_hash) == whole.chain_hash
        and _has_its_rows(ledger, whole)
    )
    head = ledger.head()
    return Verified(
        held,
        entry.leaf_hash.hex(),
        whole.chain_hash.hex(),
        whole.seq,
        head.root.hex(),
        head.size,
    )


def _has_its_rows(ledger: Ledger, entry: Entry) -> bool:
    """Say whether the rows that an entry commits to are those that there are."""
    if entry.kind == CALL:
        try:
            held = committed(Layout.from_dict(entry.body["layout"]), ledger.rows(entry))
        except (RowsError, LayoutError):
            return False
        return held == (entry.body["rows"], bytes.fromhex(entry.body["root"]))
    return entry.kind != BATCH or not batch_faults(entry, ledger.folder)[1]
