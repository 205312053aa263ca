"""Protected attributes of customers at cut-offs: to see whom a model serves worse."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from configs.schema import Attribute, Config
from features import profile
from features.build import KEYS, cutoff_table, to_pandas
from features.source import Tables


def protected_attributes(config: Config) -> dict[str, Attribute]:
    """Return the declared attributes that are protected, by name."""
    return {name: held for name, held in config.attributes.items() if held.protected}


def protected(config: Config, tables: Tables, cutoffs: Sequence[date]) -> pd.DataFrame:
    """Return the protected attributes of the customers in a base's table of attributes.

    Returns
    -------
    DataFrame
        ``as_of``, ``customer_id`` and the attributes, as features would have them: numbers are
        doubles with NaN for missing, categories text with None. Sorted by both keys; a customer
        without a row is absent, and a snapshot's rows bear each of the cut-offs.
    """
    asked = protected_attributes(config)
    held = tables.snapshot if tables.snapshot is not None else tables.customers
    if held is None or not asked:
        return pd.DataFrame({key: [] for key in [*KEYS, *asked]}, dtype=object)
    rows = profile.with_spans(held).cross_join(cutoff_table(config, cutoffs))
    if "valid_from" in held.columns:
        rows = rows.filter(profile.holds(rows, rows.instant))
    columns = {
        name: profile.attribute(rows, name, attribute, rows.as_of)
        for name, attribute in asked.items()
    }
    found = rows.select(*KEYS, **columns).order_by(KEYS)
    return to_pandas(tables.backend.to_pyarrow(found))
