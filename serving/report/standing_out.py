"""The attributes that stand out in a segment: what its customers are more often than others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
import pandas as pd

from configs.schema import Config

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


@dataclass(frozen=True)
class Traits:
    """The attributes of everybody that may stand out, each value by its number.

    Categories and flags that models may see: no protected ones unless ``features.use_protected``.

    Parameters
    ----------
    config : Config
    codes : mapping of str to ndarray of int, shape (customers,)
        By attribute, the place of each customer's value; -1 where it is not known.
    values : mapping of str to tuple of str
        By attribute, sorted.
    """

    config: Config
    codes: Mapping[str, np.ndarray]
    values: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, config: Config, features: pd.DataFrame) -> Traits:
        """Read the attributes among everybody's features."""
        codes, values = {}, {}
        for name, declared in config.inputs.items():
            if declared.kind not in ("category", "flag") or name not in features:
                continue
            told = features[name]
            if declared.kind == "flag":
                told = told.map({1.0: "yes", 0.0: "no"})
            codes[name], found = pd.factorize(told.astype(object), sort=True)
            values[name] = tuple(str(value) for value in found)
        return cls(config, codes, values)

    def standing_out(self, rows: np.ndarray, most: int = MOST) -> tuple[StandsOut, ...]:
        """Return the values of attributes that stand out in a segment, the largest lift first.

        A value stands out where the shares who have it inside and outside differ beyond chance,
        by the pooled z of two proportions (Fleiss, Levin & Paik 2003, Statistical Methods for
        Rates and Proportions, chapter 3), enough customers have it, and those who do not are none
        or no few. Of an attribute, only its first value is told.

        Parameters
        ----------
        rows : ndarray of int
            Who is of the segment.
        most : int
            How many are told.
        """
        firsts = (self._first(name, rows) for name in self.codes)
        found = [first for first in firsts if first is not None]
        return tuple(sorted(found, key=lambda held: (-held.lift, held.attribute))[:most])

    def _first(self, name: str, rows: np.ndarray) -> StandsOut | None:
        few = self.config.report.least
        told = [
            held
            for held in self._held(name, rows)
            if held.z > BEYOND_CHANCE
            and held.customers >= max(few, FEWEST)
            and not 0 < held.known - held.customers < few
        ]
        return min(told, key=lambda held: (-held.lift, held.value), default=None)

    def _held(self, name: str, rows: np.ndarray) -> Iterator[StandsOut]:
        """Yield each value of an attribute, held against those of the customers outside."""
        values, declared = self.values[name], self.config.inputs[name]
        label = declared.label or name.replace("_", " ")
        of_all = _counts(self.codes[name], len(values))
        within = _counts(self.codes[name][rows], len(values))
        known, others = int(within.sum()), int(of_all.sum() - within.sum())
        if not known or not others:
            return
        for value, mine, all_of_it in zip(values, within.tolist(), of_all.tolist(), strict=True):
            pooled = all_of_it / (known + others)
            error = sqrt(pooled * (1 - pooled) * (1 / known + 1 / others))
            if error > 0:
                yield StandsOut(
                    attribute=name,
                    label=label,
                    label_da=declared.label_da or label,
                    value=value,
                    flag=declared.kind == "flag",
                    customers=mine,
                    known=known,
                    inside=mine / known,
                    everybody=pooled,
                    z=(mine / known - (all_of_it - mine) / others) / error,
                )


def _counts(codes: np.ndarray, values: int) -> np.ndarray:
    return np.bincount(codes[codes >= 0], minlength=values)
