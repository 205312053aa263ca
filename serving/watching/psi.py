"""The population stability index (PSI): how far a distribution lies from its reference."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

FEW = 200
"""Scores of a week below which its PSI tells little.

Of a base that has not changed, n scores in B bins against a far larger reference give a PSI of
about χ² with B − 1 degrees of freedom, over n (Yurdakul & Naranjo 2020, Journal of Risk Model
Validation 14(4)): with ten bins and fewer than 170 scores, one feature in twenty seems to move.
"""

MOVED, MOVED_MUCH = 0.1, 0.25

_HALF = 0.5


def psi(expected: ArrayLike, counted: ArrayLike) -> float:
    """Return Σ (q − p) ln(q / p) over the bins, p the reference's share and q the other's.

    0 is the same distribution. Each bin counts half a row more than it holds, on both sides, so
    that an empty one has a logarithm; bins that are empty on both are left out. Siddiqi (2006),
    Credit Risk Scorecards, chapter 9; it is Jeffreys' divergence of 1946.

    Returns
    -------
    float
        NaN where either side has no row.
    """
    p, q = np.asarray(expected, float), np.asarray(counted, float)
    if not p.sum() or not q.sum():
        return float("nan")
    held = (p + q) > 0
    p, q = p[held] + _HALF, q[held] + _HALF
    p, q = p / p.sum(), q / q.sum()
    return float(np.sum((q - p) * np.log(q / p)))


def word(value: float) -> str:
    """Return what a PSI is usually held for: ``stable``, ``moved`` or ``moved much``.

    The bounds of 0.1 and 0.25 are a rule of thumb (Siddiqi 2006), not a test.
    """
    if np.isnan(value):
        return ""
    return "stable" if value < MOVED else "moved" if value < MOVED_MUCH else "moved much"
