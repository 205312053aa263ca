"""Where customers stand in their life as such: rules on dates, from the config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from configs.segmentation import LifecycleSegments
from features.schema import FeatureSchema
from training.population import Population
from training.predictors import Contributions
from training.segmenters.columns import column_of
from training.segmenters.segmenter import NOBODY, Segment, Worth
from training.segmenters.written import read, write

SEGMENTS = (
    Segment(1, "New", "Nye"),
    Segment(2, "Growing", "Voksende"),
    Segment(3, "Loyal", "Loyale"),
    Segment(4, "Cooling", "Ved at køle af"),
    Segment(5, "Asleep", "Sovende"),
    Segment(6, "Lost", "Tabte"),
    Segment(7, "Won back", "Vundet tilbage"),
)
"""The stages; their ids are these for ever."""

NEW, GROWING, LOYAL, COOLING, ASLEEP, LOST, WON_BACK = range(len(SEGMENTS))


@dataclass(frozen=True)
class Lifecycle:
    """Rules on dates, of which the first that holds decides.

    Lost, asleep and cooling: no purchase for longer than so many days. Won back: the latest
    purchase ended a pause in which the customer was asleep. New: the first purchase lies within so
    many days. Growing: spend within the window is so many times that of the window before, with
    one unit of money added to each. Loyal: all the others. Who never bought has no segment.

    Parameters
    ----------
    way : str
    segments : tuple of Segment
        `SEGMENTS`.
    population : Population, optional
    features : int
        Columns of the schema.
    tenure, recency, last_gap, trend : int
        The columns of the days since the first and the latest purchase, of those between the
        latest two, and of the trend of spend.
    window : int
        That of the trend, in days.
    new_within, cooling_after, asleep_after, lost_after : int
        In days.
    growing_by : float
    """

    way: str
    segments: tuple[Segment, ...]
    population: Population | None
    features: int
    tenure: int
    recency: int
    last_gap: int
    trend: int
    window: int
    new_within: int
    cooling_after: int
    asleep_after: int
    lost_after: int
    growing_by: float
    kind: ClassVar[str] = "lifecycle"
    suffix: ClassVar[str] = "json"

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of each row's stage."""
        recency = matrix[:, self.recency]
        found = np.full(len(matrix), LOYAL)
        # The first rule that holds decides, so it is laid on last.
        found[matrix[:, self.trend] >= self.growing_by] = GROWING
        found[matrix[:, self.tenure] <= self.new_within] = NEW
        found[matrix[:, self.last_gap] > self.asleep_after] = WON_BACK
        found[recency > self.cooling_after] = COOLING
        found[recency > self.asleep_after] = ASLEEP
        found[recency > self.lost_after] = LOST
        found[np.isnan(recency)] = NOBODY
        return found

    def contributions(
        self,
        matrix: np.ndarray,
        worth: Worth | None = None,
    ) -> Contributions:
        """Return 1 for the feature that the rule is of; for loyal, the days since a purchase."""
        by_stage = np.full(len(SEGMENTS), self.recency)
        by_stage[[NEW, GROWING, WON_BACK]] = self.tenure, self.trend, self.last_gap
        stages = self.assign(matrix)
        rows = np.flatnonzero(stages != NOBODY)
        values = np.zeros((len(matrix), self.features))
        values[rows, by_stage[stages[rows]]] = 1.0
        return Contributions(values, 0.0)

    def rule(self, place: int) -> tuple[str, str]:
        """Return the rule of a segment in a sentence, in English and in Danish."""
        cooling, asleep, lost = self.cooling_after, self.asleep_after, self.lost_after
        times, window = f"{self.growing_by:g}", self.window
        return {
            NEW: (
                f"The first purchase lies within the last {self.new_within} days.",
                f"Det første køb ligger inden for de seneste {self.new_within} dage.",
            ),
            GROWING: (
                f"Spent at least {times} times as much in the last {window} days "
                f"as in the {window} days before.",
                f"Har brugt mindst {times.replace('.', ',')} gange så meget i de seneste "
                f"{window} dage som i de {window} dage før.",
            ),
            LOYAL: (
                f"Bought within the last {cooling} days, and no other rule holds.",
                f"Har købt inden for de seneste {cooling} dage, og ingen anden regel gælder.",
            ),
            COOLING: _last_purchase(cooling, asleep),
            ASLEEP: _last_purchase(asleep, lost),
            LOST: (
                f"The last purchase lies more than {lost} days back.",
                f"Det seneste køb ligger mere end {lost} dage tilbage.",
            ),
            WON_BACK: (
                f"Bought again after more than {asleep} days without a purchase.",
                f"Har købt igen efter mere end {asleep} dage uden køb.",
            ),
        }[place]

    def to_bytes(self) -> bytes:
        """Return the rules as JSON."""
        return write(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Lifecycle:
        """Read what `to_bytes` wrote."""
        return cls(**read(content))


def fit(
    way: str, schema: FeatureSchema, asked: LifecycleSegments, windows: Sequence[int]
) -> Lifecycle:
    """Return the rules on the columns of a schema; nothing is learnt from data.

    Parameters
    ----------
    way : str
        Its name in the config.
    schema : FeatureSchema
    asked : LifecycleSegments
    windows : sequence of int
        Those of features, rising, in days. The trend is of the shortest that `cooling_after` fits
        in, else of the longest.

    Raises
    ------
    StamkundeError
        If the schema lacks a feature.
    """
    window = next((each for each in windows if each >= asked.cooling_after), windows[-1])
    return Lifecycle(
        way=way,
        segments=SEGMENTS,
        population=Population("days_since_purchase", at_least=0.0),  # whoever ever bought
        features=len(schema.columns),
        tenure=column_of(way, schema, "tenure"),
        recency=column_of(way, schema, "days_since_purchase"),
        last_gap=column_of(way, schema, "last_gap"),
        trend=column_of(way, schema, f"spend_trend_{window}d"),
        window=window,
        new_within=asked.new_within,
        cooling_after=asked.cooling_after,
        asleep_after=asked.asleep_after,
        lost_after=asked.lost_after,
        growing_by=asked.growing_by,
    )


def _last_purchase(after: int, until: int) -> tuple[str, str]:
    return (
        f"The last purchase lies {after + 1} to {until} days back.",
        f"Det seneste køb ligger {after + 1} til {until} dage tilbage.",
    )
