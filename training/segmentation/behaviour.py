"""Clusters of customers by how they buy: which columns, which method, and how many, by a study."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

from configs.segmentation import BehaviourSegments
from features.schema import FeatureSchema
from training.baselines import terms_of
from training.predictors import Term
from training.segmentation import mixtures
from training.segmenters.points import standardised

MOST_LOOKED_AT = 2000  # customers the silhouette is measured on: it needs every pair's distance
MOST_STUDIED = 10_000  # customers that a trial is fitted on
PAST_MOST = 2  # segments past max_segments that are tried, to show what more would bring

CLEARLY = 0.05
"""What is clearly better than segments as they were: of what a study weighs, of k-means' inertia as
a part, of a mixture's mean log-likelihood."""

SETTINGS = ("method", "columns", "k")
"""What a study chooses."""

Method = Literal["kmeans", "mixture"]
METHODS: tuple[Method, ...] = ("kmeans", "mixture")

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
class Behaved:
    """The customers to be clustered.

    Parameters
    ----------
    schema : FeatureSchema
    matrix : ndarray, shape (customers, features)
    longest : int
        The longest window, in days.
    """

    schema: FeatureSchema
    matrix: np.ndarray
    longest: int


@dataclass(frozen=True)
class Quality:
    """How good a way of telling customers apart is."""

    silhouette: float
    stability: float
    smallest: float


def choices(asked: BehaviourSegments, data: Behaved) -> dict[str, list[Any]]:
    """Return what the study may choose between."""
    behaves = "days_since_purchase" in data.schema.names
    return {
        "method": list(METHODS),
        "columns": list(COLUMN_SETS) if behaves else ["attributes"],
        "k": list(range(asked.min_segments, asked.max_segments + PAST_MOST + 1)),
    }


def columns_of(data: Behaved, chosen: str) -> tuple[Term, ...]:
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


def _windowed(name: str, data: Behaved) -> str:
    return f"{name}_{data.longest}d" if name.endswith("_in") else name


def points_of(matrix: np.ndarray, terms: Sequence[Term]) -> np.ndarray:
    """Return rows in the columns that distances are taken in."""
    return np.column_stack(standardised(terms, matrix))


def cluster(points: np.ndarray, method: Method, k: int, seed: int) -> KMeans | GaussianMixture:
    """Fit k-means (Lloyd 1982, k-means++ starts) or a mixture of Gaussians."""
    with threadpool_limits(1):  # threads wait for one another longer than so few points take
        if method == "kmeans":
            return KMeans(k, n_init=5, random_state=seed).fit(points)
        return mixtures.fit(points, k, seed)


def cluster_again(
    points: np.ndarray, method: Method, k: int, seed: int, begun: np.ndarray | None
) -> KMeans | GaussianMixture:
    """Fit as `cluster` does, but stay where earlier segments were unless that is clearly worse.

    Begun anew, either method may end in another of its many near-equal optima, and segments change
    that customers did not.

    Parameters
    ----------
    points : ndarray, shape (customers, columns)
    method, k, seed
    begun : ndarray, shape (earlier segments, columns), optional
        Their means. Not begun at where there are more or fewer than k.
    """
    anew = cluster(points, method, k, seed)
    if begun is None or len(begun) != k:
        return anew
    if isinstance(anew, KMeans):
        again = KMeans(k, init=begun, n_init=1, random_state=seed).fit(points)
        return again if again.inertia_ <= (1 + CLEARLY) * anew.inertia_ else anew
    held = mixtures.fit(points, k, seed, begun)
    return held if held.lower_bound_ >= anew.lower_bound_ - CLEARLY else anew


def measure(
    points: np.ndarray, k: int, resamples: int, seed: int, method: Method = "kmeans"
) -> Quality:
    """Return how well apart, how stable and how even k clusters of points are.

    Stability is the mean adjusted Rand index (Hubert & Arabie 1985) between the labels of a fit
    on everybody and of fits on bootstrap samples.
    """
    labels = cluster(points, method, k, seed).predict(points)
    rng = np.random.default_rng(seed)
    looked_at = rng.permutation(len(points))[:MOST_LOOKED_AT]
    agreements = []
    for repeat in range(resamples):
        sample = rng.integers(0, len(points), len(points))
        other = cluster(points[sample], method, k, seed + repeat + 1)
        agreements.append(adjusted_rand_score(labels, other.predict(points)))
    several = len(set(labels[looked_at])) > 1
    return Quality(
        silhouette=float(silhouette_score(points[looked_at], labels[looked_at]))
        if several
        else -1.0,
        stability=float(np.mean(agreements)),
        smallest=float(np.bincount(labels, minlength=k).min() / len(points)),
    )


def studied(data: Behaved, seed: int) -> np.ndarray:
    """Return the rows that a study fits on: all, or as many as it takes to tell."""
    rows = np.random.default_rng(seed).permutation(len(data.matrix))[:MOST_STUDIED]
    return data.matrix[np.sort(rows)]


def objective(
    asked: BehaviourSegments, data: Behaved, seed: int
) -> Callable[[optuna.Trial], float]:
    """Return what the study minimises: −(silhouette + stability), and what is held against it.

    A bound that is broken costs 1, a segment more than a team can treat differently the penalty.
    """
    options, matrix = choices(asked, data), studied(data, seed)

    def loss(trial: optuna.Trial) -> float:
        held = {name: trial.suggest_categorical(name, of) for name, of in options.items()}
        points = points_of(matrix, columns_of(data, held["columns"]))
        quality = measure(points, held["k"], asked.resamples, seed, held["method"])
        for name, value in vars(quality).items():
            trial.set_user_attr(name, value)
        broken = (quality.smallest < asked.min_share) + (quality.stability < asked.min_stability)
        past = asked.penalty * max(0, held["k"] - asked.max_segments)
        return -(quality.silhouette + quality.stability) + broken + past

    return loss


def settled(study: optuna.Study, before: Mapping[str, Any]) -> FrozenTrial:
    """Return the best trial, or that of the settings before unless the best is clearly better.

    A team has learned to treat its segments: they change for a reason, not for a draw.
    """
    best = study.best_trial
    for trial in study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        if trial.params == before and float(trial.value or 0) <= float(best.value or 0) + CLEARLY:
            return trial
    return best


def quality_of(trial: FrozenTrial) -> Quality:
    """Return what a trial of the study measured."""
    return Quality(**{field.name: trial.user_attrs[field.name] for field in fields(Quality)})
