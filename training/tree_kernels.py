"""The loops that run rows through trees, compiled when this module is first imported.

Who only reads a model need not wait for that, so it is imported where a row is first scored. A
row's sums run over trees in their order whatever rows stand beside it, and no operation is
reordered.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from training.tree_arrays import NODE
from training.tree_tables import CLUSTER, LEAF, SLOT, STEP

BLOCK = 128  # rows that go through a tree together: their patterns stay in the nearest cache


def _given(kind: types.Type, dimensions: int = 1) -> types.Array:
    """Return the type of an array that is only read."""
    return types.Array(kind, dimensions, "C", readonly=True)


_compiled = {"nogil": True, "fastmath": False, "error_model": "numpy"}
_NODES, _MATRIX = _given(nb.from_dtype(NODE)), _given(types.float64, 2)
_CLUSTERS, _LEAVES = _given(nb.from_dtype(CLUSTER)), _given(nb.from_dtype(LEAF))
_STEPS, _SLOTS = _given(nb.from_dtype(STEP)), _given(nb.from_dtype(SLOT))
_INTS, _FLAGS = _given(types.int32), _given(types.uint8)
_OUT, _OUT_2 = types.float64[::1], types.float64[:, ::1]


@nb.njit(inline="always")
def _goes_left(x, node, marked):  # type: ignore[no-untyped-def]
    """Return whether a value goes left: as XGBoost's predictor has it."""
    if np.isnan(x):
        return node.missing_left != 0
    if node.first_category < 0:
        return x < node.threshold
    if x < 0 or x >= node.categories:
        return True
    return marked[node.first_category + np.int64(x)] == 0


@nb.njit(types.void(_MATRIX, _NODES, _INTS, _FLAGS, types.float32, _OUT), **_compiled)
def margins(matrix, nodes, roots, marked, base, out):  # type: ignore[no-untyped-def]
    """Add up each row's leaves in float32, from the base on, in the order of the trees."""
    for row in range(len(matrix)):
        total = base
        for root in roots:
            node = nodes[root]
            while node.feature >= 0:
                x = np.float32(matrix[row, node.feature])
                node = nodes[node.left if _goes_left(x, node, marked) else node.right]
            total += node.threshold
        out[row] = total


@nb.njit(
    types.void(types.float64, _given(types.float64), _FLAGS, _MATRIX, _MATRIX, _OUT_2, _OUT),
    **_compiled,
)
def share_out(value, ratios, holds, points, weights, ahead, out):  # type: ignore[no-untyped-def]
    """Share a leaf's value out over the features on its path: Shapley (1953), exactly.

    The game is value · Π (1 if the feature's conditions hold, else 0, where it is known; else its
    ratio). A feature's share is the integral of its derivative along the diagonal of the
    multilinear extension (Owen 1972, Management Science 18(5)), a polynomial that Gauss-Legendre
    points integrate exactly. All its terms are positive: nothing cancels.
    """
    count = len(ratios)
    out[:count] = 0.0
    half = (count + 1) // 2
    for point in range(half):
        known = points[half, point]
        product = 1.0
        for j in range(count):
            ahead[0, j] = holds[j] * known + ratios[j] * (1.0 - known)
            ahead[1, j] = product
            product *= ahead[0, j]
        product = weights[half, point]
        for j in range(count - 1, -1, -1):
            out[j] += product * ahead[1, j]
            product *= ahead[0, j]
    for j in range(count):
        out[j] *= value * (holds[j] - ratios[j])


@nb.njit(
    types.void(
        _CLUSTERS, _LEAVES, _STEPS, _SLOTS, _MATRIX, _MATRIX, _OUT, types.float32[::1]
    ),
    **_compiled,
)
def fill(clusters, leaves, steps, slots, points, weights, shares, values):  # type: ignore[no-untyped-def]
    """Fill the tables of clusters: every pattern's shares, and the value of the leaf it ends in."""
    most = points.shape[1] * 2
    ahead, holds = np.empty((2, most)), np.empty(most, np.uint8)
    for leaf in leaves:
        cluster = clusters[leaf.cluster]
        mine = slots[leaf.first_slot : leaf.first_slot + leaf.slots]
        count, every = len(mine), (1 << len(mine)) - 1
        ratios = np.empty(count)
        for j in range(count):
            ratios[j] = mine[j].ratio
        table = np.empty((every + 1, max(count, 1)))
        for held in range(every + 1):
            for j in range(count):
                holds[j] = (held >> j) & 1
            share_out(leaf.value, ratios, holds[:count], points, weights, ahead, table[held])
        for pattern in range(1 << cluster.bits):
            held = every
            for step in steps[leaf.first_step : leaf.first_step + leaf.steps]:
                if (pattern >> step.place) & 1 != step.left:
                    held &= ~(1 << step.slot)
            first = cluster.first_share + pattern * cluster.columns
            for j in range(count):
                shares[first + mine[j].column] += table[held, j]
            if held == every:
                values[cluster.first_value + pattern] = leaf.value


