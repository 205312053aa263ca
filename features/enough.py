"""How many customers a task takes: one rule, which `check` tells of and training holds to.

They are counted without building features, so that too few are told before the work starts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import sqrt

import pandas as pd

from configs.errors import StamkundeError
from configs.schema import Config
from configs.segmentation import BehaviourSegments
from configs.tasks import Cancel, Clv, Lapse
from configs.values import MOST_DAYS
from features.build import recency
from features.labels import cancelled, future, recurring, snapshot_labels
from features.source import Tables, first_and_last_day
from features.timeline import CutOffs, HistoryError, cut_offs

FEWEST = 50
"""The least customers of each outcome that a task is begun with.

Ten (Peduzzi et al. 1996, J Clin Epidemiol 49(12)) for each of an RFM logistic's four coefficients
and the slope that calibrates it; with fewer, a ROC-AUC of 0.75 is not even known to ±0.10.
"""

ENOUGH = 100
"""The customers of each outcome from which on a figure can be relied on.

Collins, Ogundimu & Altman (2016), Statistics in Medicine 35(2); Vergouwe et al. (2005).
"""

MORE = "bring more history, or another horizon"

_SAID = {
    "lapse": "lapsed",
    "cancel": "cancelled",
    "label": "left",
    "amount": "bought",
    "margin": "bought",
    "mrr": "paid",
}
"""What is counted, by a churn's kind and a CLV's value."""

_KEYS = ["as_of", "customer_id"]


class TooFewError(StamkundeError, ValueError):
    """Too few customers, or too few of one outcome, to learn from."""


@dataclass(frozen=True)
class Part:
    """The customers of one part of a task's split.

    Parameters
    ----------
    where : str
        Such as ``after the test cut-off``.
    said : str
        What the outcome is called.
    asked, did : int
        How many there are, and of how many of them it came true.
    of_value : bool
        Whether only those who brought any value are asked to be enough.
    revenue : str
        What is to be said of their revenue.
    """

    where: str
    said: str
    asked: int
    did: int
    of_value: bool = False
    revenue: str = ""

    @property
    def fewest(self) -> int:
        """How many there are of the rarer outcome that is needed."""
        return self.did if self.of_value else min(self.did, self.asked - self.did)

    @property
    def margin(self) -> float:
        """The half-width of a 95 % interval that a ROC-AUC of 0.75 would have.

        Hanley & McNeil (1982), Radiology 143(1).
        """
        auc, did, did_not = 0.75, self.did, self.asked - self.did
        one, two = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        spread = auc * (1 - auc) + (did - 1) * (one - auc**2) + (did_not - 1) * (two - auc**2)
        return 1.96 * sqrt(spread / (did * did_not))

    def __str__(self) -> str:
        return f"{self.did:,} of {self.asked:,} {self.said} {self.where}"


def cuts_of(config: Config, tables: Tables, task: Lapse | Cancel | Clv) -> CutOffs:
    """Lay a task's cut-offs into the history of its base.

    Raises
    ------
    HistoryError
        If the history is too short for it.
    """
    shorter = getattr(task, "training_horizon", None)
    held = first_and_last_day(tables)
    return cut_offs(config.timeline, task.horizon, *held, training_horizon=shorter)


def parts_in_time(
    config: Config, tables: Tables, task: Lapse | Cancel | Clv, cuts: CutOffs
) -> tuple[Part, ...]:
    """Count a task's customers at the cut-offs: to tune, for validation, and to report on."""
    shorter = getattr(task, "training_horizon", None) or task.horizon
    learns = task.model_copy(update={"horizon": shorter})
    early: tuple[tuple[str, Sequence[date], date | None], ...] = (
        ("after the tune cut-offs", cuts.tune, cuts.validation),
        ("after the validation cut-off", (cuts.validation,), cuts.test),
    )
    if not cuts.origins:
        early = (("after the training cut-offs", cuts.fit, cuts.test),)
    return (
        *(_part(config, tables, learns, *span) for span in early),
        _part(config, tables, task, "after the test cut-off", cuts.tests, None),
    )


def part_of_snapshot(config: Config, tables: Tables) -> Part:
    """Count a snapshot's customers and those who left."""
    churned = snapshot_labels(config, tables)["churned"]
    return Part("by the label", _SAID["label"], len(churned), int(churned.sum()))


def held_out(part: Part, share: float) -> Part:
    """Return what of a snapshot is held out by strata."""
    asked, did = (max(1, round(share * count)) for count in (part.asked, part.did))
    return replace(part, where="in the part held out", asked=asked, did=did)


def too_few(parts: Sequence[Part]) -> str | None:
    """Say which parts have fewer than `FEWEST` of an outcome, all at once; None if none has."""
    short = [part for part in parts if part.fewest < FEWEST]
    if not short:
        return None
    said = short[0].said
    needed = said if short[0].of_value else f"{said} and {FEWEST} who did not"
    each = " each time" if len(parts) > 1 else ""
    return f"{', '.join(map(str, short))}; at least {FEWEST} who {needed} are needed{each}"


