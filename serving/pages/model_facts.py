"""What a page tells of one model: from its card and its manifest, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.pages.model_words import CHECKS, HELP, METRICS, MODELS, between, figure, named, short
from serving.pages.words import Words
from training.bundle import Bundle

Facts = Mapping[str, Any]

_PAPERS = ("version", "made_at", "refit_of", "cutoffs", "verdict", "commit", "config_hash")


@dataclass(frozen=True)
class Told:
    """A model, and how it is told of.

    Parameters
    ----------
    bundle : Bundle
    words : Words
    """

    bundle: Bundle
    words: Words

    @property
    def card(self) -> Facts:
        """The card; a bundle of old, or made for a trial, may say little in it."""
        return self.bundle.card

    @property
    def currency(self) -> str:
        """Of its money."""
        return str(self.card.get("currency") or self.bundle.manifest["config"]["currency"])

    @property
    def task(self) -> str:
        """What it predicts."""
        return self.bundle.model.task

    @property
    def served(self) -> str | None:
        """The name of the model that is served, among those it was held against."""
        return (self.card.get("verdict") or {}).get("served")


def checks(told: Told) -> list[dict[str, Any]]:
    """Return the gate's checks, each with what was found, its bound, and the card's sentence."""
    return [
        {
            "check": each["check"],
            "title": named(CHECKS, str(each["check"]), told.words),
            "passed": bool(each.get("passed")),
            "found": figure(each.get("value"), "", "", told.words),
            "bound": figure(each.get("bound"), "", "", told.words),
            "said": each.get("said") or "",
        }
        for each in told.card.get("gate") or []
    ]


def metrics(told: Told) -> dict[str, Any]:
    """Return the metrics as a table: a row each, a column for each model it was held against."""
    models = told.card.get("models") or []
    return {
        "models": [
            {
                "name": each["name"],
                "label": named(MODELS, each["name"], told.words, each.get("label")),
                "served": each["name"] == told.served,
            }
            for each in models
        ],
        "rows": [
            {
                "name": each["name"],
                "label": named(METRICS, each["name"], told.words, each.get("label")),
                "help": named(HELP, each["name"], told.words, " "),
                "cells": [_cell(each, model["name"], told) for model in models],
            }
            for each in told.card.get("metrics") or []
        ],
    }


def _cell(metric: Facts, model: str, told: Told) -> dict[str, Any]:
    held = (metric.get("values") or {}).get(model) or {}
    unit = metric.get("unit") or ""
    return {
        "value": figure(held.get("value"), unit, told.currency, told.words),
        "interval": between(held.get("low"), held.get("high"), unit, told.words),
        "best": model == _best(metric),
        "served": model == told.served,
    }


def _best(metric: Facts) -> str | None:
    values = {
        name: held["value"]
        for name, held in (metric.get("values") or {}).items()
        if held.get("value") is not None
    }
    if len(values) < 2:
        return None
    higher = metric.get("higher_is_better")
    if higher is None:
        return min(values, key=lambda name: abs(values[name]))
    return max(values, key=lambda name: values[name] if higher else -values[name])


def features(told: Told) -> list[dict[str, Any]]:
    """Return the features by how much they move a prediction, each as a share of all of them."""
    held = told.card.get("features") or []
    whole = sum(each.get("importance") or 0.0 for each in held) or 1.0
    columns = {column.name: column for column in told.bundle.model.schema.columns}
    told_of = []
    for each in held:
        column = columns.get(each["name"])
        label = str(each.get("label") or each["name"])
        if column is not None:
            label = column.label_da if told.words.language == "da" else column.label
        told_of.append(
            {
                "name": each["name"],
                "label": label,
                "idea": column.idea if column is not None else each["name"],
                "actionable": bool(each.get("actionable")),
                "importance": each.get("importance") or 0.0,
                "share": (each.get("importance") or 0.0) / whole,
            }
        )
    return sorted(told_of, key=lambda each: -each["importance"])


def ideas(held: Sequence[Facts]) -> list[dict[str, Any]]:
    """Return the ideas that features are about, each with its features' share of all of them.

    An idea is named by the feature of it that moves predictions most.
    """
    found: dict[str, dict[str, Any]] = {}
    for each in held:
        idea = found.setdefault(
            each["idea"],
            {"idea": each["idea"], "label": each["label"], "share": 0.0, "features": 0}
            | {"actionable": False},
        )
        idea["share"] += each["share"]
        idea["features"] += 1
        idea["actionable"] = idea["actionable"] or each["actionable"]
    return sorted(found.values(), key=lambda each: -each["share"])


def slices(told: Told) -> list[dict[str, Any]]:
    """Return a table for each way of telling customers apart: how good it was for each group."""
    units = {each["name"]: each.get("unit") or "" for each in told.card.get("metrics") or []}
    level = "currency" if told.task == "clv" else "share"
    tables = []
    for each in told.card.get("slices") or []:
        groups = each.get("groups") or []
        names = list(dict.fromkeys(name for group in groups for name in group.get("values") or {}))
        unit_of = {name: units.get(name, level) for name in names}
        tables.append(
            {
                "by": str(each.get("by") or ""),
                "label": each.get("label") or each.get("by") or "",
                "columns": [short(name, told.words) for name in names],
                "rows": [_group(group, unit_of, told) for group in groups],
            }
        )
    return [table for table in tables if table["rows"]]


def _group(group: Facts, unit_of: Mapping[str, str], told: Told) -> dict[str, Any]:
    values = group.get("values") or {}
    cells = []
    for name, unit in unit_of.items():
        held = values.get(name) or {}
        cells.append(
            {
                "value": figure(held.get("value"), unit, told.currency, told.words),
                "interval": between(held.get("low"), held.get("high"), unit, told.words),
            }
        )
    return {
        "name": group.get("name"),
        "customers": group.get("customers"),
        "judged": bool(values),
        "cells": cells,
    }


def tenths(told: Told) -> list[dict[str, Any]]:
    """Return what was predicted beside what came, in the tenths of the tested customers."""
    unit = "currency" if told.task == "clv" else "share"
    return [
        {
            **each,
            "number": number,
            "said": {
                name: figure(each.get(name), unit, told.currency, told.words)
                for name in ("predicted", "actual")
            },
            "chance": between(each.get("low"), each.get("high"), unit, told.words),
            "outside": "low" in each and not each["low"] <= each["actual"] <= each["high"],
        }
        for number, each in enumerate(told.card.get("tenths") or [], start=1)
    ]


def lineage(told: Told) -> list[tuple[str, str]]:
    """Return where a model comes from: the phrase of each part, and the part."""
    manifest, card = told.bundle.manifest, told.card
    data = manifest.get("data") or card.get("data") or {}
    held = [
        ("digest", told.bundle.digest),
        ("fingerprint", data.get("fingerprint")),
        ("data_rows", told.words.number(data["rows"]) if data.get("rows") is not None else None),
        ("config_hash", manifest.get("config_hash") or card.get("config_hash")),
        ("commit", manifest.get("commit") or card.get("commit")),
        ("schema", manifest.get("schema")),
        ("libraries", _listed(manifest.get("libraries") or {})),
        ("python", manifest.get("python")),
    ]
    return [(name, str(value)) for name, value in held if value]


def _listed(libraries: Facts) -> str:
    return ", ".join(f"{name} {version}" for name, version in libraries.items())


def as_data(told: Told) -> dict[str, Any]:
    """Return all that is known of a model, as plain data."""
    manifest = told.bundle.manifest
    return {
        "digest": told.bundle.digest,
        "task": told.task,
        "model": told.bundle.model.name,
        "papers": {name: manifest[name] for name in _PAPERS if name in manifest},
        "card": told.card,
    }


def as_rows(told: Told) -> list[dict[str, Any]]:
    """Return the figures of a model as rows of one table."""
    return [
        *_gate_rows(told.card),
        *_metric_rows(told.card),
        *(
            _row("feature", each["name"], each["label"], {"value": each["importance"]})
            for each in features(told)
        ),
        *_tenth_rows(told.card),
        *_slice_rows(told.card),
    ]


def _gate_rows(card: Facts) -> Iterator[dict[str, Any]]:
    for each in card.get("gate") or []:
        said = "passed" if each.get("passed") else "failed"
        yield {**_row("gate", each["check"], said, each), "bound": each.get("bound")}


def _metric_rows(card: Facts) -> Iterator[dict[str, Any]]:
    for metric in card.get("metrics") or []:
        for model, found in (metric.get("values") or {}).items():
            yield _row("metric", metric["name"], model, found)


def _tenth_rows(card: Facts) -> Iterator[dict[str, Any]]:
    for number, each in enumerate(card.get("tenths") or [], start=1):
        for name in ("predicted", "actual"):
            found = {"value": each[name]}
            yield _row("tenth", str(number), name, found, each["customers"])


def _slice_rows(card: Facts) -> Iterator[dict[str, Any]]:
    for by in card.get("slices") or []:
        for group in by.get("groups") or []:
            for name, found in (group.get("values") or {}).items():
                yield _row(f"slice {by['by']}", group["name"], name, found, group["customers"])


def _row(
    part: str, name: str, of: str, found: Facts, customers: int | None = None
) -> dict[str, Any]:
    held = {end: found.get(end) for end in ("value", "low", "high")}
    return {"part": part, "name": name, "of": of, **held, "bound": None, "customers": customers}
