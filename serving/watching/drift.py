"""How far the customers scored lie from those trained on, week by week and bundle by bundle."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from serving.watching.bins import Bins, Reference
from serving.watching.psi import FEW, psi
from serving.watching.seen import Counts, Of, Seen, scores_in, week_of
from training.bundle import Bundle


@dataclass(frozen=True)
class Week:
    """A week of scores.

    Parameters
    ----------
    start : date
        Its Monday, in the base's zone.
    count : int
        How many scores were given by the bundle: as many of one customer as were asked for.
    few : bool
        Whether there are too few for their distribution to tell much (`psi.FEW`).
    """

    start: date
    count: int
    few: bool


@dataclass(frozen=True)
class FeatureDrift:
    """How far one feature lies from the bundle's training rows.

    Parameters
    ----------
    feature, label, label_da, unit : str
    importance : float
        The mean size of what it adds to the margin, on the rows reported on; 0 if it never does.
    psi : tuple of float or None
        By week; None of one without a score.
    """

    feature: str
    label: str
    label_da: str
    unit: str
    importance: float
    psi: tuple[float | None, ...]


@dataclass(frozen=True)
class Drift:
    """What drifted of one bundle.

    Parameters
    ----------
    task, bundle : str
    weeks : tuple of Week
        In their order, up to the present one; those without a score too.
    score : tuple of float or None
        The PSI of the scores against those of the rows that the bundle was reported on, by week.
    features : tuple of FeatureDrift
        Those that matter most for the scores first.
    """

    task: str
    bundle: str
    weeks: tuple[Week, ...]
    score: tuple[float | None, ...]
    features: tuple[FeatureDrift, ...]


def drifts(
    seen: Seen, lookup: Callable[[str], Bundle], at: datetime, zone: str, weeks: int = 8
) -> list[Drift]:
    """Return the drift of every bundle that gave scores in the latest weeks.

    Parameters
    ----------
    seen : Seen
    lookup : callable
        From a digest to its bundle.
    at : datetime
        Now.
    zone : str
        The base's.
    weeks : int
        How many, the present one among them.

    Returns
    -------
    list of Drift
        By task, the bundle that gave a score latest first.

    Raises
    ------
    DatabaseError
        If the counts cannot be read.
    StamkundeError
        If a bundle cannot be.
    """
    last = week_of(at, zone)
    days = [last - timedelta(weeks=back) for back in reversed(range(weeks))]
    counts = seen.since(days[0])
    latest: dict[tuple[str, str], date] = {}
    for of in counts:
        if of.week <= last:
            latest[of.task, of.bundle] = max(of.week, latest.get((of.task, of.bundle), of.week))
    # The same rows in two tasks are two bundles; ties are of one week, and go by digest.
    order = sorted(latest, key=lambda each: (each[0], -latest[each].toordinal(), each[1]))
    return [drift(Reference(lookup(bundle)), counts, days) for _, bundle in order]


def drift(reference: Reference, counts: Counts, days: Sequence[date]) -> Drift:
    """Return the drift of one bundle in the weeks that begin on some days."""
    bundle = reference.bundle
    task = bundle.model.task
    held = [counts.get(Of(day, task, bundle.digest)) for day in days]
    told = [scores_in(each) if each else 0 for each in held]

    def of(bins: Bins) -> tuple[float | None, ...]:
        found = (psi(bins.expected, each[bins.name]) if each else np.nan for each in held)
        return tuple(None if np.isnan(value) else value for value in found)

    importances = {each["name"]: each["importance"] for each in bundle.card.get("features", ())}
    features = [
        FeatureDrift(
            column.name,
            column.label,
            column.label_da,
            column.unit,
            float(importances.get(column.name, 0.0)),
            of(bins),
        )
        for column, bins in zip(bundle.model.schema.columns, reference.features, strict=True)
    ]
    return Drift(
        task=task,
        bundle=bundle.digest,
        weeks=tuple(Week(day, count, count < FEW) for day, count in zip(days, told, strict=True)),
        score=of(reference.scores),
        features=tuple(sorted(features, key=lambda each: -each.importance)),
    )
