"""The tables of a card besides its metrics: the gate's checks, slices, leaks, and claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from training import wording

Facts = Mapping[str, Any]

TOO_FEW = "too few"
_OUTCOME = {"churn": "Left", "clv": "Paid"}
_WAYS = {
    "value": "its value alone gives the answer",
    "missing": "being missing gives the answer",
    "removal": "without it the model falls to pieces",
}


def checks(facts: Facts) -> list[dict[str, Any]]:
    """Return the gate's checks as rows, in its order."""
    return [
        {
            "title": wording.title(each.get("check", "")),
            "passed": bool(each.get("passed")),
            "said": each.get("said") or "",
            "value": wording.measured(each.get("value")),
            "bound": wording.measured(each.get("bound")),
        }
        for each in facts.get("gate") or []
    ]


def slices(facts: Facts) -> list[dict[str, Any]]:
    """Return a table for each way of slicing: its columns, and a row for each group."""
    return [_slice(each, facts) for each in facts.get("slices") or [] if each.get("groups")]


def _slice(each: Facts, facts: Facts) -> dict[str, Any]:
    groups = each["groups"]
    names = list(dict.fromkeys(name for held in groups for name in held.get("values") or {}))
    outcome = _OUTCOME.get(str(facts.get("task")))
    return {
        "by": str(each.get("by") or ""),
        "label": wording.title(each.get("label") or each.get("by") or ""),
        "outcome": outcome if any(held.get("positives") is not None for held in groups) else None,
        "columns": [wording.SHORT.get(name, wording.title(name)) for name in names],
        "rows": [
            {
                "name": held.get("name"),
                "customers": wording.count(held.get("customers")),
                "positives": wording.count(held.get("positives")),
                "values": [_cell(held, name, facts) for name in names],
            }
            for held in groups
        ],
    }


def _cell(group: Facts, name: str, facts: Facts) -> dict[str, str]:
    """Return a metric of a group in words, or that there are too few customers for it."""
    held = (group.get("values") or {}).get(name) or {}
    if held.get("value") is None:
        return {"value": TOO_FEW, "interval": ""}
    unit = _unit(name, facts)
    low, high = held.get("low"), held.get("high")
    bare = unit if unit in ("share", "probability", "percent") else ""
    between = f"{wording.number(low, bare)} to {wording.number(high, bare)}"
    return {
        "value": wording.number(held["value"], unit, facts.get("currency") or ""),
        "interval": "" if low is None or high is None else between,
    }


def _unit(name: str, facts: Facts) -> str:
    for metric in facts.get("metrics") or []:
        if metric.get("name") == name:
            return metric.get("unit") or ""
    if name in wording.LEVELS:
        return "currency" if facts.get("task") == "clv" else "share"
    return ""


def examples(facts: Facts) -> list[dict[str, Any]]:
    """Return the typical customers of low, middle and high predictions, with what is said."""
    say = sayer(facts)
    return [{**each, "said": say(each.get("served"))} for each in facts.get("examples") or []]


def sayer(facts: Facts) -> Callable[[Any], str]:
    """Return what says a task's prediction: as a share, or as money."""
    unit = "share" if facts.get("task") == "churn" else "currency"
    return lambda value: wording.number(value, unit, facts.get("currency") or "")


def leaks(facts: Facts) -> list[str]:
    """Return a sentence for each column that knows too much and was let through."""
    told = []
    for each in facts.get("leakage") or []:
        way = _WAYS.get(str(each.get("way")), str(each.get("way")))
        found, bound = wording.number(each.get("value")), wording.number(each.get("bound"))
        waived = each.get("waived")
        why = f"; let through because: {waived}" if isinstance(waived, str) and waived else ""
        name = each.get("label") or each.get("column")
        told.append(f"{wording.title(name)}: {way} ({found}, bound {bound}){why}.")
    return told


def claims(facts: Facts) -> str:
    """Return what a random split would have claimed beside what the later period gave."""
    held = facts.get("claims") or {}
    random, tuning, later = (held.get(part) for part in ("random", "tuning", "later"))
    if random is None or later is None:
        return ""
    named = {metric.get("name"): metric for metric in facts.get("metrics") or []}
    metric = named.get(held.get("metric"), {})
    unit, currency = metric.get("unit") or "", facts.get("currency") or ""
    name = wording.SHORT.get(str(held.get("metric")), wording.title(held.get("metric") or ""))
    random, tuning, later = (
        None if value is None else wording.number(value, unit, currency)
        for value in (random, tuning, later)
    )
    tuned = "" if tuning is None else f" Tuning saw {tuning} at its own cut-off."
    return (
        f"{name}: a random split would have claimed {random}; the later period gave {later}.{tuned}"
    )


def calibration(facts: Facts) -> str:
    """Return how far probabilities are off, beside what chance alone would show."""
    held = facts.get("calibration") or {}
    off, perfect = held.get("ece"), held.get("perfect")
    if off is None or perfect is None:
        return ""
    return (
        f"They are off by {_points(off)} points on average (ECE, ten groups of equal size); a "
        f"perfectly calibrated model of this size would show {_points(perfect)}."
    )


def _points(share: float) -> str:
    return f"{100 * share:.2g}"


def times(facts: Facts) -> dict[str, Any] | None:
    """Return how well churn was told by days, as rows, with what is said of the next purchase."""
    held = facts.get("timing") or {}
    if not held.get("within"):
        return None
    return {
        "rows": [
            {
                "days": wording.count(each["days"]),
                "values": [
                    wording.number(each["predicted"], "share"),
                    wording.number(each["actual"], "share"),
                    wording.number(each["roc_auc"]),
                    wording.number(each["ece"], "probability"),
                ],
            }
            for each in held["within"]
        ],
        "of": "buying nothing" if held.get("next_purchase") else "having cancelled",
        "said": _said_of_dates(held),
    }


def _said_of_dates(held: Facts) -> list[str]:
    said = []
    due = held.get("next_purchase") or {}
    if due.get("customers"):
        bought, expected = (wording.number(due[key], "share") for key in _DUE)
        said.append(
            f"Of the {wording.count(due['customers'])} customers whose next purchase was due "
            f"within the data, {bought} had bought by its date; {expected} was expected."
        )
    if held.get("untested"):
        days = " and ".join(map(str, held["untested"]))
        said.append(f"The data do not reach as far as {days} days: these were not tested.")
    return said


_DUE = ("bought_by_then", "expected")
