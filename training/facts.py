"""What a run's card says, as plain data."""

from __future__ import annotations

import importlib.metadata
import platform
import subprocess
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

import numpy as np
import optuna

from configs.load import config_hash
from configs.schema import Config
from configs.tasks import Cancel, Label, asks_subscribers
from features.source import Tables, first_and_last_day
from training import metrics
from training.baselines import Absent, Contender
from training.bootstrap import Interval
from training.coverage import coverage
from training.evaluate import Evaluation
from training.gate import Verdict
from training.libraries import libraries
from training.model import Explanation, Model
from training.split import Split
from training.suitability import unsuited
from training.tenths import tenths

MAIN = ("transactions", "subscriptions", "events", "snapshot")
"""The tables that a base may be about: the first of them that it has."""

NO_FUTURE = "by strata of the label; it could not be tested on the future"


@dataclass(frozen=True)
class Origin:
    """Where a run came from: what the papers of all its models have in common."""

    config: Config
    now: datetime
    fingerprint: str
    rows: int
    file: str
    first: date | None
    last: date | None
    commit: str

    @classmethod
    def of(cls, config: Config, tables: Tables, fingerprint: str, now: datetime) -> Origin:
        """Gather the lineage of a run that begins now."""
        intake = next(tables.intake[name] for name in MAIN if name in tables.intake)
        timeless = tables.snapshot is not None
        first, last = (None, None) if timeless else first_and_last_day(tables)
        return cls(config, now, fingerprint, intake.rows, intake.file, first, last, code_commit())

    @cached_property
    def papers(self) -> dict[str, Any]:
        """What the bundle's manifest says of it."""
        return {
            "base": self.config.name,
            "made_at": self.now.isoformat(timespec="seconds"),
            "config_hash": config_hash(self.config),
            "data": {"file": self.file, "rows": self.rows, "fingerprint": self.fingerprint},
            "commit": self.commit,
            "libraries": libraries(),
            "python": platform.python_version(),
        }

    @property
    def lineage(self) -> dict[str, str]:
        """What the MLflow run is tagged with."""
        return {
            "base": self.config.name,
            "config_hash": config_hash(self.config),
            "data_fingerprint": self.fingerprint,
            "code_commit": self.commit,
        }


