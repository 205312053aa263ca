"""The attributes that stand out in a segment: what its customers are more often than others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.schema import Attribute, Config

FEWEST = 20
"""Customers of a segment who must have a value for it to stand out."""

BEYOND_CHANCE = 3.0
"""Standard errors: among a hundred values of attributes, chance alone shows one in ten reports."""

MOST = 3


@dataclass(frozen=True)
class StandsOut:
    """A value of an attribute that a segment's customers have more often than the others.

    Parameters
    ----------
    attribute : str
    label, label_da : str
        What the attribute is called.
    value : str
        ``yes`` or ``no`` of a flag.
    flag : bool
        Whether it is one.
    customers, known : int
        Of the segment who have it, and of whom it is known whether they do.
    inside, everybody : float
        The share who have it, of those in the segment, and in the base, of whom it is known.
    z : float
        How many standard errors the shares inside and outside lie apart.
    """

    attribute: str
    label: str
    label_da: str
    value: str
    flag: bool
    customers: int
    known: int
    inside: float
    everybody: float
    z: float

    @property
    def lift(self) -> float:
        """How many times as often they have it as everybody."""
        return self.inside / self.everybody


def standing_out(
    config: Config, features: pd.DataFrame, inside: np.ndarray, most: int = MOST
) -> tuple[StandsOut, ...]:
    """Return the values of attributes that stand out in a segment, the largest lift first.

    A value stands out where the shares who have it inside and outside differ beyond chance, by
    the pooled z of two proportions (Fleiss, Levin & Paik 2003, Statistical Methods for Rates and
    Proportions, chapter 3), enough customers have it, and those who do not are none or no few.
    Of an attribute, only its first value is told. Categories and flags that models may see are
    looked at: no protected ones unless ``features.use_protected``.

    Parameters
    ----------
    config : Config
    features : DataFrame
        Of everybody.
    inside : ndarray of bool, shape (customers,)
        Who is of the segment.
    most : int
        How many are told.
    """
    found = [
        first
        for name, declared in config.inputs.items()
        if declared.kind in ("category", "flag")
        and name in features
        and (first := _first(config, name, declared, features[name], inside))
    ]
    return tuple(sorted(found, key=_order)[:most])


def _order(held: StandsOut) -> tuple[float, str]:
    return -held.lift, held.attribute


def _first(
    config: Config, name: str, declared: Attribute, values: pd.Series, inside: np.ndarray
) -> StandsOut | None:
    held = _values(name, declared, values, inside)
    least = max(config.report.least, FEWEST)
    told = [
        each
        for each in held
        if each.z > BEYOND_CHANCE
        and each.customers >= least
        and not 0 < each.known - each.customers < config.report.least
    ]
    return min(told, key=lambda each: (-each.lift, each.value), default=None)


def _values(
    name: str, declared: Attribute, values: pd.Series, inside: np.ndarray
) -> Iterator[StandsOut]:
    known = values.notna().to_numpy()
    within, of_all = int((known & inside).sum()), int(known.sum())
    without = of_all - within
    if not within or not without:
        return
    label = declared.label or name.replace("_", " ")
    texts = _texts(declared, values)
    for value in sorted(set(texts[known].tolist())):
        has = texts == value
        mine, all_of_it = int((has & inside).sum()), int(has.sum())
        pooled = all_of_it / of_all
        error = np.sqrt(pooled * (1 - pooled) * (1 / within + 1 / without))
        if error > 0:
            apart = mine / within - (all_of_it - mine) / without
            yield StandsOut(
                attribute=name,
                label=label,
                label_da=declared.label_da or label,
                value=value,
                flag=declared.kind == "flag",
                customers=mine,
                known=within,
                inside=mine / within,
                everybody=pooled,
                z=float(apart / error),
            )


def _texts(declared: Attribute, values: pd.Series) -> np.ndarray:
    """Return the values as text, empty where missing."""
    if declared.kind == "flag":
        told = values.map({1.0: "yes", 0.0: "no"})
        return told.fillna("").to_numpy(str)
    return values.fillna("").to_numpy(str)
