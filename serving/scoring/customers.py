"""Whom to assess, and what is known of each: plain values for the record, matrices for models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from features.schema import FeatureColumn, FeatureSchema
from training.quantities import Value

Values: TypeAlias = "np.ndarray | pa.DictionaryArray"
"""A feature of all customers: doubles, NaN for none, or texts."""


@dataclass(frozen=True)
class Customers:
    """Customers and their features, which nobody looks at twice.

    Parameters
    ----------
    ids : list of str
    as_of : list of str or None
        The day each one's features were known at.
    matrices : mapping of str to ndarray, shape (rows, features)
        The features as models take them, by schema digest.
    unseen : list of tuple of str
        The features of each row whose category was not seen in training.
    given : mapping of str to list of rows, or DataFrame
        The features as they came: plain values in the schema's order, by schema digest; or a
        table of all of them.
    schemas : mapping of str to FeatureSchema
        By digest.
    """

    ids: list[str]
    as_of: list[str | None]
    matrices: Mapping[str, np.ndarray]
    unseen: list[tuple[str, ...]]
    given: Mapping[str, list[Sequence[Value]]] | pd.DataFrame
    schemas: Mapping[str, FeatureSchema]

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def features(self) -> Mapping[str, list[Sequence[Value]]]:
        """Plain values in the schema's order, None for missing, by schema digest."""
        if isinstance(self.given, pd.DataFrame):
            return {digest: [*schema.plain(self.given)] for digest, schema in self.schemas.items()}
        return self.given

    @classmethod
    def of_rows(
        cls,
        schemas: Mapping[str, FeatureSchema],
        rows: Sequence[Mapping[str, Sequence[Value]]],
        ids: Sequence[str],
        as_of: Sequence[str | None],
    ) -> Customers:
        """Return customers of plain rows of features, each given by schema digest."""
        given = {digest: [row[digest] for row in rows] for digest in schemas}
        encoded = {digest: schema.encode_rows(given[digest]) for digest, schema in schemas.items()}
        matrices = {digest: matrix for digest, (matrix, _) in encoded.items()}
        unseen = [odd for _, odd in encoded.values()]
        return cls(list(ids), list(as_of), matrices, _merged(unseen), given, schemas)

    @classmethod
    def of_columns(
        cls,
        schemas: Mapping[str, FeatureSchema],
        columns: Mapping[str, Values],
        ids: Sequence[str],
        as_of: Sequence[str | None],
    ) -> Customers:
        """Return customers of features in columns, by name; they are not kept as they came."""
        odd: dict[int, set[str]] = {}
        matrices = {}
        for digest, schema in schemas.items():
            matrices[digest] = matrix = np.empty((len(ids), len(schema.columns)))
            for place, column in enumerate(schema.columns):
                matrix[:, place], unseen = _encoded(column, columns[column.name])
                for row in unseen:
                    odd.setdefault(row, set()).add(column.name)
        names = [tuple(sorted(odd[row])) if row in odd else () for row in range(len(ids))]
        return cls(list(ids), list(as_of), matrices, names, {}, schemas)

    @classmethod
    def of_table(cls, schemas: Mapping[str, FeatureSchema], table: pd.DataFrame) -> Customers:
        """Return the customers of a table of ``as_of``, ``customer_id`` and all features.

        Raises
        ------
        FeatureError
            If a feature is missing.
        """
        return cls(
            [str(customer) for customer in table["customer_id"]],
            [None if day is None else str(day) for day in table["as_of"]],
            {digest: schema.encode(table) for digest, schema in schemas.items()},
            _merged([schema.unseen(table) for schema in schemas.values()]),
            table,
            schemas,
        )


def _merged(unseen: Sequence[Sequence[tuple[str, ...]]]) -> list[tuple[str, ...]]:
    """Return each row's names in all schemas, sorted."""
    if len(unseen) == 1:
        return [tuple(sorted(names)) if len(names) > 1 else names for names in unseen[0]]
    return [
        tuple(sorted({name for names in row for name in names}))
        for row in zip(*unseen, strict=True)
    ]


def _encoded(column: FeatureColumn, values: Values) -> tuple[np.ndarray, Sequence[int]]:
    """Return a feature as models take it, and the rows whose category was not seen in training."""
    if isinstance(values, np.ndarray):
        return values, ()
    codes = {name: float(code) for code, name in enumerate(column.categories)}
    by_kind = np.array(
        [codes.get(name, np.nan) for name in values.dictionary.to_pylist()] + [np.nan]
    )
    places = np.asarray(values.indices.fill_null(len(by_kind) - 1))
    found = by_kind[places]
    return found, np.flatnonzero(np.isnan(found) & (places < len(by_kind) - 1)).tolist()