def code_commit() -> str:
    """Return the commit of the code, with ``+changes`` where files differ from it."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return f"version {importlib.metadata.version('stamkunde')}"


def _git(*words: str) -> str:
    return subprocess.run(
        ["git", *words], check=True, capture_output=True, text=True
    ).stdout.strip()


def supervised(
    config: Config,
    task: str,
    data: Split,
    evaluation: Evaluation,
    verdict: Verdict,
    explanation: Explanation,
    study: optuna.Study,
    origin: Origin,
) -> dict[str, Any]:
    """Return what the card of a churn or CLV run says."""
    chosen = evaluation.named(verdict.served)
    target = data.test.target
    positive = int(np.sum(target > 0))
    return {
        **common(config, task, chosen.model, verdict, origin),
        "question": question(config, task, data),
        "chosen_because": verdict.reasons[0],
        "cutoffs": _cutoffs(config, task, data),
        "population": population(config, task),
        "test": {
            "customers": len(target),
            "positives": positive,
            "rate": positive / len(target),
            **_revenue(config, task, data, evaluation.predictions[verdict.served]),
        },
        "models": [
            {"name": held.name, "label": held.label, "role": _role(held, verdict)}
            for held in evaluation.contenders
        ],
        "metrics": _metrics(evaluation),
        "differences": _differences(evaluation),
        "periods": _periods(evaluation, data),
        "gate": gate(verdict),
        "slices": _slices(verdict),
        "parameters": study.best_params,
        "features": _importances(chosen.model, explanation),
        **_trust(task, chosen.model, data, evaluation.predictions[verdict.served]),
        "warnings": _warnings(task, data, evaluation, verdict),
    }


def question(config: Config, task: str, data: Split) -> str:
    """Return the question a run answers, in a sentence."""
    held = config.churn if task == "churn" else config.clv
    if data.cutoffs is None or held is None or isinstance(held, Label):
        return "Which customers have left?"
    asked = population(config, task)
    days = f"the {held.horizon} days from {data.cutoffs.test}"
    if isinstance(held, Cancel):
        return f"Which of {asked} will have none left after {days}?"
    if task == "churn":
        return f"Which of {asked} will buy nothing in {days}?"
    return f"How much will each of {asked} be worth, in {config.currency}, in {days}?"


def population(config: Config, task: str) -> str:
    """Return whom a task asks about, in words."""
    held = getattr(config, task)
    if task == "segments":
        return "all customers"
    if asks_subscribers(held):
        return "the customers with a subscription"
    if within := getattr(held, "active_within", None):
        return f"the customers who bought in the last {within} days"
    return "all customers" if config.sources.snapshot else "all customers who ever bought"


def _revenue(config: Config, task: str, data: Split, prediction: np.ndarray) -> dict[str, float]:
    """Return what part of the monthly revenue left, and how much of it ranked in the top tenth."""
    cancels = task == "churn" and isinstance(config.churn, Cancel)
    if not cancels or "mrr" not in data.schema.names:
        return {}
    mrr = np.nan_to_num(data.test.matrix[:, data.schema.names.index("mrr")])
    gone, total = mrr * data.test.target, float(mrr.sum())
    if total <= 0 or gone.sum() <= 0:
        return {}
    return {
        "mrr": total,
        "mrr_rate": float(gone.sum()) / total,
        "mrr_top_tenth": metrics.top_tenth_share(gone, prediction),
    }


def common(
    config: Config, task: str, model: Model, verdict: Verdict, origin: Origin
) -> dict[str, Any]:
    """Return what the card of any run says: where it comes from, the verdict, its limits."""
    protected = [name for name, held in config.attributes.items() if held.protected]
    return {
        "base": config.name,
        "task": task,
        "model": model.name,
        "made_at": origin.papers["made_at"],
        "currency": config.currency,
        "data": {
            **origin.papers["data"],
            "first": origin.first and origin.first.isoformat(),
            "last": origin.last and origin.last.isoformat(),
        },
        "verdict": {
            "passed": verdict.passed,
            "served": verdict.served,
            "reasons": list(verdict.reasons),
        },
        "limits": _limits(config, task),
        "unsuited": unsuited(config, task),
        "libraries": origin.papers["libraries"],
        "config_hash": origin.papers["config_hash"],
        "commit": origin.commit,
        "schema": model.schema.digest,
        "protected": (
            f"{', '.join(protected)}: "
            + ("used, as the config asks" if config.features.use_protected else "left out")
            if protected
            else "none declared"
        ),
    }


def _cutoffs(config: Config, task: str, data: Split) -> dict[str, Any]:
    if data.cutoffs is None:
        return {"split": NO_FUTURE}
    asked = getattr(config, task)
    return {
        "fit": [day.isoformat() for day in data.cutoffs.fit],
        "validation": data.cutoffs.validation.isoformat(),
        "test": data.cutoffs.test.isoformat(),
        "tests": [day.isoformat() for day in data.cutoffs.tests],
        "horizon_days": asked.horizon,
        "learns_days": getattr(asked, "training_horizon", None) or asked.horizon,
        "gap_days": config.timeline.gap,
    }


def _role(held: Contender, verdict: Verdict) -> str:
    return "served" if held.name == verdict.served else held.role


def _metrics(evaluation: Evaluation) -> list[dict[str, Any]]:
    rows = []
    for name, metric in evaluation.metrics.items():
        values: dict[str, dict[str, float | None]] = {}
        for contender, found in evaluation.figures.items():
            values[contender] = _figure(found[name])
        rows.append(
            {
                "name": name,
                "label": metric.label,
                "unit": metric.unit,
                "higher_is_better": metric.higher_is_better,
                "values": values,
            }
        )
    return rows


def _differences(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return how much better the candidate is than each other in every metric, above 0 is."""
    candidate = evaluation.candidate.name
    told = []
    for metric in evaluation.metrics:
        for other in evaluation.contenders[1:]:
            gain = asdict(evaluation.gain(candidate, other.name, metric))
            parts = {part: _finite(value) for part, value in gain.items()}
            told.append({"metric": metric, "against": other.name, **parts})
    return told


