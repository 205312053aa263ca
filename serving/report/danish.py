"""A report whose segments have their Danish names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from serving.report.contents import Report
from serving.report.phrases import PHRASES

Names = Mapping[str, Mapping[str, str]]
_NOWHERE = ("nowhere_before", "nowhere_after")


def in_danish(report: Report) -> Report:
    """Return the report with each segment's Danish name in place of the English one."""
    names = {
        f"segment:{way}": {str(card["name"]): str(card["name_da"]) for card in cards}
        for way, cards in report.personas.items()
    }
    return replace(
        report,
        figures=_groups(report.figures, names),
        risk=None if report.risk is None else _groups(report.risk, names),
        survival=None if report.survival is None else _groups(report.survival, names),
        calls=None if report.calls is None else _columns(report.calls, names),
        migration={
            way: _moves(moved, names.get(f"segment:{way}", {}))
            for way, moved in report.migration.items()
        },
    )


def _groups(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    said = [
        names.get(dimension, {}).get(group, group)
        for dimension, group in zip(table["dimension"], table["group"], strict=True)
    ]
    return table.assign(group=said)


def _columns(table: pd.DataFrame, names: Names) -> pd.DataFrame:
    there = {name: held for name, held in names.items() if name in table}
    return table.assign(
        **{name: [held.get(each, each) for each in table[name]] for name, held in there.items()}
    )


def _moves(moved: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    nowhere = dict(PHRASES[name] for name in _NOWHERE)
    both = {**nowhere, **names}
    return {
        **moved,
        **{end: [both.get(name, name) for name in moved[end]] for end in ("from", "to")},
    }
