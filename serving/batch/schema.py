"""Which columns the scores of a batch have."""

from __future__ import annotations

import pyarrow as pa

from serving.releases.release import Release
from serving.scoring import timing
from training.timing import Timing

_TEXTS = pa.list_(pa.string())
_WORD = pa.dictionary(pa.int32(), pa.string())
_SCHEMA = pa.schema(
    [
        pa.field("score_id", pa.string(), nullable=False),
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("as_of", pa.date32(), nullable=False),
        pa.field("valid_until", pa.date32(), nullable=False),
        ("churn_probability", pa.float64()),
        ("band", _WORD),
        ("next_purchase", pa.date32()),
        ("clv", pa.float64()),
        ("clv_low_80", pa.float64()),
        ("clv_high_80", pa.float64()),
        ("clv_low_95", pa.float64()),
        ("clv_high_95", pa.float64()),
        ("value_at_risk", pa.float64()),
        ("value_if_stays", pa.float64()),
        ("codes", _TEXTS),
        ("flags", _TEXTS),
        ("churn_raises", _TEXTS),
        ("churn_lowers", _TEXTS),
        ("clv_raises", _TEXTS),
        ("clv_lowers", _TEXTS),
        pa.field("release", _WORD, nullable=False),
        ("churn_bundle", _WORD),
        ("clv_bundle", _WORD),
        ("segments_bundle", _WORD),
    ]
)
"""The columns of a batch's scores; one is null where a task has no model or a code stands.

Beside them, after the probability's band, is one for each of the days that the churn model tells
of; and after the reasons, of each way of telling customers apart, the segment's id and name, and
what sets it apart.
"""


def columns(release: Release) -> pa.Schema:
    """Return the columns of a release's scores, as ``no_purchase_within_30d``."""
    whole = _SCHEMA
    asked = release.bundles["churn"].model.timing if "churn" in release.bundles else None
    if asked is not None:
        days = [pa.field(within(asked, day), pa.float64()) for day in asked.days]
        whole = _with(whole, "next_purchase", days)
    return _with(whole, "release", [field for way in ways(release) for field in _of(way)])


def ways(release: Release) -> tuple[str, ...]:
    """Return the ways that a release tells customers apart by."""
    held = release.bundles.get("segments")
    return tuple(segmenter.way for segmenter in held.model.segmenters) if held else ()


def within(asked: Timing, day: int) -> str:
    """Return the column of the chance within so many days."""
    return f"{timing.field(asked)}_{day}d"


def _with(schema: pa.Schema, before: str, fields: list[pa.Field]) -> pa.Schema:
    at = schema.get_field_index(before)
    held = list(schema)
    return pa.schema([*held[:at], *fields, *held[at:]])


def _of(way: str) -> list[pa.Field]:
    return [
        pa.field(f"segment_{way}", pa.int32()),
        pa.field(f"segment_{way}_name", _WORD),
        pa.field(f"segment_{way}_potential", pa.float64()),
        pa.field(f"segment_{way}_apart", _TEXTS),
    ]