def _periods(evaluation: Evaluation, data: Split) -> list[dict[str, Any]]:
    """Return the metrics of each test cut-off, where there are several."""
    return [
        {
            "as_of": day.isoformat(),
            "customers": int(np.sum(data.test.as_of == day)),
            "values": {
                metric: {contender: _figure(held[metric]) for contender, held in figures.items()}
                for metric in evaluation.metrics
            },
        }
        for day, figures in evaluation.by_cutoff.items()
    ]


def gate(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the gate's checks, with their numbers."""
    return [
        {
            "check": check.name,
            "passed": check.passed,
            "value": None if check.value is None else _finite(check.value),
            "bound": None if check.bound is None else _finite(check.bound),
            "said": check.said,
        }
        for check in verdict.checks
    ]


def _slices(verdict: Verdict) -> list[dict[str, Any]]:
    return [
        {
            "by": each.by,
            "label": each.label,
            "groups": [
                {
                    "name": group.name,
                    "customers": group.customers,
                    # Of a few, how many left would tell of each.
                    "positives": group.positives if group.figures else None,
                    "values": {name: _figure(found) for name, found in group.figures.items()},
                }
                for group in each.groups
            ],
        }
        for each in verdict.slices
    ]


def _figure(found: Interval) -> dict[str, float | None]:
    parts = {"value": found.estimate, "low": found.low, "high": found.high}
    return {part: _finite(value) for part, value in parts.items()}


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _importances(model: Model, explanation: Explanation) -> list[dict[str, Any]]:
    size = np.abs(explanation.contributions).mean(axis=0)
    order = np.argsort(-size, kind="stable")
    return [
        {
            "name": model.schema.columns[i].name,
            "label": model.schema.columns[i].label,
            "importance": float(size[i]),
            "unit": model.schema.columns[i].unit,
            "actionable": model.schema.columns[i].actionable,
        }
        for i in order
        if size[i] > 0
    ]


def _limits(config: Config, task: str) -> list[str]:
    told = {
        "churn": "It says who is likely to leave, not who can be kept: for that, compare customers "
        "who were contacted with a random group who were not.",
        "clv": "It estimates revenue within the horizon, before costs, not a lifetime's profit.",
        "segments": "Segments describe the base at one cut-off; they are no verdict on a person.",
    }
    limits = [told[task]]
    if config.inputs and not config.sources.snapshot:
        limits.append("Attributes are today's values: they were not known as of the past.")
    if config.sources.snapshot:
        limits.append("The data have no dates: nothing here was tested on a later period.")
    return limits


def _without(absent: Absent) -> str:
    return f"A baseline is missing: {absent.why}."


def _trust(task: str, model: Model, data: Split, served: np.ndarray) -> dict[str, Any]:
    """Return how far a probability, or an interval, may be taken at its word."""
    found = {"tenths": tenths(data.test.target, served, chance=task == "churn")}
    if task != "churn":
        return {**found, "coverage": coverage(model, data, served)}
    perfect = metrics.random_level_ece(served)
    ece = metrics.ece(data.test.target, served)
    return {**found, "calibration": {"ece": ece, "perfect": perfect}}


def _warnings(task: str, data: Split, evaluation: Evaluation, verdict: Verdict) -> list[str]:
    found = [*data.warnings, *(_without(each) for each in evaluation.absent)]
    if task == "churn":
        served = evaluation.predictions[verdict.served]
        shown = metrics.ece(data.test.target, served)
        perfect = metrics.random_level_ece(served)
        if shown > max(0.03, 2 * perfect):
            found.append(
                f"Calibration: probabilities are off by {shown:.3f} on average (a perfectly "
                f"calibrated model of this size would show {perfect:.3f}); rank by them rather "
                "than add them up."
            )
    elif abs(bias := evaluation.values[verdict.served]["total_bias"]) > 0.1:
        found.append(
            f"Level: the total was {'over' if bias > 0 else 'under'}stated by {abs(bias):.0%}."
        )
    return found
