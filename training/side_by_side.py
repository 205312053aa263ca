"""Two versions of a model on the same later rows: what exchanging one for the other changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import StamkundeError
from configs.schema import Config
from configs.tasks import Cancel, Clv, Label, Lapse
from features.build import build, schema_of
from features.enough import cuts_of
from features.schema import FeatureError, FeatureSchema
from features.source import Tables
from training import bundle as bundles
from training import churn, clv
from training.bootstrap import Interval, Sample, percentiles, resampled
from training.bundle import Bundle
from training.metrics import Metric
from training.model import Task
from training.split import Examples, population_of, split_by_strata, with_outcomes
from training.track import Tracker, Version

BANDS = ("low", "middle", "high")
_CLV_BANDS = (0.5, 0.9)  # shares of the customers below the middle and the high band


class ComparisonError(StamkundeError):
    """Versions that cannot be set side by side."""


@dataclass(frozen=True)
class Measured:
    """A metric of two versions on the same rows.

    Parameters
    ----------
    metric : Metric
    a, b : float
        Each version's value.
    difference : Interval
        The second's less the first's, with its 95 % paired bootstrap interval by customer.
    gain: Interval
        By how much the second is better, in the metric's own sense.
    """

    metric: Metric
    a: float
    b: float
    difference: Interval
    gain: Interval

    @property
    def said(self) -> str:
        """What the second version is beside the first, in words."""
        if not self.gain.clear:
            return "no clear difference"
        words = ("better", "worse")
        if self.metric.higher_is_better is None:
            words = ("nearer to 0", "further from 0")
        return words[0] if self.gain.low > 0 else words[1]

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; not-a-number becomes null."""
        named = {"metric": self.metric.name, "label": self.metric.label, "said": self.said}
        return {
            **named,
            **_known({"a": self.a, "b": self.b}),
            "difference": _known(asdict(self.difference)),
        }


def _known(held: Mapping[str, float]) -> dict[str, float | None]:
    return {key: value if np.isfinite(value) else None for key, value in held.items()}


@dataclass(frozen=True)
class Comparison:
    """Two versions of a task on the same later rows.

    Parameters
    ----------
    task : str
    a, b : Version
    at : str
        The cut-off, or how a snapshot was split.
    customers : int
        How many are asked about by both.
    measured : tuple of Measured
    edges : tuple of float
        Where the middle band begins and the high one.
    moves : tuple of tuple of int, shape (3, 3)
        Customers by their band in the first version (rows) and in the second (columns).
    warnings : tuple of str
        What speaks against believing it.
    """

    task: str
    a: Version
    b: Version
    at: str
    customers: int
    measured: tuple[Measured, ...]
    edges: tuple[float, float]
    moves: tuple[tuple[int, ...], ...]
    warnings: tuple[str, ...]

    @property
    def changed(self) -> int:
        """How many customers would be in another band."""
        return sum(n for i, row in enumerate(self.moves) for j, n in enumerate(row) if i != j)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return {
            "task": self.task,
            "a": asdict(self.a),
            "b": asdict(self.b),
            "at": self.at,
            "customers": self.customers,
            "metrics": [each.to_dict() for each in self.measured],
            "bands": {
                "edges": list(self.edges),
                "changed": self.changed,
                "moves": [
                    {"from": BANDS[i], "to": BANDS[j], "customers": count}
                    for i, row in enumerate(self.moves)
                    for j, count in enumerate(row)
                ],
            },
            "warnings": list(self.warnings),
        }


def compare(
    config: Config,
    load: Callable[[], Tables],
    tracker: Tracker,
    task: Task,
    numbers: tuple[int, int],
) -> Comparison:
    """Set two versions of churn or CLV side by side on the config's later rows.

    Parameters
    ----------
    config : Config
    load : callable
        Loads the base's tables; called once it is clear that the versions can be read.
    tracker : Tracker
    task : {"churn", "clv"}
    numbers : (int, int)
        The versions'.

    Raises
    ------
    ComparisonError
        If the task is segments, which have no outcome, or a version's features can no longer be
        built.
    RegistryError
        If there is no such version.
    """
    held = getattr(config, task)
    if not isinstance(held, Lapse | Cancel | Label | Clv):
        raise ComparisonError(
            f"{task} have no outcome to be measured on; compare churn or clv, and read on their "
            "cards how versions of segments differ"
        )
    a, b = (tracker.choose(task, number) for number in numbers)
    models = [bundles.load(tracker.bundle_folder(version)) for version in (a, b)]
    tables = load()
    frame, rows, at = later(config, tables, held)
    schema = schema_of(config, tables)
    versions = list(zip((a, b), models, strict=True))
    matrices = [_matrix(version, bundle, frame, schema) for version, bundle in versions]
    both = np.logical_and(*(m.model.asked(x) for m, x in zip(models, matrices, strict=True)))
    rows = rows.take(both)
    first, second = (m.model.predict(x[both]) for m, x in zip(models, matrices, strict=True))
    edges = _edges(config, task, first)
    return Comparison(
        task=task,
        a=a,
        b=b,
        at=at,
        customers=len(rows),
        measured=measured(task, rows, first, second, repeats=config.gate.repeats, seed=config.seed),
        edges=edges,
        moves=moves(first, second, edges),
        warnings=tuple(
            said
            for version, bundle in versions
            for said in _cautions(version, bundle, config, held, rows)
        ),
    )


