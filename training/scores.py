"""How the values that a model serves are spread: the tenths' edges, and what drift is against."""

from __future__ import annotations

from typing import Any

import numpy as np


def distribution(served: np.ndarray) -> dict[str, Any]:
    """Return how many values there are, their mean, and the eleven edges of their tenths.

    Where tenths share edges, as those of equal values do, ``counts`` still tells how many values
    lie between two distinct ones: the lower is of the bin, the last of all too.

    Parameters
    ----------
    served : ndarray, shape (rows,)
        Of the rows that a model is reported on; at least one.
    """
    edges = np.quantile(served, np.arange(11) / 10)
    distinct = np.unique(edges)
    return {
        "rows": len(served),
        "mean": float(np.mean(served)),
        "edges": edges.tolist(),
        "counts": np.histogram(served, distinct)[0].tolist()
        if len(distinct) > 1
        else [len(served)],
    }
