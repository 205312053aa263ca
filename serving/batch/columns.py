"""The columns of a batch's scores: what `serving.scoring.score.answer` says of each customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.schema import FeatureColumn
from features.timeline import label_window
from serving.batch.schema import columns, within
from serving.releases.release import Release
from serving.scoring.assessment import Assessments, TaskScores
from serving.scoring.customers import Values
from serving.scoring.segmented import NOBODY, Segmented, WayScores
from training.model import TASKS
from training.reason_columns import Held, Phrasebook
from training.reasons import BANDS, Options
from training.timing import Timing


@dataclass(frozen=True)
class Columns:
    """Lays the scores of a release out in columns.

    Parameters
    ----------
    release : Release
    options : Options
    as_of, valid_until : date
        The day that all features are of, and the day up to which the scores may be used.
    """

    release: Release
    options: Options
    as_of: date
    valid_until: date

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns."""
        return columns(self.release)

    @cached_property
    def phrasebooks(self) -> dict[str, Phrasebook]:
        """What writes the reasons, by task."""
        words = self.release.vocabularies
        return {task: Phrasebook(words[task], self.options.language) for task in words}

    def table(
        self, assessed: Assessments, rows: Mapping[str, Values], batch_id: str, first: int
    ) -> pa.Table:
        """Return the scores of customers.

        Parameters
        ----------
        assessed : Assessments
        rows : mapping of str to ndarray or DictionaryArray
            Their features as they came, by name.
        batch_id : str
        first : int
            The number of the first of them in the batch.
        """
        count = len(assessed)
        found: dict[str, Any] = {
            "score_id": _numbered(batch_id, first, count),
            "customer_id": assessed.customer_ids,
            "as_of": pa.repeat(pa.scalar(self.as_of, pa.date32()), count),
            "valid_until": pa.repeat(pa.scalar(self.valid_until, pa.date32()), count),
            "codes": listed(_codes(assessed)),
            "flags": _texts(assessed.flags),
            "release": _same(self.release.digest, count),
            **{f"{task}_bundle": _same(each, count) for task, each in assessed.digests.items()},
        }
        for task, scores in assessed.tasks.items():
            found |= self._churn(scores) if task == "churn" else _clv(scores)
            found |= self._reasons(scores, rows)
        if held := assessed.at_risk:
            found |= {"value_at_risk": held.amount, "value_if_stays": held.if_stays}
            found["value_if_stays"] = np.where(np.isnan(held.amount), np.nan, held.if_stays)
        if assessed.segments:
            found |= self._segments(assessed.segments, rows)
        return pa.table(
            [_column(found.get(field.name), field.type, count) for field in self.schema],
            schema=self.schema,
        )

    def _churn(self, scores: TaskScores) -> dict[str, Any]:
        answered = _answered(scores.codes)
        chance = np.where(answered, scores.explanation.served, np.nan)
        found: dict[str, Any] = {"churn_probability": chance}
        if self.options.bands:
            band = np.searchsorted(np.array(self.options.bands), chance, side="right")
            found["band"] = _named(np.where(answered, band, NOBODY), BANDS)
        asked, times = scores.bundle.model.timing, scores.times
        if asked and times:
            for place, day in enumerate(asked.days):
                held = np.where(answered, times.within[:, place] + 0.0, np.nan)
                found[within(asked, day)] = held
            if times.next_purchase is not None:
                days = np.where(answered, times.next_purchase, np.nan)
                found["next_purchase"] = self._due(asked, days)
        return found

    def _due(self, asked: Timing, days: np.ndarray) -> pa.Array:
        """Return the last day of each window of so many days."""
        start, _ = label_window(self.as_of, asked.gap, 0)
        before = (start - timedelta(days=1) - date(1970, 1, 1)).days
        none = np.isnan(days)
        due = np.where(none, 0, days).astype(np.int32) + np.int32(before)
        return pa.array(due, pa.int32(), mask=none).cast(pa.date32())

    def _reasons(self, scores: TaskScores, rows: Mapping[str, Values]) -> dict[str, Any]:
        task = scores.bundle.model.task
        held = held_in(rows, scores.vocabulary.schema.columns, scores.learned)
        contributions, none = scores.explanation.contributions, ~_answered(scores.codes)
        return {
            f"{task}_raises": self._told(task, held, contributions, none, 1),
            f"{task}_lowers": self._told(task, held, contributions, none, -1),
        }

    def _told(
        self, task: str, held: Held, contributions: np.ndarray, none: np.ndarray, towards: Any
    ) -> pa.Array:
        """Return reasons, null where there is nothing that they would be of."""
        most = self.options.reasons if contributions.shape[1] else 0
        found = self.phrasebooks[task].texts(held, contributions, towards, most)
        return pa.ListArray.from_arrays(found.offsets, found.values, mask=pa.array(none))

    def _segments(self, segments: Segmented, rows: Mapping[str, Values]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        held = held_in(rows, segments.bundle.model.inputs.columns, np.empty((0, 0)))
        for way, scores in segments.ways.items():
            none = scores.places == NOBODY
            apart = self._told("segments", held, scores.contributions, none, 1)
            found |= self._segment(way, scores) | {f"segment_{way}_apart": apart}
        return found

    def _segment(self, way: str, scores: WayScores) -> dict[str, Any]:
        held, danish = scores.segmenter.segments, self.options.language == "da"
        none = scores.places == NOBODY
        ids = np.array([segment.id for segment in held], dtype=np.int32)[scores.places]
        names = [segment.name_da if danish else segment.name for segment in held]
        found: dict[str, Any] = {
            f"segment_{way}": pa.array(ids, mask=none),
            f"segment_{way}_name": _named(scores.places, names),
        }
        if scores.potential is not None:
            found[f"segment_{way}_potential"] = np.where(none, np.nan, scores.potential)
        return found


def held_in(
    features: Mapping[str, Values], columns: Sequence[FeatureColumn], learned: np.ndarray
) -> Held:
    """Return how to read a column of all customers: built ones as they came, then the learned."""
    built = len(columns) - learned.shape[1]

    def values(place: int) -> Values:
        if place >= built:
            return np.asarray(learned[:, place - built])
        return features[columns[place].name]

    return values


def _answered(codes: Sequence[str | None]) -> np.ndarray:
    return np.array([code is None for code in codes], dtype=bool)


def _clv(scores: TaskScores) -> dict[str, Any]:
    answered = _answered(scores.codes)
    found: dict[str, Any] = {"clv": np.where(answered, scores.explanation.served, np.nan)}
    for level in {"80", "95"} & scores.intervals.keys():
        ends = np.where(answered[:, None], scores.intervals[level], np.nan)
        found[f"clv_low_{level}"], found[f"clv_high_{level}"] = ends.T
    return found


def _codes(assessed: Assessments) -> Mapping[str, Sequence[str | None]]:
    """Return the codes of each task and of each way, in the order that an answer has them."""
    found: dict[str, Sequence[str | None]] = {
        task: assessed.tasks[task].codes for task in TASKS if task in assessed.tasks
    }
    held = assessed.segments.ways if assessed.segments else {}
    return found | {f"segments.{way}": scores.codes for way, scores in held.items()}


def listed(codes: Mapping[str, Sequence[str | None]]) -> pa.Array:
    """Return each row's codes as texts, ``churn:inactive``."""
    told = {
        combination: [
            f"{name}:{code}" for name, code in zip(codes, combination, strict=True) if code
        ]
        for combination in set(zip(*codes.values(), strict=True))
    }
    return _texts([told[combination] for combination in zip(*codes.values(), strict=True)])


def _texts(lists: Sequence[Sequence[str]]) -> pa.Array:
    ends = np.cumsum([0, *map(len, lists)], dtype=np.int32)
    return pa.ListArray.from_arrays(ends, pa.array(chain.from_iterable(lists), pa.string()))


def _named(places: np.ndarray, names: Sequence[str]) -> pa.Array:
    indices = pa.array(places.astype(np.int32), mask=places == NOBODY)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, pa.string()))


def _numbered(batch_id: str, first: int, count: int) -> pa.Array:
    """Return the ids of rows, ``BATCH/17``."""
    numbers = pa.array(np.arange(first, first + count)).cast(pa.string())
    return pc.binary_join_element_wise(pa.scalar(batch_id), numbers, "/")


def _same(text: str, count: int) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, dtype=np.int32)), [text])


def _column(values: Any, kind: pa.DataType, count: int) -> pa.Array:
    if values is None:
        return pa.nulls(count, kind)
    if isinstance(values, np.ndarray):
        return pa.array(values, kind, from_pandas=True)
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
