"""Reasons of many customers at once: the texts that `training.reasons.ranked` gives of each.

Which features tell is found in whole columns, and a text is written once for all customers whose
figures read alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from training.quantities import Language, Value, alike
from training.reasons import Vocabulary, described, is_own_rhythm

_MOST_KEPT = 200_000
"""Texts of one feature that are kept for the next customers."""

Held = Callable[[int], "np.ndarray | pa.DictionaryArray"]
"""All customers' values of a column of the schema: doubles, NaN for none, or texts."""


@dataclass(frozen=True)
class Phrasebook:
    """Writes the reasons of a bundle in a language, and keeps what it has written.

    Parameters
    ----------
    vocabulary : Vocabulary
    language : {"en", "da"}
    """

    vocabulary: Vocabulary
    language: Language
    _kept: dict[int, dict[Any, str]] = field(default_factory=dict)

    def texts(
        self, held: Held, contributions: np.ndarray, towards: Literal[1, -1], most: int
    ) -> pa.ListArray:
        """Return each row's reasons that raise the value (1) or lower it (-1), strongest first.

        Parameters
        ----------
        held : callable
            The values of a column of the schema, by its place.
        contributions : ndarray, shape (rows, features)
            In the margin; a row of NaN has no reasons.
        towards : {1, -1}
        most : int
            How many reasons a row may have.
        """
        tellers = strongest(self.vocabulary, contributions, towards, most)
        told = tellers >= 0
        places, words = self.written(held, np.nonzero(told)[0], tellers[told])
        ends = np.concatenate([[0], np.cumsum(told.sum(axis=1))]).astype(np.int32)
        written = pa.array(words, pa.string()).take(pa.array(places))
        return pa.ListArray.from_arrays(pa.array(ends), written)

    def written(
        self, held: Held, rows: np.ndarray, features: np.ndarray
    ) -> tuple[np.ndarray, list[str]]:
        """Return features of rows in words.

        Parameters
        ----------
        held : callable
            The values of a column of the schema, by its place.
        rows, features : ndarray of int, shape (reasons,)
            Of whom and of what, by its place in the schema, each is.

        Returns
        -------
        places : ndarray of int32, shape (reasons,)
            Which of the words each has.
        words : list of str
        """
        places = np.empty(len(rows), dtype=np.int32)
        words: list[str] = []
        for feature, part in by_feature(features):
            place, found = self._described(feature, held, rows[part])
            places[part] = place + len(words)
            words += found
        return places, words

    def _described(
        self, feature: int, held: Held, rows: np.ndarray
    ) -> tuple[np.ndarray, list[str]]:
        """Return the texts of a feature of rows: which of the texts each has, and the texts."""
        against = self.vocabulary.against[feature]
        place, keys, values = self._read(feature, held, rows)
        others: Sequence[Value] = [None] * len(values)
        if against is not None:
            theirs, their_keys, their_values = self._read(against, held, rows, feature)
            pairs, place = np.unique(place * len(their_keys) + theirs, return_inverse=True)
            mine, other = (each.tolist() for each in np.divmod(pairs, len(their_keys)))
            keys = [(keys[a], their_keys[b]) for a, b in zip(mine, other, strict=True)]
            values = [values[each] for each in mine]
            others = [their_values[each] for each in other]
        kept = self._kept.setdefault(feature, {})
        if len(kept) > _MOST_KEPT:
            kept.clear()
        written = []
        for key, value, other_value in zip(keys, values, others, strict=True):
            text = kept.get(key)
            if text is None:
                text = described(self.vocabulary, feature, value, other_value, self.language)
                kept[key] = text
            written.append(text)
        return place, written

    def _read(
        self, feature: int, held: Held, rows: np.ndarray, compared: int | None = None
    ) -> tuple[np.ndarray, list[Any], list[Value]]:
        """Return what a feature reads as: each row's place among the readings; keys; values.

        Rows whose figure reads alike have one key, and any one's value stands for all of them.
        """
        column, found = self.vocabulary.schema.columns[feature], held(feature)
        if not isinstance(found, np.ndarray):
            codes = np.asarray(found.indices.fill_null(-1))[rows]
            kinds, place = np.unique(codes, return_inverse=True)
            words = [None if code < 0 else found.dictionary[code].as_py() for code in kinds]
            return place, list(words), list(words)
        values = found[rows]
        if column.name in self.vocabulary.flags:
            kinds, first, place = np.unique(values, return_index=True, return_inverse=True)
            keys: list[Any] = [None if kind != kind else kind for kind in kinds.tolist()]
        else:
            rhythm = compared is not None and is_own_rhythm(self.vocabulary, compared)
            kinds, first, place = np.unique(
                alike(values, "days" if rhythm else column.unit),
                return_index=True,
                return_inverse=True,
            )
            keys = kinds.tolist()
        shown = values[first].tolist()
        return place, keys, [None if value != value else value for value in shown]


def by_feature(features: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    """Yield each feature there is, and where it stands."""
    order = np.argsort(features, kind="stable")
    starts = np.flatnonzero(np.diff(features[order], prepend=-1))
    for part in np.split(order, starts[1:]) if len(order) else ():
        yield int(features[part[0]]), part


def strongest(
    vocabulary: Vocabulary, contributions: np.ndarray, towards: Literal[1, -1], most: int
) -> np.ndarray:
    """Return the features that tell each row's reasons, the strongest first.

    Returns
    -------
    ndarray of int, shape (rows, most)
        The places of features in the schema, -1 where there are no more reasons.
    """
    count = len(contributions)
    signed = np.ascontiguousarray(contributions.T)
    if towards < 0:
        signed = -signed
    weights = [np.zeros(count) for _ in range(most)]
    tellers = [np.full(count, -1, dtype=np.int16) for _ in range(most)]
    for columns in vocabulary.ideas.values() if most else ():
        weight, teller = _of_idea(signed, columns)
        moved = np.zeros(count, dtype=bool)
        for rank in range(most):
            moved |= weight > weights[rank]  # and from there on each gives way to the one before
            weights[rank], weight = (
                np.where(moved, weight, weights[rank]),
                np.where(moved, weights[rank], weight),
            )
            tellers[rank], teller = (
                np.where(moved, teller, tellers[rank]),
                np.where(moved, tellers[rank], teller),
            )
    return np.column_stack(tellers) if tellers else np.empty((count, 0), dtype=np.int16)


def _of_idea(signed: np.ndarray, columns: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    """Return an idea's weight in each row, and the feature that adds most to it."""
    first, *rest = columns
    weight, most = signed[first], signed[first]
    teller = np.full(signed.shape[1], first, dtype=np.int16)
    for column in rest:
        weight = weight + signed[column]
        more = signed[column] > most
        teller = np.where(more, np.int16(column), teller)
        most = np.where(more, signed[column], most)
    return weight, teller
