"""Reasons of many customers at once, in JSON: what `training.reasons.ranked` gives of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import fsum

import numpy as np
import orjson

from training.reason_columns import Held, Phrasebook, by_feature, strongest


def numbers(values: np.ndarray) -> list[bytes]:
    """Return each double in JSON, null for NaN."""
    if not len(values):
        return []
    contiguous = np.ascontiguousarray(values, dtype=float)
    return orjson.dumps(contiguous, option=orjson.OPT_SERIALIZE_NUMPY)[1:-1].split(b",")


@dataclass(frozen=True)
class Moved:
    """What each feature adds to customers' values, in the margin and on the served scale.

    Parameters
    ----------
    contributions, served : ndarray, shape (rows, features)
        A row of NaN has no reasons.
    """

    contributions: np.ndarray
    served: np.ndarray


@dataclass(frozen=True)
class _Form:
    """The columns that a reason told by a feature adds up, and what stands around its figures."""

    columns: tuple[int, ...]
    start: bytes
    unit: bytes
    end: bytes


@dataclass(frozen=True)
class ReasonsInJson:
    """Writes the reasons of a bundle in a language.

    Parameters
    ----------
    phrasebook : Phrasebook
    """

    phrasebook: Phrasebook

    def told(
        self, held: Held, moved: Moved, ways: Sequence[int], most: int
    ) -> list[tuple[bytes, ...]]:
        """Return each row's reasons as lists in JSON, one a way, the strongest first.

        Parameters
        ----------
        held : callable
            The values of a column of the schema, by its place.
        moved : Moved
        ways : sequence of {1, -1}
            What raises the value, what lowers it.
        most : int
            How many reasons a list may have.
        """
        vocabulary = self.phrasebook.vocabulary
        found = [strongest(vocabulary, moved.contributions, way, most) for way in ways]  # type: ignore[arg-type]
        tellers = np.concatenate(found, axis=1)
        told = tellers >= 0
        parts = self._parts(held, moved, np.nonzero(told)[0], tellers[told])
        counts = told.reshape(len(told), len(ways), most).sum(axis=2).ravel().tolist()
        ends = pairwise(accumulate(counts, initial=0))
        lists = [b"[%b]" % b",".join(parts[first:end]) for first, end in ends]
        return list(zip(*(lists[place :: len(ways)] for place in range(len(ways))), strict=True))

    def _parts(
        self, held: Held, moved: Moved, rows: np.ndarray, features: np.ndarray
    ) -> list[bytes]:
        """Return reasons, each of a row and told by a feature."""
        places, words = self.phrasebook.written(held, rows, features)
        of = np.empty(len(words), dtype=int)
        of[places] = features  # a text is of one feature
        ends = [self._forms[feature].end for feature in of.tolist()]
        texts = [
            b"%b%b}" % (end, orjson.dumps(word)) for end, word in zip(ends, words, strict=True)
        ]
        values, sums = np.full(len(rows), np.nan), np.empty(len(rows))
        said: dict[int, bytes] = {}
        for feature, part in by_feature(features):
            column, theirs = held(feature), rows[part]
            sums[part] = _sums(moved.served, theirs, self._forms[feature].columns)
            if isinstance(column, np.ndarray):
                values[part] = column[theirs] + 0.0  # as the record has it: no negative zeros
            else:
                held_texts = map(orjson.dumps, column.take(theirs).to_pylist())
                said |= zip(part.tolist(), held_texts, strict=True)
        shown = numbers(values)
        for place, text in said.items():
            shown[place] = text
        forms = [self._forms[feature] for feature in features.tolist()]
        lasts = [texts[place] for place in places.tolist()]
        parts = zip(forms, shown, numbers(sums), lasts, strict=True)
        # Formatting reads its pattern each time; to join is several times as fast.
        return [b"".join((f.start, value, f.unit, added, last)) for f, value, added, last in parts]

    @cached_property
    def _forms(self) -> list[_Form]:
        """What a reason told by each feature is like."""
        return list(self._each_form())

    def _each_form(self) -> Iterator[_Form]:
        vocabulary, danish = self.phrasebook.vocabulary, self.phrasebook.language == "da"
        for column in vocabulary.schema.columns:
            columns = vocabulary.ideas[column.idea]
            start = {
                "idea": column.idea,
                "feature": column.name,
                "label": column.label_da if danish else column.label,
            }
            unit = {"unit": vocabulary.currency if column.unit == "money" else column.unit}
            end = {
                "actionable": any(vocabulary.schema.columns[each].actionable for each in columns)
            }
            yield _Form(
                columns,
                orjson.dumps(start)[:-1] + b',"value":',
                b"," + orjson.dumps(unit)[1:-1] + b',"contribution":',
                b"," + orjson.dumps(end)[1:-1] + b',"text":',
            )


def _sums(served: np.ndarray, rows: np.ndarray, columns: Sequence[int]) -> np.ndarray:
    """Return what the features of an idea add together, rounded once."""
    if len(columns) == 1:
        return np.asarray(served[rows, columns[0]])
    if len(columns) == 2:
        return np.asarray(served[rows, columns[0]] + served[rows, columns[1]])
    theirs = served[rows[:, None], np.array(columns)]
    return np.array([fsum(parts) for parts in theirs.tolist()])
