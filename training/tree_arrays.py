"""Boosted trees as flat arrays, which one row can be run through in microseconds.

XGBoost's own model, read once. A row answered through XGBoost pays for a data matrix each time,
which costs more than the trees themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import xgboost as xgb

from configs.errors import StamkundeError

NODE = np.dtype(
    [
        ("feature", "i4"),
        ("threshold", "f4"),
        ("left", "i4"),
        ("right", "i4"),
        ("missing_left", "i4"),
        ("first_category", "i4"),
        ("categories", "i4"),
    ],
    align=True,
)
"""A node of a tree. A leaf has the feature −1, and its value as the threshold.

Below the threshold a row goes left. Where `first_category` is not −1, a row goes right whose
category is marked among the `categories` flags from there on.
"""


class TreesError(StamkundeError, ValueError):
    """Trees of a form that is not scored or explained here."""


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves add up.

    Parameters
    ----------
    features : int
        Columns of the matrices it takes.
    base : float
        What the margin begins with, a float32.
    nodes : ndarray of NODE
        Of all trees, one after the other; children come after their parent, by place in here.
    cover : ndarray of float, shape (nodes,)
        The sum of second derivatives of the training rows that came by.
    roots : ndarray of int32
        The place of each tree's first node.
    marked : ndarray of uint8
        The flags of categories that go right.
    """

    features: int
    base: float
    nodes: np.ndarray
    cover: np.ndarray
    roots: np.ndarray
    marked: np.ndarray

    @cached_property
    def ratio(self) -> np.ndarray:
        """The part of its parent's cover that each node has; 1 of a root.

        Where nothing came by a parent, each child has half.
        """
        found = np.ones(len(self.nodes))
        inner = np.flatnonzero(self.nodes["feature"] >= 0)
        for child in (self.nodes["left"][inner], self.nodes["right"][inner]):
            whole = self.cover[inner]
            part = np.divide(
                self.cover[child], whole, out=np.full(len(inner), 0.5), where=whole > 0
            )
            found[child] = part
        return found


def read(booster: xgb.Booster) -> Forest:
    """Read a booster's trees.

    Raises
    ------
    TreesError
        If they are not one tree a round, with one number a leaf, whose leaves add up.
    """
    learner = json.loads(booster.save_raw("json"))["learner"]
    _check(learner)
    trees = learner["gradient_booster"]["model"]["trees"]
    counts = [len(tree["left_children"]) for tree in trees]
    roots = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int32)
    flags: list[np.ndarray] = [np.zeros(0, np.uint8)]
    marked, nodes = 0, []
    for tree, root in zip(trees, roots.tolist(), strict=True):
        read_nodes, right = _nodes(tree, root, marked)
        marked += len(right)
        nodes.append(read_nodes)
        flags.append(right)
    cover = [np.asarray(tree["sum_hessian"], np.float32).astype(float) for tree in trees]
    return Forest(
        int(learner["learner_model_param"]["num_feature"]),
        _base(booster),
        np.concatenate(nodes),
        np.concatenate(cover),
        roots,
        np.concatenate(flags),
    )


def _check(learner: dict[str, Any]) -> None:
    held, model = learner["learner_model_param"], learner["gradient_booster"]
    kind = model["name"]
    if kind != "gbtree":
        raise TreesError(f"the booster must be gbtree, got {kind}: fit it with booster=gbtree")
    beside = int(model["model"]["gbtree_model_param"]["num_parallel_tree"])
    outputs = max(int(held["num_class"]), int(held.get("num_target", 1)))
    if beside != 1 or outputs > 1:
        raise TreesError(
            f"a round must be one tree of one output, got {beside} trees of {outputs}: "
            "fit without num_parallel_tree and without several classes or targets"
        )
    if not model["model"]["trees"]:
        raise TreesError("the booster holds no tree: fit at least one round")


def _nodes(tree: dict[str, Any], root: int, marked: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a tree's nodes, and flags of its categories that go right."""
    left = np.asarray(tree["left_children"])
    inner = left >= 0
    nodes = np.zeros(len(left), NODE)
    nodes["feature"] = np.where(inner, tree["split_indices"], -1)
    nodes["threshold"] = np.asarray(tree["split_conditions"], np.float32)
    nodes["left"] = np.where(inner, left + root, -1)
    nodes["right"] = np.where(inner, np.asarray(tree["right_children"]) + root, -1)
    nodes["missing_left"] = tree["default_left"]
    nodes["first_category"] = -1
    flags = [np.zeros(0, np.uint8)]
    categories = np.asarray(tree["categories"], int)
    of_nodes = (tree[f"categories_{name}"] for name in ("nodes", "segments", "sizes"))
    for node, first, size in zip(*of_nodes, strict=True):
        right = categories[first : first + size]
        known = np.zeros(right.max() + 1, np.uint8)
        known[right] = 1
        nodes["first_category"][node] = marked
        nodes["categories"][node] = len(known)
        marked += len(known)
        flags.append(known)
    return nodes, np.concatenate(flags)


def _base(booster: xgb.Booster) -> float:
    """Return what margins begin with, by XGBoost itself: through its link, to the bit.

    It is asked of the first tree with all its leaves at nothing.
    """
    held = json.loads(booster[:1].save_raw("json"))
    (tree,) = held["learner"]["gradient_booster"]["model"]["trees"]
    tree["split_conditions"] = [0.0] * len(tree["split_conditions"])
    empty = xgb.Booster({"nthread": 1}, model_file=bytearray(json.dumps(held).encode()))
    row = np.zeros((1, booster.num_features()))
    data = xgb.DMatrix(row, feature_types=booster.feature_types, enable_categorical=True)
    return float(empty.predict(data, output_margin=True, validate_features=False)[0])
