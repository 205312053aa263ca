"""The scores of many customers in JSON, a column at a time: what `score.answer` gives of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from serving.batch.columns import held_in
from serving.scoring import timing
from serving.scoring.assessment import Assessments, TaskScores
from serving.scoring.customers import Values
from serving.scoring.reason_json import Moved, ReasonsInJson, numbers
from serving.scoring.segmented import NOBODY, Segmented, WayScores
from serving.scoring.value import horizon_of
from training.model import Task
from training.reasons import BANDS, Options

_NULL = b"null"
_NONE = (b"[]", b"[]")

Column = list[bytes] | bytes
"""A part of the answer in JSON: each row's, or that of all."""


@dataclass(frozen=True)
class Answers:
    """Tells scores in a language.

    Parameters
    ----------
    options : Options
    reasons : mapping of task to ReasonsInJson
        What writes them in the language of the options.
    """

    options: Options
    reasons: Mapping[Task, ReasonsInJson]

    def told(
        self,
        assessed: Assessments,
        features: Mapping[str, Values],
        ids: Sequence[bytes],
        flags: Sequence[tuple[str, ...]],
    ) -> list[bytes]:
        """Return each customer's scores and reasons.

        Parameters
        ----------
        assessed : Assessments
        features : mapping of str to ndarray or DictionaryArray
            As they came, by name.
        ids : sequence of bytes
            Of the scores.
        flags : sequence of tuple of str
            What was odd about looking each up.
        """
        tasks = assessed.tasks
        whole: dict[str, Column] = {
            "id": [b'"%b"' % held for held in ids],
            "customer_id": [orjson.dumps(held) for held in assessed.customer_ids],
            "as_of": _each(assessed.as_of),
            "churn": self._churn(assessed, features) if "churn" in tasks else _NULL,
            "clv": self._clv(tasks["clv"], features) if "clv" in tasks else _NULL,
            "value_at_risk": _at_risk(assessed),
            "segments": self._segments(assessed.segments, features) or _NULL,
            "codes": _codes(assessed),
            "flags": _each(
                [(*held, *more) for held, more in zip(assessed.flags, flags, strict=True)]
            ),
            "bundles": orjson.dumps(assessed.digests),
        }
        return _objects(whole, len(assessed))

    def _churn(self, assessed: Assessments, features: Mapping[str, Values]) -> list[bytes]:
        scores = assessed.tasks["churn"]
        held = scores.explanation
        bands: Column = _NULL
        if self.options.bands:
            named = [orjson.dumps(band) for band in BANDS]
            above = np.searchsorted(np.array(self.options.bands), held.served, side="right")
            bands = [named[place] for place in np.minimum(above, len(named) - 1).tolist()]
        whole: dict[str, Column] = {
            "probability": numbers(held.served),
            "band": bands,
            **self._times(assessed, scores),
            **self._supervised(scores, features),
        }
        return _where(scores.codes, _objects(whole, len(assessed)))

    def _clv(self, scores: TaskScores, features: Mapping[str, Values]) -> list[bytes]:
        count = len(scores.codes)
        intervals: dict[str, Column] = {
            level: _pairs(ends) for level, ends in scores.intervals.items()
        }
        whole: dict[str, Column] = {
            "value": numbers(scores.explanation.served),
            "currency": orjson.dumps(scores.vocabulary.currency),
            "horizon_days": orjson.dumps(horizon_of(scores.bundle)),
            "intervals": _objects(intervals, count),
            **self._supervised(scores, features),
        }
        return _where(scores.codes, _objects(whole, count))

    def _supervised(self, scores: TaskScores, features: Mapping[str, Values]) -> dict[str, Column]:
        held = scores.explanation
        task = scores.bundle.model.task
        told: Column = b'{"raises":[],"lowers":[]}'
        if self.options.reasons:
            values = held_in(features, scores.vocabulary.schema.columns, scores.learned)
            moved = Moved(held.contributions, held.served_contributions)
            both = self.reasons[task].told(values, moved, (1, -1), self.options.reasons)
            told = [b'{"raises":%b,"lowers":%b}' % (raises, lowers) for raises, lowers in both]
        return {
            "base": numbers(np.array([held.base_served]))[0],
            "margin": numbers(held.margin),
            "reasons": told,
        }

    def _times(self, assessed: Assessments, scores: TaskScores) -> dict[str, Column]:
        """Return the fields of `timing.told`."""
        asked, times = scores.bundle.model.timing, scores.times
        nothing = timing.told(None, None, 0, None, self.options.language)
        whole: dict[str, Column] = dict.fromkeys(nothing, _NULL)
        if asked is None or times is None:
            return whole
        within = times.within + 0.0
        days: dict[str, Column] = {
            str(day): numbers(within[:, place]) for place, day in enumerate(asked.days)
        }
        whole[timing.field(asked)] = _objects(days, len(within))
        if times.next_purchase is not None:
            due = [None if day != day else day for day in times.next_purchase.tolist()]
            told: dict[Any, bytes] = {}
            for row, key in enumerate(zip(due, assessed.as_of, strict=True)):
                if key not in told:
                    said = timing.told(asked, times, row, key[1], self.options.language)
                    told[key] = orjson.dumps(said["next_purchase"])
            keys = zip(due, assessed.as_of, strict=True)
            whole["next_purchase"] = [told[key] for key in keys]
        return whole

    def _segments(
        self, found: Segmented | None, features: Mapping[str, Values]
    ) -> list[bytes] | None:
        if found is None:
            return None
        columns = found.bundle.model.inputs.columns
        values = held_in(features, columns, np.empty((0, 0)))
        ways: dict[str, Column] = {
            way: self._way(scores, values) for way, scores in found.ways.items()
        }
        count = len(next(iter(found.ways.values())).places)
        return _objects(ways, count)

    def _way(self, scores: WayScores, values: Any) -> list[bytes]:
        danish, held = self.options.language == "da", scores.segmenter.segments
        count, places = len(scores.places), scores.places.tolist()
        ids = [orjson.dumps(segment.id) for segment in held]
        names = [orjson.dumps(segment.name_da if danish else segment.name) for segment in held]
        apart: Column = b'{"apart":[]}'
        if self.options.reasons:
            moved = Moved(scores.contributions, scores.contributions)
            told = self.reasons["segments"].told(values, moved, (1,), self.options.reasons)
            apart = [b'{"apart":%b}' % each for (each,) in told]
        whole: dict[str, Column] = {
            "id": [ids[place] for place in places],
            "name": [names[place] for place in places],
            "potential": _NULL if scores.potential is None else numbers(scores.potential),
            "reasons": apart,
        }
        none = [None if place != NOBODY else "none" for place in places]
        return _where(none, _objects(whole, count))


