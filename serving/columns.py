"""The columns of a file of scores, and a customer's values in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from serving import timing
from serving.release import Release

_TEXTS = pa.list_(pa.string())
_SCHEMA = pa.schema(
    [
        pa.field("score_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        ("churn_probability", pa.float64()),
        ("next_purchase", pa.date32()),
        ("clv", pa.float64()),
        ("clv_low_80", pa.float64()),
        ("clv_high_80", pa.float64()),
        ("clv_low_95", pa.float64()),
        ("clv_high_95", pa.float64()),
        ("codes", _TEXTS),
        ("flags", _TEXTS),
        ("churn_raises", _TEXTS),
        ("churn_lowers", _TEXTS),
        ("clv_raises", _TEXTS),
        ("clv_lowers", _TEXTS),
        ("churn_bundle", pa.string()),
        ("clv_bundle", pa.string()),
        ("segments_bundle", pa.string()),
    ]
)
"""The columns of a file of scores; one is null where a task has no model or a code stands.

Beside them, after the probability, is one for each of the days that the churn model tells of;
and after the reasons, of each way of telling customers apart, the segment's id and name, and what
sets it apart.
"""


def columns(release: Release) -> pa.Schema:
    """Return the columns of a file of a release's scores, as ``no_purchase_within_30d``."""
    whole = _SCHEMA
    asked = release.bundles["churn"].model.timing if "churn" in release.bundles else None
    if asked is not None:
        days = [pa.field(f"{timing.field(asked)}_{days}d", pa.float64()) for days in asked.days]
        whole = _with(whole, "next_purchase", days)
    return _with(whole, "churn_bundle", [field for way in ways(release) for field in _of(way)])


def ways(release: Release) -> tuple[str, ...]:
    """Return the ways that a release tells customers apart by."""
    held = release.bundles.get("segments")
    return tuple(segmenter.way for segmenter in held.model.segmenters) if held else ()


def _with(schema: pa.Schema, before: str, fields: list[pa.Field]) -> pa.Schema:
    at = schema.get_field_index(before)
    held = list(schema)
    return pa.schema([*held[:at], *fields, *held[at:]])


def _of(way: str) -> list[pa.Field]:
    return [
        pa.field(f"segment_{way}", pa.int32()),
        pa.field(f"segment_{way}_name", pa.string()),
        pa.field(f"segment_{way}_potential", pa.float64()),
        pa.field(f"segment_{way}_apart", _TEXTS),
    ]


def values(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer's values by column; what is not there has none."""
    held: dict[str, Any] = {}
    for name, values in (("churn", _churn), ("clv", _clv)):
        if told[name]:
            held |= values(told[name]) | _reasons(name, told[name])
    for way, segment in (told["segments"] or {}).items():
        if segment:
            name = f"segment_{way}"
            held |= {name: segment["id"], f"{name}_name": segment["name"]}
            held |= {f"{name}_potential": segment["potential"]} | _reasons(name, segment)
    return held


def _churn(churn: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {"churn_probability": churn["probability"]}
    for name in ("no_purchase_within", "cancelled_within"):
        for days, chance in (churn[name] or {}).items():
            held[f"{name}_{days}d"] = chance
    if (due := churn["next_purchase"]) and due["date"]:
        held["next_purchase"] = date.fromisoformat(due["date"])
    return held


def _clv(clv: Mapping[str, Any]) -> dict[str, Any]:
    held: dict[str, Any] = {"clv": clv["value"]}
    for level in {"80", "95"} & clv["intervals"].keys():
        held[f"clv_low_{level}"], held[f"clv_high_{level}"] = clv["intervals"][level]
    return held


def _reasons(name: str, scored: Mapping[str, Any]) -> dict[str, list[str]]:
    return {
        f"{name}_{way}": [reason["text"] for reason in reasons]
        for way, reasons in scored["reasons"].items()
    }
