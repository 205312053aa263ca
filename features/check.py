"""Is the data fit for the job: what was found in it, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from itertools import pairwise
from typing import Any, Literal

import ibis.expr.types as ir
import pandas as pd

from configs.schema import Clv, Config, Lapse, Segmentation
from configs.values import MOST_DAYS
from features.build import build
from features.contract import quote_names
from features.labels import future, snapshot_labels
from features.source import Intake, Tables, first_and_last_day
from features.timeline import HistoryError, cut_offs

FEWEST = 50
"""The least number of customers of each outcome that a task is begun with."""

_LONGEST_SILENCE = 7  # days in which nobody bought anything: past it, rows are likely missing
_MANY_GUESTS, _MANY_DUPLICATES, _MANY_RETURNS = 0.10, 0.005, 0.15
_GAPS = "days without a purchase"
_CANCELLED = "see that cancelled orders stand beside the orders they cancel"

Level = Literal["fine", "look", "stop"]
Known = Callable[..., pd.DataFrame]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    level : {"fine", "look", "stop"}
        ``stop`` where training cannot be meant.
    what : str
        What was looked at.
    found : str
        What there is, in figures.
    step : str
        What to do; empty where nothing needs doing.
    """

    level: Level
    what: str
    found: str
    step: str = ""


def check(config: Config, tables: Tables) -> list[Finding]:
    """Return what was found in a customer base's tables, in the order of reading."""
    if tables.transactions is None:
        return list(_of_snapshot(config, tables))
    found = list(_of_transactions(config, tables, tables.intake["transactions"]))
    if tables.customers is not None:
        found.append(_of_customers(tables))
    known = cache(lambda *days: build(config, tables, days))
    for task in ("churn", "clv"):
        asked = getattr(config, task)
        if asked is not None:
            found.append(_of_task(config, tables, known, task, asked))
    if config.segments is not None:
        found.append(_of_segments(config, tables, known, config.segments))
    return found


def _of_transactions(config: Config, tables: Tables, intake: Intake) -> Iterator[Finding]:
    rows = tables.need("transactions")
    held = _one(
        tables,
        rows.aggregate(
            customers=rows.customer_id.nunique(),
            returned=(0 - rows.amount).sum(where=rows.amount < 0).cast("float64"),
            spent=rows.amount.sum(where=rows.amount > 0).cast("float64"),
            free=(rows.amount == 0).sum(),
            kept=rows.count(),
        ),
    )
    yield Finding("fine", "rows", f"{intake.rows:,} by {held['customers']:,} customers")
    first, last = first_and_last_day(tables)
    days = (last - first).days + 1
    yield Finding("fine", "dates", f"{first} to {last}, {days} days in {config.timezone}")
    yield _gaps(tables)
    yield _share(
        "guests",
        intake.guests,
        intake.rows,
        _MANY_GUESTS,
        "rows without a customer id are left out; if they are many, ask for the id at checkout",
    )
    treated = config.sources.transactions.duplicates  # type: ignore[union-attr]
    yield _share(
        "duplicates",
        intake.duplicates,
        intake.rows,
        _MANY_DUPLICATES,
        f"rows that repeat another in every column; now: {treated}. If they are errors of an "
        "export, set sources.transactions.duplicates: drop",
    )
    spent, returned = held["spent"] or 0.0, held["returned"] or 0.0
    if spent <= 0:
        yield Finding("stop", "amounts", "no positive amount", "map amount to what was paid")
        return
    share = returned / spent
    yield Finding(
        "look" if share > _MANY_RETURNS else "fine",
        "returns",
        f"{share:.1%} of what was spent ({returned:,.0f} {config.currency})",
        _CANCELLED if share > _MANY_RETURNS else "",
    )
    yield _share("rows of amount 0", held["free"], held["kept"], 0.05, "they are no purchase")


def _share(what: str, count: int, of: int, bound: float, step: str) -> Finding:
    share = count / of
    return Finding(
        "look" if share > bound else "fine",
        what,
        f"{count:,} rows ({share:.1%})" if count else "none",
        step if share > bound else "",
    )


def _gaps(tables: Tables) -> Finding:
    rows = tables.need("transactions")
    days = sorted(
        tables.backend.to_pyarrow(rows.select("local_day").distinct()).column(0).to_pylist()
    )
    pairs = pairwise(days)
    length, start, end = max(
        (((after - before).days - 1, before, after) for before, after in pairs),
        default=(0, days[0], days[0]),
    )
    if length <= _LONGEST_SILENCE:
        return Finding("fine", _GAPS, f"at most {length} days in a row without one")
    return Finding(
        "look",
        _GAPS,
        f"{length} in a row, between {start} and {end}",
        "if the shop was open then, rows are missing",
    )