def _at_risk(assessed: Assessments) -> Column:
    held = assessed.at_risk
    if held is None:
        return _NULL
    clv = assessed.tasks["clv"]
    whole: dict[str, Column] = {
        "amount": numbers(held.amount),
        "if_stays": numbers(held.if_stays),
        "currency": orjson.dumps(clv.vocabulary.currency),
        "horizon_days": orjson.dumps(horizon_of(clv.bundle)),
    }
    none = ["none" if amount != amount else None for amount in held.amount.tolist()]
    return _where(none, _objects(whole, len(none)))


def _codes(assessed: Assessments) -> list[bytes]:
    codes: dict[str, Sequence[str | None]] = {
        task: scores.codes for task, scores in assessed.tasks.items()
    }
    ways = assessed.segments.ways if assessed.segments else {}
    codes |= {f"segments.{way}": held.codes for way, held in ways.items()}
    rows = list(zip(*codes.values(), strict=True))
    told = {
        row: orjson.dumps({name: code for name, code in zip(codes, row, strict=True) if code})
        for row in set(rows)
    }
    return [told[row] for row in rows]


def _each(values: Sequence[Any]) -> list[bytes]:
    """Return values of which many are the same."""
    told = {value: orjson.dumps(value) for value in set(values)}
    return [told[value] for value in values]


def _pairs(ends: np.ndarray) -> list[bytes]:
    lower, upper = numbers(ends[:, 0]), numbers(ends[:, 1])
    return [b"[%b,%b]" % pair for pair in zip(lower, upper, strict=True)]


def _where(codes: Sequence[str | None], told: list[bytes]) -> list[bytes]:
    """Return what is told of rows, null where a code stands instead."""
    if not any(codes):
        return told
    return [_NULL if code else held for code, held in zip(codes, told, strict=True)]


def _objects(columns: Mapping[str, Column], count: int) -> list[bytes]:
    """Return rows of columns as objects."""
    form = b",".join(_members(columns))
    several = [held for held in columns.values() if isinstance(held, list)]
    form = b"{%b}" % form
    if not several:
        return [form % ()] * count
    return [form % row for row in zip(*several, strict=True)]


def _members(columns: Mapping[str, Column]) -> Iterator[bytes]:
    for name, held in columns.items():
        said = b"%b" if isinstance(held, list) else held.replace(b"%", b"%%")
        yield b'"%b":%b' % (name.replace("%", "%%").encode(), said)
