"""An attribute as a few values: a category, yes or no, or the band that a number lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from features.schema import FeatureColumn

UNKNOWN = ("unknown", "ukendt")
NOT_GIVEN = ("not given", "ikke oplyst")
"""What is said of a missing value where some customers' value is the word "unknown"."""

NO_YES = (("no", "nej"), ("yes", "ja"))
_POINT_AND_COMMA = str.maketrans(",.", ".,")


@dataclass(frozen=True)
class Trait:
    """One attribute, and how its values are numbered.

    Parameters
    ----------
    name : str
    feature : int
        Its column in the schema.
    values : tuple of str
        The values in their numbers' order, by names that stay when the words for them change.
    edges : tuple of float
        Where a number is cut, rising: a value at an edge is of the band above. Empty of others.
    """

    name: str
    feature: int
    values: tuple[str, ...]
    edges: tuple[float, ...]

    @classmethod
    def of(cls, column: FeatureColumn, feature: int, edges: Sequence[float]) -> Trait:
        """Return a column as a trait: cut at edges if there are any, yes or no if not a category.

        Parameters
        ----------
        column : FeatureColumn
        feature : int
            Its place in the schema.
        edges : sequence of float
            Empty for a category or a flag.
        """
        values: Sequence[str] = column.categories
        if edges:
            bounds = ["", *(repr(float(edge)) for edge in edges), ""]
            values = [f"{low}..{high}" for low, high in pairwise(bounds)]
        elif column.kind == "number":
            values = [english for english, _ in NO_YES]
        return cls(column.name, feature, tuple(values), tuple(map(float, edges)))

    @property
    def size(self) -> int:
        """How many numbers there are: one a value, and the last for missing ones."""
        return len(self.values) + 1

    @cached_property
    def _edges(self) -> np.ndarray:
        return np.asarray(self.edges)

    def codes(self, matrix: np.ndarray) -> np.ndarray:
        """Return the number of each row's value; −1 where it is none of them.

        Returns
        -------
        ndarray of int, shape (rows,)
        """
        column = np.ascontiguousarray(matrix[:, self.feature])
        missing = np.isnan(column)
        if self.edges:
            codes = self._edges.searchsorted(column, side="right")
        else:
            inside = (column >= 0) & (column < len(self.values))
            codes = np.where(inside, column, -1).astype(int)
            codes[codes != column] = -1
        codes[missing] = len(self.values)
        return codes

    def value(self, code: int) -> str | None:
        """Return the value of a number; None for missing ones."""
        return self.values[code] if code < len(self.values) else None


def words(trait: Trait, column: FeatureColumn, code: int, whole: bool) -> tuple[str, str]:
    """Return a trait and its value in words, in English and in Danish.

    Parameters
    ----------
    trait : Trait
    column : FeatureColumn
        The column that it is of.
    code : int
        The number of the value.
    whole : bool
        Whether customers' values are whole numbers, as of people: 10 to 49, not 10 to under 50.
    """
    english, danish = _value_words(trait, column, code, whole)
    return f"{column.label}: {english}", f"{column.label_da}: {danish}"


def _value_words(trait: Trait, column: FeatureColumn, code: int, whole: bool) -> tuple[str, str]:
    value = trait.value(code)
    if value is None:
        said = {category.casefold() for category in column.categories}
        return NOT_GIVEN if said & set(UNKNOWN) else UNKNOWN
    if column.kind == "category":
        return value, value
    return _band(trait.edges, code, whole) if trait.edges else NO_YES[code]


def _band(edges: Sequence[float], code: int, whole: bool) -> tuple[str, str]:
    """Return the words of a band, such as under 10, 10 to 49, 250 or more."""
    if code == 0:
        english, danish = _number(edges[0])
        return f"under {english}", f"under {danish}"
    low, low_da = _number(edges[code - 1])
    if code == len(edges):
        return f"{low} or more", f"{low_da} eller derover"
    if not whole:
        high, high_da = _number(edges[code])
        return f"{low} to under {high}", f"{low_da} til under {high_da}"
    high, high_da = _number(edges[code] - 1)
    return (low, low_da) if low == high else (f"{low} to {high}", f"{low_da} til {high_da}")


def _number(value: float) -> tuple[str, str]:
    english = f"{value:,.15g}"
    return english, english.translate(_POINT_AND_COMMA)
