import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.watching.bins import SCORE, Bins, Reference, Rows
from tests.factories import make_bundle, make_config
from tests.training.bases import make_schema
from training.calibrate import Scale
from training.model import Model
from training.predictors import Linear, Term

NONE_LEARNED = np.empty((0, 0))


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    rng = np.random.default_rng(1)
    spend = rng.gamma(2.0, 10.0, 1000)
    spend[:30] = np.nan
    flag, kind = rng.integers(0, 2, 1000) * 1.0, rng.integers(0, 3, 1000) * 1.0
    return np.column_stack([spend, flag, np.full(1000, 7.0), np.full(1000, np.nan), kind])


@pytest.fixture(scope="module")
def reference(tmp_path_factory, matrix) -> Reference:
    folder = tmp_path_factory.mktemp("bundle")
    schema = make_schema("spend", "flag", "always", "never", group=("a", "b", "c"))
    terms = (Term(0, "identity", 0.0, 1.0, 1.0),)
    model = Model("clv", "linear", schema, (Linear(5, 0.0, terms),), Scale(1.0))
    filled = np.nan_to_num(matrix)
    bundle = make_bundle(folder / "clv", make_config(folder), model, filled)
    held = (bundle.path / "reference.json").read_bytes()
    assert json.loads(held)["flag"]["values"] == [0.0, 1.0]
    return Reference(make_bundle(folder / "gaps", make_config(folder), model, matrix))


def test_the_training_rows_fall_into_the_bins_as_the_bundle_counted_them(reference, matrix):
    served = reference.bundle.model.predict(matrix)
    counted = reference.count(Rows(matrix, {}), NONE_LEARNED, served)
    for bins in (*reference.features, reference.scores):
        assert counted[bins.name].tolist() == bins.expected.tolist(), bins.name


def test_every_value_falls_into_one_bin_and_what_lies_beyond_into_the_ends(reference):
    spend, flag, always, never, group = reference.features
    assert spend.count(np.array([-1e9, 1e9, np.nan]))[[0, -3, -2]].tolist() == [1, 1, 1]
    # Below 0, 0, 1 and above: a flag has a bin a value.
    assert flag.count(np.array([0.0, 1.0, 1.0, 2.0, -1.0])).tolist() == [1, 1, 2, 1, 0, 0]
    assert always.count(np.array([6.9, 7.0, 7.1, np.nan])).tolist() == [1, 1, 1, 1, 0]
    assert never.count(np.array([3.0, np.nan])).tolist() == [1, 1, 0]
    assert group.count(np.array([0.0, 2.0, np.nan, np.nan]), unseen=1).tolist() == [1, 0, 1, 1, 1]


def test_a_column_of_many_categories_is_counted_as_one_of_few():
    cuts = np.arange(1.0, 200.0)
    values = np.random.default_rng(0).integers(0, 200, 500) * 1.0
    many = Bins("kind", cuts, np.zeros(202)).count(values)
    assert many[:200].tolist() == np.bincount(values.astype(int), minlength=200).tolist()


@given(st.data())
def test_the_order_and_the_parts_that_rows_come_in_make_no_difference(reference, matrix, data):
    order = np.array(data.draw(st.permutations(range(40))))
    cut = data.draw(st.integers(0, 40))
    served = reference.bundle.model.predict(matrix[:40])

    def counted(rows):
        return reference.count(Rows(matrix[rows], {}), NONE_LEARNED, served[rows])

    whole, first, rest = (counted(rows) for rows in (np.arange(40), order[:cut], order[cut:]))
    for name in (*reference.bundle.model.schema.names, SCORE):
        assert (first[name] + rest[name]).tolist() == whole[name].tolist()
