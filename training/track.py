"""MLflow: runs with their trials, lineage, the registry of bundles and its champion."""

from __future__ import annotations

import logging
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlparse

import mlflow
from matplotlib.figure import Figure
from mlflow.entities import Metric, Param, Run
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from configs.errors import StamkundeError
from configs.schema import Config
from training.bundle import Bundle

CHAMPION = "champion"
_LONGEST_PARAM = 6000  # what MLflow takes
_STUDY = "study"
_STATUS = {"complete": "FINISHED", "pruned": "KILLED", "fail": "FAILED"}  # as MLflow's own Optuna


class RegistryError(StamkundeError, LookupError):
    """A version or a champion that the registry does not hold."""


@dataclass(frozen=True)
class Version:
    """A registered bundle.

    Parameters
    ----------
    task : str
    number : int
    run_id : str
    digest : str
        Of the bundle.
    model : str
        What stands behind it: ``xgboost`` or the baseline that won.
    passed : bool
        The gate's verdict.
    made_at : str
    metric : str
        The deciding metric's figure, in words.
    champion : bool
        Whether the alias points at it.
    source : str
        Where MLflow holds it.
    parent : int, optional
        Of a refitted one, the version that was measured, whose figures it carries.
    """

    task: str
    number: int
    run_id: str
    digest: str
    model: str
    passed: bool
    made_at: str
    metric: str
    champion: bool
    source: str
    parent: int | None = None


@dataclass(frozen=True)
class Trial:
    """A study's trial, as a nested run.

    Parameters
    ----------
    number : int
    settings : mapping
    metrics : mapping of str to float
        ``objective`` of a completed trial, and what else was measured.
    curve : mapping of int to float
        What the trial reported on its way, by step.
    state : {"complete", "pruned", "fail"}
    began, ended : datetime, optional
    """

    number: int
    settings: Mapping[str, Any]
    metrics: Mapping[str, float]
    curve: Mapping[int, float] = field(default_factory=dict)
    state: str = "complete"
    began: datetime | None = None
    ended: datetime | None = None

    @classmethod
    def of(cls, trial: FrozenTrial) -> Trial:
        """Return a trial of an Optuna study that came to an end, well or not."""
        measured = {key: float(x) for key, x in trial.user_attrs.items() if _is_number(x)}
        # Optuna takes the last point of a pruned trial's curve for its value: it is not one.
        completed = trial.state == TrialState.COMPLETE
        objective = {"objective": float(trial.value)} if completed else {}
        return cls(
            trial.number,
            trial.params,
            {**objective, **measured},
            trial.intermediate_values,
            trial.state.name.lower(),
            trial.datetime_start,
            trial.datetime_complete,
        )

    @property
    def seconds(self) -> float:
        """How long it took."""
        known = self.began is not None and self.ended is not None
        return (self.ended - self.began).total_seconds() if known else 0.0  # type: ignore[operator]


