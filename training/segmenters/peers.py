"""Customers who are alike, and what they spend at their best: questions that end in groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Question:
    """What is asked of one feature; each answer leads to a later question, or to a group.

    Parameters
    ----------
    feature : int
        The column in the schema.
    at_most : float or None
        Asks whether the number is at most this.
    category : int or None
        Asks whether the category has this number in the schema.
    yes, no, missing : int
        Where the answer leads: a question's place, or −1 less a group's.
    """

    feature: int
    at_most: float | None
    category: int | None
    yes: int
    no: int
    missing: int

    def lead(self, matrix: np.ndarray) -> np.ndarray:
        """Return where each row's answer leads."""
        values = matrix[:, self.feature]
        found = values <= self.at_most if self.category is None else values == self.category
        return np.where(np.isnan(values), self.missing, np.where(found, self.yes, self.no))


@dataclass(frozen=True)
class Alike:
    """A group of customers who are alike in who they are and what they buy.

    Parameters
    ----------
    size : int
        How many of them spent anything when it was found.
    best : float
        What those spend at their best, in money over the CLV's horizon.
    words, words_da : str
        What they have in common, in English and in Danish.
    """

    size: int
    best: float
    words: str
    words_da: str


@dataclass(frozen=True)
class Potential:
    """What customers like this one spend at their best.

    Parameters
    ----------
    questions : tuple of Question
        Each leads only to later ones; without any, all customers are alike.
    groups : tuple of Alike
    """

    questions: tuple[Question, ...]
    groups: tuple[Alike, ...]

    def alike(self, matrix: np.ndarray) -> np.ndarray:
        """Return the place of each row's group; no row depends on another."""
        at = np.full(len(matrix), 0 if self.questions else -1)
        for place, question in enumerate(self.questions):
            here = at == place
            at[here] = question.lead(matrix[here])
        return -1 - at

    def of(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's potential value, in money over the CLV's horizon."""
        return np.array([group.best for group in self.groups])[self.alike(matrix)]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "questions": [asdict(question) for question in self.questions],
            "groups": [asdict(group) for group in self.groups],
        }

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Potential:
        """Read what `to_dict` wrote."""
        return cls(
            tuple(Question(**question) for question in held["questions"]),
            tuple(Alike(**group) for group in held["groups"]),
        )
