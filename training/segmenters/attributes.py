"""Customers by who or where they are: each combination of attributes that is met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import ClassVar

import numpy as np

from configs.errors import StamkundeError
from configs.segmentation import AttributeSegments
from features.schema import FeatureSchema
from training.population import Population
from training.predictors import Contributions
from training.segmenters.columns import column_of
from training.segmenters.segmenter import Segment, Worth
from training.segmenters.traits import Trait, words
from training.segmenters.written import read, write

OTHERS = ("Others", "Øvrige")
_MOST = 2**62  # combinations that a whole number of the machine can tell apart

Combination = tuple[tuple[str, str | None], ...]
"""Attributes and their values, in the order of the attributes' names; None is a missing value."""


@dataclass(frozen=True)
class Attributes:
    """Segments that are combinations of attributes; the last is of all the others.

    A category that training had not seen comes as a missing value, as in every model, and so as
    unknown; a combination that training had not met, or rarely, is of the others.

    Parameters
    ----------
    way : str
    segments : tuple of Segment
        By id, but the others last.
    population : Population, optional
    features : int
        Columns of the schema.
    traits : tuple of Trait
        The attributes.
    codes : tuple of tuple of int
        For each segment but the others, the number of each trait's value.
    known : tuple of tuple
        Every combination that ever was a segment, with its id: one that was too rare for a while
        is the same segment again.
    """

    way: str
    segments: tuple[Segment, ...]
    population: Population | None
    features: int
    traits: tuple[Trait, ...]
    codes: tuple[tuple[int, ...], ...]
    known: tuple[tuple[Combination, int], ...]
    kind: ClassVar[str] = "attributes"
    suffix: ClassVar[str] = "json"

    @cached_property
    def _in_order(self) -> tuple[np.ndarray, np.ndarray]:
        """The combinations' keys in rising order, and the place of each one's segment."""
        codes = np.array(self.codes, dtype=np.int64).reshape(-1, len(self.traits))
        keys = _keys(self.traits, list(codes.T))
        order = np.argsort(keys)
        return keys[order], order

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of each row's combination."""
        keys, places = self._in_order
        others = len(self.segments) - 1
        if not len(keys):
            return np.full(len(matrix), others)
        asked = _keys(self.traits, [trait.codes(matrix) for trait in self.traits])
        at = np.minimum(keys.searchsorted(asked), len(keys) - 1)
        return np.where(keys[at] == asked, places[at], others)

    def contributions(self, matrix: np.ndarray, worth: Worth | None = None) -> Contributions:
        """Return 1 for each of the attributes: all of them together make the combination."""
        values = np.zeros((len(matrix), self.features))
        values[:, [trait.feature for trait in self.traits]] = 1.0
        return Contributions(values, 0.0)

    def to_bytes(self) -> bytes:
        """Return the combinations as JSON."""
        return write(self)

    @classmethod
    def from_bytes(cls, content: bytes) -> Attributes:
        """Read what `to_bytes` wrote."""
        held = read(content)
        held["traits"] = tuple(
            Trait(each["name"], each["feature"], tuple(each["values"]), tuple(each["edges"]))
            for each in held["traits"]
        )
        held["codes"] = tuple(tuple(codes) for codes in held["codes"])
        held["known"] = tuple(
            (tuple((name, value) for name, value in combination), number)
            for combination, number in held["known"]
        )
        return cls(**held)


def fit(
    way: str,
    schema: FeatureSchema,
    matrix: np.ndarray,
    asked: AttributeSegments,
    previous: Attributes | None = None,
    population: Population | None = None,
) -> Attributes:
    """Find the combinations that are not rare.

    Parameters
    ----------
    way : str
        Its name in the config.
    schema : FeatureSchema
    matrix : ndarray, shape (customers, features)
    asked : AttributeSegments
    previous : Attributes, optional
        The way's segments until now: a combination keeps its id, new ones get the next numbers,
        the largest first.
    population : Population, optional
        Whom the rows are of.

    Raises
    ------
    StamkundeError
        If the schema lacks an attribute, or there are more combinations than can be told apart.
    """
    traits = _traits(way, schema, asked)
    common = _common(traits, matrix, asked.min_share)
    known, others = _numbered([_combination(traits, codes) for codes in common], previous)
    by_id = sorted((known[_combination(traits, codes)], codes) for codes in common)
    whole = [_is_whole(trait, matrix) for trait in traits]
    segments = _told_apart(
        [Segment(number, *_named(traits, schema, codes, whole)) for number, codes in by_id]
    )
    return Attributes(
        way=way,
        segments=(*segments, Segment(others, *OTHERS)),
        population=population,
        features=len(schema.columns),
        traits=traits,
        codes=tuple(codes for _, codes in by_id),
        known=tuple(sorted(known.items(), key=lambda each: each[1])),
    )


