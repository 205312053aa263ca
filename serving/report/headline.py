"""What a report says first: a few sentences and a few figures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pandas as pd

from serving.report.contents import Report
from serving.report.words import Words, known

CUSTOMERS = ("end", "subscribers_end", "snapshot_customers")
KEPT = ("retention_rate", "subscriber_retention_rate", "snapshot_retention_rate")
LOST = ("lost", "subscribers_lost", "snapshot_churned")
MONEY = ("revenue", "mrr_end")


@dataclass(frozen=True)
class Tile:
    """A figure that is seen first.

    Parameters
    ----------
    name, value : str
    since : str
        How it has come there.
    """

    name: str
    value: str
    since: str


def sentences(report: Report, words: Words) -> list[str]:
    """Return what matters most, in sentences; none of what is not known."""
    return list(_sentences(report, words))


def _sentences(report: Report, words: Words) -> Iterator[str]:
    if (held := _first(report, CUSTOMERS)) is not None:
        phrase = "headline_customers" if report.period else "headline_snapshot"
        last = report.as_of - timedelta(days=1)
        yield words(phrase, count=words.value(held.value, "count"), day=words.day(last)) + (
            f"{_since(report, held, words)}."
        )
    if (held := _first(report, KEPT)) is not None:
        lost = _first(report, LOST)
        yield (
            words(
                "headline_kept" if report.period else "headline_kept_snapshot",
                share=words.value(held.value, "share"),
            )
            + _since(report, held, words)
            + (
                "; " + words("headline_lost", count=words.value(lost.value, "count"))
                if lost is not None
                else ""
            )
            + "."
        )
    if (held := _first(report, MONEY)) is not None:
        yield words(f"headline_{held.name}", money=words.value(held.value, "money")) + (
            f"{_since(report, held, words)}."
        )
    if (risk := at_stake(report)) is not None and known(risk["value_at_risk"]):
        days = report.horizons.get("churn")
        yield words(
            "headline_risk_within" if days else "headline_risk",
            money=words.value(risk["value_at_risk"], "money"),
            count=words.value(risk["expected_leavers"], "count"),
            days=days,
        )


def _since(report: Report, held: pd.Series, words: Words) -> str:
    """Return how a figure changed, as it stands behind it in a sentence."""
    moved = _changed(report, held, words)
    return f" ({moved})" if moved else ""


def _changed(report: Report, held: pd.Series, words: Words) -> str:
    before = report.before
    if before is None or str(held.name) not in before.index or report.period is None:
        return ""
    name = str(held.name)
    was, unit = before["value"][name], report.definitions[name].unit
    if not known(was):
        return ""
    if held.value == was:
        return words("unchanged", days=report.period.days)
    change = words.change(held.value, was, unit)
    return words("since", change=change, days=report.period.days)


def tiles(report: Report, words: Words) -> list[Tile]:
    """Return the chief figures, each with its change."""
    held = [_first(report, names) for names in (CUSTOMERS, KEPT, MONEY)]
    shown = [_tile(report, each, words) for each in held if each is not None]
    risk = at_stake(report)
    if risk is not None and known(risk["value_at_risk"]):
        share = risk["value_at_risk"] / risk["clv"] if known(risk["clv"]) and risk["clv"] else None
        of = words("of_clv", share=words.value(share, "share")) if share is not None else ""
        money = words.value(risk["value_at_risk"], "money")
        shown.append(Tile(words("value_at_risk"), money, of))
    return shown


def _tile(report: Report, held: pd.Series, words: Words) -> Tile:
    figure = report.definitions[str(held.name)]
    value = words.value(held.value, figure.unit)
    return Tile(words.label(figure), value, _changed(report, held, words))


def at_stake(report: Report) -> pd.Series | None:
    """Return the whole base's row of who is at risk."""
    if report.risk is None:
        return None
    whole = report.risk[report.risk["dimension"] == "all"]
    return whole.iloc[0] if len(whole) else None


def _first(report: Report, names: tuple[str, ...]) -> Any:
    """Return the first of these figures that the whole base has."""
    whole = report.whole
    for name in names:
        if name in whole.index and known(whole.value[name]):
            return whole.loc[name]
    return None


def first(report: Report, words: Words) -> dict[str, Any]:
    """Return what stands above all else: sentences, tiles, and what to know before."""
    return {
        "sentences": sentences(report, words),
        "tiles": tiles(report, words),
        "cautions": [words(phrase, **_said(named, words)) for phrase, named in report.cautions],
    }


def _said(named: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """Return what a caution names, tasks as people call them."""
    tasks = str(named.get("tasks", ""))
    told = ", ".join(words(f"named_{task}") for task in tasks.split(", ")) if tasks else ""
    return {**named, "tasks": told} if tasks else dict(named)
