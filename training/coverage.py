"""How often intervals held what then came, and how wide they were."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from training.model import Model
from training.split import Split


def coverage(model: Model, data: Split, served: np.ndarray) -> list[dict[str, Any]]:
    """Return the measured coverage of a model's intervals on the later period, by level.

    Of all customers, and of those who bought once: an interval that holds zero covers most of
    these, so that theirs says little of the others'.

    Parameters
    ----------
    model : Model
    data : Split
    served : ndarray
        The model's values of the test's rows.

    Returns
    -------
    list of dict
        level (percent), who, customers, covered (share), width (money, the mean). Empty where the
        model gives no intervals.
    """
    if model.intervals is None:
        return []
    found = []
    for level in model.intervals.reaches:
        low, high = model.intervals.around(served, level, model.floor).T
        holds = (low <= data.test.target) & (data.test.target <= high)
        for who, rows in _groups(data):
            found.append(
                {
                    "level": int(level),
                    "who": who,
                    "customers": int(rows.sum()),
                    "covered": float(holds[rows].mean()),
                    "width": float((high - low)[rows].mean()),
                }
            )
    return found


def _groups(data: Split) -> Iterator[tuple[str, np.ndarray]]:
    yield "all customers", np.ones(len(data.test), dtype=bool)
    if "purchase_days" in data.schema.names:
        once = data.test.matrix[:, data.schema.names.index("purchase_days")] == 1
        if once.any():
            yield "one-order customers", once