def _traits(way: str, schema: FeatureSchema, asked: AttributeSegments) -> tuple[Trait, ...]:
    columns = {name: column_of(way, schema, name) for name in asked.of}
    traits = tuple(
        Trait.of(schema.columns[index], index, asked.bands.get(name, ()))
        for name, index in columns.items()
    )
    if prod(trait.size for trait in traits) > _MOST:
        raise StamkundeError(
            f"segments.{way}: {', '.join(asked.of)} have too many values to be combined; "
            "name fewer, or ones of fewer values"
        )
    return traits


def _keys(traits: Sequence[Trait], codes: Sequence[np.ndarray]) -> np.ndarray:
    """Return combinations as whole numbers; −1 where a value is none of its trait's."""
    keys, odd = np.zeros(len(codes[0]), dtype=np.int64), np.zeros(len(codes[0]), dtype=bool)
    for trait, numbers in zip(traits, codes, strict=True):
        keys = keys * trait.size + numbers
        odd |= numbers < 0
    keys[odd] = -1
    return keys


def _common(traits: Sequence[Trait], matrix: np.ndarray, min_share: float) -> list[tuple[int, ...]]:
    """Return the combinations that are not rare, the largest first."""
    codes = [trait.codes(matrix) for trait in traits]
    keys, first, counts = np.unique(_keys(traits, codes), return_index=True, return_counts=True)
    held = np.flatnonzero((counts >= min_share * len(matrix)) & (keys >= 0))
    largest = held[np.argsort(-counts[held], kind="stable")]
    return [tuple(int(numbers[row]) for numbers in codes) for row in first[largest]]


def _combination(traits: Sequence[Trait], codes: Sequence[int]) -> Combination:
    held = {trait.name: trait.value(code) for trait, code in zip(traits, codes, strict=True)}
    return tuple(sorted(held.items()))


def _numbered(
    combinations: Sequence[Combination], previous: Attributes | None
) -> tuple[Mapping[Combination, int], int]:
    """Return the id of each combination that was ever a segment, and that of the others."""
    known = dict(previous.known) if previous else {}
    others = previous.segments[-1].id if previous else len(set(combinations)) + 1
    taken = max([*known.values(), others if previous else 0])
    for combination in combinations:
        if combination not in known:
            taken += 1
            known[combination] = taken
    return known, others


def _is_whole(trait: Trait, matrix: np.ndarray) -> bool:
    """Return whether a trait's values, and where they are cut, are whole numbers."""
    values = matrix[:, trait.feature]
    held = np.concatenate([values[~np.isnan(values)], trait.edges])
    return bool((held == np.floor(held)).all())


def _named(
    traits: Sequence[Trait], schema: FeatureSchema, codes: Sequence[int], whole: Sequence[bool]
) -> tuple[str, str]:
    told = [
        words(trait, schema.columns[trait.feature], code, is_whole)
        for trait, code, is_whole in zip(traits, codes, whole, strict=True)
    ]
    names = (" · ".join(each) for each in zip(*told, strict=True))
    english, danish = (name[:1].upper() + name[1:] for name in names)
    return english, danish


def _told_apart(segments: Sequence[Segment]) -> list[Segment]:
    """Number segments of one name after it, as where a value holds what stands between values."""
    met: set[str] = set()
    found = []
    for held in segments:
        number, names = 2, (held.name, held.name_da)
        while not met.isdisjoint(names):
            names = (f"{held.name} ({number})", f"{held.name_da} ({number})")
            number += 1
        met.update(names)
        found.append(Segment(held.id, *names))
    return found
