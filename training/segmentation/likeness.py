"""What customers who are alike have in common, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from configs.schema import Config
from features.schema import FeatureColumn, FeatureSchema
from training.quantities import Language, amount, quantity
from training.segmenters.peers import Question

Answers = Sequence[tuple[Question, bool]]
"""Questions, each with whether its answer is yes."""

_WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "all": "all customers",
        "or": " or ",
        "not": "not {}",
        "unknown": "unknown",
        "over": "more than {}",
        "most": "at most {}",
        "and": "{} and {}",
        "yes": "yes",
        "no": "no",
    },
    "da": {
        "all": "alle kunder",
        "or": " eller ",
        "not": "ikke {}",
        "unknown": "ukendt",
        "over": "over {}",
        "most": "højst {}",
        "and": "{} og {}",
        "yes": "ja",
        "no": "nej",
    },
}


@dataclass(frozen=True)
class Speaker:
    """Puts the answers that lead to a group into words.

    Parameters
    ----------
    config : Config
        It says which attributes are flags, and in which currency money is.
    schema : FeatureSchema
    language : {"en", "da"}
    """

    config: Config
    schema: FeatureSchema
    language: Language

    def words(self, questions: Sequence[Question], group: int, matrix: np.ndarray) -> str:
        """Return what the customers of a group have in common.

        Parameters
        ----------
        questions : sequence of Question
        group : int
            Its place.
        matrix : ndarray, shape (customers, features)
            Of those in it.
        """
        asked: dict[int, list[tuple[Question, bool]]] = {}
        for question, yes in _path(questions, -1 - group):
            asked.setdefault(question.feature, []).append((question, yes))
        parts = [self._feature(number, held, matrix) for number, held in asked.items()]
        return "; ".join(parts) or _WORDS[self.language]["all"]

    def _feature(self, number: int, answers: Answers, matrix: np.ndarray) -> str:
        """Return what is said of one feature; who lacks it may be among them, or be all of them."""
        said, column = _WORDS[self.language], self.schema.columns[number]
        missing = np.isnan(matrix[:, number])
        told = [] if missing.all() else [self._answered(column, answers)]
        told += [said["unknown"]] if missing.any() else []
        return f"{self._label(column)}: {said['or'].join(told)}"

    def _answered(self, column: FeatureColumn, answers: Answers) -> str:
        said = _WORDS[self.language]
        if column.kind == "category":
            return self._category(column, answers)
        if column.name in self.config.inputs and self.config.inputs[column.name].kind == "flag":
            return said["no" if answers[0][1] else "yes"]
        most = [asked.at_most for asked, yes in answers if yes and asked.at_most is not None]
        over = [asked.at_most for asked, yes in answers if not yes and asked.at_most is not None]
        told = [said["over"].format(self._figure(column, max(over)))] if over else []
        told += [said["most"].format(self._figure(column, min(most)))] if most else []
        return said["and"].format(*told) if len(told) == 2 else told[0]

    def _category(self, column: FeatureColumn, answers: Answers) -> str:
        said = _WORDS[self.language]
        for asked, yes in answers:
            if yes and asked.category is not None:
                return column.categories[asked.category]
        numbers = [asked.category for asked, _ in answers if asked.category is not None]
        return said["not"].format(said["or"].join(column.categories[number] for number in numbers))

    def _label(self, column: FeatureColumn) -> str:
        return column.label_da if self.language == "da" else column.label

    def _figure(self, column: FeatureColumn, value: float) -> str:
        if column.unit == "money":
            return amount(value, self.config.currency, self.language)
        counted = column.unit == "days" and self._label(column).startswith(("days", "dage"))
        return quantity(value, "" if counted else column.unit, self.language)


def _path(questions: Sequence[Question], end: int) -> list[tuple[Question, bool]]:
    """Return the answers that lead to a group, the first question first."""
    found: list[tuple[Question, bool]] = []
    for place in reversed(range(len(questions))):
        question = questions[place]
        if end in (question.yes, question.no):
            found.append((question, end == question.yes))
            end = place
    return found[::-1]
