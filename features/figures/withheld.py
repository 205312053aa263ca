"""Which figures are withheld, so that none gives a small group of customers away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def withheld(customers: NDArray[np.int64], least: int) -> NDArray[np.bool_]:
    """Return which groups of a partition are withheld.

    Groups of fewer than ``least`` customers are. Where the whole is told, what is withheld could
    be got by subtraction if it is one group, or fewer than ``least`` customers together: then the
    next smallest groups are withheld too. A group of nobody gives nothing away.

    Parameters
    ----------
    customers : array of int, shape (groups,)
        How many each group has.
    least : int

    Examples
    --------
    >>> withheld(np.array([100, 3, 20, 0]), 5).tolist()
    [False, True, True, False]
    """
    customers = np.asarray(customers)
    hidden = (customers > 0) & (customers < least)
    if not hidden.any():
        return hidden
    for group in np.argsort(customers, kind="stable"):
        if hidden.sum() >= 2 and customers[hidden].sum() >= least:
            break
        hidden[group] |= customers[group] > 0
    return hidden
