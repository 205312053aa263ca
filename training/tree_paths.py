"""The paths through boosted trees, and how trees are cut into parts that tables are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from training.tree_arrays import Forest

Path = tuple[tuple[int, bool], ...]
"""Nodes from a root on, and whether left was taken."""


@dataclass(frozen=True)
class Part:
    """A node with all below it, and the way to it: what a table is of, or one leaf too deep."""

    path: Path
    top: int


class Paths:
    """A forest as lists, which Python walks faster than arrays."""

    def __init__(self, forest: Forest) -> None:
        self.feature = forest.nodes["feature"].tolist()
        self.value = forest.nodes["threshold"].tolist()
        self._left, self._right = forest.nodes["left"].tolist(), forest.nodes["right"].tolist()
        self._ratio = forest.ratio.tolist()
        self._roots = forest.roots.tolist()
        self._inner = [int(feature >= 0) for feature in self.feature]
        for node in range(len(self._inner) - 1, -1, -1):  # children come after their parent
            if self._inner[node]:
                below = self._left[node], self._right[node]
                self._inner[node] += sum(self._inner[child] for child in below)

    def cut(self, most: int) -> tuple[list[Part], list[Part]]:
        """Return parts of at most so many nodes with their paths, and leaves that lie deeper."""
        parts, deep = [], []
        for root in self._roots:
            ahead: list[tuple[int, Path]] = [(root, ())]
            while ahead:
                top, path = ahead.pop()
                if self._inner[top] + len(path) <= most:
                    parts.append(Part(path, top))
                elif self._inner[top]:
                    ahead += self._children(top, path)
                else:
                    deep.append(Part(path, top))
        return parts, deep

    def below(self, part: Part) -> tuple[list[int], list[tuple[int, Path]]]:
        """Return the nodes on the way to a part and in it, and its leaves with their paths."""
        nodes, leaves = [node for node, _ in part.path], []
        ahead = [(part.top, part.path)]
        while ahead:
            node, path = ahead.pop()
            if self.feature[node] < 0:
                leaves.append((node, path))
            else:
                nodes.append(node)
                ahead += self._children(node, path)
        return nodes, leaves

    def features(self, nodes: Sequence[int]) -> list[int]:
        """Return the features that nodes ask for, each once."""
        return list(dict.fromkeys(self.feature[node] for node in nodes))

    def ratios(self, leaf: int, path: Path) -> dict[int, float]:
        """Return the part of the cover that each feature on a leaf's path lets by."""
        found: dict[int, float] = {}
        after = [*(node for node, _ in path[1:]), leaf]
        for (node, _), following in zip(path, after, strict=False):
            feature = self.feature[node]
            found[feature] = found.get(feature, 1.0) * self._ratio[following]
        return found

    def _children(self, node: int, path: Path) -> list[tuple[int, Path]]:
        right, left = (*path, (node, False)), (*path, (node, True))
        return [(self._right[node], right), (self._left[node], left)]  # left is taken off first
