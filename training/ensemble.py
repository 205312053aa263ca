"""What a study's settings become: shapes, trees and an outlook, weighted by what strangers did.

The same for churn and value; a task says what its families, its loss and its outlook are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import optuna
import pandas as pd
from sklearn.model_selection import GroupKFold
from xgboost.callback import TrainingCallback

from features.schema import FeatureSchema
from training import trees
from training.blend import Component, Loss, Weighted, blended, margin_of, weigh
from training.curve import Curve
from training.families import Family, Recipe, Target
from training.predictors import Linear, Term, transform
from training.space import Setting
from training.split import Examples, Split

NAME = "ensemble"
"""What a model of it is called."""

STRANGERS = 5
"""Parts that customers are dealt into: each part's margins come from the other parts' fit."""

SHAPES_POWER = 1.5
"""Tweedie's power of shapes; the trees' is tuned."""


SETTINGS: Mapping[str, Setting] = {
    "learning_rate": Setting(1e-4, 1.0),
    "max_depth": Setting(1, 16, whole=True),
    "min_child_weight": Setting(0.0, 1e6),
    "subsample": Setting(0.05, 1.0),
    "colsample_bytree": Setting(0.05, 1.0),
    "reg_lambda": Setting(0.0, 1e6),
    "scale_pos_weight": Setting(0.01, 100.0),
    "shrinkage": Setting(1e-6, 1e3),
    "bends": Setting(0, 20, whole=True),
}
"""The settings of every task's ensemble, and what each may be."""


@dataclass(frozen=True)
class Outlook:
    """A learned column as a part of its own: its logarithm or log-odds, times a sign."""

    column: str
    transform: str
    sign: float

    def component(self, schema: FeatureSchema, matrix: np.ndarray) -> Component:
        """Return the part; none where the base has no such column, or nobody a value in it."""
        if self.column not in schema.names:
            return ()
        index = schema.names.index(self.column)
        held = transform(matrix[:, index], self.transform)
        if np.isnan(held).all():
            return ()
        mean = float(np.nanmean(held))
        term = Term(index, self.transform, mean, 1.0, self.sign)  # type: ignore[arg-type]
        return (Weighted(Linear(len(schema.columns), self.sign * mean, (term,))),)


@dataclass(frozen=True)
class Plan:
    """What a task makes of settings.

    Parameters
    ----------
    families : mapping of str to Family
        Of which the setting ``family`` chooses, the first unless there is one.
    loss : Loss
        What weights are found by.
    outlook : Outlook
    outcome : callable
        From targets to what the loss takes.
    level : callable
        From targets to the margin that stands for their mean: margins are weighed against it.
    """

    families: Mapping[str, Family]
    loss: Loss
    outlook: Outlook
    outcome: Callable[[np.ndarray], np.ndarray]
    level: Callable[[np.ndarray], float]

    def recipe(self, schema: FeatureSchema, settings: Mapping[str, Any], seed: int) -> Recipe:
        """Return what fits the parts."""
        names = {*trees.DEFAULTS, "nthread"}
        return Recipe(
            schema=schema,
            family=self.families[settings.get("family", next(iter(self.families)))],
            trees={name: value for name, value in settings.items() if name in names},
            shrinkage=settings["shrinkage"],
            bends=settings["bends"],
            power=settings.get("tweedie_variance_power", SHAPES_POWER),
            seed=seed,
        )


@dataclass(frozen=True)
class Tried:
    """What settings gave on the later cut-offs.

    Parameters
    ----------
    margins : tuple of ndarray
        Of each fold's later rows.
    targets : tuple of ndarray
    rounds : tuple of int
        Of the trees: the mean over folds, each part of the family its own.
    """

    margins: tuple[np.ndarray, ...]
    targets: tuple[np.ndarray, ...]
    rounds: tuple[int, ...]


Watch = Callable[[Target], Sequence[TrainingCallback]]


