"""A score told again from the record: computed anew, and held against what is on record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from serving.api.recorded import RecordedChurn, RecordedClv, RecordedScore
from serving.record.batch_rows import BATCH
from serving.record.call_rows import CALL
from serving.record.ledger import Ledger
from serving.record.merkle import SCORE, Entry, canonical
from serving.releases.release import Release, ReleaseError, bundle_by_digest
from serving.scoring.assessment import Assessments
from serving.scoring.customers import Customers
from serving.scoring.score import BundleLookup, answer, asked, assess, replay, schemas
from training.bundle import Bundle, BundleError
from training.model import TASKS
from training.quantities import Language

GONE = "a model that it was made with is no longer kept here, or is not as it was"
OTHER = "computed anew it is not what is on record; stamkunde audit verify tells of the record"

_KEPT = 6  # bundles of former releases in memory: two releases' at most


def find(ledger: Ledger, entry_id: str, row: int | None = None) -> Entry | None:
    """Return a score that is on record, or a row of a batch or a call; None if it is none.

    Raises
    ------
    DatabaseError
        If the record cannot be read.
    RowsError
        If the batch's file cannot.
    """
    if not ledger.holds(entry_id):
        return None
    entry = ledger.get(entry_id)
    if row is None:
        return entry if entry.kind == SCORE else None
    if entry.kind not in (BATCH, CALL) or row > entry.body["rows"]:
        return None
    return ledger.get(f"{entry_id}/{row}")


def lookup(release: Release, var: Path) -> BundleLookup:
    """Return what finds a bundle by its digest: of the release, or once promoted."""
    present = {bundle.digest: bundle for bundle in release.bundles.values()}
    return lambda digest: present.get(digest) or _former(var, digest)


@lru_cache(maxsize=_KEPT)
def _former(var: Path, digest: str) -> Bundle:
    return bundle_by_digest(var, digest)


def told(
    entry: Entry, bundle_of: BundleLookup, reasons: int | None, language: Language | None
) -> dict[str, Any]:
    """Tell a score or a batch's row again.

    Parameters
    ----------
    entry : Entry
    bundle_of : callable
        From a digest to the bundle.
    reasons, language
        As it was told then unless given.

    Returns
    -------
    dict
        `RecordedScore`.
    """
    body = entry.body
    frame = {"id": entry.id, "customer_id": None, "at": entry.at, "customer": body["customer"]}
    try:
        assessed, again = _reassessed([body], bundle_of), replay(body, bundle_of)
    except (ReleaseError, BundleError):
        return {**_bare(body), **frame, "replayed": False, "why": GONE}
    if canonical(again) != canonical(body):
        return {**_bare(body), **frame, "replayed": False, "why": OTHER}
    options, asking = asked(body)
    options = replace(
        options,
        reasons=options.reasons if reasons is None else reasons,
        language=language or options.language,
    )
    said = {"id": entry.id, **answer(assessed, 0, options, asking)}
    return {**said, **frame, "replayed": True, "why": None}


def told_anew(known: Sequence[tuple[Entry, str]], bundle_of: BundleLookup) -> list[dict[str, Any]]:
    """Tell scores again to the caller who asked for them, as they were to be told then.

    Parameters
    ----------
    known : sequence of (Entry, str)
        What is on record, and the customer's id.
    bundle_of : callable
        From a digest to the bundle.

    Returns
    -------
    list of dict
        `Score` each, in the order asked.

    Raises
    ------
    ReleaseError, BundleError
        If a bundle is no longer kept.
    """
    alike: dict[bytes, list[int]] = {}
    bodies = [entry.body for entry, _ in known]
    for place, body in enumerate(bodies):
        alike.setdefault(canonical(body["bundles"]), []).append(place)
    said: dict[int, dict[str, Any]] = {}
    for places in alike.values():
        assessed = _reassessed([bodies[place] for place in places], bundle_of)
        for row, place in enumerate(places):
            body, (entry, customer) = bodies[place], known[place]
            held = answer(assessed, row, *asked(body))
            said[place] = {"id": entry.id, **held, "customer_id": customer}
    return [said[place] for place in range(len(known))]


def _reassessed(bodies: Sequence[Mapping[str, Any]], bundle_of: BundleLookup) -> Assessments:
    """Assess again what is on record of the same bundles, a row each; no customer is named."""
    digests = bodies[0]["bundles"]
    release = Release("", {task: bundle_of(digests[task]) for task in TASKS if task in digests})
    rows, days = [body["features"] for body in bodies], [body["as_of"] for body in bodies]
    return assess(release, Customers.of_rows(schemas(release), rows, [""] * len(rows), days))


def _bare(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers of a record as a score has them; null where it takes a bundle to tell."""
    scores = body["scores"]
    codes = {task: held["code"] for task, held in scores.items() if "code" in held}
    ways = scores.get("segments")
    if ways is not None:
        codes |= {f"segments.{way}": held["code"] for way, held in ways.items() if "code" in held}
    said = {
        **_by_name(RecordedScore, body),
        "churn": _supervised(scores.get("churn"), RecordedChurn, "probability"),
        "clv": _supervised(scores.get("clv"), RecordedClv, "value"),
        "segments": ways and {way: _segment(held) for way, held in ways.items()},
        "codes": codes,
    }
    if "value_at_risk" in said and scores.get("value_at_risk"):
        held = scores["value_at_risk"]
        said["value_at_risk"] = {**held, "currency": None, "horizon_days": None}
    return said


def _supervised(
    held: Mapping[str, Any] | None, model: type[BaseModel], value: str
) -> dict[str, Any] | None:
    if held is None or "code" in held:
        return None
    said = {**_by_name(model, held), value: held["served"], "base": held.get("base_served")}
    if "intervals" in said:
        said["intervals"] = held.get("intervals", {})
    if said.get("next_purchase"):
        said["next_purchase"] = {**said["next_purchase"], "text": None}
    return said


def _segment(held: Mapping[str, Any]) -> dict[str, Any] | None:
    return None if "code" in held else {**held["segment"], "reasons": None}


def _by_name(model: type[BaseModel], held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a model with what is on record under the same name, else null."""
    return {name: held.get(name) for name in model.model_fields}
