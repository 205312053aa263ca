"""Why a recorded value is what it is: from the base to it, idea by idea, on the served scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

import numpy as np

from training.bundle import Bundle
from training.quantities import Language, Value
from training.reasons import Vocabulary, described

_SHOWN = 10
"""Ideas that have a bar of their own; the rest share one."""


@dataclass(frozen=True)
class Step:
    """One idea's part of the way from the base to the value.

    Parameters
    ----------
    text : str
        Its strongest feature in words; empty for the rest together.
    others : int
        How many ideas the rest is of; 0 for one idea's own step.
    by : float
        What it adds on the served scale.
    margin : float
        What it adds in the margin.
    actionable : bool
        Whether the company can act on a feature of it.
    begin, end : float
        Where the bar begins and ends on the served scale.
    """

    text: str
    others: int
    by: float
    margin: float
    actionable: bool
    begin: float
    end: float


@dataclass(frozen=True)
class Waterfall:
    """The way from what everybody begins at to a customer's value.

    Parameters
    ----------
    base, served : float
        Where it begins and ends.
    base_margin, margin : float
        The same, before calibration.
    steps : tuple of Step
        The largest first.
    least, greatest : float
        What the drawing spans.
    """

    base: float
    served: float
    base_margin: float
    margin: float
    steps: tuple[Step, ...]
    least: float
    greatest: float

    def at(self, value: float) -> float:
        """Return where a value lies in the drawing, from 0 to 1000."""
        return round(1000 * (value - self.least) / (self.greatest - self.least), 2)


@dataclass(frozen=True)
class Told:
    """What one bundle answered of a customer, as it is on record.

    Parameters
    ----------
    bundle : Bundle
    vocabulary : Vocabulary
    recorded : mapping
        What the entry says of the task.
    values : sequence of Value
        The features as used, in the order of the model's schema.
    """

    bundle: Bundle
    vocabulary: Vocabulary
    recorded: Mapping[str, Any]
    values: Sequence[Value]

    @classmethod
    def of(cls, bundle: Bundle, body: Mapping[str, Any]) -> Told:
        """Read a task's part of a score's body."""
        model = bundle.model
        recorded = body["scores"][model.task]
        inputs: Sequence[Value] = body["features"][model.inputs.digest]
        learned = recorded.get("learned", {})
        names = model.schema.names[len(inputs) :]
        values = [*inputs, *(learned.get(name) for name in names)]
        return cls(bundle, Vocabulary.of(bundle), recorded, values)

    @property
    def served(self) -> Sequence[float] | None:
        """What each feature adds on the served scale; None where that is not on record."""
        added = self.recorded.get("contributions")
        if added is None:
            return None
        rate = _rate(self.bundle, self.recorded, fsum(added))
        return [value * rate for value in added]

    def waterfall(self, language: Language) -> Waterfall | None:
        """Return the way from the base to the value; None where it is not on record."""
        on_scale = self.served
        if on_scale is None:
            return None
        added, held = self.recorded["contributions"], self.recorded
        parts = [
            (self._told_by(columns, on_scale, language), columns)
            for columns in self.vocabulary.ideas.values()
            if any(on_scale[index] for index in columns)
        ]
        parts.sort(key=lambda part: -abs(fsum(on_scale[index] for index in part[1])))
        first, rest = parts[:_SHOWN], parts[_SHOWN:]
        sums = [_Sum(text, 0, columns) for text, columns in first]
        if rest:
            sums.append(_Sum("", len(rest), tuple(i for _, columns in rest for i in columns)))
        steps = self._laid(sums, on_scale, added)
        ends = [held["base_served"], held["served"], *(step.end for step in steps)]
        least, greatest = min(0.0, *ends), max(ends)
        return Waterfall(
            held["base_served"],
            held["served"],
            held["base_margin"],
            held["margin"],
            tuple(steps),
            least,
            greatest if greatest > least else least + 1.0,
        )

    def _laid(
        self, sums: Sequence[_Sum], on_scale: Sequence[float], added: Sequence[float]
    ) -> list[Step]:
        columns = self.vocabulary.schema.columns
        at, steps = self.recorded["base_served"], []
        for held in sums:
            by = fsum(on_scale[index] for index in held.columns)
            margin = fsum(added[index] for index in held.columns)
            actionable = not held.others and any(columns[i].actionable for i in held.columns)
            steps.append(Step(held.text, held.others, by, margin, actionable, at, at + by))
            at += by
        return steps

    def _told_by(
        self, columns: Sequence[int], on_scale: Sequence[float], language: Language
    ) -> str:
        """Return an idea by the feature that adds most in the direction of all of it."""
        towards = 1 if fsum(on_scale[index] for index in columns) > 0 else -1
        teller = max(columns, key=lambda index: towards * on_scale[index])
        against = self.vocabulary.against[teller]
        other = None if against is None else self.values[against]
        said = described(self.vocabulary, teller, self.values[teller], other, language)
        return said[:1].upper() + said[1:]


@dataclass(frozen=True)
class _Sum:
    text: str
    others: int
    columns: Sequence[int]


def _rate(bundle: Bundle, recorded: Mapping[str, Any], moved: float) -> float:
    """Return what a unit of margin is worth on the served scale, as `Model.explain` has it."""
    if abs(moved) < 1e-9:
        return float(bundle.model.calibration.slope(np.array([recorded["base_margin"]]))[0])
    return (recorded["served"] - recorded["base_served"]) / moved
