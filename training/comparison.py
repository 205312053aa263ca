"""How a model stands beside those it was held against, in the words of its card."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from training import wording

Facts = Mapping[str, Any]

_OUTCOMES = {"churn": "left", "clv": "brought something"}
_PARTS = ("value", "low", "high")


def metric_block(metric: dict[str, Any], told: Facts, facts: Facts) -> dict[str, Any]:
    """Return a metric's rows, the best first, each with its place on a common scale of 0 to 100."""
    higher, unit = metric.get("higher_is_better"), metric.get("unit") or ""
    found = metric.get("values") or {}
    order = sorted(found, key=lambda name: _badness(found[name].get("value"), higher))
    best = _badness(found[order[0]].get("value"), higher) if order else math.inf
    scale = _scale([each.get(part) for each in found.values() for part in _PARTS])
    currency = facts.get("currency") or ""
    rows = []
    for name in order:
        held = found[name]
        rows.append({
            "label": label(told, name),
            "role": _role(told, name),
            "served": name == (facts.get("verdict") or {}).get("served"),
            "best": len(order) > 1 and _badness(held.get("value"), higher) == best < math.inf,
            "value": wording.number(held.get("value"), unit, currency),
            "interval": _between(held, unit),
            "at": {part: _place(held.get(part), scale) for part in _PARTS},
        })  # fmt: skip
    return {
        "label": metric.get("label") or wording.title(metric["name"]),
        "help": wording.METRICS.get(metric["name"], ""),
        "rows": rows,
        "against": [
            _difference(each, metric, told, facts)
            for each in facts.get("differences") or []
            if each.get("metric") == metric["name"]
        ],
    }


def _badness(value: float | None, higher: bool | None) -> float:
    if value is None:
        return math.inf
    return abs(value) if higher is None else -value if higher else value


def _scale(values: list[float | None]) -> tuple[float, float]:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else (0.0, 0.0)


def _place(value: float | None, scale: tuple[float, float]) -> float | None:
    low, high = scale
    if value is None:
        return None
    return round(4 + 92 * (value - low) / (high - low), 2) if high > low else 50.0


def _between(held: Facts, unit: str) -> str:
    """Return an interval in words, nothing where it is not known."""
    low, high = held.get("low"), held.get("high")
    if low is None or high is None:
        return ""
    bare = "" if unit in ("times", "currency", "money") else unit
    return f"{wording.number(low, bare)} to {wording.number(high, bare)}"


def _difference(each: Facts, metric: Facts, told: Facts, facts: Facts) -> str:
    """Return how much better the candidate, the first of the models, is than another."""
    unit, currency = metric.get("unit") or "", facts.get("currency") or ""
    who = f"{label(told, next(iter(told), ''))} against {label(told, each.get('against'))}"
    found, low, high = (each.get(part) for part in ("estimate", "low", "high"))
    if found is None:
        return f"{who}: not known."
    if low is not None and high is not None and low <= 0 <= high:
        return f"{who}: no clear difference{_within(low, high, unit)}."
    if low is not None and high is not None and found < 0:
        low, high = -high, -low
    said = wording.number(abs(found), unit, currency)
    return f"{who}: {'better' if found > 0 else 'worse'} by {said}{_within(low, high, unit)}."


def _within(low: float | None, high: float | None, unit: str) -> str:
    said = _between({"low": low, "high": high}, unit)
    return f" ({said})" if said else ""


def label(told: Facts, name: Any) -> str:
    """Return a model's name in words."""
    return str(told.get(name, {}).get("label") or name or "")


def _role(told: Facts, name: str) -> str:
    role = str(told.get(name, {}).get("role") or "")
    return "" if role in ("candidate", "served") else role


def headline(facts: Facts) -> list[str]:
    """Return what a marketing lead wants to know of the model, in a sentence or two."""
    tell = {"churn": _churn_headline, "clv": _clv_headline, "segments": _segments_headline}
    return tell.get(str(facts.get("task")), lambda _: [])(facts)


