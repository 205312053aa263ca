"""A customer base, as several commands take it: its tables loaded, its store filled."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from configs.schema import Config

if TYPE_CHECKING:
    from features.source import Tables


def loaded(config: Config, rejects: Path | None = None, count_duplicates: bool = False) -> Tables:
    """Load the base's tables, and say how many bad rows were set aside."""
    from features.source import load_tables

    tables = load_tables(config, rejects, count_duplicates)
    if rejects is not None:
        aside = sum(intake.rejects for intake in tables.intake.values())
        typer.echo(f"{aside:,} bad rows set aside → {rejects}", err=True)
    return tables


def stored(config: Config, tables: Tables, as_of: date) -> int:
    """Fill the feature store for the champions, or for the present schema if there are none.

    Returns
    -------
    int
        How many customers the store holds.
    """
    from serving.batch.fill import fill_store
    from serving.releases.release import current, is_promoted
    from serving.settings import open_store

    release = current(config.var) if is_promoted(config.var) else None
    return fill_store(config, tables, release, as_of, open_store(config.var))
