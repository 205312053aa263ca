"""Margins and exact TreeSHAP of boosted trees, many rows or one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

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
        """The clusters' shares, and the values of the leaves that rows end in, by their pattern."""
        made, (shares, values) = self.plan, self.plan.sizes
        # Where a row ends in another table's leaf, it gets what changes no sum: a negative zero.
        tables = np.zeros(shares), np.full(values, -0.0, np.float32)
        held = made.held.leaves, made.held.steps, made.held.slots
        _kernels().fill(made.clusters, *held, made.points, made.weights, *tables)
        return tables

    def margins(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's margin, to the bit as XGBoost has it, shape (rows,)."""
        rows, forest, margin = self._rows(matrix), self.forest, np.empty(len(matrix))
        trees = forest.nodes, forest.roots, forest.marked, np.float32(forest.base)
        add = _kernels().margins
        in_chunks(lambda chunk: add(rows[chunk], *trees, margin[chunk]), len(rows))
        return margin

    def shares(self, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return margins as `margins` does, and what each feature adds, shape (rows, features)."""
        rows, forest, made = self._rows(matrix), self.forest, self.plan
        margin, found, add = np.empty(len(rows)), np.zeros(rows.shape), _kernels().look_up
        trees = forest.nodes, forest.marked, np.float32(forest.base)
        given = (*trees, made.clusters, made.places, made.columns, *self.tables)
        in_chunks(lambda chunk: add(rows[chunk], *given, found[chunk], margin[chunk]), len(rows))
        if len(made.deep.leaves):
            self._add_deep(rows, found)
            return self.margins(rows), found
        return margin, found

    def _add_deep(self, rows: np.ndarray, found: np.ndarray) -> None:
        from training import tree_deep

        forest, made = self.forest, self.plan
        leaves = made.deep.leaves, made.deep.steps, made.deep.slots, made.points, made.weights
        given = forest.nodes, forest.marked, *leaves
        in_chunks(lambda chunk: tree_deep.add(rows[chunk], *given, found[chunk]), len(rows))

    def _rows(self, matrix: np.ndarray) -> np.ndarray:
        rows = np.ascontiguousarray(matrix, float)
        if rows.ndim != 2 or rows.shape[1] != self.forest.features:
            raise ValueError(
                f"the trees take rows of {self.forest.features} features, got a matrix of shape "
                f"{rows.shape}: give the columns of the model's schema"
            )
        return rows


def _kernels() -> ModuleType:
    """Return the compiled loops; the first call waits for the compiler."""
    from training import tree_kernels

    return tree_kernels
