"""Where a feature's value lies among those of the customers that a model learnt from."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from training.quantities import Value

Kind = Literal[
    "above_all",
    "below_all",
    "highest",
    "lowest",
    "higher",
    "lower",
    "middle",
    "constant",
    "missing",
    "category",
    "new",
]
_MIDDLE = 0.05  # either side of the median that is still called the middle
_END = 0.01  # at either end, where a share of all would read as none or all of them


@dataclass(frozen=True)
class Place:
    """A value's place.

    Parameters
    ----------
    kind : str
        ``higher`` than a share of the customers, ``lower`` than one, among the ``highest`` or the
        ``lowest`` hundredth, in the ``middle``, beyond
        all (``above_all``, ``below_all``), the one value that all had (``constant``), ``missing``
        as it was of a share, a ``category`` that a share had, or one that none had (``new``).
    share : float
        The share that the kind speaks of.
    quantile : float or None
        From 0 for the least value to 1 for the greatest; None where there is no order.
    """

    kind: Kind
    share: float = 0.0
    quantile: float | None = None


def place_of(value: Value, reference: Mapping[str, Any] | None) -> Place | None:
    """Return where a value lies in a feature's reference distribution; None where there is none.

    Between two deciles of the training rows the share is found by a straight line.
    """
    if not reference or not reference.get("rows"):
        return None
    rows, counts = reference["rows"], reference.get("counts")
    if value is None:
        return Place("missing", reference.get("missing", 0) / rows)
    if isinstance(counts, dict) or isinstance(value, str):
        had = counts.get(value, 0) if isinstance(counts, dict) else 0
        return Place("category", had / rows) if had else Place("new")
    edges = reference.get("edges") or []
    return _placed(float(value), edges, counts or [], rows - reference.get("missing", 0))


def _placed(value: float, edges: list[float], counts: list[int], rows: int) -> Place | None:
    if not edges or rows <= 0:
        return None
    if value > edges[-1]:
        return Place("above_all", 1.0, 1.0)
    if value < edges[0]:
        return Place("below_all", 1.0, 0.0)
    if len(edges) == 1:
        return Place("constant")
    bin_ = min(bisect_right(edges, value), len(edges) - 1) - 1
    within = (value - edges[bin_]) / (edges[bin_ + 1] - edges[bin_])
    quantile = (sum(counts[:bin_]) + within * counts[bin_]) / rows
    if quantile < _END or quantile > 1 - _END:
        return Place("lowest" if quantile < _END else "highest", _END, quantile)
    if abs(quantile - 0.5) <= _MIDDLE:
        return Place("middle", quantile, quantile)
    if quantile > 0.5:
        return Place("higher", quantile, quantile)
    return Place("lower", 1.0 - quantile, quantile)
