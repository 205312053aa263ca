"""A model: predictors that add in the margin, a calibration, and whom it may be asked about."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from configs.errors import StamkundeError
from features.schema import FeatureSchema
from training.calibrate import Calibration, Intervals
from training.chunks import ROWS, in_chunks
from training.if_stays import IfStays
from training.learned import Learned
from training.population import Population
from training.predictors import Contributions, Predictor, explained, sum_columns
from training.segmenters.segmenter import Segmenter
from training.timing import Course, Timing

Task = Literal["churn", "clv", "segments"]
TASKS: tuple[Task, ...] = ("churn", "clv", "segments")

TOLERANCE = 1e-5  # XGBoost explains in float32; its sums agree to this, relative to their parts


class ExplanationError(StamkundeError):
    """Contributions that do not add up to the margin they explain: never served."""


@dataclass(frozen=True)
class Explanation:
    """Why each row got its value, in two views that both add up.

    Parameters
    ----------
    margin, served : ndarray, shape (rows,)
        The raw margin, and the value on the served scale.
    base_margin, base_served : float
        What a row without any contribution gets.
    contributions, served_contributions : ndarray, shape (rows, features)
        ``base_margin + contributions.sum(1)`` is the margin, and
        ``base_served + served_contributions.sum(1)`` the served value, to double's precision.
    """

    margin: np.ndarray
    served: np.ndarray
    base_margin: float
    base_served: float
    contributions: np.ndarray
    served_contributions: np.ndarray


@dataclass(frozen=True)
class Model:
    """What predicts and explains; a bundle is one with its papers.

    Parameters
    ----------
    task : {"churn", "clv", "segments"}
    name : str
        What it is: ``ensemble``, or the baseline's name.
    schema : FeatureSchema
        The columns of the matrices it takes: the built ones, then those that are learned.
    predictors : tuple of Predictor
        Their margins add. None of segments.
    calibration : Calibration
        From margin to the served scale.
    intervals : Intervals, optional
        Around the served value.
    population : Population, optional
        Everybody unless given.
    floor : float, optional
        The least possible value, at which intervals are cut.
    learned : Learned, optional
        What its learned columns are computed by.
    timing : Timing, optional
        How a chance of churning by the horizon is told for other days.
    segmenters : tuple of Segmenter
        Of segments: the ways to tell customers apart.
    if_stays : IfStays, optional
        What a CLV is of customers who stay.
    """

    task: Task
    name: str
    schema: FeatureSchema
    predictors: tuple[Predictor, ...]
    calibration: Calibration
    intervals: Intervals | None = None
    population: Population | None = None
    floor: float | None = None
    learned: Learned | None = None
    timing: Timing | None = None
    segmenters: tuple[Segmenter, ...] = ()
    if_stays: IfStays | None = None

    def __post_init__(self) -> None:
        if self.learned is not None:
            self.learned.inputs_of(self.schema)  # which refuses a schema that is not theirs

    @cached_property
    def inputs(self) -> FeatureSchema:
        """The columns that are built, and must be given: all but those that are learned."""
        return self.learned.inputs_of(self.schema) if self.learned else self.schema

    def complete(self, matrix: np.ndarray) -> np.ndarray:
        """Return the matrix that the model takes, of one that has its inputs."""
        if self.learned is None:
            return matrix
        return np.concatenate((matrix, self.learned.values(self.inputs, matrix)), axis=1)

    def asked(self, matrix: np.ndarray) -> np.ndarray:
        """Return which rows are of the population that the model may be asked about."""
        if self.population is None:
            return np.ones(len(matrix), dtype=bool)
        return self.population.holds(self.schema, matrix)

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's raw margin, the sum of the predictors'."""
        return sum_columns(np.column_stack([p.margin(matrix) for p in self.predictors]))

    def predict(self, matrix: np.ndarray) -> np.ndarray:
        """Return each row's value on the served scale."""
        return self.calibration.serve(self.margin(matrix))

    def course(self, matrix: np.ndarray, served: np.ndarray) -> Course | None:
        """Return how the chance of churning runs over the days, of rows that are served these.

        None of a model that does not tell of time.
        """
        if self.timing is None:
            return None
        silence = self.learned.silence(self.schema, matrix) if self.learned else None
        return Course(self.timing, served, silence)

    def explain(self, matrix: np.ndarray) -> Explanation:
        """Return each row's value and what every feature adds to it.

        Raises
        ------
        ExplanationError
            If contributions do not add up to the margin.
        """
        shape = len(matrix), len(self.schema.columns)
        margin, served = np.empty(shape[0]), np.empty(shape[0])
        values, on_scale, base = np.empty(shape), np.empty(shape), [0.0, 0.0]

        def explain(rows: slice) -> None:
            told = self._explained(matrix[rows])
            margin[rows], served[rows] = told.margin, told.served
            values[rows], on_scale[rows] = told.contributions, told.served_contributions
            base[:] = told.base_margin, told.base_served  # which are those of every chunk

        if len(matrix) <= ROWS:
            return self._explained(matrix)
        in_chunks(explain, len(matrix))
        return Explanation(margin, served, base[0], base[1], values, on_scale)

    def _explained(self, matrix: np.ndarray) -> Explanation:
        margin, found = self._parts(matrix)
        whole = check_additivity(found, margin)
        served = self.calibration.serve(margin)
        base, base_served = self.base
        rate = self._rate(whole, served, base_served)
        return Explanation(
            margin, served, base, base_served, whole.values, whole.values * rate[:, None]
        )

    @cached_property
    def base(self) -> tuple[float, float]:
        """What a row without any contribution gets: in the margin, and on the served scale."""
        _, found = self._parts(np.full((1, len(self.schema.columns)), np.nan))
        return found.base, float(self.calibration.serve(np.array([found.base]))[0])

    def additivity_error(self, matrix: np.ndarray) -> float:
        """Return the most that contributions miss a row's margin by, relative to their size."""
        margin, found = self._parts(matrix)
        return float(np.max(_settled(found, margin)[1], initial=0.0))

    def _parts(self, matrix: np.ndarray) -> tuple[np.ndarray, Contributions]:
        """Return the margin as `margin` does, and the predictors' contributions together."""
        margins, parts = zip(*(explained(each, matrix) for each in self.predictors), strict=True)
        margin, values = margins[0], parts[0].values
        for more, part in zip(margins[1:], parts[1:], strict=True):
            margin, values = margin + more, values + part.values
        return margin, Contributions(values, sum(part.base for part in parts))

    def _rate(self, whole: Contributions, served: np.ndarray, base_served: float) -> np.ndarray:
        """Return what a unit of margin is worth on the served scale, row by row.

        Where a row's margin meets the base, that is the calibration's slope.
        """
        moved = whole.moved
        meets = np.abs(moved) < 1e-9
        if not meets.any():
            return (served - base_served) / moved
        secant = (served - base_served) / np.where(meets, 1.0, moved)
        return np.where(meets, self.calibration.slope(np.full_like(moved, whole.base)), secant)