class Trials:
    """Tries settings on a split's folds; shapes of the same settings are fitted once.

    Parameters
    ----------
    data : Split
    seed : int
    """

    def __init__(self, data: Split, seed: int) -> None:
        self.data, self.seed = data, seed
        self._shapes: dict[tuple[Any, ...], np.ndarray] = {}

    def settle(
        self, plan: Plan, settings: Mapping[str, Any], watch: Watch = lambda _: ()
    ) -> Iterator[Tried]:
        """Fit on each fold's earlier rows and tell its later ones; yield what is known by then.

        Parameters
        ----------
        plan : Plan
        settings : mapping
        watch : callable
            From a family's first target to what watches its trees on the first fold.
        """
        recipe = plan.recipe(self.data.schema, settings, self.seed)
        found: list[np.ndarray] = []
        outcomes: list[np.ndarray] = []
        levels: list[float] = []
        rounds: list[tuple[int, ...]] = []
        for number, fold in enumerate(self.data.folds):
            watchers = () if number else watch(recipe.family[0])
            boosted, count = recipe.boosted_until_worse(fold.train, fold.later, watchers)
            outlook = plan.outlook.component(self.data.schema, self.data.fit.matrix)
            columns = [
                self._shapes_of(number, recipe, settings),
                margin_of(boosted, fold.later.matrix),
                *([margin_of(outlook, fold.later.matrix)] if outlook else []),
            ]
            levels.append(plan.level(fold.train.target))
            found.append(np.column_stack(columns) - levels[-1])
            outcomes.append(plan.outcome(fold.later.target) / np.exp(levels[-1]))
            rounds.append(count)
            weights, shift = weigh(np.vstack(found), np.concatenate(outcomes), plan.loss)
            yield Tried(
                tuple(
                    margin @ weights + shift + level
                    for margin, level in zip(found, levels, strict=True)
                ),
                tuple(tried.later.target for tried in self.data.folds[: number + 1]),
                tuple(round(float(count)) for count in np.mean(rounds, axis=0)),
            )

    def _shapes_of(self, number: int, recipe: Recipe, settings: Mapping[str, Any]) -> np.ndarray:
        fold = self.data.folds[number]
        key = (number, settings.get("family"), recipe.shrinkage, recipe.bends)
        if key not in self._shapes:
            fitted = recipe.with_power(SHAPES_POWER).shapes(fold.train)
            self._shapes[key] = margin_of(fitted, fold.later.matrix)
        return self._shapes[key]


def judged(
    trial: optuna.Trial,
    trials: Trials,
    plan: Plan,
    settings: Mapping[str, Any],
    value: Callable[[Tried], float],
) -> tuple[float, Tried]:
    """Try settings fold by fold; return what is minimised, and what it was taken from.

    The trial's curve is that of its trees on the first fold, then the value after each fold.
    Trees are compared while they grow only where their metric means the same: not of several
    families, nor where churners weigh more, whose level is put right only in the end.

    Raises
    ------
    TrialPruned
        If the trial is worse than most were at the same point.
    """
    alike = len(plan.families) == 1 and settings.get("scale_pos_weight", 1.0) == 1.0
    not_before = _ROUNDS_TO_JUDGE if alike else trees.MOST_ROUNDS + 1

    def watch(target: Target) -> Sequence[TrainingCallback]:
        return [Curve(trial, trees.LATER, target.metric, not_before=not_before)]

    worth = np.nan
    for number, found in enumerate(trials.settle(plan, settings, watch)):
        worth = value(found)
        trial.report(worth, trees.MOST_ROUNDS + 1 + number)
        if number + 1 < len(trials.data.folds) and trial.should_prune():
            raise optuna.TrialPruned(f"worse than most after {number + 1} folds")
    return worth, found


_ROUNDS_TO_JUDGE = 50


@dataclass(frozen=True)
class Fitted:
    """Parts that add in the margin, with the margins of customers none of them was fitted to.

    Parameters
    ----------
    parts : tuple of Weighted
    shift : float
        What is added to their sum.
    strangers : ndarray, shape (rows,)
        Of the training rows, the shift included.
    """

    parts: tuple[Weighted, ...]
    shift: float
    strangers: np.ndarray


def fit(
    plan: Plan, data: Split, settings: Mapping[str, Any], rounds: Sequence[int], seed: int
) -> Fitted:
    """Fit on every example whose outcome was known, weighted by customers unseen."""
    recipe, examples = plan.recipe(data.schema, settings, seed), data.fit
    straight = recipe.with_power(SHAPES_POWER)
    outlook = plan.outlook.component(data.schema, examples.matrix)

    def makers(held: Examples) -> list[Component]:
        return [straight.shapes(held), recipe.boosted(held, rounds)]

    margins = _of_strangers(makers, examples, seed)
    components = makers(examples)
    if outlook:
        margins = np.column_stack([margins, margin_of(outlook, examples.matrix)])
        components.append(outlook)
    level = plan.level(examples.target)
    outcome = plan.outcome(examples.target) / np.exp(level)
    weights, shift = weigh(margins - level, outcome, plan.loss)
    shift += level * (1.0 - float(weights.sum()))
    return Fitted(blended(components, weights.tolist()), shift, margins @ weights + shift)


def _of_strangers(
    makers: Callable[[Examples], list[Component]], examples: Examples, seed: int
) -> np.ndarray:
    """Return each component's margin of each row, from fits that never saw its customer."""
    groups, _ = pd.factorize(examples.customers)  # numbers are grouped much faster than text
    folds = GroupKFold(STRANGERS, shuffle=True, random_state=seed)
    margins: list[np.ndarray] = []
    order: list[np.ndarray] = []
    for seen, held in folds.split(examples.matrix, groups=groups):
        parts = makers(examples.take(seen))
        margins.append(np.column_stack([margin_of(part, examples.matrix[held]) for part in parts]))
        order.append(held)
    return np.vstack(margins)[np.argsort(np.concatenate(order))]
