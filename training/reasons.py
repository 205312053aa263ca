"""From contributions to words: why a customer got this value, as a person would say it."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import fsum
from typing import Any, Literal, get_args

from features.schema import FeatureColumn, FeatureSchema
from training.bundle import Bundle
from training.quantities import Language, Value, amount, quantity

Band = Literal["low", "middle", "high"]
BANDS: tuple[Band, ...] = get_args(Band)


@dataclass(frozen=True)
class Options:
    """How a score is told.

    Parameters
    ----------
    reasons : int
        How many each way.
    language : {"en", "da"}
    bands : tuple of float, optional
        The chances of leaving from which a customer is in the middle band, and in the high one.
    """

    reasons: int
    language: Language
    bands: tuple[float, float] | None = None

    def band(self, probability: float) -> Band | None:
        """Return the band of a chance of leaving, if there are bands."""
        if self.bands is None:
            return None
        return BANDS[bisect_right(self.bands, probability)]


@dataclass(frozen=True)
class Vocabulary:
    """What it takes to put a bundle's features into words.

    Parameters
    ----------
    schema : FeatureSchema
    ideas : mapping of str to tuple of int
        The columns of each idea.
    against : tuple of int or None
        The column that each is naturally held against.
    typical : tuple of Value
        Each feature's value of the typical customer in training: median or most frequent.
    flags : frozenset of str
        The features that are yes (1) or no (0).
    currency : str
        Of features in money.
    """

    schema: FeatureSchema
    ideas: Mapping[str, tuple[int, ...]]
    against: tuple[int | None, ...]
    typical: tuple[Value, ...]
    flags: frozenset[str]
    currency: str

    @classmethod
    def of(cls, bundle: Bundle) -> Vocabulary:
        """Read a bundle's schema, config and reference distributions."""
        return cls.read(bundle.model.schema, bundle.reference, bundle.manifest["config"])

    @classmethod
    def read(
        cls, schema: FeatureSchema, reference: Mapping[str, Any], config: Mapping[str, Any]
    ) -> Vocabulary:
        """Read what a bundle will hold: its reference distributions, and the config as dumped."""
        ideas: dict[str, list[int]] = defaultdict(list)
        columns = schema.columns
        place = {column.name: index for index, column in enumerate(columns)}
        for index, column in enumerate(columns):
            ideas[column.idea].append(index)
        return cls(
            schema,
            {idea: tuple(held) for idea, held in ideas.items()},
            tuple(place.get(column.against or "") for column in columns),
            tuple(_typical(reference, column.name) for column in columns),
            _flags(config["sources"]),
            config["currency"],
        )

    def told(self, column: FeatureColumn, value: Value, language: Language) -> str:
        """Return a value of a feature in words."""
        if column.name in self.flags and value in (0, 1):
            return _WORDS[language]["yes" if value else "no"]
        if value is None:
            return _WORDS[language]["unknown"]
        if isinstance(value, str):
            return value
        if column.unit == "money":
            return amount(value, self.currency, language)
        return quantity(value, column.unit, language)

    def typical_told(self, feature: int, language: Language) -> str:
        """Return the typical customer's value of a feature in words."""
        held = self._typical_told
        if (feature, language) not in held:
            column, typical = self.schema.columns[feature], self.typical[feature]
            held[feature, language] = self.told(column, typical, language)
        return held[feature, language]

    @cached_property
    def _typical_told(self) -> dict[tuple[int, Language], str]:
        return {}


def _typical(reference: Mapping[str, Any], name: str) -> Value:
    held = reference.get(name, {})
    counts = held.get("counts")
    if isinstance(counts, dict) and counts:
        return max(counts, key=lambda category: counts[category])
    return held.get("median")


def _flags(sources: Mapping[str, Any]) -> frozenset[str]:
    tables = (sources.get(name) or {} for name in ("customers", "snapshot"))
    attributes = [item for table in tables for item in table.get("attributes", {}).items()]
    return frozenset(name for name, declared in attributes if declared["kind"] == "flag")


_WORDS: dict[Language, dict[str, str]] = {
    "en": {
        "yes": "yes",
        "no": "no",
        "unknown": "unknown",
        "typical": "typically {}",
        "frequent": "most often {}",
        "usual": "usually {}",
        "every": "usually every {}",
        "as typical": "which is typical",
        "as usual": "as usual",
    },
    "da": {
        "yes": "ja",
        "no": "nej",
        "unknown": "ukendt",
        "typical": "typisk {}",
        "frequent": "oftest {}",
        "usual": "normalt {}",
        "every": "normalt med {} mellemrum",
        "as typical": "hvilket er typisk",
        "as usual": "som normalt",
    },
}


