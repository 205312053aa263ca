"""Does the history bear the tasks: enough of it, and enough customers of each outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import cache

import pandas as pd

from configs.schema import Cancel, Clv, Config, Lapse, Segmentation, asks_subscribers
from configs.values import MOST_DAYS
from features.build import build
from features.findings.finding import FEWEST, Finding
from features.labels import cancelled, future, recurring
from features.source import Tables, first_and_last_day
from features.timeline import HistoryError, cut_offs

Known = Callable[..., pd.DataFrame]
Task = Lapse | Cancel | Clv

_KEYS = ["as_of", "customer_id"]
_SAID = {
    "lapse": "lapsed",
    "cancel": "cancelled",
    "amount": "bought",
    "margin": "bought",
    "mrr": "paid",
}
"""What is counted, by a churn's kind and a CLV's value."""


def of_tasks(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield, of each task, whether training on these tables can be meant."""
    known = cache(lambda *days: build(config, tables, days))
    for name in ("churn", "clv"):
        task = getattr(config, name)
        if task is not None:
            yield _of_task(config, tables, known, name, task)
    if config.segments is not None:
        yield _of_segments(config, tables, known, config.segments)


def _of_task(config: Config, tables: Tables, known: Known, name: str, task: Task) -> Finding:
    """Say whether a task's horizon fits the history, and enough customers are there to ask."""
    first, last = first_and_last_day(tables)
    try:
        cuts = cut_offs(config.timeline, task.horizon, first, last)
    except HistoryError as error:
        return Finding("stop", f"{name}: history", f"{first} to {last}", str(error))
    said = _SAID[task.value if isinstance(task, Clv) else task.kind]
    parts: dict[str, tuple[Sequence[date], date | None]] = {
        "tune": (cuts.tune, cuts.validation),
        "validation": ((cuts.validation,), cuts.test),
        "test": ((cuts.test,), None),
    }
    for part, (days, known_before) in parts.items():
        asked, did, revenue = _outcomes(config, tables, known, task, days, known_before)
        if (did if name == "clv" else min(did, asked - did)) < FEWEST:
            return Finding(
                "stop",
                f"{name}: customers",
                f"{did:,} of {asked:,} {said} after the {part} cut-offs{revenue}",
                f"at least {FEWEST} of each outcome are needed: another horizon, or more history",
            )
    return Finding(
        "fine",
        f"{name}: customers",
        f"{len(cuts.fit)} training cut-offs from {cuts.fit[0]}, reported on {cuts.test}; there, "
        f"{did:,} of {asked:,} {said} within {task.horizon} days{revenue}",
    )


def _outcomes(
    config: Config,
    tables: Tables,
    known: Known,
    task: Task,
    days: Sequence[date],
    known_before: date | None,
) -> tuple[int, int, str]:
    """Return how many are asked, how many lapsed (cancelled, bought, paid), at what revenue."""
    if isinstance(task, Cancel):
        asked = cancelled(config, tables, days, task.horizon, known_before)
        return len(asked), int(asked["churned"].sum()), _revenue(config, asked)
    frame = known(*days)
    if asks_subscribers(task):
        frame = frame[frame["running_subscriptions"] >= 1]
        paid = recurring(config, tables, days, task.horizon, known_before).query("value > 0")
        return len(frame), len(frame[_KEYS].merge(paid)), ""
    frame = frame[frame["days_since_purchase"] <= (task.active_within or MOST_DAYS)]
    bought = future(config, tables, days, task.horizon, known_before=known_before)
    buyers = bought.loc[bought["purchases"] > 0, _KEYS]
    count = len(frame[_KEYS].merge(buyers))
    return len(frame), count if isinstance(task, Clv) else len(frame) - count, ""


def _revenue(config: Config, asked: pd.DataFrame) -> str:
    """Say what part of the MRR those who cancelled had, and what the others cut down."""
    if "mrr" not in asked or not (total := asked["mrr"].sum()) > 0:
        return ""
    gone = asked.loc[asked["churned"] == 1, "mrr"].sum()
    return (
        f", with {gone / total:.1%} of the MRR of {total:,.0f} {config.currency}; "
        f"in all {asked['mrr_lost'].sum() / total:.1%} of it was lost"
    )


def _of_segments(config: Config, tables: Tables, known: Known, asked: Segmentation) -> Finding:
    as_of = config.timeline.test or first_and_last_day(tables)[1]
    frame = known(as_of)
    count = int((frame["days_since_purchase"] <= (asked.active_within or MOST_DAYS)).sum())
    needed = FEWEST * asked.min_segments
    if count < needed:
        step = f"at least {needed} are needed for {asked.min_segments} segments"
        return Finding("stop", "segments: customers", f"{count:,} at {as_of}", step)
    return Finding("fine", "segments: customers", f"{count:,} at {as_of}")