@nb.njit(inline="always")
def _find_patterns(x, nodes, places, marked, patterns):  # type: ignore[no-untyped-def]
    """Set a bit of each row's pattern for each of the nodes at which it goes left."""
    rows = x.shape[1]
    for row in range(rows):
        patterns[row] = 0
    for bit in range(len(places)):
        node = nodes[places[bit]]
        column, threshold = x[node.feature], node.threshold
        if node.first_category >= 0:
            for row in range(rows):
                patterns[row] |= np.int32(_goes_left(column[row], node, marked)) << bit
        elif node.missing_left:
            for row in range(rows):
                patterns[row] |= np.int32(not column[row] >= threshold) << bit
        else:
            for row in range(rows):
                patterns[row] |= np.int32(column[row] < threshold) << bit


@nb.njit(
    types.void(
        types.Array(types.float32, 2, "C"), types.int64, _NODES, _FLAGS, _LEAVES, _STEPS, _SLOTS,
        _MATRIX, _MATRIX, _OUT_2, types.float32[::1],
    ),
    **_compiled,
)  # fmt: skip
def add_deep(  # type: ignore[no-untyped-def]
    x, first, nodes, marked, leaves, steps, slots, points, weights, out, total
):
    """Add the shares of a tree's leaves that lie too deep for a table, row by row."""
    most = points.shape[1] * 2
    ahead, holds = np.empty((2, most)), np.empty(most, np.uint8)
    ratios, found = np.empty(most), np.empty(most)
    for leaf in leaves:
        mine = slots[leaf.first_slot : leaf.first_slot + leaf.slots]
        count = len(mine)
        for j in range(count):
            ratios[j] = mine[j].ratio
        for row in range(x.shape[1]):
            holds[:count] = 1
            ends = True
            for step in steps[leaf.first_step : leaf.first_step + leaf.steps]:
                node = nodes[step.place]
                if np.int32(_goes_left(x[node.feature, row], node, marked)) != step.left:
                    holds[step.slot] = 0
                    ends = False
            share_out(leaf.value, ratios[:count], holds[:count], points, weights, ahead, found)
            for j in range(count):
                out[first + row, mine[j].column] += found[j]
            if ends:
                total[row] += leaf.value


@nb.njit(
    types.void(
        _MATRIX, _NODES, _FLAGS, types.float32, _INTS, _INTS, _CLUSTERS, _INTS, _INTS,
        _given(types.float64), _given(types.float32), _LEAVES, _STEPS, _SLOTS, _MATRIX, _MATRIX,
        _OUT_2, _OUT,
    ),
    **_compiled,
)  # fmt: skip
def contributions(  # type: ignore[no-untyped-def]
    matrix, nodes, marked, base, of_tree, deep_of_tree, clusters, places, columns,
    shares, values, deep, steps, slots, points, weights, out, margin,
):  # fmt: skip
    """Add up each row's shares in the order of the trees, and its margin as `margins` does."""
    features = matrix.shape[1]
    for first in range(0, len(matrix), BLOCK):
        rows = min(BLOCK, len(matrix) - first)
        x = np.empty((features, rows), np.float32)
        for row in range(rows):
            for feature in range(features):
                x[feature, row] = matrix[first + row, feature]
        patterns, total = np.empty(rows, np.int32), np.full(rows, base)
        for tree in range(len(of_tree) - 1):
            for number in range(of_tree[tree], of_tree[tree + 1]):
                cluster = clusters[number]
                mine = places[cluster.first_place : cluster.first_place + cluster.bits]
                _find_patterns(x, nodes, mine, marked, patterns)
                into = columns[cluster.first_column : cluster.first_column + cluster.columns]
                for row in range(rows):
                    start = cluster.first_share + patterns[row] * cluster.columns
                    for j in range(len(into)):
                        out[first + row, into[j]] += shares[start + j]
                    total[row] += values[cluster.first_value + patterns[row]]
            begin, end = deep_of_tree[tree], deep_of_tree[tree + 1]
            if begin < end:
                held = deep[begin:end]
                add_deep(x, first, nodes, marked, held, steps, slots, points, weights, out, total)
        for row in range(rows):
            margin[first + row] = total[row]
