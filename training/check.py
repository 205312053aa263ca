"""Is the data fit for the job: what is found in it, and whether its attributes know the answer."""

from __future__ import annotations

from configs.schema import Config
from features.check import check as check_tables
from features.check import unfit
from features.findings.finding import Finding
from features.source import Tables


def check(config: Config, tables: Tables) -> list[Finding]:
    """Return what is found in a base's tables, then in a snapshot's attributes if those are fit.

    Raises
    ------
    TooFewError
        If a snapshot holds too few customers to tell.
    """
    found = check_tables(config, tables)
    if tables.snapshot is None or unfit(found):
        return found
    from training.leakage import findings  # it takes seconds that other bases spare

    return found + findings(config, tables)
