"""What a release's bundles say of a table of customers; pure.

A row's numbers never depend on the rows beside it: one customer over HTTP and the whole base by
night give the same bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.schema import FeatureSchema
from serving.releases.release import Release
from serving.scoring.customers import Customers
from serving.scoring.oddities import flags
from serving.scoring.segmented import INACTIVE, OUT_OF_RANGE, Segmented, in_range, segmented
from serving.scoring.value import AtRisk, at_risk
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
    vocabulary : Vocabulary
        The words of its features.
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
    vocabulary: Vocabulary
    learned: np.ndarray
    codes: list[str | None]
    explanation: Explanation
    intervals: Mapping[str, np.ndarray]
    times: Times | None = None

    def learned_of(self, row: int) -> dict[str, Value]:
        """Return a row's learned columns by name, None for missing."""
        if not self.learned.shape[1]:
            return {}
        model = self.bundle.model
        names = model.schema.names[len(model.inputs.names) :]
        values = [value if value == value else None for value in self.learned[row].tolist()]
        return dict(zip(names, values, strict=True))


@dataclass(frozen=True)
class Assessments:
    """Every task's scores of customers.

    Parameters
    ----------
    customers : Customers
        Whom, as of which day, and the features as used.
    flags : list of tuple of str
        What is odd about a row: ``unseen_category:FEATURE`` and so on.
    tasks : mapping of task to TaskScores
        Churn and lifetime value.
    at_risk : AtRisk, optional
        Where both of them are served.
    segments : Segmented, optional
    digests : mapping of task to str
        The bundles that were asked.
    """

    customers: Customers
    flags: list[tuple[str, ...]]
    tasks: Mapping[Task, TaskScores]
    at_risk: AtRisk | None
    segments: Segmented | None
    digests: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.customers)

    @property
    def customer_ids(self) -> list[str]:
        """Whom."""
        return self.customers.ids

    @property
    def as_of(self) -> list[str | None]:
        """The day that each one's features were known at."""
        return self.customers.as_of

    @property
    def features(self) -> Mapping[str, list[Sequence[Value]]]:
        """The features as used, by schema digest: plain values in the schema's order."""
        return self.customers.features


def schemas(release: Release) -> dict[str, FeatureSchema]:
    """Return what a release's bundles must be given, by the schemas' digests, each once."""
    held = (release.bundles[task].model.inputs for task in TASKS if task in release.bundles)
    return {schema.digest: schema for schema in held}


def assess(
    release: Release, customers: Customers | pd.DataFrame, explained: bool = True
) -> Assessments:
    """Score every customer under every bundle of a release.

    Parameters
    ----------
    release : Release
    customers : Customers or DataFrame
        With the features of every bundle's schema; a table has ``as_of`` and ``customer_id`` too.
    explained : bool
        Whether to find contributions; without, there are none of any feature.

    Raises
    ------
    FeatureError
        If a feature is missing.
    ExplanationError
        If contributions do not add up to the margin they explain.
    """
    if isinstance(customers, pd.DataFrame):
        customers = Customers.of_table(schemas(release), customers)
    held = {
        task: (bundle, customers.matrices[bundle.model.inputs.digest])
        for task, bundle in release.bundles.items()
    }
    words = release.vocabularies
    tasks: dict[Task, TaskScores] = {
        task: _scores(*held[task], words[task], explained)
        for task in TASKS
        if task in held and task != "segments"
    }
    worth = _worth(tasks["clv"]) if "clv" in tasks else None
    parted = None
    if "segments" in held:
        parted = segmented(*held["segments"], words["segments"], worth, explained)
    return Assessments(
        customers=customers,
        flags=flags(customers.unseen, _asked(held, tasks)),
        tasks=tasks,
        at_risk=_at_risk(release, tasks),
        segments=parted,
        digests=release.digests,
    )


def _asked(
    held: Mapping[Task, tuple[Bundle, np.ndarray]], tasks: Mapping[Task, TaskScores]
) -> Iterator[tuple[Bundle, np.ndarray, np.ndarray]]:
    """Yield each bundle with its inputs, and which rows it has an answer for."""
    for task, (bundle, matrix) in held.items():
        scored = (
            np.isfinite(tasks[task].explanation.served)
            if task in tasks
            else np.ones(len(matrix), dtype=bool)
        )
        yield bundle, matrix, scored


def _at_risk(release: Release, tasks: Mapping[Task, TaskScores]) -> AtRisk | None:
    if not {"churn", "clv"} <= tasks.keys():
        return None
    churn, clv = (_answers(tasks[task]) for task in ("churn", "clv"))
    return at_risk(release.bundles, churn, clv)


def _answers(scores: TaskScores) -> np.ndarray:
    """Return the served values, NaN where a code stands instead."""
    answered = np.array([code is None for code in scores.codes], dtype=bool)
    return np.where(answered, scores.explanation.served, np.nan)


def _worth(scores: TaskScores) -> Worth | None:
    tenths = scores.bundle.tenths
    return Worth(scores.explanation.served, tenths) if tenths else None


def _scores(
    bundle: Bundle, inputs: np.ndarray, vocabulary: Vocabulary, explained: bool
) -> TaskScores:
    model = bundle.model
    matrix = model.complete(inputs)
    asked = model.asked(matrix)
    scored = asked & in_range(matrix)
    found = (_explained if explained else _unexplained)(model, matrix[scored])
    explanation = _spread(found, scored)
    answered = _finite(explanation)
    held = model.intervals
    return TaskScores(
        bundle=bundle,
        vocabulary=vocabulary,
        learned=matrix[:, inputs.shape[1] :],
        codes=[
            None if told else OUT_OF_RANGE if within else INACTIVE
            for told, within in zip(answered.tolist(), asked.tolist(), strict=True)
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


def _unexplained(model: Model, matrix: np.ndarray) -> Explanation:
    """Return rows' values as `Model.explain` does, and contributions of no feature."""
    nothing = np.empty((len(matrix), 0))
    with np.errstate(over="ignore", invalid="ignore"):
        margin = model.margin(matrix) if len(matrix) else np.empty(0)
        served = model.calibration.serve(margin)
    return Explanation(margin, served, *model.base, nothing, nothing)


def _spread(found: Explanation, chosen: np.ndarray) -> Explanation:
    """Lay the explanation of the chosen rows out over all, NaN elsewhere."""
    everybody = bool(chosen.all())

    def over_all(values: np.ndarray) -> np.ndarray:
        if everybody:
            return values + 0.0
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
    parts = found.margin, found.served, found.contributions, found.served_contributions
    if np.isfinite(sum(float(part.sum()) for part in parts)):  # a sum hides nothing that is not
        return np.ones(len(found.margin), dtype=bool)
    return (
        np.isfinite(found.margin)
        & np.isfinite(found.served)
        & np.isfinite(found.contributions).all(axis=1)
        & np.isfinite(found.served_contributions).all(axis=1)
    )
