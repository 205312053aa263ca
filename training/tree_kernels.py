"""The loops that run rows through trees.

A row's sums run over trees in their order whatever rows stand beside it, and no operation is
reordered.
"""

from __future__ import annotations

import numba as nb
import numpy as np
from numba import types

from training.compiled import MATRIX, OUT, OUT_2, SINGLES, VALUES, compiled, given
from training.tree_arrays import NODE
from training.tree_tables import CLUSTER, LEAF, SLOT, STEP

BLOCK = 256  # rows that go through a tree together, while it lies in the nearest cache


NODES, LEAVES = given(nb.from_dtype(NODE)), given(nb.from_dtype(LEAF))
STEPS, SLOTS = given(nb.from_dtype(STEP)), given(nb.from_dtype(SLOT))
INTS, PLACES, FLAGS = given(types.int32), given(types.uint32), given(types.uint8)
CLUSTERS = given(nb.from_dtype(CLUSTER))


@nb.njit(error_model="numpy")
def goes_left(x, node, marked):  # type: ignore[no-untyped-def]
    """Return whether a value goes left: as XGBoost's predictor has it."""
    if np.isnan(x):
        return node.missing_left != 0
    if node.first_category < 0:
        return x < node.threshold
    if x < 0 or x >= node.categories:
        return True
    return marked[node.first_category + np.int64(x)] == 0


@compiled(MATRIX, NODES, INTS, FLAGS, types.float32, OUT)
def margins(matrix, nodes, roots, marked, base, out):  # type: ignore[no-untyped-def]
    """Add up each row's leaves in float32, from the base on, in the order of the trees."""
    total = np.empty(BLOCK, np.float32)
    for first in range(0, len(matrix), BLOCK):
        rows = min(BLOCK, len(matrix) - first)
        total[:] = base
        for tree in range(len(roots)):
            for row in range(rows):
                node = nodes[roots[tree]]
                while node.feature >= 0:
                    x = np.float32(matrix[first + row, node.feature])
                    node = nodes[node.left if goes_left(x, node, marked) else node.right]
                total[row] += node.threshold
        for row in range(rows):
            out[first + row] = total[row]


@nb.njit(nogil=True, error_model="numpy")
def share_out(value, ratios, holds, points, weights, ahead, out):  # type: ignore[no-untyped-def]
    """Share a leaf's value out over the features on its path: Shapley (1953), exactly.

    The game is value · Π (1 if the feature's conditions hold, else 0, where it is known; else its
    ratio). A feature's share is the integral of its derivative along the diagonal of the
    multilinear extension (Owen 1972, Management Science 18(5)), a polynomial that Gauss-Legendre
    points integrate exactly. All its terms are positive: nothing cancels.
    """
    count = len(ratios)
    for j in range(count):
        out[j] = 0.0
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


@compiled(CLUSTERS, LEAVES, STEPS, SLOTS, MATRIX, MATRIX, OUT, types.float32[::1])
def fill(clusters, leaves, steps, slots, points, weights, shares, values):  # type: ignore[no-untyped-def]
    """Fill the tables: each pattern's shares, and the value of the leaf that it ends in."""
    most = points.shape[1] * 2
    ahead, holds = np.empty((2, most)), np.empty(most, np.uint8)
    ratios = np.empty(most)
    for number in range(len(leaves)):
        leaf = leaves[number]
        cluster, count = clusters[leaf.cluster], leaf.slots
        for j in range(count):
            ratios[j] = slots[leaf.first_slot + j].ratio
        found = np.empty((1 << count, most))
        for held in range(1 << count):
            for j in range(count):
                holds[j] = (held >> j) & 1
            share_out(leaf.value, ratios[:count], holds, points, weights, ahead, found[held])
        for pattern in range(1 << cluster.bits):
            held = (1 << count) - 1
            for k in range(leaf.first_step, leaf.first_step + leaf.steps):
                if (pattern >> steps[k].place) & 1 != steps[k].left:
                    held &= ~(1 << steps[k].slot)
            first = cluster.first_share + pattern * cluster.columns
            for j in range(count):
                shares[first + slots[leaf.first_slot + j].column] += found[held, j]
            if held == (1 << count) - 1:
                values[cluster.first_value + pattern] = leaf.value


@nb.njit(error_model="numpy")
def _find_patterns(x, nodes, places, marked, patterns):  # type: ignore[no-untyped-def]
    """Set a bit of each row's pattern for each of the nodes at which it goes left."""
    rows = x.shape[1]
    patterns[:] = 0
    for bit in range(len(places)):
        node = nodes[places[bit]]
        threshold = node.threshold
        if node.first_category >= 0:
            for row in range(rows):
                left = goes_left(x[node.feature, row], node, marked)
                patterns[row] |= np.uint32(left) << bit
        elif node.missing_left:
            for row in range(rows):
                patterns[row] |= np.uint32(not x[node.feature, row] >= threshold) << bit
        else:
            for row in range(rows):
                patterns[row] |= np.uint32(x[node.feature, row] < threshold) << bit


@compiled(
    MATRIX, NODES, FLAGS, types.float32, CLUSTERS, PLACES, PLACES, VALUES, SINGLES, OUT_2, OUT
)
def look_up(  # type: ignore[no-untyped-def]
    matrix, nodes, marked, base, clusters, places, columns, shares, values, out, margin
):
    """Add up each row's shares, table by table, and its margin to the same bits as `margins`."""
    features = matrix.shape[1]
    x, patterns = np.empty((features, BLOCK), np.float32), np.empty(BLOCK, np.uint32)
    total = np.empty(BLOCK, np.float32)
    for first in range(0, len(matrix), BLOCK):
        rows = min(BLOCK, len(matrix) - first)
        for row in range(rows):
            for feature in range(features):
                x[feature, row] = matrix[first + row, feature]
        total[:] = base
        for number in range(len(clusters)):
            cluster = clusters[number]
            mine = places[cluster.first_place : cluster.first_place + cluster.bits]
            _find_patterns(x[:, :rows], nodes, mine, marked, patterns)
            for row in range(rows):
                start = cluster.first_share + patterns[row] * cluster.columns
                for j in range(cluster.columns):
                    out[first + row, columns[cluster.first_column + j]] += shares[start + j]
                total[row] += values[cluster.first_value + patterns[row]]
        for row in range(rows):
            margin[first + row] = total[row]