def rough(parts: Sequence[Part]) -> str | None:
    """Say in which parts a figure cannot be relied on for want of customers; None if in none.

    Of the parts that are judged on, the last two: what only trains is not measured on.
    """
    thin = [part for part in parts[-2:] if not part.of_value and part.fewest < ENOUGH]
    if not thin:
        return None
    told = ", ".join(f"±{part.margin:.2f} with {part}" for part in thin)
    return (
        f"figures are rough where fewer than {ENOUGH} had an outcome: a ROC-AUC of 0.75 is known "
        f"to {told}"
    )


def doubts(task: str, parts: Sequence[Part]) -> tuple[str, ...]:
    """Return what `rough` says as a warning."""
    said = rough(parts)
    return (f"Few customers: of {task}, {said}.",) if said else ()


def clustered(config: Config) -> dict[str, BehaviourSegments]:
    """Return the ways of telling customers apart that are found in the data, by name."""
    held = (config.segments or {}).items()
    return {name: way for name, way in held if isinstance(way, BehaviourSegments)}


def too_few_to_segment(task: BehaviourSegments, count: int) -> str | None:
    """Say how many the segments that are asked need, if so many customers are too few."""
    needed = FEWEST * task.min_segments
    if count >= needed:
        return None
    return f"at least {needed} are needed for {task.min_segments} segments"


def customers_to_segment(
    config: Config, tables: Tables, task: BehaviourSegments
) -> tuple[int, str]:
    """Return how many customers segments are asked of, and where these are counted."""
    if tables.transactions is None:
        return tables.intake["snapshot"].rows, "in the snapshot"
    as_of = config.timeline.test or first_and_last_day(tables)[1]
    return len(_active(config, tables, [as_of], task.active_within)), f"at {as_of}"


def require_enough(task: str, parts: Sequence[Part]) -> None:
    """Refuse to begin a task of which some parts have too few customers of an outcome.

    Raises
    ------
    TooFewError
        With every such part.
    """
    if said := too_few(parts):
        raise TooFewError(f"{task}: {said}; {MORE}")


def require_enough_to_segment(task: BehaviourSegments, count: int, where: str) -> None:
    """Refuse to look for segments among too few customers.

    Raises
    ------
    TooFewError
    """
    if said := too_few_to_segment(task, count):
        raise TooFewError(
            f"segments: {count:,} customers {where}; {said}: bring more, or a longer active_within"
        )


def require_all(config: Config, tables: Tables, tasks: Sequence[str]) -> None:
    """Refuse to begin any of several tasks if the data do not bear them all.

    Raises
    ------
    TooFewError
        With a line for each task whose history is too short, or whose customers are too few.
    """
    lines = []
    for task in tasks:
        try:
            _require(config, tables, task)
        except HistoryError as error:
            lines.append(f"{task}: {error}")
        except TooFewError as error:
            lines.append(str(error))
    if lines:
        raise TooFewError("\n".join(lines))


def _require(config: Config, tables: Tables, name: str) -> None:
    if name == "segments":
        for way in clustered(config).values():
            require_enough_to_segment(way, *customers_to_segment(config, tables, way))
    elif tables.snapshot is not None:
        require_enough(name, [part_of_snapshot(config, tables)])
    else:
        task = getattr(config, name)
        cuts = cuts_of(config, tables, task)
        require_enough(name, parts_in_time(config, tables, task, cuts))


def _part(
    config: Config,
    tables: Tables,
    task: Lapse | Cancel | Clv,
    where: str,
    days: Sequence[date],
    known_before: date | None,
) -> Part:
    if isinstance(task, Cancel):
        held = cancelled(config, tables, days, task.horizon, known_before)
        revenue = _revenue(config, held)
        did = int(held["churned"].sum())
        return Part(where, _SAID[task.kind], len(held), did, revenue=revenue)
    if isinstance(task, Clv) and task.of_subscriptions:
        asked = cancelled(config, tables, days, task.horizon, known_before)[_KEYS]
        paid = recurring(config, tables, days, task.horizon, known_before).query("value > 0")
        did = len(asked.merge(paid[_KEYS]))
        return Part(where, _SAID[task.value], len(asked), did, of_value=True)
    asked = _active(config, tables, days, task.active_within)
    value = task.value if isinstance(task, Clv) else "amount"
    outcome = future(config, tables, days, task.horizon, value, known_before)
    brought = outcome["value"] > 0 if isinstance(task, Clv) else outcome["purchases"] > 0
    count = len(asked.merge(outcome.loc[brought, _KEYS]))
    if isinstance(task, Clv):
        return Part(where, _SAID[task.value], len(asked), count, of_value=True)
    return Part(where, _SAID[task.kind], len(asked), len(asked) - count)


def _active(
    config: Config, tables: Tables, days: Sequence[date], active_within: int | None
) -> pd.DataFrame:
    """Return the customers who had bought within so many days of each cut-off."""
    frame = recency(config, tables, days)
    within = frame["days_since_purchase"] <= (active_within or MOST_DAYS)
    return frame.loc[within, _KEYS]


def _revenue(config: Config, asked: pd.DataFrame) -> str:
    """Say what part of the MRR those who cancelled had, and what the others cut down."""
    if "mrr" not in asked or not (total := asked["mrr"].sum()) > 0:
        return ""
    gone = asked.loc[asked["churned"] == 1, "mrr"].sum()
    return (
        f", with {gone / total:.1%} of the MRR of {total:,.0f} {config.currency}; "
        f"in all {asked['mrr_lost'].sum() / total:.1%} of it was lost"
    )
