"""The leaves that lie too deep for a table, row by row; compiled where there are any."""

from __future__ import annotations

import numpy as np

from training.compiled import MATRIX, OUT_2, compiled
from training.tree_kernels import FLAGS, LEAVES, NODES, SLOTS, STEPS, goes_left, share_out


@compiled(MATRIX, NODES, FLAGS, LEAVES, STEPS, SLOTS, MATRIX, MATRIX, OUT_2)
def add(  # type: ignore[no-untyped-def]
    matrix, nodes, marked, leaves, steps, slots, points, weights, out
):
    """Add to each row's shares those of these leaves, in their order."""
    most = points.shape[1] * 2
    ahead, holds = np.empty((2, most)), np.empty(most, np.uint8)
    ratios, found = np.empty(most), np.empty(most)
    for number in range(len(leaves)):
        leaf = leaves[number]
        for j in range(leaf.slots):
            ratios[j] = slots[leaf.first_slot + j].ratio
        for row in range(len(matrix)):
            holds[:] = 1
            for k in range(leaf.first_step, leaf.first_step + leaf.steps):
                node = nodes[steps[k].place]
                x = np.float32(matrix[row, node.feature])
                if np.int32(goes_left(x, node, marked)) != steps[k].left:
                    holds[steps[k].slot] = 0
            share_out(leaf.value, ratios[: leaf.slots], holds, points, weights, ahead, found)
            for j in range(leaf.slots):
                out[row, slots[leaf.first_slot + j].column] += found[j]
