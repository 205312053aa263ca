"""Scores as they are answered, recorded, and replayed from the record; pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.releases.release import Release
from serving.scoring import timing
from serving.scoring.assessment import Assessments, TaskScores, schemas
from serving.scoring.assessment import assess as assess
from serving.scoring.customers import Customers
from serving.scoring.segmented import WayScores
from serving.scoring.value import horizon_of
from training.bundle import Bundle
from training.model import TASKS, Task
from training.reasons import Options, Row, ranked

BundleLookup = Callable[[str], Bundle]


@dataclass(frozen=True)
class Asking:
    """How a customer came to be asked about.

    Parameters
    ----------
    rows : str, optional
        The digest of the rows that the features were built from, where the caller gave them; the
        rows themselves are not put on record.
    flags : tuple of str
        What was odd about looking the features up: ``old_features``.
    key : str, optional
        The id of the key that asked.
    """

    rows: str | None = None
    flags: tuple[str, ...] = ()
    key: str | None = None


_BY_BATCH = Asking()


def answer(
    assessments: Assessments, row: int, options: Options, asking: Asking = _BY_BATCH
) -> dict[str, Any]:
    """Return one customer's scores and reasons, as the service and the batch tell them."""
    return {
        "customer_id": assessments.customer_ids[row],
        "as_of": assessments.as_of[row],
        "churn": _told(assessments, "churn", row, options),
        "clv": _told(assessments, "clv", row, options),
        "value_at_risk": _at_risk(assessments, row),
        "segments": _segments(assessments, row, options),
        "codes": _codes(assessments, row),
        "flags": [*assessments.flags[row], *asking.flags],
        "bundles": dict(assessments.digests),
    }


def _codes(assessments: Assessments, row: int) -> dict[str, str]:
    found: dict[str, str | None] = {
        task: scores.codes[row] for task, scores in assessments.tasks.items()
    }
    if assessments.segments:
        for way, held in assessments.segments.ways.items():
            found[f"segments.{way}"] = held.codes[row]
    return {name: code for name, code in found.items() if code is not None}


def _told(
    assessments: Assessments, task: Task, row: int, options: Options
) -> dict[str, Any] | None:
    scores = assessments.tasks.get(task)
    if scores is None or scores.codes[row] is not None:
        return None
    reasons = _reasons(assessments, scores, row, options)
    held = scores.explanation
    served = {
        "base": held.base_served,
        "margin": float(held.margin[row]),
        "reasons": reasons,
    }
    if task == "churn":
        asked, as_of = scores.bundle.model.timing, assessments.as_of[row]
        times = timing.told(asked, scores.times, row, as_of, options.language)
        probability = float(held.served[row])
        return {"probability": probability, "band": options.band(probability), **times, **served}
    return {
        "value": float(held.served[row]),
        "currency": scores.vocabulary.currency,
        "horizon_days": horizon_of(scores.bundle),
        "intervals": _intervals(scores, row),
        **served,
    }


def _reasons(
    assessments: Assessments, scores: TaskScores, row: int, options: Options
) -> dict[str, list[dict[str, Any]]]:
    if not options.reasons:
        return {"raises": [], "lowers": []}
    held = Row(
        [
            *assessments.features[scores.bundle.model.inputs.digest][row],
            *scores.learned_of(row).values(),
        ],
        scores.explanation.contributions[row].tolist(),
        scores.explanation.served_contributions[row].tolist(),
    )
    return {
        "raises": ranked(scores.vocabulary, held, 1, options),
        "lowers": ranked(scores.vocabulary, held, -1, options),
    }


def _at_risk(assessments: Assessments, row: int) -> dict[str, Any] | None:
    """Return the money that is at risk of a customer; null without a chance or a value."""
    held = assessments.at_risk
    if held is None or np.isnan(held.amount[row]):
        return None
    clv = assessments.tasks["clv"]
    return {
        "amount": float(held.amount[row]),
        "if_stays": float(held.if_stays[row]),
        "currency": clv.vocabulary.currency,
        "horizon_days": horizon_of(clv.bundle),
    }


def _intervals(scores: TaskScores, row: int) -> dict[str, list[float]]:
    return {level: ends[row].tolist() for level, ends in scores.intervals.items()}


def _segments(
    assessments: Assessments, row: int, options: Options
) -> dict[str, dict[str, Any] | None] | None:
    """Return a customer's segment of each way, with what sets it apart."""
    found = assessments.segments
    if found is None:
        return None
    values = assessments.features[found.bundle.model.inputs.digest][row]
    told: dict[str, dict[str, Any] | None] = {}
    for way, scores in found.ways.items():
        told[way] = segment = _segment(scores, row, options)
        if segment is not None:
            moved = scores.contributions[row].tolist()
            held = Row(values, moved, moved)
            apart = ranked(found.vocabulary, held, 1, options) if options.reasons else []
            segment["reasons"] = {"apart": apart}
    return told


