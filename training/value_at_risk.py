"""Value at risk: the chance that a customer leaves × what they would bring if they stayed.

Never the chance × CLV: the expected value already counts that they may leave.
"""

from __future__ import annotations

import numpy as np

from training.model import Model

LEAST_TO_STAY = 0.05
"""The least chance of staying that a value is divided by: less would make any value huge."""


def value_if_stays(
    model: Model, clv: np.ndarray, churn_probability: np.ndarray | None = None
) -> np.ndarray:
    """Return what each customer is expected to bring if they stay, never less than the CLV.

    As the model of value has it. One that was fitted on too few who stayed cannot tell: then it
    is the CLV over the chance of staying, for who leaves brings nothing; without that chance it
    is the CLV itself, which is too little.

    Parameters
    ----------
    model : Model
        Of CLV.
    clv : ndarray, shape (rows,)
        As it serves them, in money over its horizon.
    churn_probability : ndarray, shape (rows,), optional
        By a horizon near that of the CLV; looked at only where the model cannot tell.

    Returns
    -------
    ndarray, shape (rows,)
        Money over the CLV's horizon; NaN where the CLV is.
    """
    if model.if_stays is not None:
        return model.if_stays.of(clv)
    if churn_probability is None:
        return clv
    return np.maximum(clv, clv / np.maximum(1.0 - churn_probability, LEAST_TO_STAY))


def value_at_risk(churn_probability: np.ndarray, if_stays: np.ndarray) -> np.ndarray:
    """Return the money that is expected to be lost by customers' leaving.

    A customer who costs money puts none at risk by leaving: theirs is 0.

    Parameters
    ----------
    churn_probability : ndarray, shape (rows,)
    if_stays : ndarray, shape (rows,)
        As `value_if_stays` returns it.

    Returns
    -------
    ndarray, shape (rows,)
        NaN where either is.
    """
    return churn_probability * np.maximum(if_stays, 0.0)


def unrealised_potential(
    potential: np.ndarray, if_stays: np.ndarray, churn_probability: np.ndarray
) -> np.ndarray:
    """Return the money that customers could bring beyond what they are expected to.

    Only who stays can bring it, so that it and the value at risk are of different money.

    Parameters
    ----------
    potential : ndarray, shape (rows,)
        What customers alike spend at their best.
    if_stays : ndarray, shape (rows,)
        As `value_if_stays` returns it.
    churn_probability : ndarray, shape (rows,)
        Taken for 0 where it is NaN.

    Returns
    -------
    ndarray, shape (rows,)
        At least 0; NaN where the potential or the value is.
    """
    stays = 1.0 - np.nan_to_num(churn_probability, nan=0.0)
    return stays * np.maximum(potential - if_stays, 0.0)
