"""Trees run through as arrays: to the bit as XGBoost predicts, shared out as Shapley has it."""

import json
from itertools import combinations
from math import factorial

import numpy as np
import pytest
import xgboost as xgb
from hypothesis import given, settings
from hypothesis import strategies as st

from training import chunks, tree_tables
from training.tree_arrays import NODE, Forest, TreesError, read
from training.tree_shap import Explainer

NUMBERS, CATEGORIES = 5, (3, 40)
TYPES = ["q"] * NUMBERS + ["c"] * len(CATEGORIES)


def make_matrix(rows: int, seed: int, beyond: int = 0) -> np.ndarray:
    """Numbers, some of them equal, and categories, some never seen; a tenth is missing."""
    rng = np.random.default_rng(seed)
    numbers = np.round(rng.normal(size=(rows, NUMBERS)), 1)
    groups = [rng.integers(0, count + beyond, rows) for count in CATEGORIES]
    matrix = np.column_stack([numbers, *groups]).astype(float)
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix


def make_booster(depth: int = 4, rounds: int = 20, rows: int = 1500, seed: int = 0, **changes):
    matrix, rng = make_matrix(rows, seed), np.random.default_rng(seed + 1)
    signal = np.nan_to_num(matrix[:, 0]) * (matrix[:, 5] != 1) + (matrix[:, 6] % 3 == 1)
    target = (signal + rng.normal(size=rows) > 0.5).astype(float)
    data = xgb.DMatrix(matrix, target, feature_types=TYPES, enable_categorical=True)
    kind = {"objective": "binary:logistic", "max_depth": depth, "max_cat_to_onehot": 4}
    return xgb.train({**kind, "nthread": 1, "min_child_weight": 0.1, **changes}, data, rounds)


def theirs(booster: xgb.Booster, matrix: np.ndarray, **asked: bool) -> np.ndarray:
    data = xgb.DMatrix(matrix, feature_types=TYPES, enable_categorical=True)
    return booster.predict(data, **asked).astype(float)


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:tweedie", "reg:squarederror"])
def test_margins_are_those_of_xgboost_to_the_bit(objective):
    booster, rows = make_booster(6, 10, objective=objective), make_matrix(20_000, 9, beyond=30)
    found, expected = Explainer.of(booster), theirs(booster, rows, output_margin=True)
    assert found.margins(rows).tobytes() == expected.tobytes()
    assert found.shares(rows)[0].tobytes() == expected.tobytes()


@settings(max_examples=15, deadline=None)
@given(
    st.integers(1, 8),
    st.integers(1, 6),
    st.integers(0, 2**16),
    st.sampled_from([0.1, 0.37, 0.5, 0.9]),
    st.lists(st.floats(width=32, allow_infinity=False), min_size=7, max_size=7),
)
def test_whatever_the_trees_and_the_row_margins_are_those_of_xgboost(
    depth, rounds, seed, base, row
):
    booster = make_booster(depth, rounds, 200, seed, base_score=base)
    rows = np.vstack([make_matrix(50, seed + 7, beyond=3), row])
    rows[:, NUMBERS:] = np.abs(rows[:, NUMBERS:]) % 50  # XGBoost refuses a category below 0
    expected = theirs(booster, rows, output_margin=True)
    assert Explainer.of(booster).shares(rows)[0].tobytes() == expected.tobytes()


@pytest.mark.parametrize("depth", [1, 3, 5, 10])
def test_contributions_are_those_of_xgboost_in_its_precision(depth):
    booster, rows = make_booster(depth, rounds=5), make_matrix(200, 9)
    found, expected = Explainer.of(booster), theirs(booster, rows, pred_contribs=True)
    np.testing.assert_allclose(found.shares(rows)[1], expected[:, :-1], rtol=1e-5, atol=1e-5)
    assert found.plan.base == pytest.approx(expected[0, -1], abs=1e-5)


def test_contributions_are_the_mean_over_all_orders_of_coming_to_know_a_feature():
    booster, rows = make_booster(4, 3), make_matrix(20, 5)
    explainer = Explainer.of(booster)
    found = explainer.shares(rows)[1]
    for row, told in zip(rows, found, strict=True):
        np.testing.assert_allclose(told, shapley(explainer.forest, row), rtol=1e-9, atol=1e-12)


def shapley(forest: Forest, row: np.ndarray) -> np.ndarray:
    """By Shapley's formula, over all sets of features that may be known."""
    features = range(forest.features)
    worth = {
        known: sum(expected(forest, int(root), row, known) for root in forest.roots)
        for size in range(forest.features + 1)
        for known in map(frozenset, combinations(features, size))
    }
    found = np.zeros(forest.features)
    for known, value in worth.items():
        for feature in set(features) - known:
            size = len(known)
            orders = factorial(size) * factorial(forest.features - size - 1)
            gain = worth[known | {feature}] - value
            found[feature] += orders / factorial(forest.features) * gain
    return found


