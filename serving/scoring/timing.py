"""When a customer is expected to churn, or to be back: in numbers and in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from features.timeline import label_window
from training.quantities import Language, quantity
from training.timing import Times, Timing

_WITHIN = {"lapse": "no_purchase_within", "cancel": "cancelled_within"}
_DUE: Mapping[Language, str] = {
    "en": "as likely as not to buy by {by}",
    "da": "vil lige så sandsynligt som ikke have købt senest {by}",
}
_DUE_IN: Mapping[Language, str] = {
    "en": "as likely as not to buy within {days}",
    "da": "vil lige så sandsynligt som ikke have købt inden for {days}",
}
_NEVER: Mapping[Language, str] = {
    "en": "no purchase expected within {days}",
    "da": "intet køb ventet inden for {days}",
}


def field(timing: Timing) -> str:
    """Return what the chances are called: of silence, or of cancelling."""
    return _WITHIN[timing.kind]


def recorded(timing: Timing, times: Times, row: int, as_of: str | None) -> dict[str, Any]:
    """Return what is put on record of a row's times: chances by days, and the date, if any."""
    chances = (times.within[row] + 0.0).tolist()  # the record knows no negative zero
    days = [str(day) for day in timing.days]
    held: dict[str, Any] = {field(timing): dict(zip(days, chances, strict=True))}
    if times.next_purchase is not None:
        held["next_purchase"] = _due(timing, times.next_purchase[row], as_of)
    return held


def told(
    timing: Timing | None, times: Times | None, row: int, as_of: str | None, language: Language
) -> dict[str, Any]:
    """Return what a score says of a row's times; null where a model or its churn has none."""
    nothing: dict[str, Any] = {**dict.fromkeys(_WITHIN.values()), "next_purchase": None}
    if timing is None or times is None:
        return nothing
    held = {**nothing, **recorded(timing, times, row, as_of)}
    if due := held["next_purchase"]:
        held["next_purchase"] = {**due, "text": _words(timing, due, language)}
    return held


def _due(timing: Timing, days: float, as_of: str | None) -> dict[str, Any]:
    if np.isnan(days):
        return {"days": None, "date": None}
    number = int(days)
    return {"days": number, "date": None if as_of is None else _last_day(as_of, timing.gap, number)}


@lru_cache(maxsize=4_096)
def _last_day(as_of: str, gap: int, days: int) -> str:
    _, end = label_window(date.fromisoformat(as_of), gap, days)
    return str(end - timedelta(days=1))


def _words(timing: Timing, due: Mapping[str, Any], language: Language) -> str:
    if due["days"] is None:
        days = quantity(float(timing.most), "days", language)
        return _NEVER[language].format(days=days)
    if due["date"] is not None:
        return _DUE[language].format(by=due["date"])
    days = quantity(float(due["days"]), "days", language)
    return _DUE_IN[language].format(days=days)
