"""What the customers of each group add up to, where that gives nobody away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import fsum

import numpy as np
import pandas as pd

from features.figures.withheld import withheld


@dataclass(frozen=True)
class Sums:
    """Sums over the groups of a partition.

    Parameters
    ----------
    groups : ndarray of str
        Sorted.
    rows : tuple of ndarray of int
        The rows of each.
    totals : mapping of str to ndarray of float
        By column; NaN where withheld, or where it is known of nobody.
    about : mapping of str to ndarray of int
        How many customers each is of.
    hidden : mapping of str to ndarray of bool
        Which are withheld.
    """

    groups: np.ndarray
    rows: tuple[np.ndarray, ...]
    totals: Mapping[str, np.ndarray]
    about: Mapping[str, np.ndarray]
    hidden: Mapping[str, np.ndarray]

    @property
    def withheld(self) -> np.ndarray:
        """Which groups have anything withheld."""
        return np.any(list(self.hidden.values()), axis=0)

    def mean(self, name: str) -> np.ndarray:
        """Return a column's mean of whom it is known of."""
        return self.totals[name] / np.maximum(self.about[name], 1)


def by_group(groups: np.ndarray, columns: Mapping[str, np.ndarray], least: int) -> Sums:
    """Add columns up by group; a sum does not depend on the order of the rows.

    Parameters
    ----------
    groups : ndarray of str, shape (customers,)
    columns : mapping of str to ndarray of float, shape (customers,)
        NaN of whom a column is not about.
    least : int
        A sum over fewer customers is withheld, and what it could be got from by subtraction.
    """
    codes, found = pd.factorize(groups, sort=True)
    names = np.asarray(found, dtype=object)
    ends = np.cumsum(np.bincount(codes, minlength=len(names)))[:-1]
    rows = tuple(np.split(np.argsort(codes, kind="stable"), ends)) if len(names) else ()
    totals, about, hidden = {}, {}, {}
    for name, values in columns.items():
        parts = [part[~np.isnan(part)] for part in (values[held] for held in rows)]
        about[name] = np.array([len(part) for part in parts], dtype=np.int64)
        hidden[name] = withheld(about[name], least)
        shown = (about[name] > 0) & ~hidden[name]
        totals[name] = np.where(shown, [fsum(part) for part in parts], np.nan)
    return Sums(names, rows, totals, about, hidden)
