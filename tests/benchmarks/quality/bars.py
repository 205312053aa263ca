"""What is to be met, and whether it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.benchmarks.quality.measured import EVERYBODY, LEVELS, MEASURED, ONE_ORDER, OURS

Measured = Mapping[str, Any]

MOST_OPTIMISM = 0.02
MOST_BIAS = 0.10
MOST_ECE, ECE_BEHIND = 0.025, 0.005
ANY_ECE = ("cdnow-churn",)
"""Where no bound holds: the horizon asked is longer than any that could be trained on."""
LEAST_COVERED = {80: 0.77, 95: 0.93}


def bars(rows: Sequence[Measured], asked: int) -> list[dict[str, Any]]:
    """Return every bar of the rows that are measured, of so many that there are."""
    found = [_bar("rows measured", len(rows), f">= {asked}", len(rows) >= asked)]
    for row in rows:
        found += [*_against_peers(row), *(_churn(row) if row["task"] == "churn" else _value(row))]
    ahead = [row["row"] for row in rows if is_ahead(row)]
    told = f"rows on which Stamkunde is ahead of every peer ({', '.join(ahead) or 'none'})"
    return [*found, _bar(told, len(ahead), f"> {asked / 2:g}", len(ahead) > asked / 2)]


def reached(rows: Sequence[Measured]) -> list[dict[str, Any]]:
    """Return what to reach for, beyond the best found before the project began."""
    found = []
    for row in rows:
        directions = {metric.name: metric.higher_is_better for metric in MEASURED[row["task"]]}
        for metric, goal in row["reach"].items():
            value = _value_of(row, OURS, metric)
            met, sign = (value >= goal, ">=") if directions[metric] else (value <= goal, "<=")
            found.append(_bar(f"{row['row']}: reach for {metric}", value, f"{sign} {goal:g}", met))
    return found


def best_peer(row: Measured, metric: str) -> str:
    """Return the peer that has the best figure: the one that Stamkunde gains least on."""
    return min(_peers(row), key=lambda name: row["contenders"][name]["gains"][metric]["estimate"])


def is_ahead(row: Measured) -> bool:
    """Whether Stamkunde's ranking and its error are both better than every peer's."""
    return all(
        gain["estimate"] > 0
        for name in _peers(row)
        for gain in (row["contenders"][name]["gains"][metric] for metric in _decisive(row))
    )


def _against_peers(row: Measured) -> Iterator[dict[str, Any]]:
    """Yield whether the interval of the gain on the best peer lies on the wrong side of zero."""
    for metric in _decisive(row):
        name = best_peer(row, metric)
        high = row["contenders"][name]["gains"][metric]["high"]
        told = f"{row['row']}: {metric}, the most that the gain on {name} may be"
        yield _bar(told, high, ">= 0", high >= 0)


def _churn(row: Measured) -> Iterator[dict[str, Any]]:
    later = _value_of(row, OURS, "roc_auc")
    off = None if row["tuning"] is None else abs(row["tuning"] - later)
    told = f"{row['row']}: tuning's own ROC-AUC, away from the later period's"
    yield _at_most(told, off, MOST_OPTIMISM)
    ece = _value_of(row, OURS, "ece")
    best = min(_value_of(row, name, "ece") for name in _peers(row))
    yield _at_most(f"{row['row']}: ECE, over that of the best peer", ece - best, ECE_BEHIND)
    if row["row"] not in ANY_ECE:
        yield _at_most(f"{row['row']}: ECE", ece, MOST_ECE)


def _value(row: Measured) -> Iterator[dict[str, Any]]:
    bias = abs(_value_of(row, OURS, "total_bias"))
    yield _at_most(f"{row['row']}: total bias, either way", bias, MOST_BIAS)
    for level in LEVELS:
        least = LEAST_COVERED[level]
        for who in (EVERYBODY, ONE_ORDER):
            found = _interval(row["coverage"], level, who).get("covered")
            told = f"{row['row']}: {level} % intervals of {who} cover"
            yield _bar(told, found, f">= {least:g}", found is not None and found >= least)
        ours, theirs = (
            _interval(row[part], level, EVERYBODY).get("width")
            for part in ("coverage", "bootstrap")
        )
        ratio = ours / theirs if ours is not None and theirs else None
        told = f"{row['row']}: {level} % intervals' mean width, over the bootstrap's"
        yield _bar(told, ratio, "< 1", ratio is not None and ratio < 1)


def _interval(held: Sequence[Mapping[str, Any]], level: int, who: str) -> Mapping[str, Any]:
    return next((one for one in held if (one["level"], one["who"]) == (level, who)), {})


def _decisive(row: Measured) -> list[str]:
    """Return the ranking and the error."""
    return [metric.name for metric in MEASURED[row["task"]][:2]]


def _peers(row: Measured) -> list[str]:
    return [name for name in row["contenders"] if name != OURS]


def _value_of(row: Measured, name: str, metric: str) -> float:
    return row["contenders"][name]["values"][metric]["estimate"]


def _at_most(told: str, value: float | None, bound: float) -> dict[str, Any]:
    return _bar(told, value, f"<= {bound:g}", value is not None and value <= bound)


def _bar(told: str, value: float | None, bound: str, met: bool) -> dict[str, Any]:
    return {"bar": told, "value": value, "bound": bound, "met": met}