@dataclass(frozen=True)
class Row:
    """One customer's features and what each adds, in the margin and on the served scale."""

    values: Sequence[Value]
    contributions: Sequence[float]
    served: Sequence[float]


def ranked(
    vocabulary: Vocabulary, row: Row, towards: Literal[1, -1], options: Options
) -> list[dict[str, Any]]:
    """Return the reasons that raise the value (1) or lower it (-1), the strongest first.

    Features of one idea are one reason, told by the one that adds most in its direction.
    """
    if not options.reasons:
        return []
    held = row.contributions
    weights = [
        (towards * (held[columns[0]] if len(columns) == 1 else _sum(held, columns)), idea)
        for idea, columns in vocabulary.ideas.items()
    ]
    strongest = sorted((held for held in weights if held[0] > 0), key=lambda held: -held[0])
    return [
        _reason(vocabulary, row, idea, towards, options) for _, idea in strongest[: options.reasons]
    ]


def _sum(contributions: Sequence[float], columns: Sequence[int]) -> float:
    """Add up in the columns' order, as whole columns of rows are: the ranks must be the same."""
    total = 0.0
    for index in columns:
        total += contributions[index]
    return total


def _reason(
    vocabulary: Vocabulary, row: Row, idea: str, towards: Literal[1, -1], options: Options
) -> dict[str, Any]:
    columns = vocabulary.ideas[idea]
    teller = max(columns, key=lambda index: towards * row.contributions[index])
    column = vocabulary.schema.columns[teller]
    against = vocabulary.against[teller]
    other = None if against is None else row.values[against]
    value = row.values[teller]
    return {
        "idea": idea,
        "feature": column.name,
        "label": _label(column, options.language),
        "value": _without_negative_zero(value),
        "unit": vocabulary.currency if column.unit == "money" else column.unit,
        "contribution": fsum(row.served[index] for index in columns),
        "actionable": any(vocabulary.schema.columns[index].actionable for index in columns),
        "text": described(vocabulary, teller, value, other, options.language),
    }


def _label(column: FeatureColumn, language: Language) -> str:
    return column.label_da if language == "da" else column.label


def described(
    vocabulary: Vocabulary, feature: int, value: Value, other: Value, language: Language
) -> str:
    """Return a feature's value in words, with what it is held against.

    Parameters
    ----------
    vocabulary : Vocabulary
    feature : int
        Its place in the schema.
    value : Value
    other : Value
        Of the feature that it is naturally held against, if there is one.
    language : {"en", "da"}
    """
    value, other = _without_negative_zero(value), _without_negative_zero(other)
    column = vocabulary.schema.columns[feature]
    shown = vocabulary.told(column, value, language)
    compared = _compared(vocabulary, feature, value, other, shown, language)
    return f"{_label(column, language)}: {shown}" + (f" ({compared})" if compared else "")


def _without_negative_zero(value: Value) -> Value:
    """Return a value as the record has it; words would show the sign."""
    return value + 0.0 if isinstance(value, float) else value


def is_own_rhythm(vocabulary: Vocabulary, feature: int) -> bool:
    """Say whether a feature is held against the customer's own rhythm, told in days."""
    against = vocabulary.against[feature]
    if against is None:
        return False
    columns = vocabulary.schema.columns
    return columns[against].idea == "rhythm" != columns[feature].idea


def _compared(
    vocabulary: Vocabulary,
    feature: int,
    value: Value,
    other: Value,
    shown: str,
    language: Language,
) -> str | None:
    """Return what the value is held against: the customer's own usual, or the typical customer."""
    column, words = vocabulary.schema.columns[feature], _WORDS[language]
    against = vocabulary.against[feature]
    if against is not None and isinstance(other, int | float) and value is not None:
        if is_own_rhythm(vocabulary, feature):
            return words["every"].format(_apart(other, language))
        told = vocabulary.told(vocabulary.schema.columns[against], other, language)
        return words["as usual"] if told == shown else words["usual"].format(told)
    typical = vocabulary.typical[feature]
    if typical is None or (column.name in vocabulary.flags and typical not in (0, 1)):
        return None
    told = vocabulary.typical_told(feature, language)
    if told == shown:
        return words["as typical"]
    return words["frequent" if isinstance(typical, str) else "typical"].format(told)


def _apart(days: float, language: Language) -> str:
    """Return a gap as it follows "every" or, in Danish, comes before "mellemrum"."""
    told = quantity(days, "days", language)
    if language == "da":
        return f"{told}s"  # the genitive: 21 dages mellemrum
    return "day" if told == "1 day" else told