def check_additivity(whole: Contributions, margin: np.ndarray) -> Contributions:
    """Hold |base + Σφ − margin| ≤ 1e-5 · max(1, |base| + Σ|φ|) for every row.

    Returns
    -------
    Contributions
        Without that residue, so that they add up to the margin.

    Raises
    ------
    ExplanationError
        If it does not hold.
    """
    settled, off = _settled(whole, margin)
    if not np.all(off <= TOLERANCE):
        worst = float(np.nanmax(off))
        raise ExplanationError(
            f"contributions miss their margin by {worst:.1e} of its size, more than "
            f"{TOLERANCE:g}; the bundle and the installed xgboost do not agree"
        )
    return settled


def _settled(whole: Contributions, margin: np.ndarray) -> tuple[Contributions, np.ndarray]:
    """Spread what float32 left between contributions and margin over them, by their size.

    Where a row's margin nearly meets the base, the residue would be most of the difference that
    the served scale's rate is taken from. It is returned too, relative to max(1, |base| + Σ|φ|).
    """
    from training import term_kernels  # compiled by then

    values = np.ascontiguousarray(whole.values, float)
    settled, off = np.empty(values.shape), np.empty(len(values))
    term_kernels.set_settled(values, whole.base, margin, settled, off)
    return Contributions(settled, whole.base), off
