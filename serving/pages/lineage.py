"""Where a score's models came from: bundle, run, data, settings, code."""

from __future__ import annotations

from typing import Any

from serving.pages.model_history import Reign
from training.bundle import Bundle


def lineage(bundle: Bundle, reigns: list[Reign], at: str) -> dict[str, Any]:
    """Return what made a bundle.

    Parameters
    ----------
    bundle : Bundle
        Its manifest says most.
    reigns : list of Reign
        When it was in use, the latest first.
    at : str
        When the score was given; the promotion told of is the one that it was given under.
    """
    manifest = bundle.manifest
    data, cutoffs = manifest.get("data") or {}, manifest.get("cutoffs") or {}
    reign = next((held for held in reigns if held.since <= at), reigns[0] if reigns else None)
    return {
        "task": bundle.model.task,
        "bundle": bundle.digest,
        "model": bundle.model.name,
        "made_at": manifest.get("made_at"),
        "version": reign and reign.version,
        "in_use_since": reign and reign.since,
        "forced": reign and reign.forced,
        "run": reign and reign.run,
        "data": data.get("fingerprint"),
        "data_rows": data.get("rows"),
        "tested_from": cutoffs.get("test"),
        "config": manifest.get("config_hash"),
        "commit": manifest.get("commit"),
    }
