"""What a random split of the training rows would have claimed, beside what the future showed.

The usual notebook pools the rows of all its cut-offs and holds a random part of them out: so the
same customer, and the same days, stand on both sides (Kaufman et al. 2012, ACM TKDD 6(4)).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from sklearn.model_selection import train_test_split

from configs.schema import Config
from training.blend import margin_of
from training.families import Recipe
from training.metrics import Metric
from training.split import Examples, Split

HELD_OUT = 0.25
"""The share of rows that scikit-learn holds out unless told otherwise."""

Order = Callable[[np.ndarray], np.ndarray]
Fit = Callable[[Examples], Order]
"""Fits on examples, and returns what orders the rows of a matrix."""


CHOSEN, AS_IT_COMES = "the chosen settings", "XGBoost as it comes"
ROUNDS_AS_IT_COMES = 100


@dataclass(frozen=True)
class Claims:
    """One metric by three ways of splitting the same rows.

    Parameters
    ----------
    metric : str
    label : str
        In words.
    random : float, optional
        What a random split of the rows that are learned from claims, of the model that it would
        choose; none for a snapshot, whose split is no other.
    chosen : str, optional
        Which model that is.
    tuning : float
        Seen at the validation cut-off while tuning.
    later : float
        Seen on the later period, of the model that was tuned in time.
    too_good, fall : float
        From which ROC-AUC on, and from which fall on, a reader is warned.
    """

    metric: str
    label: str
    random: float | None
    chosen: str | None
    tuning: float
    later: float
    too_good: float
    fall: float

    def __str__(self) -> str:
        if self.random is None:
            return f"{self.label}: {self.later:.3f} on the customers held out"
        return (
            f"{self.label}: a random split claims {self.random:.3f} (of {self.chosen}), tuning "
            f"{self.tuning:.3f}, the later period {self.later:.3f}"
        )

    def warnings(self) -> tuple[str, ...]:
        """Return what a reader is to know before they believe the figure."""
        found = []
        if self.metric == "roc_auc" and self.later >= self.too_good:
            found.append(
                f"Too good: a ROC-AUC of {self.later:.3f} is seldom earned ({self.too_good:g} or "
                "more); see whether a feature knows the answer before you rely on it."
            )
        if self.random is not None and self.random - self.later >= self.fall:
            found.append(
                f"Random split: it would have claimed {self.random:.2f} where the later period "
                f"shows {self.later:.2f} ({self.label}); believe the latter: customers or days "
                "that stand on both sides of a split are known by heart, or times have changed."
            )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return it as a card holds it."""
        held = ("metric", "label", "random", "chosen", "tuning", "later")
        return {name: getattr(self, name) for name in held}


def claims(
    config: Config,
    data: Split,
    metric: Metric,
    fits: Mapping[str, Fit],
    *,
    tuning: float,
    later: float,
) -> Claims:
    """Return what a random split would have claimed of a metric, at the cost of a fit a model.

    Who splits at random chooses by it too, and so finds the model best that knows the most
    customers by heart: the claim is of the best of some models.

    Parameters
    ----------
    config : Config
    data : Split
        Rows are split of ``fit``, all cut-offs pooled; the later period is not touched.
    metric : Metric
        The one that decides: of an order, the higher the better.
    fits : mapping of str to callable
        How each model is fitted on examples, such as `notebook` returns.
    tuning, later : float
        What the metric was at the validation cut-off, and on the later period.
    """
    found: dict[str, float] = {}
    if data.cutoffs is not None:
        found = {name: _random(data.fit, metric, fit, config.seed) for name, fit in fits.items()}
    chosen = max(found, key=lambda name: found[name], default=None)
    wider = 2 if metric.name == "normalised_gini" else 1  # of a flag it is 2 · ROC-AUC − 1
    return Claims(
        metric=metric.name,
        label=metric.label,
        random=None if chosen is None else found[chosen],
        chosen=chosen,
        tuning=tuning,
        later=later,
        too_good=config.leakage.too_good,
        fall=wider * config.leakage.fall,
    )


def notebook(recipe: Recipe, rounds: Sequence[int]) -> dict[str, Fit]:
    """Return the models that a notebook would choose among: the trees tuned here, and plain ones.

    Parameters
    ----------
    recipe : Recipe
        With the settings that were tuned.
    rounds : sequence of int
        Of its trees.
    """
    plain = replace(recipe, trees={})
    as_it_comes = [ROUNDS_AS_IT_COMES] * len(rounds)

    def order(held: Recipe, count: Sequence[int], rows: Examples) -> Order:
        return partial(margin_of, held.boosted(rows, count))

    return {
        CHOSEN: partial(order, recipe, rounds),
        AS_IT_COMES: partial(order, plain, as_it_comes),
    }


def _random(rows: Examples, metric: Metric, fit: Fit, seed: int) -> float:
    seen, held = train_test_split(np.arange(len(rows)), test_size=HELD_OUT, random_state=seed)
    order = fit(rows.take(np.sort(seen)))
    out = rows.take(np.sort(held))
    return metric(out.target, order(out.matrix))
