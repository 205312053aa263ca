"""What would have changed an answer, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from serving.pages.told_score import ToldScore
from serving.pages.words import Words
from serving.scoring.changes import Alternative, Change, changes
from training.reasons import Vocabulary


@dataclass(frozen=True)
class Otherwise:
    """Changes that together would have brought the risk under its band.

    Parameters
    ----------
    changes, follows : tuple of str
        What would be changed, and what moves with it.
    probability : float
    band : str
        What the risk would be.
    """

    changes: tuple[str, ...]
    follows: tuple[str, ...]
    probability: float
    band: str


def alternatives(score: ToldScore) -> tuple[Alternative, ...] | None:
    """Return what would have changed the risk; None where it is low, or there is none."""
    told, recorded = score.tasks.get("churn"), score.body["scores"].get("churn", {})
    if told is None or recorded.get("band") in (None, "low"):
        return None
    return changes(told.bundle, score.body, score.body["options"]["bands"])


def otherwise(score: ToldScore, found: tuple[Alternative, ...], words: Words) -> list[Otherwise]:
    """Return what would have changed the risk, in words."""
    vocabulary = score.tasks["churn"].vocabulary
    return [
        Otherwise(
            tuple(_told(vocabulary, each, words) for each in held.changes),
            tuple(_told(vocabulary, each, words) for each in held.follows),
            held.probability,
            held.band,
        )
        for held in found
    ]


def as_data(found: tuple[Alternative, ...] | None) -> list[dict[str, Any]] | None:
    """Return what would have changed the risk as plain data."""
    return None if found is None else [asdict(held) for held in found]


def _told(vocabulary: Vocabulary, change: Change, words: Words) -> str:
    column = vocabulary.schema.columns[vocabulary.schema.names.index(change.feature)]
    before, after = (
        vocabulary.told(column, value, words.language) for value in (change.before, change.after)
    )
    label = change.label_da if words.language == "da" else change.label
    said = words("instead", after=after, before=before)
    return f"{label[:1].upper()}{label[1:]}: {said}"
