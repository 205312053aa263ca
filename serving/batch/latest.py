"""The latest batch of a base in short: who has most at risk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from serving.record.merkle import put, sync, temporary_beside

FILE = "latest.parquet"
_SCORES = ("customer_id", "score_id", "as_of", "churn_probability", "band", "value_at_risk")
_SEGMENT = "segment_"


def shortened(scores: pa.Table) -> pa.Table:
    """Return the columns of scores that are kept: who, how likely, how much, which segments."""
    segments = [
        held.name
        for held in scores.schema
        # What a segment is called, and the like, stands under such a name too.
        if held.name.startswith(_SEGMENT) and pa.types.is_integer(held.type)
    ]
    return scores.select([*_SCORES, *segments])


def write(var: Path, scores: pa.Table) -> None:
    """Put the scores of a batch in the place of those of the batch before, at one instant.

    Sorted by value at risk, or by the chance of leaving where no customer has one, the highest
    first, those without one last; equal ones by their ids.

    Parameters
    ----------
    var : Path
        The base's run-time folder.
    scores : Table
        As `shortened` returns them, sorted by customer.
    """
    first = _numbers(scores, "value_at_risk")
    if np.isnan(first).all():
        first = _numbers(scores, "churn_probability")
    # Stable, so that equal ones stay in the order of their ids; NaN goes last.
    order = np.argsort(-first, kind="stable")
    with temporary_beside(var / FILE) as temporary:
        pq.write_table(scores.take(pa.array(order)), temporary, compression="zstd")
        sync(temporary)
        put(temporary, var / FILE)


def _numbers(scores: pa.Table, name: str) -> np.ndarray:
    return scores.column(name).to_numpy()
