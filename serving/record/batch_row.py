"""What a row of a batch or a call says, of its columns and of what the entry says of all."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from math import isnan
from typing import Any

import numpy as np

from serving.record.batch_layout import CUSTOMER
from serving.scoring import timing
from training.reasons import Options
from training.timing import Times, Timing

Numbers = Mapping[str, Sequence[float]]
Texts = Mapping[str, str | None]

AT_RISK = ("amount", "if_stays")
CONTRIBUTIONS, FLAGS = "contributions", "flags"
AS_OF, FOUND, GIVEN, PLACE = "as_of", "found", "rows", "place"
"""What a row of a call says besides: its day, how it was looked up, from what, and of whom."""


def feature(name: str) -> str:
    """Return the column of a feature."""
    return f"feature.{name}"


def body_of(entry: Mapping[str, Any], numbers: Numbers, texts: Texts) -> dict[str, Any]:
    """Return what is on record of a row, as `serving.scoring.score.record` gives it.

    Parameters
    ----------
    entry : mapping
        The body of the batch's entry, or the call's.
    numbers : mapping of str to sequence of float
        By column, NaN for none.
    texts : mapping of str to str or None
        By column.
    """
    as_of = texts[AS_OF] if AS_OF in texts else entry["as_of"]
    scores = {task: _task(task, entry, numbers, texts, as_of) for task in entry["terms"]["tasks"]}
    amount, if_stays = (_one(numbers, f"value_at_risk.{name}") for name in AT_RISK)
    if amount is not None:
        scores["value_at_risk"] = {"amount": amount, "if_stays": if_stays}
    if "segments" in entry["terms"]:
        ways = entry["terms"]["segments"]
        scores["segments"] = {way: _way(way, ways[way], numbers, texts) for way in ways}
    found = json.loads(texts.get(FOUND) or "[]")
    digest = texts.get(GIVEN)
    return {
        **({"from": "rows", "rows": digest} if digest else {}),
        **({"found": found} if found else {}),
        **({"key": entry["key"]} if "key" in entry else {}),
        "customer": texts[CUSTOMER],
        "as_of": as_of,
        "features": {
            digest: [_feature(name, numbers, texts) for name in names]
            for digest, names in entry["terms"]["features"].items()
        },
        "scores": scores,
        "flags": [*json.loads(texts[FLAGS] or "[]"), *found],
        "bundles": entry["bundles"],
        "options": entry["options"],
    }


def _feature(name: str, numbers: Numbers, texts: Texts) -> float | str | None:
    column = feature(name)
    return _one(numbers, column) if column in numbers else texts[column]


def _one(numbers: Numbers, column: str) -> float | None:
    value = numbers[column][0] if column in numbers else np.nan
    return None if isnan(value) else value


def _task(
    task: str, entry: Mapping[str, Any], numbers: Numbers, texts: Texts, as_of: str | None
) -> dict[str, Any]:
    if (code := texts[f"{task}.code"]) is not None:
        return {"code": code}
    said: dict[str, Any] = {
        name: numbers[f"{task}.{name}"][0]
        for name in ("margin", "served", "base_margin", "base_served")
        if f"{task}.{name}" in numbers
    }
    if (column := f"{task}.{CONTRIBUTIONS}") in numbers:
        said[CONTRIBUTIONS] = list(numbers[column])
    terms = entry["terms"]["tasks"][task]
    if terms["intervals"]:
        said["intervals"] = {
            level: list(numbers[f"{task}.interval.{level}"]) for level in terms["intervals"]
        }
    if terms["learned"]:
        values = [None if isnan(value) else value for value in numbers[f"{task}.learned"]]
        said["learned"] = dict(zip(terms["learned"], values, strict=True))
    if terms["timing"]:
        within = np.array([numbers[f"{task}.within"]])
        due = numbers.get(f"{task}.next_purchase")
        times = Times(within, None if due is None else np.array(due))
        said |= timing.recorded(Timing.from_dict(terms["timing"]), times, 0, as_of)
    if task == "churn" and (band := _options(entry).band(said["served"])):
        said["band"] = band
    return said


def _options(entry: Mapping[str, Any]) -> Options:
    held = entry["options"]
    bands = held["bands"]
    return Options(held["reasons"], held["language"], bands and tuple(bands))


def _way(way: str, names: Mapping[str, str], numbers: Numbers, texts: Texts) -> dict[str, Any]:
    column = f"segments.{way}"
    if (code := texts[f"{column}.code"]) is not None:
        return {"code": code}
    number = int(numbers[f"{column}.id"][0])
    said: dict[str, Any] = {
        "segment": {
            "id": number,
            "name": names[str(number)],
            "potential": _one(numbers, f"{column}.potential"),
        }
    }
    if (held := f"{column}.{CONTRIBUTIONS}") in numbers:
        said[CONTRIBUTIONS] = list(numbers[held])
    return said
