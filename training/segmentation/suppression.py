"""Which numbers of a table are withheld, so that none of few customers can be worked out.

Complementary suppression (Willenborg & de Waal 2001, Elements of Statistical Disclosure Control):
what is withheld must not follow by adding and subtracting what is shown. That a withheld number is
not 0, and the bounds that those shown put on it, can still be seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

_NOTHING = 1e-9


class Sum(NamedTuple):
    """A sum that a reader knows of: the cells that add up to a total."""

    cells: tuple[int, ...]
    total: int


def suppressed(
    values: np.ndarray,
    sums: Sequence[Sum],
    least: int,
    told: Mapping[int, bool] | None = None,
) -> np.ndarray:
    """Return which cells are withheld.

    Those of 1 to ``least`` − 1 customers are, and so many others that the sums fix none of these,
    and that the withheld cells under a total that is shown hold at least ``least`` customers
    together. Small cells are taken before large ones, totals last; what turns out not to be needed
    is shown again. Nobody gives nothing away, so a 0 is shown.

    Parameters
    ----------
    values : ndarray of int, shape (cells,)
        Customers in each cell, totals among them.
    sums : sequence of Sum
    least : int
        The fewest customers a number may be of.
    told : mapping of int to bool, optional
        Cells that stand elsewhere too, and whether they are told there: here they are as there.

    Returns
    -------
    ndarray of bool, shape (cells,)
    """
    few, told = (values > 0) & (values < least), told or {}
    totals = {held.total for held in sums}
    free = [cell for cell in range(len(values)) if cell not in told]
    order = sorted(free, key=lambda cell: (cell in totals, values[cell], cell))
    found = few.copy()
    found[[cell for cell, shown in told.items() if not shown]] = True
    while given_away := _open(values, sums, few, found, least):
        near = {cell for held in given_away for cell in (*held.cells, held.total)}
        shown = [cell for cell in order if values[cell] > 0 and not found[cell]]
        if not shown:
            break
        found[next((cell for cell in shown if cell in near), shown[0])] = True
    for cell in reversed(order):
        if found[cell] and not few[cell]:
            found[cell] = False
            found[cell] = bool(_open(values, sums, few, found, least))
    return found


def _open(
    values: np.ndarray, sums: Sequence[Sum], few: np.ndarray, found: np.ndarray, least: int
) -> list[Sum]:
    """Return the sums that give withheld cells away."""
    for held in sums:
        hidden = [cell for cell in held.cells if found[cell]]
        if hidden and not found[held.total] and values[hidden].sum() < least:
            return [held]
    fixed = _fixed(sums, found)
    if not any(few[cell] for cell in fixed):
        return []
    return [held for held in sums if fixed & {*held.cells, held.total}]


def _fixed(sums: Sequence[Sum], found: np.ndarray) -> set[int]:
    """Return the withheld cells that the sums leave one value for.

    A cell is fixed if it is a combination of the sums alone: if its axis lies in their row space.
    """
    hidden = np.flatnonzero(found)
    equations = np.zeros((len(sums), len(found)))
    for row, held in enumerate(sums):
        equations[row, list(held.cells)] = 1
        equations[row, held.total] = -1
    _, sizes, directions = np.linalg.svd(equations[:, hidden], full_matrices=False)
    within = (directions[sizes > _NOTHING] ** 2).sum(axis=0)
    return {int(cell) for cell in hidden[within > 1 - _NOTHING]}
