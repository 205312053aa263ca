"""How good the served models have been: last period's predictions against what then happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Literal

import numpy as np

from configs.schema import Cancel, Clv, Config, Lapse, Timeline
from features.source import Tables, first_and_last_day
from features.timeline import HistoryError
from serving.releases.release import Release
from serving.report.scored import ScoredAt, score_at
from serving.report.track_figures import churn_figures, value_figures
from training.bundle import Bundle
from training.quantities import Language
from training.split import Examples, with_outcomes

Record = dict[str, Any]
"""What became of one model's predictions, as plain data.

``missing`` : why there is nothing to tell, in a sentence; then there is nothing else.
``cutoff``, ``until`` : the day they were as of, and the day after the last that they were about.
``horizon_days``, ``customers`` : of whom they were made.
``standing`` : ``new`` where the model learned from nothing after the cut-off, ``chosen`` where it
did not either but was chosen on days of the same period, ``seen`` where it learned from some of
it, ``unknown`` where its papers do not say; ``fresh`` : whether it is one of the former two.
``said``, ``said_da`` : that in a sentence.
``metrics`` : a list of ``name``, ``label``, ``unit``, ``higher_is_better``, ``value`` and the 95 %
bootstrap interval ``low`` to ``high``.
``expected``, ``actual`` : how many were expected to leave and left; the money expected and come.
``groups`` : by rising prediction, parts of equal size: ``part`` from 1, ``customers``,
``predicted`` and ``actual``, means.
``bands`` : of churn: ``band`` (low, middle, high), ``customers``, ``predicted``, ``actual``; the
numbers are None where withheld.
``coverage`` : of value: by ``level`` of its intervals (percent), the share ``covered`` by them.
"""

Standing = Literal["new", "chosen", "seen", "unknown"]


@dataclass(frozen=True)
class Asked:
    """What a served model's last predictions that can be judged were of.

    Parameters
    ----------
    task : Lapse, Cancel or Clv
        The question, as the model's bundle has it.
    cutoff : date
    gap : int
        Days from the cut-off to what the model foretells.
    """

    task: Lapse | Cancel | Clv
    cutoff: date
    gap: int

    @property
    def until(self) -> date:
        """The day after the last that the predictions are about."""
        return self.cutoff + timedelta(days=self.gap + self.task.horizon)


def track_record(
    config: Config,
    tables: Tables,
    release: Release,
    as_of: date,
    scored_at: ScoredAt | None = None,
) -> dict[str, Record]:
    """Return what became of the predictions that the served models make of the last period.

    Of churn and of lifetime value, each as of the latest date whose outcome is whole by ``as_of``
    and by the end of the data: the features of then, scored by the models of now. What became
    known only later counts for nothing.

    Parameters
    ----------
    config, tables
        The customer base.
    release : Release
    as_of : date
    scored_at : callable, optional
        What the release says of everybody as of a date, where that is kept.

    Returns
    -------
    dict of str to Record
        By task, of those that the release has a model of.
    """
    scored_at = scored_at or partial(score_at, config, tables, release)
    return {
        task: _record(config, tables, release.bundles[task], as_of, scored_at)
        for task in ("churn", "clv")
        if task in release.bundles
    }


def _record(
    config: Config, tables: Tables, bundle: Bundle, as_of: date, scored_at: ScoredAt
) -> Record:
    task = question(bundle)
    if task is None:
        return {"missing": "The data have no time: nothing came after the predictions."}
    first, last = first_and_last_day(tables)
    end = min(as_of, (config.timeline.last or last) + timedelta(days=1))
    gap = Timeline.model_validate(bundle.manifest["config"]["timeline"]).gap
    asked = Asked(task, end - timedelta(days=gap + task.horizon), gap)
    if asked.cutoff <= first:
        return {
            "missing": f"The data begin on {first}, which is less than {gap + task.horizon} days "
            f"before {end}: no prediction has come due yet."
        }
    rows = _predicted(bundle.model.task, asked.cutoff, scored_at)
    if rows is None or len(rows[0]) < max(config.report.least, 2):
        return {
            "missing": f"Too few customers were there to be predicted as of {asked.cutoff} for "
            "their figures to be told."
        }
    examples, told = rows
    asked_then = config.model_copy(
        update={"timeline": config.timeline.model_copy(update={"gap": gap})}
    )
    actual = with_outcomes(asked_then, tables, task, examples, known_before=end).target
    return {
        "cutoff": asked.cutoff.isoformat(),
        "until": asked.until.isoformat(),
        "horizon_days": task.horizon,
        "customers": len(told),
        **standing(bundle.manifest.get("cutoffs") or {}, asked),
        **(
            value_figures(config, bundle.model, told, actual)
            if isinstance(task, Clv)
            else churn_figures(config, told, actual)
        ),
    }


def _predicted(task: str, cutoff: date, scored_at: ScoredAt) -> tuple[Examples, np.ndarray] | None:
    """Return who was asked about then, and what the model says of them as they were known."""
    try:
        scored = scored_at(cutoff)
    except HistoryError:
        return None
    told = scored.frame[task].to_numpy(float)
    rows, known = scored.features, np.flatnonzero(np.isfinite(told))
    ids, dates = rows["customer_id"].to_numpy()[known], rows["as_of"].to_numpy()[known]
    return Examples(ids, dates, np.empty((len(known), 0)), np.zeros(len(known))), told[known]


def question(bundle: Bundle) -> Lapse | Cancel | Clv | None:
    """Return what a bundle was trained to foretell; None of a snapshot, which has no future."""
    held = bundle.manifest["config"][bundle.model.task]
    if bundle.model.task == "clv":
        return Clv.model_validate(held)
    kinds: Mapping[str, Any] = {"lapse": Lapse, "cancel": Cancel}
    kind = kinds.get(held["kind"])
    return kind.model_validate(held) if kind else None


def standing(cutoffs: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
    """Return what a model knew of a period that it is judged by, from its manifest's cut-offs.

    Returns
    -------
    dict
        ``standing``, ``fresh``, ``said`` and ``said_da``, as in a `Record`.
    """
    learned = _learned_until(cutoffs)
    found: Standing = "new"
    if learned is None:
        found = "unknown"
    elif learned > asked.cutoff:
        found = "seen"
    elif any(_overlaps(cutoffs, date.fromisoformat(day), asked) for day in _tests(cutoffs)):
        found = "chosen"
    return {
        "standing": found,
        "fresh": found in ("new", "chosen"),
        "said": _SAID["en"][found],
        "said_da": _SAID["da"][found],
    }


def _learned_until(cutoffs: Mapping[str, Any]) -> date | None:
    """Return the day before which all lies that a model has learned from."""
    if known := cutoffs.get("known"):
        return date.fromisoformat(known)
    if not cutoffs.get("fit"):
        return None
    last = max(date.fromisoformat(day) for day in cutoffs["fit"])
    ahead = cutoffs.get("learns_days", cutoffs["horizon_days"])
    return last + timedelta(days=cutoffs["gap_days"] + ahead)


def _tests(cutoffs: Mapping[str, Any]) -> list[str]:
    return cutoffs.get("tests") or [cutoffs["test"]] if "test" in cutoffs else []


def _overlaps(cutoffs: Mapping[str, Any], test: date, asked: Asked) -> bool:
    ends = test + timedelta(days=cutoffs["gap_days"] + cutoffs["horizon_days"])
    return test < asked.until and asked.cutoff < ends


_SAID: dict[Language, dict[Standing, str]] = {
    "en": {
        "new": "The model had seen nothing of this period: this is how it does in use.",
        "chosen": "The model had learned from nothing of this period, but it was chosen for how "
        "well it did in it, which flatters it a little.",
        "seen": "The model has learned from part of this period: this flatters it.",
        "unknown": "The model's papers do not say what it has learned from: this may flatter it.",
    },
    "da": {
        "new": "Modellen havde intet set af denne periode: sådan klarer den sig i brug.",
        "chosen": "Modellen havde ikke lært af denne periode, men den blev valgt for, hvor godt "
        "den klarede sig i den, hvilket får den til at se lidt bedre ud.",
        "seen": "Modellen har lært af en del af denne periode: det får den til at se bedre ud.",
        "unknown": "Modellens papirer siger ikke, hvad den har lært af: det kan få den til at se "
        "bedre ud.",
    },
}
