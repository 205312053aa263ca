"""What is found in labelled customers at no stated time."""

from __future__ import annotations

from collections.abc import Iterator

from configs.schema import Config
from features.contract import quote_names
from features.enough import held_out, part_of_snapshot, rough, too_few
from features.findings.finding import Finding, figures
from features.source import Tables


def of_snapshot(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield what was found in the rows, the label and the attributes."""
    intake = tables.intake["snapshot"]
    yield Finding("fine", "rows", f"{intake.rows:,}, one a customer")
    yield Finding("look", "dates", "none", "models cannot be tested on a later period")
    if config.churn is not None:
        yield _balance(config, tables)
    held = tables.need("snapshot")
    found = figures(
        tables,
        held.aggregate(
            **{f"{name}:missing": held[name].isnull().sum() for name in config.attributes},
            **{f"{name}:values": held[name].nunique() for name in config.attributes},
        ),
    )
    missing = {name: n for name in config.attributes if (n := found[f"{name}:missing"])}
    said = ", ".join(f"{name} in {n:,} rows" for name, n in missing.items())
    yield Finding("fine", "missing values", said or "none")
    constant = [name for name in config.attributes if found[f"{name}:values"] < 2]
    if constant:
        yield Finding("look", "attributes that never vary", quote_names(constant), "leave them out")


def _balance(config: Config, tables: Tables) -> Finding:
    part = part_of_snapshot(config, tables)
    found = f"{part.did:,} left, {part.asked - part.did:,} stayed"
    if short := too_few([part]):
        label = config.sources.snapshot.positive  # type: ignore[union-attr]
        needed = short.partition("; ")[2]
        step = f"{needed}; customers who left have the label {label!r}"
        return Finding("stop", "churn: label", found, step)
    share = config.churn.test_share  # type: ignore[union-attr]
    if doubt := rough([held_out(part, share)]):
        return Finding("look", "churn: label", found, doubt)
    return Finding("fine", "churn: label", found)
