"""Names of segments, from what sets each one apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.schema import FeatureColumn, FeatureSchema
from training.predictors import Term

WORDS: dict[str, tuple[str, str, str, str]] = {
    "recency": ("long silent", "recently bought", "længe tavse", "nyligt købt"),
    "frequency": ("frequent", "rare", "hyppige", "sjældne"),
    "monetary value": ("big spenders", "small spenders", "storforbrugere", "småforbrugere"),
    "order value": ("large orders", "small orders", "store ordrer", "små ordrer"),
    "rhythm": ("long gaps", "short gaps", "lange pauser", "korte pauser"),
    "breadth": ("broad baskets", "narrow baskets", "brede kurve", "smalle kurve"),
    "discounts": ("bargain hunters", "full price", "tilbudsjægere", "fuld pris"),
}
"""For each idea: above and below the base in English, above and below it in Danish."""

_MIDDLE = ("in the middle", "i midten")
_TELLING = 0.4  # deviations from the mean below which a name would mislead

_WEEKEND = ("weekend shoppers", "weekday shoppers", "weekendkunder", "hverdagskunder")


def name_segments(
    schema: FeatureSchema, terms: Sequence[Term], centres: np.ndarray
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Name each segment by the ideas in which its centre lies furthest from the base's mean.

    Two ideas make a name; more are added until no two segments share one.

    Returns
    -------
    tuple of tuple of str
        The names in English and in Danish.
    """
    ranked = [_traits(schema, terms, centre) for centre in centres]
    most = max(len(traits) for traits in ranked)
    for count in range(min(2, most), most + 1):
        names = [", ".join(en for en, _ in traits[:count]) for traits in ranked]
        if len(set(names)) == len(names):
            break
    names = [name if names.count(name) == 1 else f"{name} {i + 1}" for i, name in enumerate(names)]
    danish = [", ".join(da for _, da in traits[:count]) for traits in ranked]
    danish = [n if danish.count(n) == 1 else f"{n} {i + 1}" for i, n in enumerate(danish)]
    return tuple(_capital(name) for name in names), tuple(_capital(name) for name in danish)


def _traits(
    schema: FeatureSchema, terms: Sequence[Term], centre: np.ndarray
) -> list[tuple[str, str]]:
    """Return the words of a centre's ideas, the furthest from the mean first.

    One that lies near the mean in all of them is told by that.
    """
    traits: list[tuple[str, str]] = []
    told: set[str] = set()
    for index in np.argsort(-np.abs(centre), kind="stable"):
        column = schema.columns[terms[index].feature]
        far = abs(centre[index]) >= _TELLING * terms[index].weight
        if far and column.idea not in told:
            told.add(column.idea)
            traits.append(_words(column, terms[index], bool(centre[index] > 0)))
    return traits or [_MIDDLE]


def _words(column: FeatureColumn, term: Term, above: bool) -> tuple[str, str]:
    if column.kind == "category":
        value = column.categories[int(term.argument)]
        return (
            f"{column.label}: {'' if above else 'not '}{value}",
            f"{column.label_da}: {'' if above else 'ikke '}{value}",
        )
    words = _WEEKEND if column.name == "weekend_share" else WORDS.get(column.idea)
    if words is None:
        return (
            f"{column.label}: {'high' if above else 'low'}",
            f"{column.label_da}: {'høj' if above else 'lav'}",
        )
    return (words[0], words[2]) if above else (words[1], words[3])


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]
