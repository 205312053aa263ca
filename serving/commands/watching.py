"""What the commands of watching tell: drift by week, and what became of predictions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from configs.schema import Config
from serving.commands import console

if TYPE_CHECKING:
    from features.source import Tables
    from serving.watching.drift import Drift
    from serving.watching.outcome import OutcomeWeek

_FEATURES = 10  # lines of features in a table; --json has them all
_SHOWN = {
    "churn": ("roc_auc", "log_loss", "brier", "ece", "lift_at_10"),
    "clv": ("normalised_gini", "total_bias", "spearman"),
}


def drift(config: Config, weeks: int, at: datetime) -> list[Drift]:
    """Return the drift of every bundle that gave scores in the latest weeks."""
    from serving.releases.release import bundle_by_digest
    from serving.settings import open_seen
    from serving.watching.drift import drifts

    seen = open_seen(config.name, config.var)
    try:
        held = drifts(
            seen,
            lambda digest: bundle_by_digest(config.var, digest),
            at,
            config.timezone,
            weeks,
        )
    finally:
        seen.close()
    return held


def outcomes(config: Config, tables: Tables, as_of: date, at: datetime) -> list[OutcomeWeek]:
    """Return what became of every prediction on record, and keep it for the auditor's page."""
    from serving.releases.release import bundle_by_digest
    from serving.settings import open_ledger, open_secret
    from serving.watching import kept
    from serving.watching.outcomes import outcomes as found

    ledger = open_ledger(config.name, config.var)
    try:
        weeks = found(
            config,
            tables,
            ledger,
            open_secret(config.var),
            lambda digest: bundle_by_digest(config.var, digest),
            as_of,
        )
    finally:
        ledger.close()
    kept.write(config.var, kept.Kept(at, as_of, tuple(weeks)))
    return weeks


def show_drift(found: Sequence[Drift], json_wanted: bool) -> None:
    """Print drift: a table a bundle, a line a feature, a column a week."""
    if json_wanted:
        console.as_json([_drift_as_data(each) for each in found])
        return
    if not found:
        console.say("no scores were counted in these weeks; ask for more of them: --weeks N")
    for each in found:
        console.say(f"\n{each.task}, bundle {each.bundle[:12]}: PSI against what it learned from")
        console.table(
            ("", "matters", *(str(week.start) for week in each.weeks), "this week"),
            _lines_of_drift(each),
        )
        more = len(each.features) - _FEATURES
        if more > 0:
            console.say(f"and {more} features that matter less: --json tells of all")
        if any(week.count > 0 and week.few for week in each.weeks):
            console.say("* too few scores to tell: the figure moves by chance")


def _lines_of_drift(found: Drift) -> Iterator[tuple[str, ...]]:
    counts = (f"{week.count:,}" for week in found.weeks)
    yield ("scores given", "", *counts, "")
    yield ("the scores", "", *_cells(found, found.score))
    for each in found.features[:_FEATURES]:
        yield (each.label, f"{each.importance:.3g}", *_cells(found, each.psi))


def _cells(found: Drift, psi: Sequence[float | None]) -> Iterator[str]:
    from serving.watching.psi import word

    for week, value in zip(found.weeks, psi, strict=True):
        yield "" if value is None else f"{value:.3f}" + ("*" if week.few else "")
    last = psi[-1]
    yield "" if last is None else "few scores" if found.weeks[-1].few else word(last)


def _drift_as_data(found: Drift) -> dict[str, Any]:
    return {
        **vars(found),
        "weeks": [vars(week) for week in found.weeks],
        "features": [vars(each) for each in found.features],
    }


def show_outcomes(found: Sequence[OutcomeWeek], json_wanted: bool) -> None:
    """Print outcomes: a table a task, a line a week and bundle."""
    from serving.watching.kept import as_data

    if json_wanted:
        console.as_json(as_data(found))
        return
    if not found:
        console.say("no prediction is on record")
    for task in _SHOWN:
        held = [each for each in found if each.task == task]
        if held:
            console.say(f"\n{task}")
            columns = ("week", "bundle", "customers", "known from", "", *_SHOWN[task])
            console.table((*columns, "predicted", "actual"), map(_line_of_outcome, held))
    if any(each.estimate for each in found):
        console.say("estimate: what is expected if the probabilities hold; nobody can know yet")
    if strangers := sum(each.strangers for each in found):
        console.say(f"{strangers:,} predictions were of customers that the tables know nothing of")


def _line_of_outcome(each: OutcomeWeek) -> tuple[str, ...]:
    def figure(name: str) -> str:
        held = each.metrics.get(name)
        if held is None:
            return ""
        ends = f" ({held.low:.3g} to {held.high:.3g})" if math.isfinite(held.low) else ""
        return f"{held.estimate:.4g}{ends}"

    return (
        str(each.week),
        each.bundle[:12],
        f"{each.count:,}" + (" (few)" if each.few else ""),
        str(each.until),
        "estimate" if each.estimate else "outcome",
        *map(figure, (*_SHOWN[each.task], "mean_predicted", "mean_actual")),
    )


def drift_metrics(found: Drift) -> Iterator[tuple[date, Mapping[str, float]]]:
    """Yield what MLflow is told of a bundle's drift, by week: those with a score."""
    for place, week in enumerate(found.weeks):
        psi = {"score": found.score[place]}
        psi |= {each.feature: each.psi[place] for each in found.features}
        held = {f"psi.{name}": value for name, value in psi.items() if value is not None}
        if week.count:
            yield week.start, {"scores": float(week.count), **held}


def outcome_metrics(found: OutcomeWeek) -> dict[str, float]:
    """Return what MLflow is told of a week's predictions: estimates are named as such."""
    kind = "estimate" if found.estimate else "outcome"
    held = {f"{kind}.{name}": figure.estimate for name, figure in found.metrics.items()}
    return {"customers": float(found.count), **held}
