"""Segments: clusters of customers by behaviour, stable, large enough, and named."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
import optuna
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score

from configs.schema import Config
from configs.segmentation import BehaviourSegments
from features.build import build, schema_of
from features.enough import clustered, require_enough_to_segment
from features.schema import FeatureSchema
from features.source import Tables, first_and_last_day
from training.baselines import terms_of
from training.calibrate import Scale
from training.model import Model
from training.naming import name_segments
from training.population import Population
from training.predictors import Centres, Term
from training.split import SNAPSHOT_DAY, population_of

MOST_LOOKED_AT = 2000  # customers the silhouette is measured on: it needs every pair's distance

COLUMN_SETS: dict[str, tuple[str, ...]] = {
    "rfm": ("days_since_purchase", "purchases_in", "spend_in"),
    "behaviour": (
        "days_since_purchase",
        "purchases_in",
        "spend_in",
        "average_order_value",
        "usual_gap",
        "categories_in",
        "discount_share",
        "weekend_share",
    ),
}
"""What customers may be told apart by; windowed features are taken over the longest window."""


@dataclass(frozen=True)
class SegmentData:
    """The customers to be told apart, at one cut-off.

    Parameters
    ----------
    schema : FeatureSchema
    customers : ndarray of str
    matrix : ndarray, shape (customers, features)
    as_of : date
    population : Population, optional
    longest : int
        The longest window, in days.
    """

    schema: FeatureSchema
    customers: np.ndarray
    matrix: np.ndarray
    as_of: date
    population: Population | None
    longest: int


@dataclass(frozen=True)
class Quality:
    """How good a way of telling customers apart is."""

    silhouette: float
    stability: float
    smallest: float


def data_at(config: Config, tables: Tables) -> SegmentData:
    """Return everybody's features at the config's test cut-off.

    Raises
    ------
    TooFewError
        If fewer customers are left than segments of 50 would need.
    """
    task = asked(config)
    as_of = SNAPSHOT_DAY if tables.transactions is None else _cut_off(config, tables)
    frame = build(config, tables, [as_of])
    schema = schema_of(config, tables)
    matrix = schema.encode(frame)
    population = None if tables.transactions is None else population_of(task)
    if population is not None:
        within = population.holds(schema, matrix)
        frame, matrix = frame[within], matrix[within]
    require_enough_to_segment(task, len(matrix), f"at {as_of}")
    customers = frame["customer_id"].to_numpy()
    longest = config.features.windows[-1]
    return SegmentData(schema, customers, matrix, as_of, population, longest)


def _cut_off(config: Config, tables: Tables) -> date:
    return config.timeline.test or first_and_last_day(tables)[1]


def choices(config: Config, data: SegmentData) -> dict[str, list[Any]]:
    """Return what the study may choose between."""
    task = asked(config)
    behaves = "days_since_purchase" in data.schema.names
    sets = list(COLUMN_SETS) if behaves else ["attributes"]
    return {"columns": sets, "k": list(range(task.min_segments, task.max_segments + 1))}


def columns_of(data: SegmentData, chosen: str) -> tuple[Term, ...]:
    """Return the standardised columns that distances are taken in.

    Counts and money are skewed and enter as logarithms; the categories of an attribute share the
    weight of one number.
    """
    if chosen == "attributes":
        return tuple(
            term
            for column in data.schema.columns
            for term in terms_of(
                data.schema,
                data.matrix,
                column.name,
                "identity",
                1.0 / max(1, len(column.categories)) ** 0.5,
            )
        )
    names = [_windowed(name, data) for name in COLUMN_SETS[chosen]]
    held = [name for name in names if name in data.schema.names]
    skewed = {"days", "count", "money"}
    return tuple(
        term
        for name in held
        for term in terms_of(
            data.schema,
            data.matrix,
            name,
            "log1p" if data.schema[name].unit in skewed else "identity",
        )
    )


def _windowed(name: str, data: SegmentData) -> str:
    return f"{name}_{data.longest}d" if name.endswith("_in") else name


def measure(points: np.ndarray, k: int, resamples: int, seed: int) -> Quality:
    """Return how well apart, how stable and how even k clusters of points are.

    Stability is the mean adjusted Rand index (Hubert & Arabie 1985) between the labels of a fit
    on everybody and of fits on bootstrap samples.
    """
    fitted = cluster(points, k, seed)
    labels = fitted.labels_
    rng = np.random.default_rng(seed)
    looked_at = rng.permutation(len(points))[:MOST_LOOKED_AT]
    agreements = []
    for repeat in range(resamples):
        sample = rng.integers(0, len(points), len(points))
        other = cluster(points[sample], k, seed + repeat + 1)
        agreements.append(adjusted_rand_score(labels, other.predict(points)))
    return Quality(
        silhouette=float(silhouette_score(points[looked_at], labels[looked_at])),
        stability=float(np.mean(agreements)),
        smallest=float(np.bincount(labels, minlength=k).min() / len(points)),
    )


def cluster(points: np.ndarray, k: int, seed: int) -> KMeans:
    """Fit k-means (Lloyd 1982, k-means++ starts)."""
    return KMeans(k, n_init=5, random_state=seed).fit(points)


def objective(config: Config, data: SegmentData) -> Callable[[optuna.Trial], float]:
    """Return what the study minimises: −(silhouette + stability), bounds broken cost 1 each."""
    task = asked(config)
    options = choices(config, data)

    def loss(trial: optuna.Trial) -> float:
        chosen = trial.suggest_categorical("columns", options["columns"])
        k = trial.suggest_categorical("k", options["k"])
        points = _points(data, columns_of(data, chosen))
        quality = measure(points, k, task.resamples, config.seed)
        for name, value in vars(quality).items():
            trial.set_user_attr(name, value)
        broken = (quality.smallest < task.min_share) + (quality.stability < task.min_stability)
        return -(quality.silhouette + quality.stability) + broken

    return loss


def quality_of(trial: optuna.trial.FrozenTrial) -> Quality:
    """Return what a trial of the study measured."""
    return Quality(**{field.name: trial.user_attrs[field.name] for field in fields(Quality)})


def fit(config: Config, data: SegmentData, chosen: str, k: int) -> Model:
    """Fit the chosen segments; they are numbered from the largest and named."""
    terms = columns_of(data, chosen)
    points = _points(data, terms)
    fitted = cluster(points, k, config.seed)
    order = np.argsort(-np.bincount(fitted.labels_, minlength=k), kind="stable")
    centres = fitted.cluster_centers_[order]
    names, names_da = name_segments(data.schema, terms, centres)
    predictor = Centres(
        features=len(data.schema.columns),
        columns=terms,
        centres=tuple(tuple(float(x) for x in centre) for centre in centres),
        names=names,
        names_da=names_da,
    )
    return Model(
        "segments", "kmeans", data.schema, (predictor,), Scale(1.0), population=data.population
    )


def _points(data: SegmentData, terms: Sequence[Term]) -> np.ndarray:
    return np.column_stack([term.weight * term.standardised(data.matrix) for term in terms])


def asked(config: Config) -> BehaviourSegments:
    """Return what the config asks of segments."""
    held = clustered(config)
    if not held:
        raise ValueError("the config asks for no clusters of behaviour")
    return next(iter(held.values()))
