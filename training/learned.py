"""Columns that are learned: what probability models expect, by parameters kept in the bundle.

They follow from features that are built, and from numbers estimated once on the histories of
everybody known at a cut-off. Neither a feature table nor a store holds them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache
from typing import Any, Self

import numpy as np
import pandas as pd

from configs.errors import StamkundeError
from configs.values import MOST_DAYS
from features.schema import FeatureColumn, FeatureError, FeatureSchema
from training.probability import BGNBD, GammaGamma

HISTORY = ("purchase_days", "active_span", "tenure")
"""The built features that are a customer's history: purchases (x + 1), t_x and T, in days."""

SPEND = "spend_per_purchase_day"
"""The built feature that is a customer's mean value of a purchase."""

SAMPLE = 20_000
"""The most customers that parameters are fitted on: more would hardly move them."""

_LEAST = 1e-9  # money: a mean value must be positive

_FORMULA = "bgnbd 1, gamma-gamma 1"  # counted up when the columns come to mean another number


class LearningError(StamkundeError, ValueError):
    """Histories from which nothing can be learned."""


@dataclass(frozen=True)
class Learned:
    """The columns that BG/NBD and Gamma-Gamma add; purchases of one day count once.

    A row's columns depend on that row alone: a customer alone gets the same bits as in a batch.

    Parameters
    ----------
    horizon : int
        How far to look ahead of the cut-off, in days.
    purchases : BGNBD
        In days.
    value : GammaGamma, optional
        Of a purchase, where its value is told and varies. It is fitted on all of a customer's
        purchases, which ranks better than the usual form on the repeated ones.
    """

    horizon: int
    purchases: BGNBD
    value: GammaGamma | None = None

    def __post_init__(self) -> None:
        if type(self.horizon) is not int or not 0 < self.horizon <= MOST_DAYS:
            raise ValueError(f"the horizon must be 1 to {MOST_DAYS} days, got {self.horizon!r}")

    @classmethod
    def fit(cls, schema: FeatureSchema, matrix: np.ndarray, horizon: int, seed: int) -> Self:
        """Estimate the parameters from the built features of those known at one cut-off.

        Raises
        ------
        LearningError
            If nobody came back, or the likelihood has no maximum to be found.
        """
        rows = _histories(schema, matrix)
        rows = _some(rows[_possible(rows)], seed)
        alike, counts = np.unique(rows, axis=0, return_counts=True)
        frequency, recency, age = alike.T
        try:
            purchases = BGNBD.fit(frequency, recency, age, counts)
        except ValueError as error:
            raise LearningError(str(error)) from None
        return cls(horizon, purchases, _value(schema, matrix, seed))

    @cached_property
    def columns(self) -> tuple[FeatureColumn, ...]:
        """The learned columns, as a schema holds them after the built ones."""
        return columns(self.horizon, self.value is not None)

    def extend(self, inputs: FeatureSchema) -> FeatureSchema:
        """Return the schema of built columns and learned.

        Raises
        ------
        FeatureError
            If a built column, such as an attribute, has the name of a learned one.
        """
        taken = [column.name for column in self.columns if column.name in inputs.names]
        if taken:
            raise FeatureError(
                f"{taken[0]!r} is the name of a column that is learned; call the attribute "
                f"otherwise, and say column: {taken[0]}"
            )
        return FeatureSchema((*inputs.columns, *self.columns))

    def inputs_of(self, schema: FeatureSchema) -> FeatureSchema:
        """Return the built columns of what `extend` returned.

        Raises
        ------
        FeatureError
            If the schema does not end with these columns, defined as they are now, or lacks a
            column that they follow from.
        """
        built = len(schema.columns) - len(self.columns)
        inputs, ending = FeatureSchema(schema.columns[:built]), schema.columns[built:]
        if [column.name for column in ending] != [column.name for column in self.columns]:
            raise FeatureError("the schema does not end with the columns that are learned")
        FeatureSchema(ending).check_definitions(FeatureSchema(self.columns))
        needed = (*HISTORY, SPEND) if self.value else HISTORY
        if not set(needed) <= set(inputs.names):
            raise FeatureError(f"the learned columns follow from {', '.join(needed)}")
        return inputs

    def values(self, inputs: FeatureSchema, matrix: np.ndarray) -> np.ndarray:
        """Return the learned columns of rows of built features.

        Returns
        -------
        ndarray, shape (rows, columns)
            NaN for who never bought, and where the features are no possible history.
        """
        from training import purchase_kernels  # compiled by then

        rows = np.ascontiguousarray(matrix, float)
        found = np.empty((len(rows), len(self.columns)))
        places = _places(inputs.names, HISTORY)
        with np.errstate(all="ignore"):  # extremes have no answer
            self.purchases.outlook(rows, np.full(len(rows), float(self.horizon)), found, places, 1)
        if self.value:
            law = (self.value.p, self.value.q, self.value.v)
            spend = inputs.names.index(SPEND)
            purchase_kernels.set_values(rows, places[0], spend, law, _LEAST, found)
        found[~np.isfinite(found)] = np.nan
        return found

    def silence(self, schema: FeatureSchema, matrix: np.ndarray) -> np.ndarray:
        """Return the course that silence takes, of rows of features.

        Parameters
        ----------
        schema : FeatureSchema
            The matrix's columns, with those of a history among them.
        matrix : ndarray, shape (rows, columns)

        Returns
        -------
        ndarray, shape (3, rows)
            As `BGNBD.silence` has it; NaN where the features are no possible history.
        """
        return self.purchases.silence(matrix, _places(schema.names, HISTORY), 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON can hold them."""
        value = {"value": self.value.to_dict()} if self.value else {}
        return {"horizon": self.horizon, "purchases": self.purchases.to_dict(), **value}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Self:
        """Read what `to_dict` returned."""
        value = GammaGamma.from_dict(held["value"]) if "value" in held else None
        return cls(held["horizon"], BGNBD.from_dict(held["purchases"]), value)


def columns(horizon: int, of_value: bool = False) -> tuple[FeatureColumn, ...]:
    """Return the columns that are learned of a task that looks so many days ahead."""
    value = _column(
        "expected_value",
        horizon,
        unit="money",
        label=f"expected spend in the next {horizon} days",
        label_da=f"forventet forbrug de næste {horizon} dage",
    )
    counts = (
        _column(
            "expected_purchases",
            horizon,
            unit="count",
            label=f"expected purchases in the next {horizon} days",
            label_da=f"forventede køb de næste {horizon} dage",
        ),
        _column(
            "purchase_probability",
            horizon,
            unit="share",
            label=f"probability of a purchase in the next {horizon} days",
            label_da=f"sandsynlighed for et køb de næste {horizon} dage",
        ),
    )
    return (*counts, value) if of_value else counts


def _value(schema: FeatureSchema, matrix: np.ndarray, seed: int) -> GammaGamma | None:
    """Estimate the value of a purchase; None where none is told, or all are alike."""
    if SPEND not in schema.names:
        return None
    held = matrix[:, [schema.names.index(HISTORY[0]), schema.names.index(SPEND)]]
    held = held[~np.isnan(held).any(axis=1) & (held > 0).all(axis=1)]
    try:
        return GammaGamma.fit(*_some(held, seed).T)
    except ValueError:
        return None


def _column(name: str, horizon: int, *, unit: str, label: str, label_da: str) -> FeatureColumn:
    definition = f"learned:{_FORMULA}:{name}:{horizon}"
    return FeatureColumn(
        name=name,
        kind="number",
        categories=(),
        unit=unit,
        idea="outlook",
        label=label,
        label_da=label_da,
        actionable=False,
        against=None,
        as_of_today=False,
        definition=hashlib.sha256(definition.encode()).hexdigest()[:16],
    )


@dataclass(frozen=True)
class Widened:
    """Rows of several cut-offs with their learned columns, or without and why.

    Parameters
    ----------
    schema : FeatureSchema
        The matrix's columns.
    matrix : ndarray, shape (rows, columns)
    learned : Learned, optional
        As of the latest cut-off: what is measured there, and served.
    warnings : tuple of str
    """

    schema: FeatureSchema
    matrix: np.ndarray
    learned: Learned | None = None
    warnings: tuple[str, ...] = ()


def widen(
    inputs: FeatureSchema,
    matrix: np.ndarray,
    as_of: np.ndarray,
    horizon: int,
    seed: int,
    latest: date | None = None,
) -> Widened:
    """Add the learned columns to everybody's built features, where there are purchases.

    Each cut-off's come from parameters fitted on those known at it, and on nothing later. The
    value of purchases is among them if it could be estimated at every cut-off.

    Parameters
    ----------
    inputs : FeatureSchema
    matrix : ndarray, shape (rows, features)
    as_of : ndarray of date
    horizon, seed : int
    latest : date, optional
        The cut-off whose parameters are served: rows of later ones get them too, as they would
        have been scored. The last unless given.
    """
    if not len(matrix) or not set(HISTORY) <= set(inputs.names):
        return Widened(inputs, matrix)
    number, days = pd.factorize(as_of, sort=True)
    fitted: list[Learned] = []
    for each, day in enumerate(days):
        if latest is not None and day > latest and fitted:
            fitted.append(fitted[-1])
            continue
        try:
            fitted.append(Learned.fit(inputs, matrix[number == each], horizon, seed))
        except LearningError as error:
            told = f"Nothing is learned of who comes back, as of {day} it cannot be: {error}"
            return Widened(inputs, matrix, warnings=(told,))
    if any(learned.value is None for learned in fitted):
        fitted = [replace(learned, value=None) for learned in fitted]
    ending = np.empty((len(matrix), len(fitted[-1].columns)))
    for each, learned in enumerate(fitted):
        ending[number == each] = learned.values(inputs, matrix[number == each])
    return Widened(fitted[-1].extend(inputs), np.column_stack([matrix, ending]), fitted[-1])


def _some(rows: np.ndarray, seed: int) -> np.ndarray:
    """Return the rows, or as many of them as parameters are fitted on."""
    if len(rows) <= SAMPLE:
        return rows
    return np.random.default_rng(seed).choice(rows, SAMPLE, replace=False)


def _histories(schema: FeatureSchema, matrix: np.ndarray) -> np.ndarray:
    """Return repeat purchases, t_x and T of each row."""
    rows = matrix[:, _places(schema.names, HISTORY)]
    rows[:, 0] -= 1
    return rows


@lru_cache(maxsize=64)
def _places(names: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    return np.array([names.index(name) for name in wanted])


def _possible(rows: np.ndarray) -> np.ndarray:
    """Return which rows are of a customer who bought; NaN is in none."""
    repeats, span, age = rows.T
    return (repeats >= 0) & (span >= 0) & (span <= age) & np.isfinite(repeats + age)
