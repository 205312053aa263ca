"""What the measures of some rows add up to, and the figures that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from types import ModuleType
from typing import Any

import pandas as pd

from configs.schema import Config
from features.figures.definition import Period
from features.source import Tables, load_rows

MAY = Period(date(2024, 5, 1), date(2024, 6, 1))


def by_customer(
    module: ModuleType,
    config: Config,
    rows: Mapping[str, Sequence[Mapping[str, Any]]] | Tables,
    period: Period = MAY,
) -> pd.DataFrame:
    """Each customer's measures, exact, sorted by customer."""
    tables = rows if isinstance(rows, Tables) else load_rows(config, rows)
    table = module.measures(config, tables, period)
    found = tables.backend.to_pyarrow(table).to_pandas().set_index("customer_id")
    assert found.index.is_unique
    return found.sort_index()


def sums(frame: pd.DataFrame) -> dict[str, float]:
    """The sum of every measure."""
    return {name: float(frame[name].sum()) for name in frame}


def figures(module: ModuleType, frame: pd.DataFrame) -> dict[str, float | None]:
    """The figures of those customers whose measures are there."""
    held = sums(frame)
    return {each.name: each.of(held) for each in module.FIGURES if each.about in held}
