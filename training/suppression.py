"""Which numbers of a table are withheld, so that none of few customers can be worked out.

Complementary suppression (Willenborg & de Waal 2001, Elements of Statistical Disclosure Control):
what is withheld must not follow by adding and subtracting what is shown. That a withheld number is
not 0, and the bounds that those shown put on it, can still be seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_NOTHING = 1e-9


class Sum(NamedTuple):
    """A sum that a reader knows of: the cells that add up to a total."""

    cells: tuple[int, ...]
    total: int


def suppressed(values: np.ndarray, sums: Sequence[Sum], least: int) -> np.ndarray:
    """Return which cells are withheld.

    Those of 1 to ``least`` − 1 customers are, then the smallest others that keep them hidden: the
    withheld cells under a total that is shown hold at least ``least`` customers together, and no
    withheld cell is fixed by the sums. Nobody gives nothing away, so a 0 is shown.

    Parameters
    ----------
    values : ndarray of int, shape (cells,)
        Customers in each cell, totals among them.
    sums : sequence of Sum
    least : int
        The fewest customers a number may be of.

    Returns
    -------
    ndarray of bool, shape (cells,)
    """
    found = (values > 0) & (values < least)
    while found.any():
        open_sums = _small(values, sums, found, least) or _fixed(sums, found)
        near = sorted({cell for held in open_sums for cell in (*held.cells, held.total)})
        shown = [cell for cell in near if values[cell] > 0 and not found[cell]]
        if not shown:
            break
        found[min(shown, key=lambda cell: (values[cell], cell))] = True
    return found


def _small(values: np.ndarray, sums: Sequence[Sum], found: np.ndarray, least: int) -> list[Sum]:
    """Return the first sum whose withheld cells hold too few customers together."""
    for held in sums:
        hidden = [cell for cell in held.cells if found[cell]]
        if hidden and not found[held.total] and values[hidden].sum() < least:
            return [held]
    return []


def _fixed(sums: Sequence[Sum], found: np.ndarray) -> list[Sum]:
    """Return the sums over withheld cells that have one solution only.

    A cell is fixed if it is 0 in every vector that the sums of the withheld cells take to 0.
    """
    hidden = np.flatnonzero(found)
    equations = np.zeros((len(sums), len(found)))
    for row, held in enumerate(sums):
        equations[row, list(held.cells)] = 1
        equations[row, held.total] = -1
    _, sizes, directions = np.linalg.svd(equations[:, hidden])
    free = directions[int((sizes > _NOTHING).sum()) :]
    fixed = {int(cell) for cell in hidden[(np.abs(free) < _NOTHING).all(axis=0)]}
    return [held for held in sums if fixed & {*held.cells, held.total}]
