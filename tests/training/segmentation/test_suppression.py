import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.segmentation.suppression import Sum, suppressed


def withheld(values: list[int], least: int = 5) -> list[bool]:
    """Return what is withheld of the parts of a whole that stands last."""
    whole = Sum(tuple(range(len(values) - 1)), len(values) - 1)
    return suppressed(np.array(values), [whole], least).tolist()


def test_what_could_be_got_by_subtraction_is_withheld_with_it():
    assert withheld([20, 30, 50, 100]) == [False] * 4
    assert withheld([3, 30, 50, 83]) == [True, True, False, False]
    assert withheld([1, 2, 50, 53]) == [True, True, True, False]  # together only 3
    assert withheld([4, 4, 50, 58]) == [True, True, False, False]
    assert withheld([2, 2]) == [True, True]
    assert withheld([0, 9, 9]) == [False] * 3


def test_two_small_cells_of_a_row_are_not_hidden_if_their_columns_tell_them():
    # Cells 0 1 2 | 3 4 5 in two rows, then row sums, column sums and the whole.
    values = np.array([2, 9, 30, 20, 40, 50, 41, 110, 22, 49, 80, 151])
    sums = [
        Sum((0, 1, 2), 6), Sum((3, 4, 5), 7), Sum((0, 3), 8), Sum((1, 4), 9), Sum((2, 5), 10),
        Sum((6, 7), 11), Sum((8, 9, 10), 11),
    ]  # fmt: skip
    # Hiding 0 and 1 hides them from their row; their columns tell them unless 3 and 4 go too.
    assert np.flatnonzero(suppressed(values, sums, 5)).tolist() == [0, 1, 3, 4]


PARTS = st.lists(st.integers(0, 12), min_size=4, max_size=16)


@settings(max_examples=50, deadline=None)
@given(PARTS, st.integers(1, 6))
def test_no_withheld_cell_of_a_cross_table_can_be_solved_for(parts, least):
    table = np.array(parts[: len(parts) // 2 * 2]).reshape(2, -1)
    columns = table.shape[1]
    cells = np.arange(table.size).reshape(table.shape)
    row, column, whole = table.size, table.size + 2, table.size + 2 + columns
    values = np.r_[table.ravel(), table.sum(axis=1), table.sum(axis=0), table.sum()]
    sums = [
        *(Sum(tuple(cells[i]), row + i) for i in range(2)),
        *(Sum(tuple(cells[:, j]), column + j) for j in range(columns)),
        Sum((row, row + 1), whole),
        Sum(tuple(range(column, whole)), whole),
    ]
    found = suppressed(values, sums, least)
    assert found[(values > 0) & (values < least)].all()
    assert not found[values == 0].any()
    equations = np.zeros((len(sums), len(values)))
    for index, held in enumerate(sums):
        equations[index, list(held.cells)], equations[index, held.total] = 1, -1
    hidden = np.flatnonzero(found)
    rank = np.linalg.matrix_rank(equations[:, hidden]) if len(hidden) else 0
    for place, cell in enumerate(hidden):
        told = np.vstack([equations[:, hidden], np.eye(len(hidden))[place]])
        assert values[cell] >= least or np.linalg.matrix_rank(told) == rank + 1


def test_what_is_told_elsewhere_is_told_and_what_is_not_is_not():
    whole = [Sum((0, 1, 2), 3)]
    values = np.array([3, 30, 50, 83])
    assert suppressed(values, whole, 5, {1: True}).tolist() == [True, False, True, False]
    assert suppressed(values, whole, 5, {1: True, 2: True}).tolist() == [True, False, False, True]
    assert suppressed(np.array([9, 9, 18]), [Sum((0, 1), 2)], 5, {0: False})[0]
