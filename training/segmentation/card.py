"""What the card of a segments run says and shows: each way to tell customers apart, and why so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import optuna
import pandas as pd
from matplotlib.figure import Figure

from configs.load import dump
from configs.schema import Config
from features.enough import clustered
from training import facts as told_of
from training.bundle import reference
from training.gate import Verdict
from training.predictors import Term
from training.quantities import amount
from training.reasons import Vocabulary
from training.segmentation import behaviour, surrogate
from training.segmentation import plots as segment_plots
from training.segmentation.behaviour import Method, Quality, quality_of
from training.segmentation.earlier import Clusters
from training.segmentation.segments import Found, SegmentData, places
from training.segmentation.stability import Assign, stability, words
from training.segmentation.surrogate import Description
from training.segmenters.lifecycle import Lifecycle
from training.segmenters.mixture import Mixture
from training.segmenters.segmenter import NOBODY, Segmenter
from training.segmenters.value import ValueTenths
from training.tune import finished

NAMES = {
    "behaviour": "By how they buy",
    "rfm": "By recency, frequency and monetary value",
    "lifecycle": "By where they stand as customers",
    "value": "By what they are worth",
    "attributes": "By who they are",
}
"""What each kind of way is called."""

_LABELS = {
    "silhouette": "Silhouette: how far apart the segments are",
    "stability": "Stability: adjusted Rand on bootstrap samples",
    "smallest": "Share of the smallest segment",
}
_STAND = (
    "The segments stand as they were: of today's customers they are within {clearly:.0%} as "
    "compact as new ones would be."
)
_METHODS = {"kmeans": "k-means", "mixture": "a Gaussian mixture"}
_OWN_WORDS = ("value", "attributes")  # kinds whose names say who is in a segment
_STABLE = 10  # bootstrap refits behind a segment's stability


Described = Mapping[str, tuple[Description, ...]]
"""What sets each segment apart, by way."""


def facts(
    config: Config,
    data: SegmentData,
    found: Found,
    described: Described,
    quality: Quality | None,
    verdict: Verdict,
    study: optuna.Study | None,
    chosen: Mapping[str, Any],
    origin: told_of.Origin,
) -> dict[str, Any]:
    """Return what the card of a segments run says."""
    timeless = origin.first is None
    return {
        **told_of.common(config, "segments", found.model, verdict, origin),
        "question": "Which kinds of customers are there, and how do they differ?",
        "chosen_because": _why(study),
        "cutoffs": {"split": told_of.NO_FUTURE} if timeless else {"test": data.as_of.isoformat()},
        "population": told_of.population(config, "segments"),
        "test": {"customers": len(data.matrix)},
        "models": [{"name": "segments", "label": _method(chosen), "role": "served"}],
        "metrics": [
            {
                "name": name,
                "label": _LABELS[name],
                "unit": "share" if name == "smallest" else "",
                "higher_is_better": True,
                "values": {"segments": {"value": value}},
            }
            for name, value in (asdict(quality) if quality else {}).items()
        ],
        "differences": [],
        "gate": told_of.gate(verdict),
        "parameters": dict(chosen),
        "features": [],
        "ways": ways(config, data, found, described),
        "warnings": [],
    }


def metric(found: Found, quality: Quality | None) -> str:
    """Return the deciding figure of a run, in words."""
    if quality is None:
        return f"{len(found.model.segmenters)} ways by rules"
    (clusters,) = (held for held in found.model.segmenters if isinstance(held, Clusters))
    return f"stability {quality.stability:.2f}, {len(clusters.segments)} segments"


def _why(study: optuna.Study | None) -> str:
    if study is None:
        return "The segments are by rules, which the config gives."
    return (
        f"Of {len(finished(study))} ways of clustering customers, this one is the best compromise "
        "between segments that lie far apart and segments that are stable; that of the version "
        "before stays unless another is clearly better."
    )


def _method(chosen: Mapping[str, Any]) -> str:
    return _METHODS[chosen["method"]] if chosen else "rules"


def described(config: Config, data: SegmentData, found: Found) -> Described:
    """Return what a surrogate says of each segment of each way that is not its own description."""
    vocabulary = Vocabulary.read(data.schema, reference(found.model, data.matrix), dump(config))
    return {
        held.way: surrogate.describe(
            vocabulary, data.matrix, places(data, held), held.segments, config.seed
        )
        for held in found.model.segmenters
        if held.kind not in _OWN_WORDS
    }


def ways(
    config: Config, data: SegmentData, found: Found, described: Described
) -> list[dict[str, Any]]:
    """Return each way with its segments, and what became of those of the version before."""
    return [
        _way(config, data, found, held, described.get(held.way, ()))
        for held in found.model.segmenters
    ]


def _way(
    config: Config,
    data: SegmentData,
    found: Found,
    held: Segmenter,
    descriptions: Sequence[Description],
) -> dict[str, Any]:
    kind = (config.segments or {})[held.way].kind
    told: dict[str, Any] = {
        "way": held.way,
        "kind": kind,
        "label": NAMES[kind] if held.way == kind else f"{NAMES[kind]}: {held.way}",
        "segments": [],
        "alike": [],
        "changes": _changes(found, held.way),
    }
    if isinstance(held, ValueTenths):
        told["said"] = (
            "Tenths by the lifetime value that is served, told when customers are scored. What "
            "customers could bring is what those alike spend at their best:"
        )
        told["alike"] = [
            {
                "said": leaf.words,
                "said_da": leaf.words_da,
                "customers": leaf.size,
                "potential": amount(leaf.best, config.currency, "en"),
            }
            for leaf in held.groups
        ]
        return told
    of = places(data, held)
    told["said"] = f"{int((of != NOBODY).sum()):,} of {len(of):,} customers have a segment."
    told["segments"] = _segments(config, data, held, of, descriptions)
    return told


def _changes(found: Found, way: str) -> list[str]:
    if way in found.unmatched:
        return [found.unmatched[way]]
    matching = found.matchings.get(way)
    if way in found.standing:
        return [_STAND.format(clearly=behaviour.CLEARLY)]
    return [change.said for change in matching.changes] if matching else []


def _segments(
    config: Config,
    data: SegmentData,
    held: Segmenter,
    of: np.ndarray,
    descriptions: Sequence[Description],
) -> list[dict[str, Any]]:
    """Return what is said of each segment that has customers."""
    spend, known = _spend(data), max(int((of != NOBODY).sum()), 1)
    by_id = {each.id: each for each in descriptions}
    sure = _sure(config, data, held, of)
    told = []
    for place, segment in enumerate(held.segments):
        inside = of == place
        if not inside.any():
            continue
        told.append(
            {
                "id": segment.id,
                "name": segment.name,
                "name_da": segment.name_da,
                "customers": int(inside.sum()),
                "share": float(inside.sum() / known),
                "spend": None if spend is None else float(spend[inside].sum() / spend.sum()),
                "apart": _apart(held, place, by_id.get(segment.id)),
                "description": by_id[segment.id].to_dict() if by_id else None,
                "stability": None if sure is None else float(sure[place]),
                "sure": _how_sure(by_id.get(segment.id), None if sure is None else sure[place]),
            }
        )
    return told


def _spend(data: SegmentData) -> np.ndarray | None:
    name = f"spend_in_{data.windows[-1]}d"
    if name not in data.schema.names:
        return None
    spend = np.maximum(data.matrix[:, data.schema.names.index(name)], 0.0)
    return spend if spend.sum() > 0 else None


def _apart(held: Segmenter, place: int, description: Description | None) -> list[str]:
    rule = [held.rule(place)[0].removesuffix(".")] if isinstance(held, Lifecycle) else []
    return rule + [one.said for one in (description.apart if description else ())][:3]


def _sure(config: Config, data: SegmentData, held: Segmenter, of: np.ndarray) -> np.ndarray | None:
    """Return how stable each cluster is."""
    if not isinstance(held, Clusters):
        return None
    rows = np.flatnonzero(of != NOBODY)
    drawn = np.random.default_rng(config.seed).permutation(rows)[: behaviour.MOST_STUDIED]
    points = behaviour.points_of(data.matrix[drawn], held.columns)
    method: Method = "mixture" if isinstance(held, Mixture) else "kmeans"
    count = len(held.segments)

    def refit(chosen: np.ndarray, seed: int) -> Assign:
        fitted = behaviour.cluster(points[chosen], method, count, seed)
        return lambda asked: fitted.predict(points[asked])

    return stability(of[drawn], count, partial(refit), _STABLE, config.seed)


def _how_sure(description: Description | None, stable: float | None) -> str:
    told = [f"{words(stable)[0]} ({stable:.2f})"] if stable is not None else []
    if description is not None and description.roc_auc is not None:
        weak = ", a weak description" if description.weak else ""
        told.append(f"description ROC-AUC {description.roc_auc:.2f}{weak}")
    return "; ".join(told)


def figures(
    config: Config,
    data: SegmentData,
    found: Found,
    described: Described,
    study: optuna.Study | None,
    chosen: Mapping[str, Any],
) -> dict[str, Figure]:
    """Draw a segments run: what each cluster is like, and what spoke for their number."""
    for held in found.model.segmenters:
        if isinstance(held, Clusters) and study is not None:
            most = clustered(config)[held.way].max_segments
            return {
                "segment_profile": _profile(data, held),
                "segment_apart": segment_plots.segment_apart(
                    [segment.name for segment in held.segments], described[held.way]
                ),
                "segment_tradeoff": _tradeoff(study, chosen, most),
            }
    return {}


def _profile(data: SegmentData, held: Clusters) -> Figure:
    middles = np.asarray(held.means if isinstance(held, Mixture) else held.centres)
    strongest = np.argsort(-np.abs(middles).max(axis=0), kind="stable")[:12]
    terms = [held.columns[i] for i in strongest]
    names = [segment.name for segment in held.segments]
    profile = pd.DataFrame(
        middles[:, strongest] / [term.weight for term in terms],
        columns=[_label(data, term) for term in terms],
        index=names,
    )
    of = places(data, held)
    sizes = np.bincount(of[of != NOBODY], minlength=len(names)).tolist()
    return segment_plots.segment_profile(names, sizes, profile)


def _tradeoff(study: optuna.Study, chosen: Mapping[str, Any], most: int) -> Figure:
    rows = [
        {
            "k": trial.params["k"],
            "way": f"{trial.params['method']}, {trial.params['columns']}",
            "weighed": -float(trial.value or 0.0),
            "silhouette": quality_of(trial).silhouette,
            "stability": quality_of(trial).stability,
            "smallest_share": quality_of(trial).smallest,
        }
        for trial in finished(study)
    ]
    taken = {"k": chosen["k"], "way": f"{chosen['method']}, {chosen['columns']}"}
    return segment_plots.segment_tradeoff(rows, taken, most)


def _label(data: SegmentData, term: Term) -> str:
    column = data.schema.columns[term.feature]
    if column.kind == "category":
        return f"{column.label}: {column.categories[int(term.argument)]}"
    return column.label
