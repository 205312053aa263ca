"""TreeSHAP by tables: what each feature adds, kept for every way a row can fall.

Lundberg et al. (2020), Nature Machine Intelligence 2, path-dependent: a feature that is not known
goes both ways, by the cover of the training rows. What a leaf adds depends only on which of the
conditions on its path a row fulfils, so neighbouring leaves share a table over the answers of all
their nodes. Leaves too deep for that are worked out row by row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from training.tree_arrays import Forest
from training.tree_paths import Path, Paths

MOST_BYTES = 64 * 2**20
"""The most that a model's tables may take."""

MOST_BITS = 8
"""The most nodes that a table runs over: two to this many patterns."""

CLUSTER = np.dtype(
    [
        ("bits", "u4"),
        ("columns", "u4"),
        ("first_place", "u4"),
        ("first_column", "u4"),
        ("first_share", "u8"),
        ("first_value", "u8"),
    ],
    align=True,
)
"""Leaves that share a table: its nodes, its features, and where its patterns begin."""

LEAF = np.dtype(
    [
        ("cluster", "i4"),
        ("value", "f4"),
        ("first_step", "i4"),
        ("steps", "i4"),
        ("first_slot", "i4"),
        ("slots", "i4"),
    ],
    align=True,
)
"""A leaf: the steps that lead to it, and a slot for each feature among them."""

STEP = np.dtype([("place", "i4"), ("left", "i4"), ("slot", "i4")], align=True)
"""A condition on the path: a node (in a table, its bit), and whether left is where to go."""

SLOT = np.dtype([("column", "i4"), ("ratio", "f8")], align=True)
"""A feature on the path (in a table, its column), and the part of the cover it lets by."""


@dataclass(frozen=True)
class Leaves:
    """Leaves with their paths: arrays of LEAF, STEP and SLOT."""

    leaves: np.ndarray
    steps: np.ndarray
    slots: np.ndarray


@dataclass(frozen=True)
class Plan:
    """Which tables a forest needs, and where each has its place.

    Parameters
    ----------
    base : float
        What a row of which nothing is known gets.
    clusters : ndarray of CLUSTER
    places, columns : ndarray of uint32
        The clusters' nodes and features.
    held, deep : Leaves
        Those in tables, by bits and columns, and those without, by nodes and features.
    points, weights : ndarray, shape (n + 1, n)
        Of Gauss-Legendre on [0, 1]: row k has k of them.
    """

    base: float
    clusters: np.ndarray
    places: np.ndarray
    columns: np.ndarray
    held: Leaves
    deep: Leaves
    points: np.ndarray
    weights: np.ndarray

    @property
    def sizes(self) -> tuple[int, int]:
        """How many shares and how many values the tables hold."""
        patterns = 1 << self.clusters["bits"].astype(np.int64)
        return int((patterns * self.clusters["columns"]).sum()), int(patterns.sum())


@dataclass
class _Writer:
    """Leaves, written down one by one."""

    paths: Paths
    leaves: list[tuple[int, float, int, int, int, int]] = field(default_factory=list)
    steps: list[tuple[int, bool, int]] = field(default_factory=list)
    slots: list[tuple[int, float]] = field(default_factory=list)
    bases: list[float] = field(default_factory=list)

    def add(
        self, cluster: int, leaf: int, path: Path, bits: dict[int, int], columns: dict[int, int]
    ) -> None:
        """Write down a leaf, its nodes and features as these have them."""
        feature, value = self.paths.feature, self.paths.value[leaf]
        ratios = self.paths.ratios(leaf, path)
        slot = {each: number for number, each in enumerate(ratios)}
        places = len(self.steps), len(path), len(self.slots), len(ratios)
        self.leaves.append((cluster, value, *places))
        self.steps += [(bits.get(node, node), left, slot[feature[node]]) for node, left in path]
        self.slots += [(columns.get(each, each), ratio) for each, ratio in ratios.items()]
        self.bases.append(value * math.prod(ratios.values()))

    def done(self) -> Leaves:
        arrays = ((self.leaves, LEAF), (self.steps, STEP), (self.slots, SLOT))
        return Leaves(*(np.array(held, kind) for held, kind in arrays))


def plan(forest: Forest, most_bits: int | None = None) -> Plan:
    """Return which tables a forest needs, of as many nodes each as memory allows."""
    paths = Paths(forest)
    bits = _affordable(paths) if most_bits is None else most_bits
    parts, beyond = paths.cut(bits)
    held, deep = _Writer(paths), _Writer(paths)
    clusters: list[tuple[int, ...]] = []
    places: list[int] = []
    columns: list[int] = []
    shares, values = 0, 0
    for number, part in enumerate(parts):
        nodes, leaves = paths.below(part)
        features = paths.features(nodes)
        begins = len(places), len(columns), shares, values
        clusters.append((len(nodes), len(features), *begins))
        places += nodes
        columns += features
        shares += len(features) << len(nodes)
        values += 1 << len(nodes)
        bit_of = {node: bit for bit, node in enumerate(nodes)}
        column_of = {feature: column for column, feature in enumerate(features)}
        for leaf, path in leaves:
            held.add(number, leaf, path, bit_of, column_of)
    for part in beyond:
        deep.add(-1, part.top, part.path, {}, {})
    slots = [leaf[-1] for leaf in (*held.leaves, *deep.leaves)]
    return Plan(
        math.fsum([forest.base, *held.bases, *deep.bases]),
        np.array(clusters, CLUSTER),
        np.array(places, np.uint32),
        np.array(columns, np.uint32),
        held.done(),
        deep.done(),
        *points_of(max(slots)),
    )


def _affordable(paths: Paths) -> int:
    """Return how many nodes a table may run over, so that all of them stay within memory."""
    for bits in range(MOST_BITS, 0, -1):
        size = 0
        for part in paths.cut(bits)[0]:
            nodes, _ = paths.below(part)
            size += (8 * len(paths.features(nodes)) + 4) << len(nodes)
        if size <= MOST_BYTES:
            return bits
    return 0


def points_of(most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return Gauss-Legendre points and weights on [0, 1], enough for so many features."""
    count = max(1, (most + 1) // 2)
    points, weights = np.zeros((count + 1, count)), np.zeros((count + 1, count))
    for n in range(1, count + 1):
        at, weight = np.polynomial.legendre.leggauss(n)
        points[n, :n], weights[n, :n] = (at + 1) / 2, weight / 2
    return points, weights
