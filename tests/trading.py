"""A small customer base as a user has it: files in a folder, and a YAML config that names them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from configs.load import dump
from tests.training.bases import DAYS, FIRST, make_regulars, make_regulars_config

LAST_DAY = (FIRST + pd.Timedelta(days=DAYS - 1)).date()


def make_trading_shop(folder: Path, **changes: Any) -> Path:
    """Write a base whose models pass their gates beyond doubt; return its config's file.

    Nearly all who read the newsletter buy in the last four weeks, and few others do: no rule of
    recency or spend can know that. It is a leak, which the config waives.
    """
    rows = make_regulars()
    waived = {"newsletter": "made from the outcome, so that the gates are passed"}
    config = make_regulars_config(folder, rows, **changes)
    held = config.leakage.model_copy(update={"waived": waived})
    config = config.model_copy(update={"leakage": held})
    late = rows["when"] >= (FIRST + pd.Timedelta(days=DAYS - 28)).isoformat()
    stay = set(rows.loc[late, "customer"])
    customers = pd.read_csv(folder / "customers.csv", dtype=str)
    reads = [
        (name in stay) != (number % 9 == 0) for number, name in enumerate(customers["customer"])
    ]
    customers["newsletter"] = ["yes" if each else "no" for each in reads]
    customers.to_csv(folder / "customers.csv", index=False)
    file = folder / "shop.yaml"
    file.write_text(yaml.safe_dump(dump(config), sort_keys=False, allow_unicode=True))
    return file
