"""What an auditor asks of the record: an entry, whether all is whole, and the same score again."""

from __future__ import annotations

from configs.errors import StamkundeError
from configs.schema import Config
from serving.record.merkle import canonical
from serving.releases.release import bundle_by_digest
from serving.scoring.score import replay
from serving.settings import open_ledger

SCORES = ("score", "row")


class ReplayError(StamkundeError):
    """An entry that is no score."""


def replays_alike(config: Config, entry_id: str) -> bool:
    """Say whether a score computed again, from its record and its bundles, gives the same bytes.

    Raises
    ------
    ReplayError
        If the entry is not a score.
    """
    entry = open_ledger(config.name, config.var).get(entry_id)
    if entry.kind not in SCORES:
        raise ReplayError(
            f"{entry_id} is a {entry.kind}, not a score; its scores are {entry_id}/1 and on"
            if entry.kind in ("batch", "call")
            else f"{entry_id} is a {entry.kind}, not a score"
        )
    again = replay(entry.body, lambda digest: bundle_by_digest(config.var, digest))
    return canonical(again) == canonical(entry.body)
