"""Families of models that compete in a study: what each part of one is fitted to, and how.

For churn a chance. For value: Tweedie (Jørgensen 1987), whose mean is fitted at once; a hurdle
(Cragg 1971, Econometrica 39(5)), the chance of any value times the value if there is one; and the
logarithm, whose level is put right afterwards (smearing: Duan 1983, JASA 78(383)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from xgboost.callback import TrainingCallback

from features.schema import FeatureSchema
from training import shapes
from training.blend import Component, Link, Weighted
from training.shapes import Response
from training.split import Examples
from training.trees import Learner

MOST_ROWS = 30_000
"""What shapes are fitted to at the most: more would hardly move a few hundred weights."""


@dataclass(frozen=True)
class Target:
    """What one part of a family is fitted to.

    Parameters
    ----------
    response : {"chance", "mean", "log"}
        How shapes are fitted to it.
    objective : str
        How trees are: XGBoost's name.
    outcome : callable
        From the task's target to this part's.
    link : Link
        How the part's margin enters the sum.
    holders_only : bool
        Whether only rows of a positive target tell of it.
    """

    response: Response
    objective: str
    outcome: Callable[[np.ndarray], np.ndarray]
    link: Link = "identity"
    holders_only: bool = False

    @property
    def metric(self) -> str:
        """What XGBoost watches of it: of a mean with one power, so that trials compare."""
        return _METRICS[self.objective]

    def of(self, examples: Examples) -> Examples:
        """Return the examples that tell of it, with its outcome."""
        held = examples.take(examples.target > 0) if self.holders_only else examples
        return held.with_target(self.outcome(held.target))


_METRICS = {
    "binary:logistic": "logloss",
    "reg:tweedie": "tweedie-nloglik@1.5",
    "reg:squarederror": "rmse",
}


def _as_it_is(target: np.ndarray) -> np.ndarray:
    return target


def not_negative(target: np.ndarray) -> np.ndarray:
    """Return values with those below zero as none: a mean with a logarithm is positive."""
    return np.maximum(target, 0.0)


def _any(target: np.ndarray) -> np.ndarray:
    return (target > 0).astype(float)


def _log_against_mean(target: np.ndarray) -> np.ndarray:
    held = not_negative(target)
    return np.log1p(held / (float(np.mean(held)) or 1.0))


Family = tuple[Target, ...]

CHANCE: Family = (Target("chance", "binary:logistic", _as_it_is),)
VALUE: Mapping[str, Family] = {
    "tweedie": (Target("mean", "reg:tweedie", not_negative),),
    "hurdle": (
        Target("chance", "binary:logistic", _any, link="log_chance"),
        Target("log", "reg:squarederror", np.log, holders_only=True),
    ),
    "log": (Target("log", "reg:squarederror", _log_against_mean),),
}


@dataclass(frozen=True)
class Recipe:
    """A family with the settings of its shapes and trees.

    Parameters
    ----------
    schema : FeatureSchema
    family : Family
    trees : mapping
        XGBoost's parameters that were tuned.
    shrinkage, bends : float, int
        Of the shapes: see `shapes.fit`.
    power : float
        Tweedie's variance power, where it is the family.
    seed : int
    """

    schema: FeatureSchema
    family: Family
    trees: Mapping[str, Any]
    shrinkage: float
    bends: int
    power: float
    seed: int

    def with_power(self, power: float) -> Recipe:
        """Return the same with another variance power."""
        return replace(self, power=power)

    def shapes(self, examples: Examples) -> Component:
        """Fit the family's shapes."""
        parts = []
        for target in self.family:
            held = self._some(target.of(examples))
            fitted = shapes.fit(
                self.schema,
                held.matrix,
                held.target,
                response=target.response,
                shrinkage=self.shrinkage,
                bends=self.bends,
                power=self.power,
            )
            parts.append(Weighted(fitted, 1.0, target.link))
        return tuple(parts)

    def boosted(self, examples: Examples, rounds: Sequence[int]) -> Component:
        """Fit the family's trees so many rounds each."""
        return tuple(
            Weighted(self._learner(target).fit(target.of(examples), count), 1.0, target.link)
            for target, count in zip(self.family, rounds, strict=True)
        )

    def boosted_until_worse(
        self, examples: Examples, later: Examples, callbacks: Sequence[TrainingCallback] = ()
    ) -> tuple[Component, tuple[int, ...]]:
        """Fit the family's trees until later examples are no better told; return their rounds."""
        parts: list[Weighted] = []
        rounds = []
        for target in self.family:
            learner = self._learner(target)
            fitted, count = learner.fit_until_worse(
                target.of(examples), target.of(later), callbacks if not parts else ()
            )
            parts.append(Weighted(fitted, 1.0, target.link))
            rounds.append(count)
        return tuple(parts), tuple(rounds)

    def _some(self, examples: Examples) -> Examples:
        """Return as many rows as shapes are fitted to, drawn by the seed."""
        if len(examples) <= MOST_ROWS:
            return examples
        drawn = np.random.default_rng(self.seed).choice(len(examples), MOST_ROWS, replace=False)
        return examples.take(np.sort(drawn))

    def _learner(self, target: Target) -> Learner:
        settings = {**self.trees, "objective": target.objective, "eval_metric": target.metric}
        if target.response == "mean":
            settings["tweedie_variance_power"] = self.power
        if target.response != "chance":
            settings.pop("scale_pos_weight", None)
        return Learner(self.schema, settings, self.seed)
