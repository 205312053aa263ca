"""Tenths of customers by lifetime value, each customer with a potential one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from training.population import Population
from training.predictors import Contributions
from training.segmenters.peers import Alike, Potential
from training.segmenters.segmenter import NOBODY, Segment, Worth


def _tenth(number: int) -> Segment:
    """Return the segment of a tenth, 10 being the most valuable.

    Named from the nearer end: who reads a list of customers need not know which way it counts.
    """
    top = number > 5
    far = 10 * (11 - number if top else number)
    share = f"{far - 10}–{far} %" if far > 10 else "10 %"
    english, danish = ("Top", "øverste") if top else ("Bottom", "nederste")
    return Segment(number, f"{english} {share} by value", f"De {danish} {share} målt på værdi")


TENTHS = tuple(_tenth(number) for number in range(1, 11))
"""The segments: id 1 has the least value, id 10 the most."""


@dataclass(frozen=True)
class ValueTenths:
    """Tenths by the CLV that a release's model serves, and the potential of each customer.

    Customers of equal value are of one tenth, so that tenths need not be equally large.

    Parameters
    ----------
    way : str
        Its name in the config.
    population : Population or None
        Whom it may be asked about; everybody if None.
    peers : Potential
        What customers alike spend at their best.
    segments : tuple of Segment
        The ten, from the least value.
    """

    way: str
    population: Population | None
    peers: Potential
    segments: tuple[Segment, ...] = TENTHS
    kind: ClassVar[str] = "value"
    suffix: ClassVar[str] = "json"

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of each row's tenth, `NOBODY` of whom no value is known."""
        if worth is None:
            return np.full(len(matrix), NOBODY)
        tenth = np.searchsorted(np.asarray(worth.edges), worth.values, side="right")
        return np.where(np.isnan(worth.values), NOBODY, tenth)

    def contributions(self, matrix: np.ndarray, worth: Worth | None = None) -> Contributions:
        """Return nothing of each feature: the reasons of a tenth are the CLV's own."""
        return Contributions(np.zeros(matrix.shape), 0.0)

    def potential(self, matrix: np.ndarray) -> np.ndarray:
        """Return what customers like each row spend at their best, over the CLV's horizon."""
        return self.peers.of(matrix)

    def alike(self, matrix: np.ndarray) -> np.ndarray:
        """Return the place in `groups` of the customers that each row is like."""
        return self.peers.alike(matrix)

    @property
    def groups(self) -> tuple[Alike, ...]:
        """The groups of customers who are alike, each in words."""
        return self.peers.groups

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        held = {
            "way": self.way,
            "population": asdict(self.population) if self.population else None,
            "peers": self.peers.to_dict(),
            "segments": [segment.to_dict() for segment in self.segments],
        }
        return (json.dumps(held, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> ValueTenths:
        """Read what `to_bytes` wrote."""
        held = json.loads(content)
        population = held["population"]
        return cls(
            held["way"],
            Population(**population) if population else None,
            Potential.from_dict(held["peers"]),
            tuple(Segment.from_dict(segment) for segment in held["segments"]),
        )