class Tracker:
    """One customer base's experiment and registered models.

    Parameters
    ----------
    config : Config
        Its ``paths.mlruns`` holds the database, with the artifacts beside it.
    """

    def __init__(self, config: Config) -> None:
        for noisy in ("alembic", "mlflow"):
            logging.getLogger(noisy).setLevel(logging.ERROR)
        root = Path(config.paths.mlruns).resolve()
        root.mkdir(parents=True, exist_ok=True)
        database = root / "mlflow.db"
        if not database.exists():
            _make_database(database)
        self.uri = f"sqlite:///{database}"
        self._base = config.name
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        self._client = MlflowClient(self.uri, self.uri)
        self.experiment = self._experiment_at(root / "artifacts" / config.name)

    def _experiment_at(self, artifacts: Path) -> str:
        held = self._client.get_experiment_by_name(self._base)
        if held is not None:
            return str(held.experiment_id)
        return str(self._client.create_experiment(self._base, artifacts.as_uri()))

    def log(
        self,
        bundle: Bundle,
        *,
        params: Mapping[str, Any],
        metrics: Mapping[str, float],
        lineage: Mapping[str, str],
        figures: Mapping[str, Figure],
        study: str | None,
        trials: Sequence[Trial],
        metric: str,
        texts: Mapping[str, str] | None = None,
        parent: Version | None = None,
    ) -> Version:
        """Log a run with a nested run a trial, and register its bundle.

        All of it is told at the end, out of the study, so that the run holds exactly the study's
        trials. What a kill cut off while it was logged is set down as killed.

        What was refitted is a run of its own, tagged with its parent; the metrics that it carries
        are named as estimates.

        The artifacts hold pictures, texts and the bundle: no customer's id and no row of one.
        """
        task = bundle.manifest["task"]
        tags = _kinship(parent)
        if study:
            self._end_what_was_cut(study)
            tags[_STUDY] = study
        if parent:
            tags |= {"parent_run": parent.run_id, "parent_bundle": parent.digest}
            metrics = {f"estimate.{name}": value for name, value in metrics.items()}
        with mlflow.start_run(experiment_id=self.experiment, run_name=task, tags=tags) as run:
            mlflow.log_params({key: str(value)[:_LONGEST_PARAM] for key, value in params.items()})
            mlflow.log_metrics(dict(metrics))
            mlflow.set_tags({**lineage, "task": task, "bundle": bundle.digest})
            for name, figure in figures.items():
                mlflow.log_figure(figure, f"plots/{name}.png")
            for name, text in (texts or {}).items():
                mlflow.log_text(text, name)
            mlflow.log_artifact(str(bundle.path / "card.html"))
            for trial in trials if study else ():
                self._log_trial(run.info.run_id, task, str(study), trial)
            version = self._register(task, bundle, metric, parent)
        return self._version(task, version)

    def _end_what_was_cut(self, study: str) -> None:
        """End the runs of a study that a kill left as if they were running."""
        asked = f"tags.`{_STUDY}` = '{study}' and attributes.status = 'RUNNING'"
        cut: list[Run] = self._client.search_runs([self.experiment], asked, max_results=50_000)
        for run in cut:
            self._client.set_terminated(run.info.run_id, "KILLED")

    def _log_trial(self, parent: str, task: str, study: str, trial: Trial) -> None:
        began, ended = _milliseconds(trial.began), _milliseconds(trial.ended)
        run = self._client.create_run(
            self.experiment,
            start_time=began,
            run_name=f"{task} trial {trial.number}",
            tags={"mlflow.parentRunId": parent, "task": task, "state": trial.state, _STUDY: study},
        )
        last = {**trial.metrics, "seconds": trial.seconds}
        curve = sorted(trial.curve.items())
        self._client.log_batch(
            run.info.run_id,
            metrics=[
                *(Metric(key, value, ended, 0) for key, value in last.items()),
                *(Metric("curve", value, ended, step) for step, value in curve),
            ],
            params=[Param(key, str(value)) for key, value in trial.settings.items()],
        )
        self._client.set_terminated(run.info.run_id, _STATUS[trial.state], ended)

    def _register(self, task: str, bundle: Bundle, metric: str, parent: Version | None) -> str:
        """Log the bundle's folder unchanged as the run's model, and give it a version.

        It is named by the module that reads it, not pickled.
        """
        logged = mlflow.pyfunc.log_model(
            name=task,
            loader_module="training.bundle",
            data_path=str(bundle.path),
            pip_requirements=[f"{name}=={held}" for name, held in _libraries(bundle)],
            registered_model_name=self._model(task),
        )
        version = str(logged.registered_model_version)
        tags = {
            "bundle": bundle.digest,
            "model": bundle.manifest["model"],
            "passed": str(bundle.manifest["verdict"]["passed"]).lower(),
            "made_at": bundle.manifest["made_at"],
            "metric": metric,
            **_kinship(parent),
        }
        for key, value in tags.items():
            self._client.set_model_version_tag(self._model(task), version, key, value)
        return version

    def _model(self, task: str) -> str:
        return f"{self._base}.{task}"

    def versions(self, task: str) -> list[Version]:
        """Return a task's versions, the oldest first; one whose logging a kill cut is left out."""
        found = self._client.search_model_versions(f"name = '{self._model(task)}'")
        champion = self._champion_number(task)
        held = [self._read(task, version, champion) for version in found if version.tags]
        return sorted(held, key=lambda version: version.number)

    def choose(self, task: str, number: int | None = None, refused_too: bool = False) -> Version:
        """Return a version by its number; the latest one that passed (or of all) unless given.

        Raises
        ------
        RegistryError
            If there is none.
        """
        held = self.versions(task)
        if number is not None:
            held = [version for version in held if version.number == number]
        if not held:
            named = "" if number is None else f" version {number}"
            raise RegistryError(
                f"{self._model(task)} has no{named or ' version'} in the registry; "
                f"run: stamkunde train {task}, and see: stamkunde models"
            )
        passed = [version for version in held if version.passed or refused_too]
        return (passed or held)[-1]

    def by_digest(self, task: str, digest: str) -> Version:
        """Return the version whose bundle has this digest.

        Raises
        ------
        RegistryError
            If there is none.
        """
        for version in self.versions(task):
            if version.digest == digest:
                return version
        raise RegistryError(f"{self._model(task)} has no version with the bundle {digest[:12]}…")

    def make_champion(self, version: Version) -> None:
        """Point the alias at a version."""
        name = self._model(version.task)
        self._client.set_registered_model_alias(name, CHAMPION, str(version.number))

    def _champion_number(self, task: str) -> int | None:
        try:
            held = self._client.get_model_version_by_alias(self._model(task), CHAMPION)
        except MlflowException:
            return None
        return int(held.version)

    def _version(self, task: str, number: str) -> Version:
        held = self._client.get_model_version(self._model(task), number)
        return self._read(task, held, self._champion_number(task))

    def _read(self, task: str, held: ModelVersion, champion: int | None) -> Version:
        tags = {"passed": "false", "bundle": "", "model": "", "made_at": "", "metric": ""}
        tags |= held.tags
        return Version(
            task=task,
            number=int(held.version),
            run_id=str(held.run_id),
            digest=tags["bundle"],
            model=tags["model"],
            passed=tags["passed"] == "true",
            made_at=tags["made_at"],
            metric=tags["metric"],
            champion=int(held.version) == champion,
            source=self._client.get_model_version_download_uri(self._model(task), held.version),
            parent=int(tags["parent"]) if "parent" in tags else None,
        )

    def bundle_folder(self, version: Version) -> Path:
        """Return the folder of a version's bundle, fetched where MLflow's artifacts are afar."""
        parsed = urlparse(version.source)
        local = parsed.scheme in ("", "file")
        folder = (
            Path(unquote(parsed.path))
            if local
            else Path(mlflow.artifacts.download_artifacts(artifact_uri=version.source))
        )
        return next(file.parent for file in folder.glob("data/**/manifest.json"))


def _make_database(database: Path) -> None:
    """Make MLflow's database whole before it has its name.

    MLflow builds it in many steps; killed among them, it would leave one that none can open.
    """
    with TemporaryDirectory(dir=database.parent, prefix="making-") as folder:
        made = Path(folder) / database.name
        making = f"import mlflow; mlflow.MlflowClient('sqlite:///{made}').search_experiments()"
        # A process of its own: when it ends, nothing of it is left to be written.
        subprocess.run([sys.executable, "-c", making], check=True, capture_output=True)
        with closing(sqlite3.connect(made)) as connection:
            # A study's trials are hundreds of small writes, and pages are read meanwhile.
            connection.execute("PRAGMA journal_mode=WAL")
        made.replace(database)


def _kinship(parent: Version | None) -> dict[str, str]:
    return {"refit": "true", "parent": str(parent.number)} if parent else {}


def _milliseconds(when: datetime | None) -> int:
    return int((time.time() if when is None else when.timestamp()) * 1000)


def _is_number(held: Any) -> bool:
    return isinstance(held, int | float) and not isinstance(held, bool)


def _libraries(bundle: Bundle) -> list[tuple[str, str]]:
    return sorted(bundle.manifest["libraries"].items())
