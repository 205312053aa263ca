"""The drift of the present week for Prometheus, beside the service's other figures."""

from __future__ import annotations

from functools import cache

from prometheus_client import Gauge

from serving.watching.bins import SCORE
from serving.watching.drift import Drift

TOP = 10
"""How many features are told of: those that matter most for the scores."""

_NONE = float("nan")


class DriftMetrics:
    """What is told of drift; labels are tasks and the names of features, never what was sent."""

    def __init__(self) -> None:
        # Replicas and workers add their counts up, so that the latest to tell knows of all.
        self._psi = Gauge(
            "stamkunde_drift_psi",
            "PSI of this week's scores, and of the features that matter most, against the "
            "bundle's reference; NaN while there are few scores",
            ["task", "feature"],
            multiprocess_mode="mostrecent",
        )
        self._scores = Gauge(
            "stamkunde_drift_scores",
            "Scores of this week that the drift is of",
            ["task"],
            multiprocess_mode="mostrecent",
        )
        self._told: set[tuple[str, str]] = set()

    def tell(self, found: Drift) -> None:
        """Tell of the last week of a bundle's drift; what was told of before and is not now ends.

        Parameters
        ----------
        found : Drift
            Of the bundle that serves its task.
        """
        week, task = found.weeks[-1], found.task
        values = {SCORE: found.score[-1]}
        values |= {each.feature: each.psi[-1] for each in found.features[:TOP]}
        self._scores.labels(task).set(week.count)
        for name in {name for of, name in self._told if of == task} - values.keys():
            self._psi.labels(task, name).set(_NONE)
        for name, value in values.items():
            self._psi.labels(task, name).set(_NONE if week.few or value is None else value)
            self._told.add((task, name))


@cache
def drift_metrics() -> DriftMetrics:
    """Return this process's figures; made late, for a process that only starts others has none."""
    return DriftMetrics()
