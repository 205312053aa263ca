"""What sets a segment apart, in numbers and words: its customers beside everybody's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from features.schema import FeatureColumn
from training.quantities import Language, Value, quantity
from training.reasons import Vocabulary

_UNKNOWN_APART = 0.2  # a value missing so much more or less often says more than its median

_LACK = 1.5  # what a segment has says more than what it lacks, unless that differs so much more

Statistic = Literal["median", "mean", "share"]


@dataclass(frozen=True)
class Apart:
    """A feature that sets a segment apart.

    Parameters
    ----------
    idea, feature : str
        What it is about, and the feature that tells it best.
    label, label_da : str
        The feature's name in English and in Danish.
    importance : float
        The idea's share of all that sets the segment apart: those of all ideas add up to 1.
    direction : {-1, 0, 1}
        Whether high values speak for the segment (1), low ones (-1), or neither, as where it lies
        in between. Of a category or of a missing value: whether the segment has it more or less
        often.
    statistic : {"median", "mean", "share"}
        What `inside` and `everybody` are: the mean where the medians read alike, a share of a
        category, of yes or of unknown.
    value : str or float or None
        Of which category the shares are; None of unknown and of numbers.
    inside, everybody : float
        Among the segment's customers, and among all.
    said, said_da : str
    """

    idea: str
    feature: str
    label: str
    label_da: str
    importance: float
    direction: Literal[-1, 0, 1]
    statistic: Statistic
    value: Value
    inside: float
    everybody: float
    said: str
    said_da: str

    @property
    def figures(self) -> str:
        """What `said` says after the feature's name."""
        return self.said.removeprefix(f"{self.label}: ")

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


@dataclass(frozen=True)
class Compared:
    """A feature's values inside a segment beside everybody's.

    Parameters
    ----------
    statistic, value, inside, everybody
        As of `Apart`.
    """

    statistic: Statistic
    value: Value
    inside: float
    everybody: float


def told_apart(
    vocabulary: Vocabulary,
    column: FeatureColumn,
    values: np.ndarray,
    inside: np.ndarray,
    importance: float,
    leaning: int,
) -> Apart | None:
    """Return a feature as it sets a segment apart, or None if both sides read alike.

    Parameters
    ----------
    vocabulary : Vocabulary
    column : FeatureColumn
    values : ndarray, shape (customers,)
        Everybody's, as the schema encodes them.
    inside : ndarray of bool, shape (customers,)
        Who is in the segment.
    importance : float
    leaning : {-1, 0, 1}
        Whether high values speak for the segment.
    """
    found = _compared(vocabulary, column, values, inside)
    if _told(vocabulary, column, found, found.inside) == _told(
        vocabulary, column, found, found.everybody
    ):
        return None
    more = int(np.sign(found.inside - found.everybody))
    agreed = found.statistic == "share" or more == leaning
    return Apart(
        column.idea,
        column.name,
        column.label,
        column.label_da,
        importance,
        _sign(more if agreed else 0),
        found.statistic,
        found.value,
        found.inside,
        found.everybody,
        _said(vocabulary, column, found, "en"),
        _said(vocabulary, column, found, "da"),
    )


def _sign(value: int) -> Literal[-1, 0, 1]:
    return 1 if value > 0 else -1 if value < 0 else 0


def _compared(
    vocabulary: Vocabulary, column: FeatureColumn, values: np.ndarray, inside: np.ndarray
) -> Compared:
    """Return the comparison that says most."""
    missing = np.isnan(values)
    if abs(missing[inside].mean() - missing.mean()) > _UNKNOWN_APART or missing[inside].all():
        return Compared("share", None, float(missing[inside].mean()), float(missing.mean()))
    if column.kind == "category":
        places = np.arange(len(column.categories))
        own, all_ = _shares(values[inside], places), _shares(values, places)
        more = own - all_
        place = int(np.argmax(np.where(more > 0, more, -more / _LACK)))
        return Compared("share", column.categories[place], float(own[place]), float(all_[place]))
    if column.name in vocabulary.flags:
        return Compared("share", 1.0, *_each(np.nanmean, values, inside))
    middle = Compared("median", None, *_each(np.nanmedian, values, inside))
    own_text = vocabulary.told(column, middle.inside, "en")
    if own_text != vocabulary.told(column, middle.everybody, "en"):
        return middle
    return Compared("mean", None, *_each(np.nanmean, values, inside))


def _shares(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    return (values[:, None] == places).mean(axis=0)


def _each(of: Any, values: np.ndarray, inside: np.ndarray) -> tuple[float, float]:
    return float(of(values[inside])), float(of(values))


_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "median": "{label}: {inside} (median; everybody {everybody})",
        "mean": "{label}: {inside} (mean; everybody {everybody})",
        "share": "{label}: {value} for {inside} (everybody {everybody})",
    },
    "da": {
        "median": "{label}: {inside} (median; alle {everybody})",
        "mean": "{label}: {inside} (gennemsnit; alle {everybody})",
        "share": "{label}: {value} for {inside} (alle {everybody})",
    },
}


def _said(
    vocabulary: Vocabulary, column: FeatureColumn, found: Compared, language: Language
) -> str:
    return _WORDS[language][found.statistic].format(
        label=column.label_da if language == "da" else column.label,
        value=vocabulary.told(column, found.value, language),
        inside=_told(vocabulary, column, found, found.inside, language),
        everybody=_told(vocabulary, column, found, found.everybody, language),
    )


def _told(
    vocabulary: Vocabulary,
    column: FeatureColumn,
    found: Compared,
    value: float,
    language: Language = "en",
) -> str:
    if found.statistic == "share":
        return quantity(value, "share", language)
    return vocabulary.told(column, value, language)
