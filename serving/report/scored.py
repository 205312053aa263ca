"""What a release's models say of everybody known at a date, as the service would answer.

No reasons are given and nothing goes on record: it is for the figures of many, not for a person.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from configs.schema import Config
from features.build import build_known, schema_of
from features.schema import FeatureSchema
from features.source import Tables
from serving.releases.release import Release
from serving.scoring.assessment import schemas
from serving.scoring.segmented import in_range
from serving.scoring.value import at_risk
from training.model import Model
from training.segmenters.segmenter import NOBODY, Segmenter, Worth
from training.segmenters.value import ValueTenths
from training.value_at_risk import unrealised_potential, value_if_stays

AT_ONCE = 200_000  # customers whose matrices are held at once

SEGMENT = "segment:"
"""What the columns of segments begin with, before the name of their way."""

NUMBERS = ("churn", "clv", "value_if_stays", "value_at_risk", "potential", "unrealised")


@dataclass(frozen=True)
class Scored:
    """What the models say of everybody known at a date.

    Parameters
    ----------
    as_of : date
        The first instant of this day is excluded.
    frame : DataFrame
        A row a customer, sorted by ``customer_id``: ``churn``, the probability; ``clv``;
        ``value_if_stays`` and ``value_at_risk``, as `training.value_at_risk` has them;
        ``potential``, what customers like this one spend at their best; ``unrealised``, what of
        that those who stay could bring beyond ``value_if_stays``. All money is over the horizon of
        CLV. NaN where a model is not there, or is not asked about the customer. And
        ``segment:WAY``, the name of the segment of each way, None for none.
    features : DataFrame
        ``as_of``, ``customer_id`` and the features, in the same order.
    release : Release
        Whose models they are.
    """

    as_of: date
    frame: pd.DataFrame
    features: pd.DataFrame
    release: Release

    @property
    def ways(self) -> tuple[str, ...]:
        """The ways of telling customers apart, in the order of the model."""
        return tuple(
            str(name).removeprefix(SEGMENT) for name in self.frame if str(name).startswith(SEGMENT)
        )


ScoredAt = Callable[[date], Scored]
"""What gives everybody's scores as of a date."""


def score_at(config: Config, tables: Tables, release: Release, as_of: date) -> Scored:
    """Score everybody known at a date, in one pass.

    Raises
    ------
    HistoryError
        If nobody is known.
    FeatureError
        If a feature is computed otherwise than when a model was trained.
    """
    present = schema_of(config, tables)
    for schema in schemas(release).values():
        schema.check_definitions(present)
    features = build_known(config, tables, as_of).sort_values("customer_id", ignore_index=True)
    return Scored(as_of, scores(release, features), features, release)


def scores(release: Release, features: pd.DataFrame) -> pd.DataFrame:
    """Return what a release says of rows of features: the frame of `Scored`, in their order."""
    parts = [
        _scores(release, features.iloc[start : start + AT_ONCE])
        for start in range(0, max(1, len(features)), AT_ONCE)
    ]
    return pd.concat(parts, ignore_index=True)


def _scores(release: Release, features: pd.DataFrame) -> pd.DataFrame:
    encoded = _Encoded(features)
    found = {name: np.full(len(features), np.nan) for name in NUMBERS}
    if churn := release.bundles.get("churn"):
        found["churn"] = served(churn.model, encoded.of(churn.model))
    worth = None
    if clv := release.bundles.get("clv"):
        found["clv"] = served(clv.model, encoded.of(clv.model))
        worth = Worth(found["clv"], clv.tenths) if clv.tenths else None
        if "churn" in release.bundles:
            told_of = at_risk(release.bundles, found["churn"], found["clv"])
            found["value_if_stays"], found["value_at_risk"] = told_of.if_stays, told_of.amount
        else:
            found["value_if_stays"] = value_if_stays(clv.model, found["clv"])
    told: dict[str, pd.Series] = {}
    if segments := release.bundles.get("segments"):
        matrix = encoded.of(segments.model)
        found["potential"] = _potential(segments.model, matrix)
        beyond = found["potential"], found["value_if_stays"], found["churn"]
        found["unrealised"] = unrealised_potential(*beyond)
        told = {
            f"{SEGMENT}{way}": pd.Series(names, dtype=object)
            for way, names in segments_of(segments.model, matrix, worth).items()
        }
    return pd.DataFrame({"customer_id": features["customer_id"].to_numpy(), **found, **told})


class _Encoded:
    """Rows of features as matrices: those of one schema are made once."""

    def __init__(self, features: pd.DataFrame) -> None:
        self._features = features
        self._held: dict[str, np.ndarray] = {}

    def of(self, model: Model) -> np.ndarray:
        """Return the matrix that a model takes."""
        return model.complete(self._of(model.inputs))

    def _of(self, schema: FeatureSchema) -> np.ndarray:
        if schema.digest not in self._held:
            self._held[schema.digest] = schema.encode(self._features)
        return self._held[schema.digest]


def served(model: Model, matrix: np.ndarray) -> np.ndarray:
    """Return each row's value on the served scale; NaN where the service would give a code."""
    asked = model.asked(matrix) & in_range(matrix)
    found = np.full(len(matrix), np.nan)
    if asked.any():
        with np.errstate(over="ignore", invalid="ignore"):
            found[asked] = model.predict(matrix[asked]) + 0.0  # there is no negative zero
    return np.where(np.isfinite(found), found, np.nan)


def segments_of(model: Model, matrix: np.ndarray, worth: Worth | None) -> dict[str, np.ndarray]:
    """Return the name of each row's segment by way, None for none.

    Parameters
    ----------
    model : Model
        Of segments.
    matrix : ndarray, shape (rows, features)
    worth : Worth, optional
        What the model of value says of the rows.
    """
    return {held.way: _names(held, model, matrix, worth) for held in model.segmenters}


def _names(held: Segmenter, model: Model, matrix: np.ndarray, worth: Worth | None) -> np.ndarray:
    rows = _rows_of(held, model, matrix)
    places = np.full(len(matrix), NOBODY)
    if len(rows):
        theirs = Worth(worth.values[rows], worth.edges) if worth else None
        places[rows] = held.assign(matrix[rows], theirs)
    names = np.array([*(segment.name for segment in held.segments), None], dtype=object)
    return names[np.where(places == NOBODY, len(names) - 1, places)]


def _potential(model: Model, matrix: np.ndarray) -> np.ndarray:
    """Return what customers like each spend at their best, NaN where no way is of value."""
    found = np.full(len(matrix), np.nan)
    tenths = next((held for held in model.segmenters if isinstance(held, ValueTenths)), None)
    if tenths and len(rows := _rows_of(tenths, model, matrix)):
        found[rows] = tenths.potential(matrix[rows])
    return found


def _rows_of(held: Segmenter, model: Model, matrix: np.ndarray) -> np.ndarray:
    """Return the rows that a way may be asked about."""
    asked = in_range(matrix)
    if held.population is not None:
        asked &= held.population.holds(model.schema, matrix)
    return np.flatnonzero(asked)
