import multiprocessing
import os
import signal
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import optuna
import pytest
from mlflow.tracking import MlflowClient

from tests.factories import make_config
from tests.training.bases import make_schema
from training import bundle as bundles
from training.bundle import Bundle
from training.calibrate import Sigmoid
from training.model import Model
from training.predictors import Linear, Term
from training.track import RegistryError, Tracker, Trial, Version

FORK = multiprocessing.get_context("fork")
LINEAGE = {"base": "shop", "config_hash": "c", "data_fingerprint": "d", "code_commit": "e"}


def make_bundle(folder: Path, weight: float, passed: bool) -> Bundle:
    schema = make_schema("recency")
    predictor = Linear(1, 0.0, (Term(0, "identity", 0.0, 1.0, weight),))
    model = Model("churn", "linear", schema, (predictor,), Sigmoid(1.0, 0.0))
    papers = {
        "base": "shop",
        "made_at": datetime(2024, 6, 3, tzinfo=UTC).isoformat(),
        "metrics": {"linear.roc_auc": 0.8},
        "verdict": {"passed": passed, "reasons": ["made for a test"]},
        "libraries": {"numpy": np.__version__},
    }
    files = {"reference.json": b"{}\n", "card.json": b"{}\n", "card.html": b"<!doctype html>\n"}
    return bundles.save(folder, model, papers, files)


class Stops:
    """A setting that the process writing it down is killed at."""

    def __str__(self) -> str:
        os.kill(os.getpid(), signal.SIGKILL)
        return ""


def log(
    tracker: Tracker, bundle: Bundle, trials: int = 0, of: list[Trial] | None = None
) -> Version:
    held = {
        "params": {"max_depth": 3},
        "metrics": {"linear.roc_auc": 0.8},
        "lineage": LINEAGE,
        "figures": {},
        "study": f"shop-churn-{bundle.digest[:8]}",
        "trials": [Trial(n, {"max_depth": n}, {"objective": 0.5 - n / 10}) for n in range(trials)],
        "metric": "ROC AUC 0.8000",
    }
    return tracker.log(bundle, **({**held, "trials": of} if of else held))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where one registry lies, which every base has a part of its own in."""
    return tmp_path_factory.mktemp("registry")


@pytest.fixture(scope="module")
def base(folder):
    """Three versions of the shop's: the first two passed, the last was refused."""
    tracker = Tracker(make_config(folder))
    made = [
        make_bundle(folder / f"bundle{number}", float(number), passed)
        for number, passed in ((1, True), (2, True), (3, False))
    ]
    return tracker, made, [log(tracker, bundle, trials=2) for bundle in made]


def test_versions_come_in_their_order_with_what_was_said_of_them(base):
    tracker, made, logged = base
    assert tracker.versions("churn") == logged
    assert [version.number for version in logged] == [1, 2, 3]
    assert [version.passed for version in logged] == [True, True, False]
    assert [version.digest for version in logged] == [bundle.digest for bundle in made]
    assert {version.metric for version in logged} == {"ROC AUC 0.8000"}
    assert {version.made_at for version in logged} == {"2024-06-03T00:00:00+00:00"}
    assert {version.model for version in logged} == {"linear"}


def test_the_latest_that_passed_is_chosen_unless_one_is_named(base):
    tracker, _, logged = base
    assert tracker.choose("churn") == logged[1]
    assert tracker.choose("churn", 1) == logged[0]
    assert tracker.choose("churn", 3) == logged[2]


def test_where_none_passed_the_latest_is_chosen_and_says_so(folder, tmp_path):
    tracker = Tracker(make_config(folder, name="refused"))
    log(tracker, make_bundle(tmp_path / "bundle", 1.0, passed=False))
    assert not tracker.choose("churn").passed


def test_a_version_that_is_not_there_is_told_with_the_next_step(base):
    tracker, _, _ = base
    with pytest.raises(RegistryError, match=r"shop\.churn has no version 9 .* stamkunde models"):
        tracker.choose("churn", 9)
    with pytest.raises(RegistryError, match=r"shop\.clv has no version in .* stamkunde train clv"):
        tracker.choose("clv")


def test_a_version_is_found_by_its_bundle(base):
    tracker, made, logged = base
    assert tracker.by_digest("churn", made[0].digest) == logged[0]
    with pytest.raises(RegistryError, match="no version with the bundle 000000000000…"):
        tracker.by_digest("churn", "0" * 64)
    with pytest.raises(RegistryError):
        tracker.by_digest("clv", made[0].digest)


def test_a_versions_folder_is_its_bundle(base):
    tracker, made, logged = base
    for bundle, version in zip(made, logged, strict=True):
        assert bundles.load(tracker.bundle_folder(version)).digest == bundle.digest


def test_there_is_one_champion_and_it_can_be_another(folder, tmp_path):
    config = make_config(folder, name="champions")
    tracker = Tracker(config)
    logged = [
        log(tracker, make_bundle(tmp_path / f"bundle{number}", float(number), passed=True))
        for number in (1, 2)
    ]
    assert not any(version.champion for version in tracker.versions("churn"))
    for chosen in (logged[1], logged[0]):
        tracker.make_champion(chosen)
        champions = [held.number for held in tracker.versions("churn") if held.champion]
        assert champions == [chosen.number]
        assert Tracker(config).choose("churn", chosen.number).champion


