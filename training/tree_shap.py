"""Margins and exact TreeSHAP of boosted trees, many rows or one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xgboost as xgb

from training.chunks import in_chunks
from training.tree_arrays import Forest, read
from training.tree_tables import Plan, plan


@dataclass(frozen=True)
class Explainer:
    """What runs rows through trees; tables are made when a row is first explained.

    Parameters
    ----------
    forest : Forest
    """

    forest: Forest

    @classmethod
    def of(cls, booster: xgb.Booster) -> Explainer:
        """Read a booster's trees.

        Raises
        ------
        TreesError
            If they are not one tree a round, with one number a leaf, whose leaves add up.
        """
        return cls(read(booster))

    @cached_property
    def plan(self) -> Plan:
        """Which tables there are."""
        return plan(self.forest)

    @cached_property
    def tables(self) -> tuple[np.ndarray, np.ndarray]:
        """Each pattern's shares, and the value of the leaf it ends in; none where it ends in
        another table's.
        """
        from training import tree_kernels  # compiled by then, which takes a second

        made, (shares, values) = self.plan, self.plan.sizes
        # Not 0.0: a negative zero is what changes no sum.
        tables = np.zeros(shares), np.full(values, -0.0, np.float32)
        held, points = made.held, (made.points, made.weights)
        tree_kernels.fill(made.clusters, held.leaves, held.steps, held.slots, *points, *tables)
        return tables

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's margin, to the bit as XGBoost has it, shape (rows,)."""
        from training import tree_kernels

        rows, forest, margin = self._rows(matrix), self.forest, np.empty(len(matrix))
        trees = forest.nodes, forest.roots, forest.marked, np.float32(forest.base)
        in_chunks(
            lambda chunk: tree_kernels.margins(rows[chunk], *trees, margin[chunk]), len(rows)
        )
        return margin

    def contributions(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return margins, and what each feature adds to them, shape (rows, features)."""
        from training import tree_kernels

        rows, forest, made = self._rows(matrix), self.forest, self.plan
        margin, found = np.empty(len(rows)), np.zeros(rows.shape)
        trees = forest.nodes, forest.marked, np.float32(forest.base)
        tables = made.of_tree, made.deep_of_tree, made.clusters, made.places, made.columns
        deep = made.deep.leaves, made.deep.steps, made.deep.slots, made.points, made.weights
        given = (*trees, *tables, *self.tables, *deep)
        in_chunks(
            lambda chunk: tree_kernels.contributions(
                rows[chunk], *given, found[chunk], margin[chunk]
            ),
            len(rows),
        )
        return margin, found

    def _rows(self, matrix: np.ndarray) -> np.ndarray:
        rows = np.ascontiguousarray(matrix, float)
        if rows.ndim != 2 or rows.shape[1] != self.forest.features:
            raise ValueError(
                f"the trees take rows of {self.forest.features} features, got a matrix of shape "
                f"{rows.shape}: give the columns of the model's schema"
            )
        return rows
