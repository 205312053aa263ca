"""The revenue of a subscriber: MRR × the months that are left of it within the horizon.

The months come from how long the customer has stayed, or from log-odds of what is known of them.
A product of two parts is explained by the mean of both orders in which they may be replaced.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from scipy.special import expit

from features.timeline import DAYS_A_MONTH
from training.predictors import Contributions, Linear, sum_columns
from training.retention import ShiftedBetaGeometric


class Months(Protocol):
    """How many months a customer is expected to stay within the label window."""

    kind: ClassVar[str]

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return what each feature adds to the typical customer's months."""

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON can hold them."""


@dataclass(frozen=True)
class MonthsByTenure:
    """Months left by how long the customer has stayed, as the shifted-beta-geometric has it.

    Parameters
    ----------
    features : int
        Columns of the matrices that it takes.
    tenure : int
        The column of days since the first subscription began.
    gap, horizon : int
        Of the label window, in days.
    retention : ShiftedBetaGeometric
        In months.
    typical : float
        The tenure that stands in for a missing one, and that contributions are counted from.
    """

    features: int
    tenure: int
    gap: int
    horizon: int
    retention: ShiftedBetaGeometric
    typical: float
    kind: ClassVar[str] = "tenure"

    def _expected(self, tenure: np.ndarray) -> np.ndarray:
        start, end = self.gap / DAYS_A_MONTH, (self.gap + self.horizon) / DAYS_A_MONTH
        return self.retention.expected_stay(start, end, np.maximum(tenure, 0.0) / DAYS_A_MONTH)

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return the months that this tenure has more than the typical one."""
        tenure = matrix[:, self.tenure]
        base = float(self._expected(np.array([self.typical]))[0])
        values = np.zeros((len(matrix), self.features))
        values[:, self.tenure] = (
            self._expected(np.where(np.isnan(tenure), self.typical, tenure)) - base
        )
        return Contributions(values, base)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON can hold them."""
        return asdict(self)

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> MonthsByTenure:
        """Read what `to_dict` returned."""
        return cls(**{**held, "retention": ShiftedBetaGeometric.from_dict(held["retention"])})


@dataclass(frozen=True)
class MonthsByOdds:
    """Months left as a share of the label window's: the logistic curve of weighted features.

    Parameters
    ----------
    months : float
        In the label window.
    odds : Linear
        The log-odds of the share that is left of them.
    """

    months: float
    odds: Linear
    kind: ClassVar[str] = "odds"

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return contributions to the log-odds, rescaled to the months that they make."""
        found = self.odds.contributions(matrix)
        base = self.months * float(expit(found.base))
        moved = sum_columns(found.values)
        meets = np.abs(moved) < 1e-9
        secant = (self.months * expit(found.margin) - base) / np.where(meets, 1.0, moved)
        slope = base * (1.0 - expit(found.base))
        return Contributions(found.values * np.where(meets, slope, secant)[:, None], base)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON can hold them."""
        return {"months": self.months, "odds": json.loads(self.odds.to_bytes())}

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> MonthsByOdds:
        """Read what `to_dict` returned."""
        return cls(held["months"], Linear.from_bytes(json.dumps(held["odds"]).encode()))


_MONTHS: dict[str, Any] = {kind.kind: kind for kind in (MonthsByTenure, MonthsByOdds)}


@dataclass(frozen=True)
class RecurringRevenue:
    """MRR × expected months within the label window.

    Parameters
    ----------
    features : int
        Columns of the matrices that it takes.
    mrr : int
        The column of monthly recurring revenue.
    typical : float
        The MRR that stands in for a missing one, and that contributions are counted from.
    months : Months
    """

    features: int
    mrr: int
    typical: float
    months: Months
    kind: ClassVar[str] = "recurring_revenue"
    suffix: ClassVar[str] = "json"

    def contributions(self, matrix: np.ndarray) -> Contributions:
        """Return what MRR and months add to the typical customer's revenue.

        Each difference counts at the mean of what the other part is and typically is; that of the
        months is shared out as their own contributions are.
        """
        mrr = matrix[:, self.mrr]
        mrr = np.where(np.isnan(mrr), self.typical, mrr)
        stay = self.months.contributions(matrix)
        values = stay.values * ((mrr + self.typical) / 2)[:, None]
        values[:, self.mrr] += (mrr - self.typical) * ((stay.margin + stay.base) / 2)
        return Contributions(values, self.typical * stay.base)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return the expected revenue."""
        mrr = matrix[:, self.mrr]
        months = self.months.contributions(matrix).margin
        return np.where(np.isnan(mrr), self.typical, mrr) * months

    def to_bytes(self) -> bytes:
        """Return the parameters as JSON."""
        months = {"kind": self.months.kind, **self.months.to_dict()}
        held = {
            "features": self.features,
            "mrr": self.mrr,
            "typical": self.typical,
            "months": months,
        }
        return (json.dumps(held, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> RecurringRevenue:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        months = {key: value for key, value in held["months"].items() if key != "kind"}
        read = _MONTHS[held["months"]["kind"]].from_dict(months)
        return cls(held["features"], held["mrr"], held["typical"], read)
