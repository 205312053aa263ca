"""The Merkle tree of RFC 6962, section 2.1: one that grows to the right, and is never stored whole.

Of a tree that grows, its frontier is enough: the hashes of its complete subtrees from the left, one
a bit of its size. Beside it the hash of each `BLOCK` leaves is kept, so that a proof need not read
all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

BLOCK = 1_024
"""Leaves of a subtree whose hash is kept."""

Block = tuple[int, bytes]
"""A complete subtree of `BLOCK` leaves: its number from 0, and its hash."""

_SIZE = 32


class Tree:
    """A tree that leaves are added to; it keeps a hash a level, so a million need no room.

    Parameters
    ----------
    count : int
    full : iterable of bytes
        The hashes of the complete subtrees from the left, one a bit of the count.
    """

    def __init__(self, count: int = 0, full: Iterable[bytes] = ()) -> None:
        self.count = count
        self.full = list(full)

    def add(self, leaf_hashes: Iterable[bytes]) -> None:
        """Put leaves to the right of those there are."""
        count, full = self.count, self.full
        for node in leaf_hashes:
            pairs = count
            while pairs & 1:
                node = sha256(b"\x01" + full.pop() + node).digest()
                pairs >>= 1
            full.append(node)
            count += 1
        self.count = count

    @property
    def root(self) -> bytes:
        """The hash that commits to all leaves."""
        return folded(self.full)


@dataclass(frozen=True)
class Frontier:
    """All that is needed of a tree to let it grow.

    Parameters
    ----------
    size : int
        How many leaves it has.
    hashes : tuple of bytes
        Of its complete subtrees from the left.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The hash that commits to all leaves."""
        return folded(self.hashes)

    def grown(self, leaves: Sequence[bytes]) -> tuple[Frontier, list[Block]]:
        """Return the tree with more leaves, and the blocks that they complete."""
        blocks, rest = divmod(self.size, BLOCK)
        upper = Tree(blocks, self.hashes[: blocks.bit_count()])
        lower = Tree(rest, self.hashes[blocks.bit_count() :])
        made, done = [], 0
        while done < len(leaves):
            part = leaves[done : done + BLOCK - lower.count]
            lower.add(part)
            done += len(part)
            if lower.count == BLOCK:
                made.append((upper.count, lower.root))
                upper.add([lower.root])
                lower = Tree()
        return Frontier(self.size + done, (*upper.full, *lower.full)), made

    def to_bytes(self) -> bytes:
        """Return the hashes, one after another."""
        return b"".join(self.hashes)

    @classmethod
    def from_bytes(cls, size: int, held: bytes) -> Frontier:
        """Read what `to_bytes` returned."""
        places = range(0, len(held), _SIZE)
        return cls(size, tuple(held[place : place + _SIZE] for place in places))


def folded(full: Sequence[bytes]) -> bytes:
    """Return the root of a tree of complete subtrees, from the left."""
    if not full:
        return sha256(b"").digest()
    *lefts, root = full
    for left in reversed(lefts):
        root = sha256(b"\x01" + left + root).digest()
    return root


def merkle_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Commit to leaf hashes and their order."""
    tree = Tree()
    tree.add(leaf_hashes)
    return tree.root