def later(
    config: Config, tables: Tables, task: Lapse | Cancel | Label | Clv
) -> tuple[pd.DataFrame, Examples, str]:
    """Return the features and outcomes of the rows that a model of the config is reported on.

    Returns
    -------
    frame : DataFrame
        The features that are built, a row each.
    rows : Examples
        The same rows with what then happened; their matrix is empty.
    at : str
        As of when, in words.
    """
    if isinstance(task, Label):
        test = split_by_strata(config, tables, task).test
        frame = build(config, tables, sorted(set(test.as_of)))
        place = pd.Index(frame["customer_id"]).get_indexer(pd.Index(test.customers))
        bare = replace(test, matrix=np.empty((len(test), 0)))
        return frame.iloc[place], bare, "the part held out, by strata of the label"
    days = cuts_of(config, tables, task).tests
    frame = build(config, tables, list(days))
    schema = schema_of(config, tables)
    frame = frame[population_of(task).holds(schema, schema.encode(frame))]
    unknown = np.full(len(frame), np.nan)
    rows = Examples(
        frame["customer_id"].to_numpy(),
        frame["as_of"].to_numpy(),
        np.empty((len(frame), 0)),
        unknown,
    )
    return (
        frame,
        with_outcomes(config, tables, task, rows),
        f"the cut-off {' and '.join(map(str, days))}",
    )


def _matrix(
    version: Version, bundle: Bundle, frame: pd.DataFrame, now: FeatureSchema
) -> np.ndarray:
    """Return rows as a version's model takes them."""
    inputs = bundle.model.inputs
    try:
        inputs.check_definitions(now)
        return bundle.model.complete(inputs.encode(frame))
    except FeatureError as error:
        raise ComparisonError(
            f"{version.task} version {version.number}: {error}; compare versions whose features "
            "this config still builds"
        ) from None


def measured(
    task: str, rows: Examples, a: np.ndarray, b: np.ndarray, *, repeats: int, seed: int
) -> tuple[Measured, ...]:
    """Return every metric of two predictions of the same rows, and of their difference.

    Parameters
    ----------
    task : {"churn", "clv"}
    rows : Examples
        With what then happened.
    a, b : ndarray, shape (rows,)
    repeats : int
        Draws of customers behind the intervals.
    seed : int
    """
    kinds = churn.METRICS if task == "churn" else clv.METRICS
    samples = [Sample(kinds, rows.target, made) for made in (a, b)]
    first, second = (sample.values() for sample in samples)
    drawn = resampled(samples, rows.customers, repeats, seed)
    found = []
    for name, metric in kinds.items():
        one, two = (draws[name] for draws in drawn)
        gain = metric.worth(second[name]) - metric.worth(first[name])
        found.append(
            Measured(
                metric=metric,
                a=first[name],
                b=second[name],
                difference=percentiles(second[name] - first[name], two - one),
                gain=percentiles(float(gain), metric.worth(two) - metric.worth(one)),
            )
        )
    return tuple(found)


def _edges(config: Config, task: str, served: np.ndarray) -> tuple[float, float]:
    """Return where bands begin: of churn, as the config says; of money, by the first version."""
    if task == "churn":
        return config.serving.bands
    low, high = np.quantile(served, _CLV_BANDS) if len(served) else (0.0, 0.0)
    return float(low), float(high)


def moves(a: np.ndarray, b: np.ndarray, edges: Sequence[float]) -> tuple[tuple[int, ...], ...]:
    """Count customers by their band in each of two predictions; an edge is of the band above.

    >>> moves(np.array([0.1, 0.3, 0.7]), np.array([0.4, 0.3, 0.2]), (0.3, 0.6))
    ((0, 1, 0), (0, 1, 0), (1, 0, 0))
    """
    first, second = (np.searchsorted(edges, served, side="right") for served in (a, b))
    size = len(edges) + 1
    counts = np.bincount(first * size + second, minlength=size * size)
    return tuple(tuple(row) for row in counts.reshape(size, size).tolist())


def _cautions(
    version: Version,
    bundle: Bundle,
    config: Config,
    task: Lapse | Cancel | Label | Clv,
    rows: Examples,
) -> list[str]:
    """Return why a version's figures here may flatter it: it may have learned from these rows."""
    told = bundle.manifest
    who = f"version {version.number}"
    if isinstance(task, Label):
        if told.get("refit_of"):
            return [f"{who} was refitted on all rows: its figures flatter it"]
        then = told["config"]
        same = then["seed"] == config.seed and then["churn"] == task.model_dump(mode="json")
        return [] if same else [f"{who} was fitted on some of these rows: its split was another"]
    fit = [date.fromisoformat(day) for day in told["cutoffs"].get("fit") or []]
    horizon = told["cutoffs"].get("horizon_days", task.horizon)
    said = []
    if horizon != task.horizon:
        said.append(f"{who} was made for {horizon} days ahead, and is measured on {task.horizon}")
    span = timedelta(days=horizon + (told["cutoffs"].get("gap_days") or 0))
    if fit and len(rows) and max(fit) + span > min(rows.as_of):
        said.append(f"{who} was fitted on outcomes of these days: its figures flatter it")
    return said
