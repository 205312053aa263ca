"""How the values that a model serves are spread: the tenths' edges, and what drift is against."""

from __future__ import annotations

from typing import Any

import numpy as np


def distribution(served: np.ndarray) -> dict[str, Any]:
    """Return how many values there are, their mean, and the eleven edges of their tenths.

    Parameters
    ----------
    served : ndarray, shape (rows,)
        Of the rows that a model is reported on; at least one.
    """
    edges = np.quantile(served, np.arange(11) / 10)
    return {"rows": len(served), "mean": float(np.mean(served)), "edges": edges.tolist()}