def expected(forest: Forest, at: int, row: np.ndarray, known: frozenset[int]) -> float:
    """What a tree is expected to say of a row; of what is not known, by the cover."""
    node = forest.nodes[at]
    if node["feature"] < 0:
        return float(node["threshold"])
    sides = [int(node["left"]), int(node["right"])]
    if node["feature"] in known:
        return expected(forest, sides[not left(forest, node, row)], row, known)
    return sum(forest.ratio[side] * expected(forest, side, row, known) for side in sides)


def left(forest: Forest, node: np.void, row: np.ndarray) -> bool:
    value, first = np.float32(row[node["feature"]]), node["first_category"]
    if np.isnan(value):
        return bool(node["missing_left"])
    if first < 0:
        return bool(value < node["threshold"])
    marked = forest.marked[first : first + node["categories"]]
    return value >= len(marked) or not marked[int(value)]


def test_a_stump_shares_out_by_hand():
    """A quarter came by on the left, to −1; three quarters on the right, to 3: 2 is expected.

    A row on the left has 3 less than that, a row on the right 1 more.
    """
    nodes = np.array(
        [(0, 10.0, 1, 2, 1, -1, 0), (-1, -1.0, -1, -1, 0, -1, 0), (-1, 3.0, -1, -1, 0, -1, 0)], NODE
    )
    cover, root = np.array([4.0, 1.0, 3.0]), np.zeros(1, np.int32)
    found = Explainer(Forest(1, 0.5, nodes, cover, root, np.zeros(0, np.uint8)))
    margin, shares = found.shares(np.array([[9.0], [10.0], [np.nan]]))
    assert found.plan.base == 2.5
    np.testing.assert_allclose(shares, [[-3.0], [1.0], [-3.0]])
    assert margin.tolist() == [-0.5, 3.5, -0.5]


@pytest.mark.parametrize("bits", [0, 1, 4, 8])
def test_how_much_is_kept_in_tables_changes_no_number(monkeypatch, bits):
    booster, rows = make_booster(5), make_matrix(300, 5)
    margin, shares = Explainer.of(booster).shares(rows)
    monkeypatch.setattr(tree_tables, "MOST_BITS", bits)
    again = Explainer.of(booster)
    assert bool(len(again.plan.deep.leaves)) == (bits < 5)
    assert again.shares(rows)[0].tobytes() == margin.tobytes()
    np.testing.assert_allclose(again.shares(rows)[1], shares, rtol=1e-10, atol=1e-13)


def test_tables_keep_within_memory(monkeypatch):
    monkeypatch.setattr(tree_tables, "MOST_BYTES", 20_000)
    found = Explainer.of(make_booster(5))
    assert sum(table.nbytes for table in found.tables) <= 20_000


@pytest.mark.parametrize("depth", [3, 9])
@pytest.mark.parametrize("threads", ["1", "3"])
def test_neither_chunks_nor_threads_nor_neighbours_change_a_bit(monkeypatch, depth, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    found, rows = Explainer.of(make_booster(depth, 5)), make_matrix(1000, 5)
    margin, shares = found.shares(rows)
    monkeypatch.setattr(chunks, "ROWS", 77)
    for asked in (rows, np.asfortranarray(rows)):
        again = found.shares(asked)
        assert again[0].tobytes() == margin.tobytes() == found.margins(asked).tobytes()
        assert again[1].tobytes() == shares.tobytes()
    for row in range(0, 1000, 50):
        assert found.shares(rows[[row]])[1].tobytes() == shares[[row]].tobytes()


def test_a_chunk_that_fails_is_told_of(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with pytest.raises(ZeroDivisionError):
        chunks.in_chunks(lambda rows: 1 // rows.start, 3 * chunks.ROWS)


def test_rows_that_may_not_be_written_to_are_explained():
    found, rows = Explainer.of(make_booster(2, 2)), make_matrix(10, 5)
    rows.flags.writeable = False
    assert np.isfinite(found.shares(rows)[1]).all()


@pytest.mark.parametrize("columns", [NUMBERS, 20])
def test_rows_of_other_columns_are_refused(columns):
    with pytest.raises(ValueError, match="take rows of 7 features"):
        Explainer.of(make_booster(2, 2)).margins(np.zeros((3, columns)))


@pytest.mark.parametrize(
    ("changes", "told"), [({"booster": "dart"}, "gbtree"), ({"num_parallel_tree": 2}, "one tree")]
)
def test_trees_of_another_form_are_refused(changes, told):
    with pytest.raises(TreesError, match=told):
        read(make_booster(2, 2, **changes))


def test_a_parent_that_nobody_came_by_lets_half_by_each_way():
    held = json.loads(make_booster(1, 1).save_raw("json"))
    held["learner"]["gradient_booster"]["model"]["trees"][0]["sum_hessian"] = [0.0, 0.0, 0.0]
    booster = xgb.Booster(model_file=bytearray(json.dumps(held).encode()))
    assert read(booster).ratio.tolist() == [1.0, 0.5, 0.5]
