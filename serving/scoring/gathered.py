"""What is known of the customers of a large call, in columns.

Features that are given are looked at a column at a time. Whoever's are not plainly in order is
looked at alone, as in a small call, which has the words for what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import numpy as np
import pyarrow as pa

from features.schema import FeatureColumn
from serving.api.asked import Asked
from serving.api.regular import Regular, ids_of
from serving.scoring.customers import Customers, Values
from serving.scoring.known import LONGEST_TEXT, CustomerError, Known
from serving.scoring.lookup import Lookup
from serving.scoring.plain import EXACT, plain
from training.quantities import Value

Row = Sequence[Value]
"""A customer's features, in the order of the lookup's columns."""


@dataclass(frozen=True)
class Gathered:
    """Those of a call's customers of whom something is known, and why it is not of the others.

    Parameters
    ----------
    customers : Customers
        In the order asked.
    columns : mapping of str to ndarray or DictionaryArray
        Their features as they came, by name: doubles, NaN for none, or texts.
    places : list of int
        Where in the call they stand.
    rows : list of str or None
        The digest of the rows that each one's features were built from.
    flags : list of tuple of str
        What is odd about how each was looked up.
    refused : mapping of int to CustomerError
        By the place in the call.
    """

    customers: Customers
    columns: Mapping[str, Values]
    places: list[int]
    rows: list[str | None]
    flags: list[tuple[str, ...]]
    refused: Mapping[int, CustomerError]


@dataclass(frozen=True)
class _Held:
    """A customer's features, and how they were come by."""

    row: Row
    as_of: str | None
    rows: str | None = None
    flags: tuple[str, ...] = ()


def gather(
    lookup: Lookup,
    asked: Sequence[Asked],
    at: datetime,
    forbidden: Mapping[int, CustomerError] = MappingProxyType({}),
) -> Gathered:
    """Return what is known of customers.

    Parameters
    ----------
    lookup : Lookup
    asked : sequence of Asked
    at : datetime
    forbidden : mapping of int to CustomerError
        Of whom no score may be given, by their places.

    Raises
    ------
    DatabaseError
        If features cannot be looked up.
    """
    if isinstance(asked, Regular) and not forbidden:
        given = plain(lookup.columns, asked.features)
        if given is not None:
            return _all_given(lookup, asked, given)
    found = _given(lookup, asked)
    refused: dict[int, CustomerError] = {}
    rest = [place for place in range(len(asked)) if place not in found]
    for place, known in zip(rest, _known(lookup, asked, rest, at), strict=True):
        if isinstance(known, CustomerError):
            refused[place] = known
        else:
            found[place] = _in_a_row(lookup, known)
    refused |= forbidden
    places = (
        sorted(found.keys() - forbidden.keys()) if rest or forbidden else list(range(len(asked)))
    )
    held = [found[place] for place in places]
    columns = in_columns(lookup.columns, [each.row for each in held])
    ids, days = ids_of(asked), [each.as_of for each in held]
    return Gathered(
        Customers.of_columns(lookup.schemas, columns, [ids[place] for place in places], days),
        columns,
        places,
        [each.rows for each in held],
        [each.flags for each in held],
        refused,
    )


def _all_given(lookup: Lookup, asked: Regular, columns: Mapping[str, Values]) -> Gathered:
    """Return customers who are all given by features that are in order."""
    count = len(asked)
    customers = Customers.of_columns(lookup.schemas, columns, asked.ids, asked.as_of)
    return Gathered(customers, columns, [*range(count)], [None] * count, [()] * count, {})


def in_columns(columns: Mapping[str, FeatureColumn], rows: Sequence[Row]) -> dict[str, Values]:
    """Return rows of checked features by column."""
    count = sum(column.kind == "number" for column in columns.values())
    numbers = pa.array(_numbers(columns, rows), pa.float64()).to_numpy(zero_copy_only=False)
    matrix = numbers.reshape(len(rows), count).T + 0.0  # NaN for none, and no negative zero
    of_number = iter(np.ascontiguousarray(matrix))
    return {
        name: next(of_number)
        if column.kind == "number"
        else pa.array([row[place] for row in rows], pa.string()).dictionary_encode()
        for place, (name, column) in enumerate(columns.items())
    }


def _numbers(columns: Mapping[str, FeatureColumn], rows: Sequence[Row]) -> list[Any]:
    """Return all numbers of rows, one row after the other."""
    places = [place for place, held in enumerate(columns.values()) if held.kind == "number"]
    if len(places) > 1:
        return list(chain.from_iterable(map(itemgetter(*places), rows)))
    return [row[place] for row in rows for place in places]


def _known(
    lookup: Lookup, asked: Sequence[Asked], places: Sequence[int], at: datetime
) -> list[Known | CustomerError]:
    return lookup.found([asked[place] for place in places], at) if places else []


def _given(lookup: Lookup, asked: Sequence[Asked]) -> dict[int, _Held]:
    """Return the features of those who are given plainly."""
    features, days = _features(asked)
    names = lookup.columns.keys()
    places = [place for place, held in enumerate(features) if held and len(held) == len(names)]
    take = itemgetter(*names) if len(names) > 1 else lambda held: (*held.values(),)
    try:
        rows = [take(features[place]) for place in places]
    except KeyError:
        places = [place for place in places if features[place].keys() == names]
        rows = [take(features[place]) for place in places]
    odd = _odd(lookup.columns, rows)
    return {
        place: _Held(row, days[place])
        for number, (place, row) in enumerate(zip(places, rows, strict=True))
        if number not in odd
    }


def _features(asked: Sequence[Asked]) -> tuple[list[Any], list[str | None]]:
    if isinstance(asked, Regular):
        return asked.features, asked.as_of
    return [each.features for each in asked], [each.as_of for each in asked]


def _odd(columns: Mapping[str, FeatureColumn], rows: Sequence[Row]) -> set[int]:
    """Return the rows in which a value is not plainly what its feature takes."""
    numbers = _numbers(columns, rows)
    kinds = set(map(type, numbers))
    fine = kinds <= {float, int, type(None)} and (int not in kinds or all(map(_is_number, numbers)))
    return {
        row
        for place, column in enumerate(columns.values())
        if column.kind == "category" or not fine
        for row, held in enumerate(rows)
        if not (_is_number if column.kind == "number" else _is_text)(held[place])
    }


def _is_number(value: Any) -> bool:
    kind = type(value)
    return value is None or kind is float or (kind is int and abs(value) < EXACT)


def _is_text(value: Any) -> bool:
    return value is None or (type(value) is str and len(value) <= LONGEST_TEXT)


def _in_a_row(lookup: Lookup, known: Known) -> _Held:
    if len(known.values) == 1:
        (values,) = known.values.values()
        return _Held(values, known.as_of, known.rows, known.flags)
    row: dict[str, Value] = {}
    for digest, values in known.values.items():
        row |= zip(lookup.schemas[digest].names, values, strict=True)
    return _Held([row[name] for name in lookup.columns], known.as_of, known.rows, known.flags)
