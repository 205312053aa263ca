"""Where customers moved between two dates: from which segment to which, and who kept theirs.

Numbers of few customers are withheld, and with them whatever else would give them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.figures.withheld import withheld
from training.segmentation.suppression import Sum, suppressed
from training.segmenters.segmenter import Segment

NOT_YET, NO_LONGER = "in none yet", "in none any more"
NOT_YET_DA, NO_LONGER_DA = "endnu ikke i noget", "ikke længere i noget"
"""The row and the column of customers without a segment at the one date."""


@dataclass(frozen=True)
class Migration:
    """Customers by their segments at two dates.

    Parameters
    ----------
    counts : DataFrame of Int64, shape (segments + 1, segments + 1)
        Customers by segment before (rows; `NOT_YET` last) and after (columns; `NO_LONGER` last);
        NA where withheld.
    shares : DataFrame of float
        The same as shares of the row; NaN where withheld, or of nobody.
    before, after : Series of Int64
        Customers of each row and of each column; NA where withheld.
    stayed, both : int or None
        Customers with the same segment at both dates, and with any at both; None where withheld.
    """

    counts: pd.DataFrame
    shares: pd.DataFrame
    before: pd.Series
    after: pd.Series
    stayed: int | None
    both: int | None

    @property
    def stay_share(self) -> float | None:
        """Of the customers with a segment at both dates, the share who kept theirs."""
        return None if self.stayed is None or not self.both else self.stayed / self.both

    @property
    def net(self) -> pd.Series:
        """Customers each segment gained less those it lost; NA where withheld."""
        return self.after.iloc[:-1] - self.before.iloc[:-1]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; None where withheld."""
        return {
            "from": list(self.counts.index),
            "to": list(self.counts.columns),
            "customers": [_plain(row) for _, row in self.counts.iterrows()],
            "shares": [_plain(row) for _, row in self.shares.iterrows()],
            "before": _plain(self.before),
            "after": _plain(self.after),
            "net": _plain(self.net),
            "stayed": self.stayed,
            "both": self.both,
            "stay_share": self.stay_share,
        }


def migration(
    before: pd.Series, after: pd.Series, segments: Sequence[Segment], least: int = 5
) -> Migration:
    """Return who moved from which segment to which.

    Parameters
    ----------
    before, after : Series of str
        Customers' segments by name, under their ids; null, or no row, of who has none. Names that
        are not among `segments`, as of one that has vanished, come after them.
    segments : sequence of Segment
        In the order of the rows and columns.
    least : int
        Numbers of fewer customers are withheld. How many are in each segment after is told
        elsewhere, of the same customers and with the same bound: it is told here as there.

    Raises
    ------
    ValueError
        If a customer is there twice.
    """
    names = _names(before, after, segments)
    inner = _counts(before, after, names)
    values, sums = _with_totals(inner)
    shown = ~suppressed(values, sums, least, _told_elsewhere(inner, after, least))
    size = len(names) + 1
    cells, rows_end = size * size, size * size + size
    rows, columns = [*names, NOT_YET], [*names, NO_LONGER]
    totals = values[cells:rows_end].astype(float)
    open_cells = shown[:cells].reshape(size, size) & shown[cells:rows_end, None]
    shares = np.full((size, size), np.nan)
    np.divide(inner, totals[:, None], out=shares, where=open_cells & (totals[:, None] > 0))
    stayed, both = (int(values[i]) if shown[i] else None for i in (-2, -1))
    counted = _integers(values, shown)
    return Migration(
        pd.DataFrame(counted[:cells].reshape(size, size), rows, columns).astype("Int64"),
        pd.DataFrame(shares, rows, columns),
        pd.Series(counted[cells:rows_end], rows, dtype="Int64"),
        pd.Series(counted[rows_end:-3], columns, dtype="Int64"),
        stayed,
        both,
    )


def _names(before: pd.Series, after: pd.Series, segments: Sequence[Segment]) -> list[str]:
    """Return the segments' names in order, then those of segments that are no more."""
    known = [segment.name for segment in segments]
    met = set(before.dropna().unique()) | set(after.dropna().unique())
    return [*known, *sorted(met - set(known))]


def _counts(before: pd.Series, after: pd.Series, names: Sequence[str]) -> np.ndarray:
    """Count customers by segment before and after; the last row and column are of none."""
    for held in (before, after):
        if not held.index.is_unique:
            raise ValueError(f"customer {held.index[held.index.duplicated()][0]!r} is there twice")
    size = len(names) + 1
    left, right = _places(before, names), _places(after, names)
    found_at = before.index.get_indexer(after.index)
    came_from = np.r_[left, size - 1][found_at]  # the last, of who is not there
    gone = np.ones(len(left), dtype=bool)
    gone[found_at[found_at >= 0]] = False
    cells = np.r_[came_from * size + right, left[gone] * size + size - 1]
    found = np.bincount(cells, minlength=size * size).reshape(size, size)
    found[-1, -1] = 0
    return found


def _places(held: pd.Series, names: Sequence[str]) -> np.ndarray:
    found = pd.Index(names).get_indexer(pd.Index(held))
    return np.where(found < 0, len(names), found)


def _with_totals(inner: np.ndarray) -> tuple[np.ndarray, list[Sum]]:
    """Return the cells row by row, rows, columns, everybody, who stayed and who is in both.

    And the sums that tie them together.
    """
    size = len(inner)
    number = np.arange(inner.size).reshape(inner.shape)
    stayed, both = np.trace(inner[:-1, :-1]), inner[:-1, :-1].sum()
    ends = np.array([inner.sum(), stayed, both])
    values = np.r_[inner.ravel(), inner.sum(axis=1), inner.sum(axis=0), ends]
    row = np.arange(inner.size, inner.size + size)
    column = row + size
    everybody, kept, held = range(inner.size + 2 * size, len(values))
    same = number[:-1, :-1].diagonal()
    moved = np.setdiff1d(number[:-1, :-1], same)
    return values, [
        *(_sum(number[place], row[place]) for place in range(size)),
        *(_sum(number[:, place], column[place]) for place in range(size)),
        _sum(row, everybody),
        _sum(column, everybody),
        _sum(same, kept),
        _sum(np.r_[moved, kept], held),
    ]


def _told_elsewhere(inner: np.ndarray, after: pd.Series, least: int) -> dict[int, bool]:
    """Return which totals stand beside the table too: how many are in each segment now.

    So is how many are in none, and everybody, where nobody is in none at both dates.
    """
    size, now = len(inner), inner.sum(axis=0)
    without = max(int(after.isna().sum()), int(now[-1]))
    open_ = ~withheld(np.r_[now[:-1], without], least)
    first = size * size + size
    told = {first + place: bool(open_[place]) for place in range(size - 1)}
    if without == now[-1]:
        told |= {first + size - 1: bool(open_[-1]), first + size: bool(inner.sum() >= least)}
    return told


def _sum(cells: np.ndarray, total: int) -> Sum:
    return Sum(tuple(int(cell) for cell in cells), int(total))


def _integers(values: np.ndarray, shown: np.ndarray) -> np.ndarray:
    found = values.astype(object)
    found[~shown] = pd.NA
    return found


def _plain(held: pd.Series) -> list[int | float | None]:
    return [None if pd.isna(value) else value for value in held.tolist()]