def _of_customers(tables: Tables) -> Finding:
    rows, described = tables.need("transactions"), tables.need("customers")
    buyers = rows.select("customer_id").distinct()
    count = _one(tables, buyers.aggregate(n=buyers.count()))["n"]
    matched = buyers.semi_join(described, "customer_id")
    known = _one(tables, matched.aggregate(n=matched.count()))["n"]
    return Finding(
        "fine" if known >= count / 2 else "look",
        "attributes",
        f"known of {known:,} of {count:,} customers ({known / count:.0%})",
        "" if known >= count / 2 else "the others' attributes are missing, which models bear",
    )


def _of_task(
    config: Config, tables: Tables, known: Known, task: str, asked: Lapse | Clv
) -> Finding:
    """Say whether a task's horizon fits the history, and enough customers are there to ask."""
    first, last = first_and_last_day(tables)
    try:
        cuts = cut_offs(config.timeline, asked.horizon, first, last)
    except HistoryError as error:
        return Finding("stop", f"{task}: history", f"{first} to {last}", str(error))
    said = "bought" if task == "clv" else "lapsed"
    parts = {"tune": cuts.tune, "validation": (cuts.validation,), "test": (cuts.test,)}
    for name, days in parts.items():
        population, positive = _outcomes(config, tables, known, asked, days)
        few = positive if task == "clv" else min(positive, population - positive)
        if few < FEWEST:
            return Finding(
                "stop",
                f"{task}: customers",
                f"{positive:,} of {population:,} {said} after the {name} cut-offs",
                f"at least {FEWEST} of each outcome are needed: another horizon, or more history",
            )
    return Finding(
        "fine",
        f"{task}: customers",
        f"{len(cuts.fit)} training cut-offs from {cuts.fit[0]}, reported on {cuts.test}; there, "
        f"{positive:,} of {population:,} {said} within {asked.horizon} days",
    )


def _outcomes(
    config: Config, tables: Tables, known: Known, asked: Lapse | Clv, days: Sequence[date]
) -> tuple[int, int]:
    """Return how many are asked at some cut-offs, and how many lapsed (or bought)."""
    frame = known(*days)
    frame = frame[frame["days_since_purchase"] <= (asked.active_within or MOST_DAYS)]
    bought = future(config, tables, days, asked.horizon)
    buyers = bought.loc[bought["purchases"] > 0, ["as_of", "customer_id"]]
    count = len(frame[["as_of", "customer_id"]].merge(buyers))
    return len(frame), count if isinstance(asked, Clv) else len(frame) - count


def _of_segments(config: Config, tables: Tables, known: Known, asked: Segmentation) -> Finding:
    as_of = config.timeline.test or first_and_last_day(tables)[1]
    frame = known(as_of)
    count = int((frame["days_since_purchase"] <= (asked.active_within or MOST_DAYS)).sum())
    needed = FEWEST * asked.min_segments
    if count < needed:
        step = f"at least {needed} are needed for {asked.min_segments} segments"
        return Finding("stop", "segments: customers", f"{count:,} at {as_of}", step)
    return Finding("fine", "segments: customers", f"{count:,} at {as_of}")


def _of_snapshot(config: Config, tables: Tables) -> Iterator[Finding]:
    intake = tables.intake["snapshot"]
    yield Finding("fine", "rows", f"{intake.rows:,}, one a customer")
    yield Finding("look", "dates", "none", "models cannot be tested on a later period")
    if config.churn is not None:
        yield _balance(config, tables)
    held = tables.need("snapshot")
    counts = _one(
        tables,
        held.aggregate(
            **{f"{name}:missing": held[name].isnull().sum() for name in config.attributes},
            **{f"{name}:values": held[name].nunique() for name in config.attributes},
        ),
    )
    missing = {name: n for name in config.attributes if (n := counts[f"{name}:missing"])}
    said = ", ".join(f"{name} in {n:,} rows" for name, n in missing.items())
    yield Finding("fine", "missing values", said or "none")
    constant = [name for name in config.attributes if counts[f"{name}:values"] < 2]
    if constant:
        yield Finding("look", "attributes that never vary", quote_names(constant), "leave them out")


def _balance(config: Config, tables: Tables) -> Finding:
    churned = snapshot_labels(config, tables)["churned"]
    positive, negative = int(churned.sum()), int((1 - churned).sum())
    found = f"{positive:,} left, {negative:,} stayed"
    if min(positive, negative) < FEWEST:
        label = config.sources.snapshot.positive  # type: ignore[union-attr]
        step = f"at least {FEWEST} of each are needed; customers who left have the label {label!r}"
        return Finding("stop", "churn: label", found, step)
    return Finding("fine", "churn: label", found)


def _one(tables: Tables, table: ir.Table) -> dict[str, Any]:
    return tables.backend.to_pyarrow(table).to_pylist()[0]


def unfit(findings: list[Finding]) -> bool:
    """Say whether training cannot be meant."""
    return any(finding.level == "stop" for finding in findings)
