"""What a row of features is: names in their order, kinds, categories, and words for people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd

from configs.errors import StamkundeError
from features.contract import quote_names, quote_value

UNSEEN = "unseen_category"


class FeatureError(StamkundeError, ValueError):
    """Features that do not fit the schema they are to be scored under."""


@dataclass(frozen=True)
class FeatureColumn:
    """One feature of a schema.

    Parameters
    ----------
    name : str
        The column's name.
    kind : {"number", "category"}
        Numbers are IEEE doubles, missing is NaN; categories are text, missing is None.
    categories : tuple of str
        The values seen in training, in their order; a value outside them becomes missing.
    unit : str
        ``days``, ``count``, ``share``, ``money``, ``ratio`` or the attribute's own.
    idea : str
        What it is about; reasons of one idea are told as one.
    label, label_da : str
        Its name in plain English and Danish.
    actionable : bool
        Whether the company can act on it.
    against : str, optional
        The feature it is naturally held against.
    as_of_today : bool
        Whether it is today's value, not known as of the past.
    definition : str
        A digest of how it is computed.
    """

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...]
    unit: str
    idea: str
    label: str
    label_da: str
    actionable: bool
    against: str | None
    as_of_today: bool
    definition: str


_HASHED = ("name", "kind", "categories", "definition")


@dataclass(frozen=True)
class FeatureSchema:
    """The frozen columns of a feature table."""

    columns: tuple[FeatureColumn, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @cached_property
    def digest(self) -> str:
        """SHA-256 over names, order, kinds, categories and definitions; not over words."""
        held = [[getattr(column, key) for key in _HASHED] for column in self.columns]
        return hashlib.sha256(json.dumps(held, separators=(",", ":")).encode()).hexdigest()

    def __getitem__(self, name: str) -> FeatureColumn:
        return self.columns[self.names.index(name)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-able data."""
        return {"columns": [asdict(column) for column in self.columns]}

    @classmethod
    def from_dict(cls, held: dict[str, Any]) -> FeatureSchema:
        """Read what `to_dict` wrote.

        Raises
        ------
        FeatureError
            If a column lacks a part, or has one that is not known.
        """
        known = {field.name for field in fields(FeatureColumn)}
        columns = []
        for column in held["columns"]:
            if set(column) != known:
                wrong = quote_names(sorted(set(column) ^ known))
                raise FeatureError(
                    f"schema.json: a column must have all parts and no other: {wrong}"
                )
            columns.append(FeatureColumn(**{**column, "categories": tuple(column["categories"])}))
        return cls(tuple(columns))

    def encode(self, frame: pd.DataFrame) -> np.ndarray:
        """Return a frame's features as a matrix of doubles, categories by their number.

        Missing values and categories not seen in training become NaN.

        Returns
        -------
        ndarray of float64, shape (rows, columns)

        Raises
        ------
        FeatureError
            If the frame lacks a column.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise FeatureError(f"the features lack {quote_names(missing)}")
        matrix = np.empty((len(frame), len(self.columns)))
        for index, column in enumerate(self.columns):
            matrix[:, index] = self._encode_column(column, frame[column.name])
        return matrix

    @staticmethod
    def _encode_column(column: FeatureColumn, values: pd.Series) -> np.ndarray:
        if column.kind == "number":
            return values.to_numpy(dtype=float, na_value=np.nan)
        codes = (
            pd.Index(column.categories).get_indexer(pd.Index(values, dtype=object)).astype(float)
        )
        codes[codes < 0] = np.nan
        return codes

    def encode_rows(
        self, rows: Sequence[Sequence[float | str | None]]
    ) -> tuple[np.ndarray, list[tuple[str, ...]]]:
        """Return rows of plain values as `encode` returns a frame's, and as `unseen` does.

        Returns
        -------
        matrix : ndarray of float64, shape (rows, columns)
        unseen : list of tuple of str
            For each row, the features whose category was not seen in training.
        """
        if not self._codes:
            return self._numbers(rows), [()] * len(rows)
        unseen: list[tuple[str, ...]] = []
        numbers = []
        for row in rows:
            held, odd = list(row), []
            for index, codes in self._codes:
                value = held[index]
                if value is not None:
                    held[index] = codes.get(value)  # type: ignore[arg-type]
                    if held[index] is None:
                        odd.append(self.names[index])
            numbers.append(held)
            unseen.append(tuple(odd))
        return self._numbers(numbers), unseen

    def _numbers(self, rows: Sequence[Sequence[Any]]) -> np.ndarray:
        return np.array(rows, dtype=float).reshape(len(rows), len(self.columns))  # None is NaN

    @cached_property
    def _codes(self) -> list[tuple[int, dict[str, float]]]:
        """The columns of categories, each with the numbers that stand for them."""
        return [
            (index, {name: float(code) for code, name in enumerate(column.categories)})
            for index, column in enumerate(self.columns)
            if column.kind == "category"
        ]

    def unseen(self, frame: pd.DataFrame) -> list[tuple[str, ...]]:
        """Return, for each row, the features whose category was not seen in training."""
        found: list[list[str]] = [[] for _ in range(len(frame))]
        for column in self.columns:
            if column.kind == "category":
                values = frame[column.name]
                odd = values.notna() & ~values.isin(column.categories)
                for row in np.flatnonzero(odd.to_numpy()):
                    found[row].append(column.name)
        return [tuple(names) for names in found]

    def decode(self, rows: Sequence[Sequence[Any]]) -> pd.DataFrame:
        """Return a frame of rows of plain values in the schema's order, None for missing."""
        return pd.DataFrame(
            {
                column.name: pd.Series(
                    [row[index] for row in rows],
                    dtype=float if column.kind == "number" else object,
                )
                for index, column in enumerate(self.columns)
            }
        )

    def plain(self, frame: pd.DataFrame) -> list[list[float | str | None]]:
        """Return a frame's rows as plain values in the schema's order, None for missing."""
        columns = [
            [None if pd.isna(value) else value for value in frame[column.name].tolist()]
            for column in self.columns
        ]
        return [list(row) for row in zip(*columns, strict=True)] if columns else []

    def check_definitions(self, current: FeatureSchema) -> None:
        """Refuse to score features that are computed otherwise than in training.

        Raises
        ------
        FeatureError
            If a feature is gone or its definition has changed since.
        """
        now = {column.name: column.definition for column in current.columns}
        for column in self.columns:
            if column.name not in now:
                raise FeatureError(f"the feature {column.name!r} is no longer built; train again")
            if now[column.name] != column.definition:
                raise FeatureError(
                    f"the feature {column.name!r} is computed otherwise than when the model was "
                    "trained; train again"
                )


def check_value(column: FeatureColumn, value: Any) -> float | str | None:
    """Return a caller's value of a feature as the schema holds it.

    Raises
    ------
    FeatureError
        If a number is not finite or a category is not text.
    """
    if value is None:
        return None
    if type(value) is float and column.kind == "number" and -np.inf < value < np.inf:
        return value + 0.0  # no negative zero, which the record does not know
    if column.kind == "category":
        if not isinstance(value, str):
            raise FeatureError(f"{column.name} must be text or null, got {quote_value(value)}")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise FeatureError(f"{column.name} must be a number or null, got {quote_value(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = np.inf
    if not np.isfinite(number):
        raise FeatureError(f"{column.name} must be a finite number or null")
    return number + 0.0
