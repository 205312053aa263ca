"""A person, and what a place that may hold something of one can do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from configs.errors import StamkundeError


class PersonError(StamkundeError):
    """Something of a person that cannot be read or removed."""


@dataclass(frozen=True)
class Person:
    """A customer.

    Parameters
    ----------
    id : str
        As the user's files have it.
    token : str
        As the record names them.
    """

    id: str
    token: str


class Holding(Protocol):
    """A place that may hold something of a person."""

    @property
    def name(self) -> str:
        """What it is called in a receipt; nothing of anybody."""

    def held(self, person: Person) -> list[Any]:
        """Return all that is held of a person, as JSON can tell it; nothing of anybody else."""

    def remove(self, person: Person) -> None:
        """Remove it, on disk when this returns; nothing happens where there is none."""
