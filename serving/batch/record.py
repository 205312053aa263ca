"""What goes on record of a batch's customers, in columns."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa

from serving.record.batch_layout import Layout
from serving.record.batch_row import AT_RISK, CONTRIBUTIONS, FLAGS, feature
from serving.releases.release import Release
from serving.scoring.assessment import Assessments, TaskScores, schemas
from serving.scoring.customers import Values
from serving.scoring.segmented import NOBODY, WayScores
from training.bundle import Bundle
from training.reasons import Options


def entry_body(release: Release, as_of: date, options: Options) -> dict[str, Any]:
    """Return what the entry of a batch says of all its rows."""
    return {"as_of": str(as_of), **said(release, options)}


def said(release: Release, options: Options) -> dict[str, Any]:
    """Return which models were asked of all rows, and how they are told."""
    return {
        "release": release.digest,
        "bundles": release.digests,
        "options": asdict(options),
    }


def layout(release: Release, options: Options) -> Layout:
    """Return the columns that hold a release's scores; contributions where reasons are asked."""
    numbers: dict[str, int] = {}
    texts = [FLAGS]
    explained = options.reasons > 0
    for column in _features(release):
        if column.kind == "number":
            numbers[feature(column.name)] = 1
        else:
            texts.append(feature(column.name))
    for task, bundle in release.bundles.items():
        if task != "segments":
            numbers |= _of_task(bundle, explained)
            texts.append(f"{task}.code")
    if {"churn", "clv"} <= release.bundles.keys():
        numbers |= {f"value_at_risk.{name}": 1 for name in AT_RISK}
    if held := release.bundles.get("segments"):
        wide = len(held.model.inputs.columns)
        for segmenter in held.model.segmenters:
            column = f"segments.{segmenter.way}"
            numbers |= {f"{column}.id": 1, f"{column}.potential": 1}
            numbers |= {f"{column}.{CONTRIBUTIONS}": wide} if explained else {}
            texts.append(f"{column}.code")
    return Layout(dict(sorted(numbers.items())), tuple(sorted(texts)))


def _features(release: Release) -> list[Any]:
    found = {
        column.name: column for schema in schemas(release).values() for column in schema.columns
    }
    return list(found.values())


def _of_task(bundle: Bundle, explained: bool) -> dict[str, int]:
    model, task = bundle.model, bundle.model.task
    numbers = {f"{task}.margin": 1, f"{task}.served": 1}
    if explained:
        numbers |= {f"{task}.base_margin": 1, f"{task}.base_served": 1}
        numbers[f"{task}.{CONTRIBUTIONS}"] = len(model.schema.columns)
    if model.intervals:
        numbers |= {f"{task}.interval.{level}": 2 for level in model.intervals.reaches}
    if learned := _learned(bundle):
        numbers[f"{task}.learned"] = len(learned)
    if model.timing:
        numbers[f"{task}.within"] = len(model.timing.days)
        if model.timing.kind == "lapse":
            numbers[f"{task}.next_purchase"] = 1
    return numbers


def _learned(bundle: Bundle) -> list[str]:
    return list(bundle.model.schema.names[len(bundle.model.inputs.names) :])


def terms(release: Release, options: Options) -> dict[str, Any]:
    """Return what it takes to read the columns: what their numbers are of, and segments' names."""
    tasks = {
        task: {
            "intervals": sorted(bundle.model.intervals.reaches) if bundle.model.intervals else [],
            "learned": _learned(bundle),
            "timing": bundle.model.timing and bundle.model.timing.to_dict(),
        }
        for task, bundle in release.bundles.items()
        if task != "segments"
    }
    held: dict[str, Any] = {
        "features": {digest: list(schema.names) for digest, schema in schemas(release).items()},
        "tasks": tasks,
    }
    if bundle := release.bundles.get("segments"):
        danish = options.language == "da"
        held["segments"] = {
            segmenter.way: {
                str(segment.id): segment.name_da if danish else segment.name
                for segment in segmenter.segments
            }
            for segmenter in bundle.model.segmenters
        }
    return held


def recorded(
    assessed: Assessments,
    columns: Mapping[str, Values],
    tokens: Sequence[str],
    laid: Layout,
    asked: Mapping[str, Any] | None = None,
) -> pa.Table:
    """Return what goes on record of customers, in the columns of a layout.

    Parameters
    ----------
    assessed : Assessments
    columns : mapping of str to ndarray or DictionaryArray
        Their features as they came, by name.
    tokens : sequence of str
        Their names in the record, which are not their ids.
    laid : Layout
    asked : mapping of str to array, optional
        More columns of the layout.
    """
    found: dict[str, Any] = {"customer": pa.array(tokens, pa.string()), **(asked or {})}
    spelt = {held: json.dumps(held) if held else None for held in set(assessed.flags)}
    found[FLAGS] = texts([spelt[held] for held in assessed.flags])
    found |= {feature(name): values for name, values in columns.items()}
    for task, scores in assessed.tasks.items():
        found |= {f"{task}.{name}": held for name, held in _scores(scores)}
    if assessed.at_risk:
        found |= {f"value_at_risk.{name}": getattr(assessed.at_risk, name) for name in AT_RISK}
    for way, held in assessed.segments.ways.items() if assessed.segments else ():
        found |= {f"segments.{way}.{name}": values for name, values in _way(held)}
    return pa.table([_column(found[f.name], f.type) for f in laid.schema], schema=laid.schema)


def _scores(scores: TaskScores) -> Iterator[tuple[str, Any]]:
    held = scores.explanation
    yield "code", texts(scores.codes)
    yield from (("margin", held.margin), ("served", held.served))
    count = len(held.margin)
    yield "base_margin", np.full(count, held.base_margin)
    yield "base_served", np.full(count, held.base_served)
    yield CONTRIBUTIONS, held.contributions
    for level, ends in scores.intervals.items():
        yield f"interval.{level}", ends
    yield "learned", scores.learned
    if scores.times is not None:
        yield "within", scores.times.within + 0.0
        if scores.times.next_purchase is not None:
            yield "next_purchase", scores.times.next_purchase


def _way(scores: WayScores) -> Iterator[tuple[str, Any]]:
    ids = np.array([*(float(segment.id) for segment in scores.segmenter.segments), np.nan])
    count = len(scores.places)
    yield "code", texts(scores.codes)
    yield "id", ids[np.where(scores.places == NOBODY, len(ids) - 1, scores.places)]
    yield "potential", np.full(count, np.nan) if scores.potential is None else scores.potential
    yield CONTRIBUTIONS, scores.contributions


def texts(values: Sequence[str | None]) -> pa.Array:
    """Return texts of which many are the same."""
    return pa.array(values, pa.string()).dictionary_encode()


def _column(values: Any, kind: pa.DataType) -> Any:
    if isinstance(values, np.ndarray):
        if pa.types.is_fixed_size_list(kind):
            flat = pa.array(np.ascontiguousarray(values, dtype=float).ravel())
            return pa.FixedSizeListArray.from_arrays(flat, type=kind)
        return pa.array(np.ascontiguousarray(values, dtype=float))
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(kind):
        return values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    if pa.types.is_floating(kind):
        return values.cast(kind).fill_null(np.nan)
    return values
