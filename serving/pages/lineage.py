"""Where a score's models came from: bundle, run, data, settings, code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from serving.record.ledger import Ledger
from serving.releases.promotion import PROMOTION
from training.bundle import Bundle


def lineage(bundle: Bundle, promotion: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return what made a bundle, from its manifest and from the record of its promotion."""
    manifest = bundle.manifest
    data, cutoffs = manifest.get("data") or {}, manifest.get("cutoffs") or {}
    return {
        "bundle": bundle.digest,
        "model": bundle.model.name,
        "made_at": manifest.get("made_at"),
        "run": (promotion or {}).get("run"),
        "version": (promotion or {}).get("version"),
        "promoted_at": (promotion or {}).get("at"),
        "forced": (promotion or {}).get("forced"),
        "passed": (promotion or {}).get("passed"),
        "data": data.get("fingerprint"),
        "data_rows": data.get("rows"),
        "learnt_until": max(cutoffs.get("fit") or [None], key=str),
        "tested_on": cutoffs.get("test"),
        "config": manifest.get("config_hash"),
        "commit": manifest.get("commit"),
        "libraries": dict(manifest.get("libraries") or {}),
    }


def promotions(ledger: Ledger, digests: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return each bundle's last promotion as it is on record, by digest."""
    found = {}
    for entry in ledger.entries(PROMOTION):
        body = entry.body
        if body.get("bundle") in digests:
            found[body["bundle"]] = {**body, "at": entry.at}
    return found
