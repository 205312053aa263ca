"""The potential of customers: what those who are alike spend at their best.

A shallow regression tree (Breiman, Friedman, Olshen & Stone 1984) on who customers are and what
they buy, never on how much, how often or how recently: else the alike would be those who spend
alike, and nobody could spend more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import get_args

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from configs.errors import StamkundeError
from configs.schema import Clv, Config
from configs.segmentation import ValueSegments
from features.catalogue import SIGNED_UP
from features.enough import TooFewError
from features.schema import FeatureSchema
from features.timeline import DAYS_A_MONTH
from training.quantities import Language
from training.segmentation.likeness import Speaker
from training.segmenters.peers import Alike, Potential, Question

SINCE_WHEN = (SIGNED_UP, "tenure", "subscription_tenure")
"""Features of how long customers have been such."""

WHAT_THEY_BUY = ("weekend_share", "discounted_share")
"""Shares that are asked no more of than whether they are over half.

A share of few purchases is near 0 or 1, so that finer questions would part those who buy rarely
from the others. The mix of categories and channels is left out for that: who bought once has one.
"""

MOST_GROUPS = 12
_LEAST_GAIN = 0.01  # of the spread in log-money; a question that explains less may be chance


class PotentialError(StamkundeError, ValueError):
    """A base that does not tell what customers spend."""


@dataclass(frozen=True)
class _Column:
    """A column of what the tree is fitted on: a feature, or whether it is of one category."""

    feature: int
    category: int | None = None
    halved: bool = False
    whole: bool = False

    def values(self, matrix: np.ndarray) -> np.ndarray:
        raw = matrix[:, self.feature]
        if self.category is None and not self.halved:
            return raw
        told = raw > 0.5 if self.category is None else raw == self.category
        return np.where(np.isnan(raw), np.nan, told)

    def question(self, threshold: float, left: int, right: int, missing: int) -> Question:
        """Return the tree's question: its left is at most the threshold, or not the category."""
        if self.category is not None:
            return Question(self.feature, None, self.category, right, left, missing)
        most = 0.5 if self.halved else float(np.floor(threshold) if self.whole else threshold)
        return Question(self.feature, most, None, left, right, missing)


def fit(config: Config, way: str, schema: FeatureSchema, matrix: np.ndarray) -> Potential:
    """Find who is alike, and what each group spends at its best.

    Of customers who spent anything in the window of features nearest the CLV's horizon: those who
    are lost tell nothing of what is possible.

    Parameters
    ----------
    config : Config
    way : str
        The way to tell customers apart, of kind value, in the config.
    schema : FeatureSchema
    matrix : ndarray, shape (customers, features)
        Of the customers whose CLV is asked.

    Raises
    ------
    PotentialError
        If the base has no column of what customers spend.
    TooFewError
        If fewer spent anything than are held to be alike.
    """
    asked = (config.segments or {})[way]
    if not isinstance(asked, ValueSegments):
        raise TypeError(f"segments.{way} is of kind {asked.kind}, not value")
    money = spent(config, schema, matrix)
    spend = money > 0
    matrix, money = matrix[spend], money[spend]
    if len(money) < asked.min_alike:
        raise TooFewError(
            f"segments.{way}: {len(money):,} customers spent anything of late; at least "
            f"{asked.min_alike:,} are needed (min_alike): bring more, or lower it (20 or more)"
        )
    columns = _columns(config, schema, matrix)
    questions = _questions(columns, matrix, np.log1p(money), asked.min_alike, config.seed)
    at = Potential(questions, ()).alike(matrix)
    groups = [
        _group(config, asked, schema, questions, group, matrix[at == group], money[at == group])
        for group in range(len(questions) + 1)
    ]
    return Potential(questions, tuple(groups))


def _group(
    config: Config,
    asked: ValueSegments,
    schema: FeatureSchema,
    questions: Sequence[Question],
    group: int,
    matrix: np.ndarray,
    money: np.ndarray,
) -> Alike:
    words, words_da = (
        Speaker(config, schema, language).words(questions, group, matrix)
        for language in get_args(Language)
    )
    return Alike(len(money), float(np.quantile(money, asked.best)), words, words_da)


def spent(config: Config, schema: FeatureSchema, matrix: np.ndarray) -> np.ndarray:
    """Return what each customer spends at present, in money over the CLV's horizon.

    Where CLV is margin it is spend × the share of all their spend that was margin.

    Raises
    ------
    PotentialError
        If the base has no column of it.
    """
    task = config.clv
    if task is None:
        raise PotentialError("segments of kind value need a clv section, whose horizon they are of")
    name, days = _money(config, task)
    wanted = [name, *(["margin_share"] if task.value == "margin" else [])]
    missing = [each for each in wanted if each not in schema.names]
    if missing:
        raise PotentialError(
            f"segments of kind value: the features lack {', '.join(missing)}, by which customers' "
            "potential is found; leave that way out of segments, or train where it is built"
        )
    held = np.prod([matrix[:, schema.names.index(each)] for each in wanted], axis=0)
    return np.nan_to_num(held) * (task.horizon / days)


def _money(config: Config, task: Clv) -> tuple[str, float]:
    """Return the column of what customers spend, and in how many days."""
    if task.of_subscriptions:
        return "mrr", DAYS_A_MONTH
    windows = config.features.windows
    window = min(windows, key=lambda days: (abs(days - task.horizon), days))
    return f"spend_in_{window}d", float(window)


def _columns(config: Config, schema: FeatureSchema, matrix: np.ndarray) -> list[_Column]:
    """Return who customers are, since when, and what they buy; attributes as models may see."""
    found: list[_Column] = []
    for index, column in enumerate(schema.columns):
        if column.name in WHAT_THEY_BUY:
            found.append(_Column(index, halved=True))
        elif column.name not in (*config.inputs, *SINCE_WHEN):
            continue
        elif column.kind == "category":
            found += [_Column(index, category=each) for each in range(len(column.categories))]
        else:
            present = matrix[~np.isnan(matrix[:, index]), index]
            found.append(_Column(index, whole=bool(np.all(present == np.floor(present)))))
    return found


def _questions(
    columns: list[_Column], matrix: np.ndarray, target: np.ndarray, least: int, seed: int
) -> tuple[Question, ...]:
    """Return the tree's inner nodes in its own order, in which parents come before children."""
    if not columns:
        return ()
    inputs = np.column_stack([column.values(matrix) for column in columns])
    tree = DecisionTreeRegressor(
        max_leaf_nodes=MOST_GROUPS,
        min_samples_leaf=least,
        min_impurity_decrease=_LEAST_GAIN * float(np.var(target)),
        random_state=seed,
    )
    held = tree.fit(inputs, target).tree_
    left, right = held.children_left, held.children_right
    order = _preorder(left, right)
    asks, ends = count(), count(-1, -1)
    place = {node: next(ends) if left[node] < 0 else next(asks) for node in order}
    return tuple(
        columns[held.feature[node]].question(
            float(held.threshold[node]),
            place[left[node]],
            place[right[node]],
            place[left[node] if held.missing_go_to_left[node] else right[node]],
        )
        for node in order
        if left[node] >= 0
    )


def _preorder(left: np.ndarray, right: np.ndarray) -> list[int]:
    """Return a tree's nodes, each before those below it: scikit-learn numbers them as they grew."""
    order, ahead = [], [0]
    while ahead:
        node = ahead.pop()
        order.append(node)
        if left[node] >= 0:
            ahead += [int(right[node]), int(left[node])]
    return order
