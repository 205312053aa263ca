"""What a release says is at risk of each customer: money, if they leave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from pydantic import TypeAdapter

from configs.values import Duration
from training.bundle import Bundle
from training.model import Task
from training.value_at_risk import value_at_risk, value_if_stays

_DAYS: TypeAdapter[int] = TypeAdapter(Duration)


@dataclass(frozen=True)
class AtRisk:
    """Money over the horizon of CLV, NaN where a model has no answer.

    Parameters
    ----------
    if_stays : ndarray, shape (rows,)
        What each customer is expected to bring if they stay.
    amount : ndarray, shape (rows,)
        The chance that they leave × that value.
    """

    if_stays: np.ndarray
    amount: np.ndarray


def horizon_of(bundle: Bundle) -> int | None:
    """Return the days that a bundle of churn or CLV looks ahead; None where there is no time."""
    held = bundle.manifest["config"][bundle.model.task]
    return _DAYS.validate_python(held["horizon"]) if "horizon" in held else None


def at_risk(bundles: Mapping[Task, Bundle], churn: np.ndarray, clv: np.ndarray) -> AtRisk:
    """Return what is at risk of customers who are served a chance of leaving and a value.

    Parameters
    ----------
    bundles : mapping of task to Bundle
        With churn and CLV.
    churn, clv : ndarray, shape (rows,)
        As served; NaN where there is no score.
    """
    chance = np.nan_to_num(churn) if _over_like_days(bundles) else None
    if_stays = value_if_stays(bundles["clv"].model, clv, chance) + 0.0
    return AtRisk(if_stays, value_at_risk(churn, if_stays) + 0.0)


def _over_like_days(bundles: Mapping[Task, Bundle]) -> bool:
    """Say whether churn and CLV look ahead alike: neither more than twice as far as the other."""
    held = bundles["churn"], bundles["clv"]
    days = [found for bundle in held if (found := horizon_of(bundle))]
    return len(days) == 2 and max(days) <= 2 * min(days)
