"""What shows that an entry is not the one recorded."""

from __future__ import annotations

from collections.abc import Iterator

from serving.record.merkle import Entry, chain_hash, leaf_hash
from serving.record.seal import ErasedError


def chain_faults(entry: Entry, seq: int, chain: bytes, let_go: bool = False) -> Iterator[str]:
    """Say what shows that an entry is not the one recorded after that seq and chain hash.

    Of one whose bytes were let go at the end of their time, only the hash is left to look at.
    """
    if entry.seq != seq + 1:
        yield f"stands where seq {seq + 1} is due: entries were removed, added or moved"
    if not let_go and leaf_hash(entry.bytes) != entry.leaf_hash:
        yield "its bytes are not those recorded"
    if chain_hash(chain, entry.leaf_hash) != entry.chain_hash:
        yield "does not follow from the entry before it: one was removed, added, changed or moved"


def frame_faults(entry: Entry, base: str) -> Iterator[str]:
    """Say where an entry's bytes and its columns disagree."""
    try:
        frame = {**entry.content, "body": type(dict(entry.content["body"])).__name__}
    except (ErasedError, ValueError, TypeError, LookupError, RecursionError):
        yield "its bytes are no entry"
        return
    due = {"v": 1, "id": entry.id, "kind": entry.kind, "base": base, "at": entry.at, "body": "dict"}
    for name in sorted(due.keys() | frame.keys()):
        if frame.get(name) != due.get(name):
            yield f"its bytes say {name} {frame.get(name)!r}, the record {due.get(name)!r}"