def _segment(scores: WayScores, row: int, options: Options) -> dict[str, Any] | None:
    segment = scores.segment(row)
    if segment is None:
        return None
    name = segment.name_da if options.language == "da" else segment.name
    potential = None if scores.potential is None else float(scores.potential[row])
    return {"id": segment.id, "name": name, "potential": potential}


def record(
    assessments: Assessments, row: int, token: str, options: Options, asking: Asking = _BY_BATCH
) -> dict[str, Any]:
    """Return what is put on record of one customer's scores: all it takes to replay them.

    Parameters
    ----------
    assessments : Assessments
    row : int
    token : str
        The customer's name in the record, which is not their id.
    options : Options
    asking : Asking
    """
    scores: dict[str, Any] = {
        task: _recorded(held, row, assessments.as_of[row], options)
        for task, held in assessments.tasks.items()
    }
    if (at_risk := _at_risk(assessments, row)) is not None:
        scores["value_at_risk"] = {name: at_risk[name] for name in ("amount", "if_stays")}
    return {
        **({"from": "rows", "rows": asking.rows} if asking.rows else {}),
        **({"found": list(asking.flags)} if asking.flags else {}),
        **({"key": asking.key} if asking.key else {}),
        "customer": token,
        "as_of": assessments.as_of[row],
        "features": {digest: list(rows[row]) for digest, rows in assessments.features.items()},
        "scores": scores | _recorded_segments(assessments, row, options),
        "flags": [*assessments.flags[row], *asking.flags],
        "bundles": dict(assessments.digests),
        "options": {
            "reasons": options.reasons,
            "language": options.language,
            "bands": options.bands and list(options.bands),
        },
    }


def _recorded(scores: TaskScores, row: int, as_of: str | None, options: Options) -> dict[str, Any]:
    if scores.codes[row] is not None:
        return {"code": scores.codes[row]}
    held = scores.explanation
    said: dict[str, Any] = {
        "margin": float(held.margin[row]),
        "served": float(held.served[row]),
    }
    if held.contributions.shape[1]:
        said |= {
            "base_margin": held.base_margin,
            "base_served": held.base_served,
            "contributions": held.contributions[row].tolist(),
        }
    if scores.intervals:
        said["intervals"] = _intervals(scores, row)
    if learned := scores.learned_of(row):
        said["learned"] = learned
    if scores.times is not None and (asked := scores.bundle.model.timing):
        said |= timing.recorded(asked, scores.times, row, as_of)
    if scores.bundle.model.task == "churn" and (band := options.band(said["served"])):
        said["band"] = band
    return said


def _recorded_segments(assessments: Assessments, row: int, options: Options) -> dict[str, Any]:
    if assessments.segments is None:
        return {}
    return {
        "segments": {
            way: {"code": scores.codes[row]}
            if scores.codes[row] is not None
            else {"segment": _segment(scores, row, options)}
            | (
                {"contributions": scores.contributions[row].tolist()}
                if scores.contributions.shape[1]
                else {}
            )
            for way, scores in assessments.segments.ways.items()
        }
    }


def replay(body: Mapping[str, Any], bundle_lookup: BundleLookup) -> dict[str, Any]:
    """Score again what is on record, from the features and the bundles that it names alone.

    Returns
    -------
    dict
        The record's body anew: equal canonical bytes show that the score was as recorded.
    """
    bundles = {task: bundle_lookup(body["bundles"][task]) for task in body["bundles"]}
    release = Release("", {task: bundles[task] for task in TASKS if task in bundles})
    customer = Customers.of_rows(schemas(release), [body["features"]], [""], [body["as_of"]])
    options, asking = asked(body)
    assessed = assess(release, customer, _is_explained(body))
    return record(assessed, 0, body["customer"], options, asking)


def _is_explained(body: Mapping[str, Any]) -> bool:
    """Say whether contributions are on record, as they are unless no reasons were asked for."""
    scores = body["scores"]
    held = [*(scores[task] for task in TASKS[:2] if task in scores)]
    held += scores.get("segments", {}).values()
    return any("contributions" in each for each in held)


def asked(body: Mapping[str, Any]) -> tuple[Options, Asking]:
    """Return how a score on record was asked for."""
    held = body["options"]
    bands = held.get("bands")
    options = Options(held["reasons"], held["language"], tuple(bands) if bands else None)
    return options, Asking(body.get("rows"), tuple(body.get("found", ())), body.get("key"))