def _served_value(facts: Facts, metric: str) -> float | None:
    name = (facts.get("verdict") or {}).get("served") or facts.get("model")
    for each in facts.get("metrics") or []:
        if each.get("name") == metric:
            return (each.get("values") or {}).get(name, {}).get("value")
    return None


def _churn_headline(facts: Facts) -> list[str]:
    test = facts.get("test") or {}
    rate, times = test.get("rate"), _served_value(facts, "lift_at_10")
    if rate is None or times is None:
        return []
    said = [
        f"Of the tenth ranked most likely to leave, {wording.number(rate * times, 'share')} did, "
        f"against {wording.number(rate, 'share')} of all: {wording.number(times)} times as many."
    ]
    if (caught := test.get("mrr_top_tenth")) is not None:
        share = wording.number(caught, "share")
        said.append(f"That tenth held {share} of the monthly revenue (MRR) that left.")
    return said


def _clv_headline(facts: Facts) -> list[str]:
    share, bias = (_served_value(facts, name) for name in ("top_tenth_share", "total_bias"))
    said = []
    if share is not None:
        share_said = wording.number(share, "share")
        said.append(f"The tenth ranked highest brought {share_said} of what all brought.")
    if bias is not None:
        size, side = wording.number(abs(bias), "share"), "above" if bias > 0 else "below"
        said.append(f"All predictions together came out {size} {side} what was really spent.")
    return said


def _segments_headline(facts: Facts) -> list[str]:
    found = [way for way in facts.get("ways") or [] if way.get("segments")]
    if not found:
        return []
    held = sorted(found[0]["segments"], key=lambda each: -(each.get("share") or 0.0))
    names = [f"{each.get('name')} ({wording.number(each.get('share'), 'share')})" for each in held]
    others = [str(way.get("label")).lower() for way in found[1:]]
    return [
        f"{len(held)} segments: {', '.join(names)}.",
        *([f"Customers are told apart in other ways too: {'; '.join(others)}."] if others else []),
    ]


def tested(facts: Facts) -> list[str]:
    """Return how the model was tested, a sentence each."""
    cutoffs, test = facts.get("cutoffs") or {}, facts.get("test") or {}
    said = [f"Customers were split {cutoffs['split']}."] if cutoffs.get("split") else []
    said += _found_at(cutoffs) if facts.get("task") == "segments" else _cutoffs(cutoffs)
    if test.get("customers"):
        did = _OUTCOMES.get(str(facts.get("task")))
        count, rate = test.get("positives"), test.get("rate")
        rated = "" if rate is None else f" ({wording.number(rate, 'share')})"
        whom = f", of whom {wording.count(count)} {did}{rated}" if did and count is not None else ""
        if (part := test.get("mrr_rate")) is not None:
            mrr = wording.number(test.get("mrr"), "currency", facts.get("currency") or "")
            whom += f", with {wording.number(part, 'share')} of the monthly revenue of {mrr}"
        said.append(f"Measured on {wording.count(test['customers'])} customers{whom}.")
    if facts.get("population"):
        said.append(f"Who is asked about: {str(facts['population']).rstrip('.')}.")
    return said


def _found_at(cutoffs: Facts) -> list[str]:
    day = next(iter(cutoffs.get("fit") or []), cutoffs.get("test"))
    return [f"Found on what was known at {day}."] if day else []


def _cutoffs(cutoffs: Facts) -> list[str]:
    fit, said = cutoffs.get("fit") or [], []
    if len(fit) > 1:
        said.append(f"Fitted on {len(fit)} cut-offs from {fit[0]} to {fit[-1]}.")
    elif fit:
        said.append(f"Fitted at the cut-off {fit[0]}.")
    if cutoffs.get("validation"):
        said.append(f"Settings chosen at {cutoffs['validation']}.")
    if cutoffs.get("test"):
        said.append(f"Tested at {cutoffs['test']}, on days the model had not seen.")
    if days := cutoffs.get("horizon_days"):
        gap = cutoffs.get("gap_days")
        begin = f"that begin {gap} days after it" if gap else "after it"
        said.append(f"At each cut-off the question is about the {days} days {begin}.")
    return said
