"""What every way of telling customers apart answers: whose segment is which, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from training.population import Population
from training.predictors import Contributions

NOBODY = -1
"""The place of a row that has no segment."""


@dataclass(frozen=True)
class Segment:
    """A segment of customers.

    Parameters
    ----------
    id : int
        From 1; it stays with the segment when the model is fitted again, and is never given to
        another.
    name, name_da : str
        In English and in Danish.
    """

    id: int
    name: str
    name_da: str

    def to_dict(self) -> dict[str, Any]:
        """Return the segment as JSON can hold it."""
        return {"id": self.id, "name": self.name, "name_da": self.name_da}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Segment:
        """Read what `to_dict` wrote."""
        return cls(int(held["id"]), str(held["name"]), str(held["name_da"]))


@dataclass(frozen=True)
class Worth:
    """Customers' lifetime values beside their features, for the way that is of these.

    Parameters
    ----------
    values : ndarray, shape (rows,)
        As served; NaN of whom the model of value is not asked.
    edges : tuple of float
        The nine values between the tenths of the customers that model was reported on.
    """

    values: np.ndarray
    edges: tuple[float, ...]


class Segmenter(Protocol):
    """One way to tell customers apart.

    A row's segment and reasons never depend on the rows beside it.
    """

    @property
    def kind(self) -> str:
        """What the manifest calls it."""

    @property
    def suffix(self) -> str:
        """The ending of its file's name."""

    @property
    def way(self) -> str:
        """Its name in the config."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        """The segments, in a fixed order."""

    @property
    def population(self) -> Population | None:
        """Whom it may be asked about; everybody if None."""

    def assign(self, matrix: np.ndarray, worth: Worth | None = None) -> np.ndarray:
        """Return the place of each row's segment in `segments`, or `NOBODY`.

        Parameters
        ----------
        matrix : ndarray, shape (rows, features)
            Rows of its population.
        worth : Worth, optional
            What the release's model of value says of them.
        """

    def contributions(self, matrix: np.ndarray, worth: Worth | None = None) -> Contributions:
        """Return what each feature adds to a row's being of its segment, with base 0."""

    def to_bytes(self) -> bytes:
        """Return it as its file's content."""
