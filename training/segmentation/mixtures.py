"""Fitting a Gaussian mixture; serving one needs no library that fits."""

from __future__ import annotations

import numpy as np
from sklearn.mixture import GaussianMixture

_LEAST_VARIANCE = 1e-2
"""Added to every variance, in squared deviations of everybody.

Counts have many equal values, on which a component would else shrink to a spike.
"""


def fit(points: np.ndarray, k: int, seed: int, begun: np.ndarray | None = None) -> GaussianMixture:
    """Fit a mixture with diagonal covariances (EM, Dempster, Laird & Rubin 1977).

    Parameters
    ----------
    points : ndarray, shape (customers, columns)
        Standardised.
    k : int
        How many components.
    seed : int
    begun : ndarray, shape (k, columns), optional
        The means to begin at.
    """
    mixture = GaussianMixture(
        k,
        covariance_type="diag",
        reg_covar=_LEAST_VARIANCE,
        n_init=3 if begun is None else 1,
        means_init=begun,
        random_state=seed,
    )
    return mixture.fit(points)
