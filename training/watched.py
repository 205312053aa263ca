"""What was watched of served models, in MLflow: a run a week, a bundle and a kind of watching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from mlflow.entities import Metric
from mlflow.tracking import MlflowClient

from training.track import Tracker


@dataclass(frozen=True)
class Watched:
    """What was watched of a bundle in a week.

    Parameters
    ----------
    kind : {"drift", "outcomes"}
    task, bundle : str
    week : date
        Its Monday.
    metrics : mapping of str to float
        Finite.
    """

    kind: str
    task: str
    bundle: str
    week: date
    metrics: Mapping[str, float]

    @property
    def name(self) -> str:
        """The run's name: ``drift churn 2024-W23``."""
        year, week, _ = self.week.isocalendar()
        return f"{self.kind} {self.task} {year}-W{week:02}"

    @property
    def tags(self) -> dict[str, str]:
        """What the run is told from others by."""
        return {
            "watching": self.kind,
            "task": self.task,
            "bundle": self.bundle,
            "week": str(self.week),
        }


def log_watched(tracker: Tracker, watched: Iterable[Watched], at: datetime) -> int:
    """Log what was watched into the base's experiment, and return how many runs hold it.

    A week that is logged again is the same run, whose metrics go on: MLflow shows the last.

    Parameters
    ----------
    tracker : Tracker
    watched : iterable of Watched
    at : datetime
        Now.
    """
    client = MlflowClient(tracker.uri, tracker.uri)
    stamp, count = int(at.timestamp() * 1000), 0
    for each in watched:
        run = _run_of(client, tracker.experiment, each, stamp)
        values = [Metric(name, value, stamp, 0) for name, value in sorted(each.metrics.items())]
        client.log_batch(run, metrics=values)
        client.set_terminated(run, "FINISHED", stamp)
        count += 1
    return count


def _run_of(client: MlflowClient, experiment: str, watched: Watched, stamp: int) -> str:
    asked = " and ".join(f"tags.`{name}` = '{value}'" for name, value in watched.tags.items())
    if found := client.search_runs([experiment], asked, max_results=1):
        return str(found[0].info.run_id)
    made = client.create_run(experiment, stamp, watched.tags, watched.name)
    return str(made.info.run_id)
