"""Customers as points in standardised features, and the two segments each lies nearest to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.predictors import Term


def standardised(terms: Sequence[Term], matrix: np.ndarray) -> list[np.ndarray]:
    """Return the columns that distances are taken in, each of shape (rows,)."""
    return [term.weight * term.standardised(matrix) for term in terms]


def two_least(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each row's nearest and second nearest segment; of equals, the first.

    Parameters
    ----------
    totals : ndarray, shape (segments, rows)
        How far each row is from each of at least two segments.
    """
    nearest = totals.argmin(axis=0)
    others = totals.copy()
    others[nearest, np.arange(totals.shape[1])] = np.inf
    return nearest, others.argmin(axis=0)
