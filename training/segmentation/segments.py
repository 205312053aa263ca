"""Segments: every way that a base's customers are told apart by, found at one cut-off."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from configs.schema import Config
from configs.segmentation import (
    AttributeSegments,
    BehaviourSegments,
    LifecycleSegments,
    RfmSegments,
    Segmentation,
    ValueSegments,
)
from configs.values import MOST_DAYS
from features.build import build, schema_of
from features.enough import clustered, require_enough_to_segment
from features.schema import FeatureSchema
from features.source import Tables, first_and_last_day
from training.bundle import Bundle
from training.calibrate import Scale
from training.model import Model
from training.population import Population
from training.segmentation import behaviour, potential
from training.segmentation.behaviour import Behaved, Method
from training.segmentation.earlier import Clusters, Earlier, begun
from training.segmentation.matching import Matching
from training.segmentation.naming import name_segments
from training.segmenters import attributes, lifecycle, rfm
from training.segmenters.attributes import Attributes
from training.segmenters.centres import Centres
from training.segmenters.mixture import Mixture
from training.segmenters.segmenter import NOBODY, Segment, Segmenter
from training.segmenters.value import ValueTenths
from training.split import SNAPSHOT_DAY, population_of


@dataclass(frozen=True)
class SegmentData:
    """The customers to be told apart, at one cut-off.

    Parameters
    ----------
    schema : FeatureSchema
    frame : DataFrame
        As `build` makes it, a row a customer.
    matrix : ndarray, shape (customers, features)
        The same, encoded.
    as_of : date
    windows : tuple of int
        Of features, in days, rising.
    behaves : bool
        Whether the customers' purchases are known.
    """

    schema: FeatureSchema
    frame: pd.DataFrame
    matrix: np.ndarray
    as_of: date
    windows: tuple[int, ...]
    behaves: bool

    @property
    def customers(self) -> np.ndarray:
        """Their ids."""
        return self.frame["customer_id"].to_numpy()

    def of(self, population: Population | None) -> np.ndarray:
        """Return which customers are of a population."""
        if population is None:
            return np.ones(len(self.matrix), dtype=bool)
        return population.holds(self.schema, self.matrix)


@dataclass(frozen=True)
class Found:
    """The ways that were found, and what became of the segments of the fit before.

    Parameters
    ----------
    model : Model
    matchings : mapping of str to Matching
        By way, against the fit before; none where there was none.
    unmatched : mapping of str to str
        Why a way could not be held against the fit before, in a sentence.
    standing : frozenset of str
        The ways whose segments are left as they were, being nearly as good as new ones.
    """

    model: Model
    matchings: Mapping[str, Matching] = field(default_factory=dict)
    unmatched: Mapping[str, str] = field(default_factory=dict)
    standing: frozenset[str] = frozenset()

    @property
    def next_ids(self) -> dict[str, int]:
        """The first id that no segment of a way has ever had, of those found in the data."""
        return {
            held.way: self.matchings[held.way].next_id
            if held.way in self.matchings
            else max(segment.id for segment in held.segments) + 1
            for held in self.model.segmenters
            if isinstance(held, Centres | Mixture)
        }

    def segmenter(self, way: str) -> Segmenter:
        """Return the way of a name."""
        return next(held for held in self.model.segmenters if held.way == way)


def data_at(config: Config, tables: Tables) -> SegmentData:
    """Return everybody's features at the config's test cut-off.

    Raises
    ------
    TooFewError
        If fewer customers are left than clusters of 50 would need.
    """
    timeless = tables.snapshot is not None
    as_of = SNAPSHOT_DAY if timeless else config.timeline.test or first_and_last_day(tables)[1]
    frame = build(config, tables, [as_of])
    schema = schema_of(config, tables)
    behaves = tables.transactions is not None
    windows = config.features.windows
    data = SegmentData(schema, frame, schema.encode(frame), as_of, windows, behaves)
    for way in clustered(config).values():
        count = int(data.of(population(config, way, data)).sum())
        require_enough_to_segment(way, count, f"at {as_of}")
    return data


def population(config: Config, way: Segmentation, data: SegmentData) -> Population | None:
    """Return whom a way is asked of: of what customers buy, those who ever did."""
    if isinstance(way, ValueSegments):
        return population_of(config.clv) if config.clv else None
    if isinstance(way, AttributeSegments) or not data.behaves:
        return None
    within = getattr(way, "active_within", None) or MOST_DAYS
    return Population("days_since_purchase", at_most=float(within))


def behaved(config: Config, data: SegmentData, way: BehaviourSegments) -> Behaved:
    """Return the customers that are clustered."""
    rows = data.of(population(config, way, data))
    return Behaved(data.schema, data.matrix[rows], data.windows[-1])


def fit(
    config: Config, data: SegmentData, chosen: Mapping[str, Any], previous: Bundle | None = None
) -> Found:
    """Fit every way; a segment that the fit before had keeps its id and its name.

    Parameters
    ----------
    config : Config
    data : SegmentData
    chosen : mapping
        The study's settings of the clusters of behaviour.
    previous : Bundle, optional
        Of the fit before.
    """
    before = {held.way: held for held in previous.model.segmenters} if previous else {}
    held: list[Segmenter] = []
    matchings: dict[str, Matching] = {}
    unmatched: dict[str, str] = {}
    standing: set[str] = set()
    for name, way in (config.segments or {}).items():
        if not isinstance(way, BehaviourSegments):
            held.append(_by_rule(config, data, name, way, before.get(name)))
            continue
        old = Earlier.of(previous, name, data.frame, data.schema)
        fresh = _clusters(config, data, name, way, chosen, old)
        if old is not None:
            rows = data.of(fresh.population)
            if old.stand(fresh, chosen, data.matrix, rows):
                fresh = old.clusters
                standing.add(name)
            fresh, matching = old.kept_by(fresh, data.matrix, rows)
            if matching:
                matchings[name] = matching
            else:
                unmatched[name] = old.unmatched
        held.append(fresh)
    model = Model("segments", "segments", data.schema, (), Scale(1.0), segmenters=tuple(held))
    return Found(model, matchings, unmatched, frozenset(standing))


def _by_rule(
    config: Config, data: SegmentData, name: str, way: Segmentation, old: Segmenter | None
) -> Segmenter:
    asked = population(config, way, data)
    matrix = data.matrix[data.of(asked)]
    if isinstance(way, RfmSegments):
        window = way.window or data.windows[-1]
        columns = ("days_since_purchase", f"purchases_in_{window}d", f"spend_in_{window}d")
        return rfm.fit(name, data.schema, matrix, *columns, asked)
    if isinstance(way, LifecycleSegments):
        return lifecycle.fit(name, data.schema, way, data.windows)
    if isinstance(way, AttributeSegments):
        kept = old if isinstance(old, Attributes) else None
        return attributes.fit(name, data.schema, matrix, way, kept)
    assert isinstance(way, ValueSegments)
    return ValueTenths(name, asked, potential.fit(config, name, data.schema, matrix))


def _clusters(
    config: Config,
    data: SegmentData,
    name: str,
    way: BehaviourSegments,
    chosen: Mapping[str, Any],
    old: Earlier | None,
) -> Clusters:
    """Fit the chosen clusters; they are numbered from the largest and named."""
    asked = population(config, way, data)
    customers = behaved(config, data, way)
    terms = behaviour.columns_of(customers, chosen["columns"])
    points = behaviour.points_of(customers.matrix, terms)
    method: Method = chosen["method"]
    start = begun(old, points, data.of(asked))
    fitted: Any = behaviour.cluster_again(points, method, chosen["k"], config.seed, start)
    sizes = np.bincount(fitted.predict(points), minlength=chosen["k"])
    order = np.argsort(-sizes, kind="stable")
    centres = (fitted.cluster_centers_ if method == "kmeans" else fitted.means_)[order]
    names = zip(*name_segments(data.schema, terms, centres), strict=True)
    segments = tuple(Segment(place + 1, *name) for place, name in enumerate(names))
    features = len(data.schema.columns)
    if method == "kmeans":
        return Centres.of(name, terms, centres, segments, features, asked)
    weights, spread = fitted.weights_[order], fitted.covariances_[order]
    return Mixture.of(name, terms, weights, centres, spread, segments, features, asked)


def members(data: SegmentData, model: Model) -> pd.DataFrame:
    """Return the customers with the id of their segment of each way; none where they have none.

    A way of lifetime values is left out: these are not known here.
    """
    held: dict[str, Any] = {"customer_id": data.customers}
    for segmenter in model.segmenters:
        if not isinstance(segmenter, ValueTenths):
            found = places(data, segmenter)
            ids = np.array([segment.id for segment in segmenter.segments])
            told = pd.array(ids[np.maximum(found, 0)], dtype="Int64")
            told[found == NOBODY] = pd.NA
            held[segmenter.way] = told
    return pd.DataFrame(held)


def places(data: SegmentData, segmenter: Segmenter) -> np.ndarray:
    """Return the place of each customer's segment, `NOBODY` outside the way's population."""
    rows = data.of(segmenter.population)
    found = np.full(len(data.matrix), NOBODY)
    found[rows] = segmenter.assign(data.matrix[rows])
    return found