def test_trials_are_runs_within_the_run(base):
    tracker, _, logged = base
    client = MlflowClient(tracker.uri, tracker.uri)
    experiment = client.get_experiment_by_name("shop").experiment_id
    runs = client.search_runs(
        [experiment], f"tags.mlflow.parentRunId = '{logged[0].run_id}'", order_by=["end_time"]
    )
    assert {run.info.run_name for run in runs} == {"churn trial 0", "churn trial 1"}
    assert {run.data.params["max_depth"] for run in runs} == {"0", "1"}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert {run.data.tags["state"] for run in runs} == {"complete"}
    parent = client.get_run(logged[0].run_id)
    assert parent.data.tags["bundle"] == logged[0].digest
    assert LINEAGE.items() <= parent.data.tags.items()


def nested(tracker: Tracker, base: str, parent: str) -> list:
    client = MlflowClient(tracker.uri, tracker.uri)
    experiment = client.get_experiment_by_name(base).experiment_id
    asked = f"tags.mlflow.parentRunId = '{parent}'"
    return sorted(
        client.search_runs([experiment], asked), key=lambda run: int(run.info.run_name.split()[-1])
    )


def make_study() -> optuna.Study:
    """One trial of each end: completed with a curve, pruned, failed."""
    study = optuna.create_study()

    def given(trial: optuna.Trial) -> float:
        trial.suggest_int("max_depth", 1, 3)
        trial.report(0.9, 10)
        trial.report(0.7 + trial.number, 20)
        trial.set_user_attr("rounds", 25)
        if trial.number == 1:
            raise optuna.TrialPruned
        return [0.7, 0.0, float("nan")][trial.number]

    study.optimize(given, n_trials=3)
    return study


def test_a_nested_run_has_the_trials_end_curve_and_times(folder, tmp_path):
    tracker, study = Tracker(make_config(folder, name="curves")), make_study()
    trials = [Trial.of(trial) for trial in study.trials]
    version = log(tracker, make_bundle(tmp_path / "bundle", 1.0, passed=True), of=trials)
    runs = nested(tracker, "curves", version.run_id)
    assert [run.info.status for run in runs] == ["FINISHED", "KILLED", "FAILED"]
    assert [run.data.tags["state"] for run in runs] == ["complete", "pruned", "fail"]
    assert [run.data.metrics.get("objective") for run in runs] == [0.7, None, None]
    for run, trial in zip(runs, study.trials, strict=True):
        assert run.data.params == {"max_depth": str(trial.params["max_depth"])}
        assert run.data.metrics["rounds"] == 25.0
        assert run.data.metrics["seconds"] == trial.duration.total_seconds()
        assert run.info.start_time == int(trial.datetime_start.timestamp() * 1000)
        assert run.info.end_time == int(trial.datetime_complete.timestamp() * 1000)
        curve = MlflowClient(tracker.uri).get_metric_history(run.info.run_id, "curve")
        assert {point.step: point.value for point in curve} == trial.intermediate_values


def test_logged_again_after_a_kill_the_run_holds_the_studys_trials_and_nothing_runs_on(
    folder, tmp_path
):
    config = make_config(folder, name="killed")
    tracker, bundle = Tracker(config), make_bundle(tmp_path / "bundle", 1.0, passed=True)
    client = MlflowClient(tracker.uri, tracker.uri)
    experiment = client.get_experiment_by_name("killed").experiment_id

    halfway = [Trial(0, {}, {"objective": 0.5}), Trial(1, {"max_depth": Stops()}, {})]
    process = FORK.Process(target=lambda: log(tracker, bundle, of=halfway))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    running = client.search_runs([experiment], "attributes.status = 'RUNNING'")
    assert len(running) == 2  # the run itself, and the trial it was at
    version = log(tracker, bundle, trials=3)
    assert len(nested(tracker, "killed", version.run_id)) == 3
    assert client.search_runs([experiment], "attributes.status = 'RUNNING'") == []
    assert {client.get_run(run.info.run_id).info.status for run in running} == {"KILLED"}


def test_a_version_whose_logging_was_cut_is_left_out(folder, tmp_path):
    tracker = Tracker(make_config(folder, name="cut"))
    whole = log(tracker, make_bundle(tmp_path / "bundle", 1.0, passed=True))
    client = MlflowClient(tracker.uri, tracker.uri)
    client.create_model_version("cut.churn", whole.source)
    assert tracker.versions("churn") == [whole]
    assert tracker.choose("churn") == whole


def test_bases_of_one_registry_are_kept_apart(folder, base, tmp_path):
    stall = Tracker(make_config(folder, name="stall"))
    assert stall.versions("churn") == []
    log(stall, make_bundle(tmp_path / "bundle", 1.0, passed=True))
    assert [version.number for version in stall.versions("churn")] == [1]
    assert base[0].versions("churn") == base[2]


def test_a_folder_with_a_blank_and_a_percent_sign_holds_a_registry(tmp_path):
    tracker = Tracker(make_config(tmp_path / "100 % mine"))
    version = log(tracker, make_bundle(tmp_path / "bundle", 1.0, passed=True))
    assert bundles.load(tracker.bundle_folder(version)).digest == version.digest
