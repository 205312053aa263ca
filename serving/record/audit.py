"""What an auditor asks of the record: the same score again."""

from __future__ import annotations

from configs.schema import Config
from serving.record.replaying import kept_bundles, replayed
from serving.settings import open_ledger


def replays_alike(config: Config, entry_id: str) -> bool:
    """Say whether a score computed again, from its record and its bundles, gives the same bytes.

    Raises
    ------
    ReplayError
        If the entry is not a score.
    """
    entry = open_ledger(config.name, config.var).get(entry_id)
    return replayed(entry, kept_bundles(config.var)).same
