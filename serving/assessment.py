"""What a release's bundles say of a table of customers; pure.

A row's numbers never depend on the rows beside it: one customer over HTTP and the whole base by
night give the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from features.schema import UNSEEN, FeatureSchema
from serving.release import Release
from serving.segmented import INACTIVE, OUT_OF_RANGE, Segmented, in_range, segmented
from training.bundle import Bundle
from training.model import TASKS, Explanation, ExplanationError, Model, Task
from training.quantities import Value
from training.reasons import Vocabulary
from training.segmenters.segmenter import Worth
from training.timing import Times


@dataclass(frozen=True)
class TaskScores:
    """What one bundle says of every row; NaN where a code stands instead.

    Parameters
    ----------
    bundle : Bundle
    learned : ndarray, shape (rows, columns)
        The learned columns; NaN where missing.
    codes : list of str or None
        ``inactive`` outside the model's population, ``out_of_range`` where features are so
        extreme that the model has no finite answer.
    explanation : Explanation
        Values and contributions, a row each.
    intervals : mapping of str to ndarray, shape (rows, 2)
        Around the served value, by level.
    times : Times, optional
        When each row's customer is expected to churn or be back, where the bundle says.
    """

    bundle: Bundle
    learned: np.ndarray
    codes: list[str | None]
    explanation: Explanation
    intervals: Mapping[str, np.ndarray]
    times: Times | None = None

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The words of the bundle's features."""
        return Vocabulary.of(self.bundle)

    def learned_of(self, row: int) -> dict[str, Value]:
        """Return a row's learned columns by name, None for missing."""
        model = self.bundle.model
        names = model.schema.names[len(model.inputs.names) :]
        values = [None if np.isnan(value) else value for value in self.learned[row].tolist()]
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class Assessments:
    """Every task's scores of a table of customers.

    Parameters
    ----------
    customer_ids, as_of : list
        Whom, and as of which day (None if not told).
    features : mapping of str to list of rows
        The features as used, by schema digest: plain values in the schema's order.
    flags : list of list of str
        What is odd about a row: ``unseen_category:FEATURE``.
    tasks : mapping of task to TaskScores
        Churn and lifetime value.
    segments : Segmented, optional
    digests : mapping of task to str
        The bundles that were asked.
    """

    customer_ids: list[str]
    as_of: list[str | None]
    features: Mapping[str, list[list[Value]]]
    flags: list[list[str]]
    tasks: Mapping[Task, TaskScores]
    segments: Segmented | None
    digests: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.customer_ids)


def schemas(release: Release) -> dict[str, FeatureSchema]:
    """Return what a release's bundles must be given, by the schemas' digests, each once."""
    held = (release.bundles[task].model.inputs for task in TASKS if task in release.bundles)
    return {schema.digest: schema for schema in held}


def assess(release: Release, table: pd.DataFrame) -> Assessments:
    """Score every row of a table under every bundle of a release.

    Parameters
    ----------
    release : Release
    table : DataFrame
        ``as_of``, ``customer_id`` and the features of every bundle's schema.

    Raises
    ------
    FeatureError
        If a feature is missing.
    ExplanationError
        If contributions do not add up to the margin they explain.
    """
    known = schemas(release)
    matrices = {digest: schema.encode(table) for digest, schema in known.items()}
    unseen = [schema.unseen(table) for schema in known.values()]
    held = {
        task: (bundle, matrices[bundle.model.inputs.digest])
        for task, bundle in release.bundles.items()
    }
    tasks: dict[Task, TaskScores] = {
        task: _scores(*held[task]) for task in TASKS if task in held and task != "segments"
    }
    worth = _worth(tasks["clv"]) if "clv" in tasks else None
    return Assessments(
        customer_ids=[str(customer) for customer in table["customer_id"]],
        as_of=[None if day is None else str(day) for day in table["as_of"]],
        features={digest: schema.plain(table) for digest, schema in known.items()},
        flags=[_flags(names) for names in zip(*unseen, strict=True)],
        tasks=tasks,
        segments=segmented(*held["segments"], worth) if "segments" in held else None,
        digests=release.digests,
    )


def _flags(unseen: Sequence[Sequence[str]]) -> list[str]:
    return [f"{UNSEEN}:{name}" for name in sorted({name for names in unseen for name in names})]


def _worth(scores: TaskScores) -> Worth | None:
    tenths = scores.bundle.tenths
    return Worth(scores.explanation.served, tenths) if tenths else None


def _scores(bundle: Bundle, inputs: np.ndarray) -> TaskScores:
    model = bundle.model
    matrix = model.complete(inputs)
    asked = model.asked(matrix)
    scored = asked & in_range(matrix)
    explanation = _spread(_explained(model, matrix[scored]), scored)
    answered = _finite(explanation)
    held = model.intervals
    return TaskScores(
        bundle=bundle,
        learned=matrix[:, inputs.shape[1] :],
        codes=[
            None if told else OUT_OF_RANGE if within else INACTIVE
            for told, within in zip(answered, asked, strict=True)
        ],
        explanation=explanation,
        intervals={
            level: held.around(explanation.served, level, model.floor) for level in held.reaches
        }
        if held
        else {},
        times=course.times() if (course := model.course(matrix, explanation.served)) else None,
    )


def _explained(model: Model, matrix: np.ndarray) -> Explanation:
    """Explain rows; those whose features overflow get NaN, and do not spoil the rest."""
    if not len(matrix):
        none, wide = np.empty(0), np.empty((0, len(model.schema.columns)))
        return Explanation(none, none, np.nan, np.nan, wide, wide)
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            return model.explain(matrix)
        except ExplanationError:
            finite = np.isfinite(model.margin(matrix))
            for predictor in model.predictors:
                finite &= np.isfinite(predictor.contributions(matrix).margin)
            if finite.all():
                raise
    return _spread(_explained(model, matrix[finite]), finite)


def _spread(found: Explanation, chosen: np.ndarray) -> Explanation:
    """Lay the explanation of the chosen rows out over all, NaN elsewhere."""

    def over_all(values: np.ndarray) -> np.ndarray:
        whole = np.full((len(chosen), *values.shape[1:]), np.nan)
        whole[chosen] = values + 0.0  # the record knows no negative zero
        return whole

    return replace(
        found,
        margin=over_all(found.margin),
        served=over_all(found.served),
        contributions=over_all(found.contributions),
        served_contributions=over_all(found.served_contributions),
    )


def _finite(found: Explanation) -> np.ndarray:
    """Return which rows have finite numbers throughout."""
    whole = np.column_stack(
        [found.margin, found.served, found.contributions, found.served_contributions]
    )
    return np.isfinite(whole).all(axis=1)
