import json
import os
import shutil
import signal
from contextlib import contextmanager
from datetime import UTC, date, datetime
from multiprocessing import get_context
from pathlib import Path
from threading import Timer

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.tracking import MlflowClient

from features.build import build
from features.enough import TooFewError
from features.marks import WIDE, Marks
from features.source import fingerprint, load_tables
from tests.training.bases import (
    make_regulars,
    make_regulars_config,
    make_snapshot_config,
    make_subscribers,
)
from training import bundle as bundles
from training.examples import FEWEST
from training.job import LEARNED_FROM, train
from training.leakage import LeakageError
from training.metrics import CHURN_METRICS, VALUE_METRICS
from training.progress import Reporter
from training.registration import Trained
from training.scores import distribution
from training.timing import Timing
from training.track import Tracker

NOW = datetime(2024, 6, 3, 12, 30, 15, tzinfo=UTC)
STAMP = "20240603T123015"
QUIET = Reporter(quiet=True)


def train_quietly(config, task) -> Trained:
    return train(config, task, now=NOW, reporter=QUIET)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base with time, and what training each of its tasks made."""
    config = make_regulars_config(tmp_path_factory.mktemp("shop"))
    return config, {task: train_quietly(config, task) for task in ("churn", "clv", "segments")}


@pytest.fixture(scope="module")
def telephone(tmp_path_factory):
    """A labelled snapshot, and what training each of its tasks made."""
    config = make_snapshot_config(tmp_path_factory.mktemp("telephone"))
    return config, {task: train_quietly(config, task) for task in ("churn", "segments")}


CASES = [
    ("shop", "churn"),
    ("shop", "clv"),
    ("shop", "segments"),
    ("telephone", "churn"),
    ("telephone", "segments"),
]


@pytest.fixture(params=CASES, ids="-".join)
def case(request):
    """Each trained task with its config."""
    base, task = request.param
    config, trained = request.getfixturevalue(base)
    return config, task, trained[task]


def client_of(config) -> MlflowClient:
    uri = Tracker(config).uri
    return MlflowClient(uri, uri)


def run_of(config, made: Trained):
    return client_of(config).get_run(made.version.run_id)


def trials_of(config, made: Trained):
    experiment = client_of(config).get_experiment_by_name(config.name)
    return client_of(config).search_runs(
        [experiment.experiment_id], f"tags.mlflow.parentRunId = '{made.version.run_id}'"
    )


def ids_of(config) -> set[bytes]:
    source = config.sources.transactions or config.sources.snapshot
    return {name.encode() for name in pd.read_csv(source.path)["customer"].unique()}


# The bundle


def test_a_bundle_lies_under_the_bases_runs_and_loads(case):
    config, task, made = case
    assert made.bundle.path == config.var / "runs" / f"{task}-{STAMP}" / "bundle"
    loaded = bundles.load(made.bundle.path)
    assert loaded.digest == made.bundle.digest
    assert loaded.model.task == task


def test_a_run_keeps_the_marks_of_whom_it_learned_from(case):
    config, _, made = case
    held = (made.bundle.path.parent / LEARNED_FROM).read_bytes()
    marks = {held[start : start + WIDE] for start in range(0, len(held), WIDE)}
    known = Marks(config.var, config.name).of(name.decode() for name in ids_of(config))
    assert marks <= set(known)
    assert len(marks) * WIDE == len(held) > 100 * WIDE


def test_the_manifest_says_where_the_model_came_from(case):
    config, task, made = case
    told = made.bundle.manifest
    assert (told["base"], told["task"]) == (config.name, task)
    assert told["made_at"] == "2024-06-03T12:30:15+00:00"
    assert told["data"]["fingerprint"] == fingerprint(config)
    assert told["config"]["seed"] == config.seed
    assert told["verdict"] == {
        "passed": made.verdict.passed,
        "reasons": list(made.verdict.reasons),
        "checks": made.facts["gate"],
    }
    assert {"numpy", "pandas", "scikit-learn", "xgboost-cpu"} <= set(told["libraries"])
    assert made.bundle.card["task"] == task
    assert b"<!doctype html>" in (made.bundle.path / "card.html").read_bytes()[:100].lower()


def test_cut_offs_are_on_the_papers_and_rise(shop):
    _, trained = shop
    for task in ("churn", "clv"):
        told = trained[task].bundle.manifest["cutoffs"]
        days = [date.fromisoformat(day) for day in [*told["fit"], told["test"]]]
        assert days == sorted(days)
        assert told["fit"][-1] == told["validation"]
        assert (days[-1] - days[-2]).days == told["horizon_days"] == 28


def test_a_snapshot_is_said_not_to_have_been_tested_on_the_future(telephone):
    for made in telephone[1].values():
        assert "could not be tested on the future" in made.bundle.manifest["cutoffs"]["split"]


def test_the_card_says_what_a_random_split_would_have_claimed(shop, telephone):
    for task, metric in (("churn", "roc_auc"), ("clv", "normalised_gini")):
        made = shop[1][task]
        told = made.bundle.card["claims"]
        assert told["metric"] == metric
        assert 0 < told["random"] < 1
        measured = next(each for each in made.facts["metrics"] if each["name"] == metric)
        assert told["later"] == measured["values"][made.verdict.served]["value"]
    assert telephone[1]["churn"].bundle.card["claims"]["random"] is None


def test_the_card_lists_the_leaks_that_were_waived(case):
    _, task, made = case
    assert made.bundle.card.get("leakage") == (None if task == "segments" else [])


def test_a_leak_ends_the_training_and_registers_nothing(tmp_path):
    rows = make_subscribers()
    rows["months"] += 100 * (rows["left"] == "Yes")
    config = make_snapshot_config(tmp_path, rows)
    with pytest.raises(LeakageError, match="months alone nearly gives the answer by its value"):
        train_quietly(config, "churn")
    assert Tracker(config).versions("churn") == []
    assert not (config.var / "runs").exists()


def test_what_was_measured_is_what_the_bundle_predicts(shop):
    config, trained = shop
    tables = load_tables(config)
    for task, metrics in (("churn", CHURN_METRICS), ("clv", VALUE_METRICS)):
        made = trained[task]
        model = made.bundle.model
        rows = pd.read_parquet(made.bundle.path.parent / "predictions.parquet")
        frame = build(config, tables, [date.fromisoformat(made.bundle.manifest["cutoffs"]["test"])])
        frame = frame[frame["customer_id"].isin(rows["customer_id"])]
        served = model.predict(model.complete(model.inputs.encode(frame)))
        np.testing.assert_array_equal(served, rows[made.bundle.model.name])
        assert made.bundle.scores == distribution(served)
        held = made.bundle.manifest["metrics"]
        for name, metric in metrics.items():
            value = metric(rows["actual"].to_numpy(), rows[made.bundle.model.name].to_numpy())
            assert held[f"{made.bundle.model.name}.{name}"] == pytest.approx(value)


def test_models_tell_customers_apart(shop, telephone):
    assert shop[1]["churn"].bundle.manifest["metrics"]["ensemble.roc_auc"] > 0.65
    assert shop[1]["clv"].bundle.manifest["metrics"]["ensemble.normalised_gini"] > 0.5
    assert telephone[1]["churn"].bundle.manifest["metrics"]["ensemble.roc_auc"] > 0.7
    assert shop[1]["segments"].bundle.manifest["metrics"]["stability"] > 0.5


# What MLflow holds


def test_churn_is_told_by_days_and_a_snapshot_has_none(shop, telephone):
    config, held = shop
    told = held["churn"].facts["timing"]
    assert held["churn"].bundle.model.timing == Timing.of(config)
    assert (told["untested"], told["within"][-1]["days"]) == ([30, 60, 90], 28)
    rates = [each["actual"] for each in told["within"]]
    assert rates == sorted(rates, reverse=True)
    predictions = pd.read_parquet(held["churn"].bundle.path.parent / "predictions.parquet")
    assert told["within"][-1]["actual"] == predictions["actual"].mean()
    due = told["next_purchase"]
    assert due["customers"] > 100
    assert due["bought_by_then"] == pytest.approx(due["expected"], abs=0.1)
    for made in (held["clv"], telephone[1]["churn"]):
        assert made.bundle.model.timing is None
        assert "timing" not in made.facts


def test_the_run_has_settings_figures_and_lineage(case):
    config, task, made = case
    run = run_of(config, made)
    assert run.info.status == "FINISHED"
    assert run.data.tags["bundle"] == made.bundle.digest
    assert run.data.tags["task"] == task
    assert run.data.tags["data_fingerprint"] == fingerprint(config)
    assert {"config_hash", "code_commit", "base"} <= set(run.data.tags)
    assert run.data.tags["gate"] == str(made.verdict.passed).lower()
    for check in made.verdict.checks:
        assert run.data.tags[f"gate.{check.name}"] == str(check.passed).lower()
        if check.value is not None:
            assert run.data.metrics[f"gate.{check.name}"] == pytest.approx(check.value)
    assert run.data.metrics == pytest.approx(made.bundle.manifest["metrics"])
    settings = made.bundle.manifest["settings"]
    assert run.data.params == {name: str(value) for name, value in settings.items()}


def test_every_trial_is_a_run_within_the_run(case):
    config, _, made = case
    trials = trials_of(config, made)
    assert len(trials) == config.tuning.trials
    for trial in trials:
        assert trial.info.status == "FINISHED"
        assert np.isfinite(trial.data.metrics["objective"])
        assert trial.data.params
    best = min(trials, key=lambda trial: trial.data.metrics["objective"])
    chosen = {name: str(made.bundle.manifest["settings"][name]) for name in best.data.params}
    assert best.data.params == chosen


def test_the_run_has_the_card_and_its_plots(case):
    config, task, made = case
    folder = Path(client_of(config).get_run(made.version.run_id).info.artifact_uri[7:])
    drawn = {file.stem for file in (folder / "plots").glob("*.png")}
    assert drawn == set(made.figures)
    expected = {
        "churn": {"reliability", "lift", "gain", "beeswarm", "importance_bar", "tuning_history"},
        "clv": {"value_deciles", "gain", "beeswarm", "importance_bar", "tuning_history"},
        "segments": {"segment_profile", "segment_tradeoff"},
    }
    assert expected[task] <= drawn
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in (folder / "plots").iterdir())
    if task != "segments":
        detailed = min(10, len(made.bundle.model.schema.columns))
        assert {f"dependence_{rank}" for rank in range(1, detailed + 1)} <= drawn
        enough = made.facts["test"]["customers"] >= 10 * FEWEST  # for a band to be of nobody
        assert (folder / "reasons.md").exists() == enough
    assert (folder / "card.html").read_bytes() == (made.bundle.path / "card.html").read_bytes()


def test_the_registered_version_is_the_bundle_unchanged(case):
    config, task, made = case
    version = made.version
    assert (version.task, version.digest) == (task, made.bundle.digest)
    assert version.model == made.bundle.model.name
    assert version.passed == made.verdict.passed
    assert not version.champion
    held = Tracker(config).bundle_folder(version)
    assert bundles.load(held).digest == made.bundle.digest
    names = {file.name for file in made.bundle.path.iterdir()}
    assert {file.name for file in held.iterdir()} == names


def test_mlflow_loads_the_bundle_with_its_own_call(telephone):
    config, trained = telephone
    mlflow.set_tracking_uri(Tracker(config).uri)
    mlflow.set_registry_uri(Tracker(config).uri)
    loaded = mlflow.pyfunc.load_model("models:/telephone.churn/1")
    model = trained["churn"].bundle.model
    matrix = np.array([[3.0, 0.0, 1.0], [50.0, 1.0, np.nan]])
    np.testing.assert_array_equal(loaded.predict(matrix), model.predict(matrix))


def test_no_customer_is_in_mlflow(case):
    config, _, _ = case
    ids = ids_of(config)
    assert b"cust-000017" in ids
    files = [file for file in Path(config.paths.mlruns).rglob("*") if file.is_file()]
    assert len(files) > 20
    for file in files:
        # What all ids begin with spares looking for four hundred of them in each file.
        assert b"cust-0" not in file.read_bytes(), file
    for file in (config.var / "runs").glob("*/bundle/*"):
        assert b"cust-0" not in file.read_bytes(), file


# Rows of persons


def test_rows_of_persons_are_kept_by_customer_under_var(case):
    config, task, made = case
    rows = pd.read_parquet(made.bundle.path.parent / "predictions.parquet")
    assert {name.encode() for name in rows["customer_id"]} <= ids_of(config)
    assert rows["customer_id"].is_unique
    if task == "segments":
        held = made.bundle.model.segmenters[0]
        assert rows[held.way].nunique() == len(held.segments)
        return
    assert len(rows) == made.bundle.card["test"]["customers"]
    assert {"as_of", "actual", *(held["name"] for held in made.bundle.card["models"])} <= set(rows)
    told = rows[[name for name in rows if name.startswith("contribution.")]]
    assert len(told.columns) == len(made.bundle.model.schema.columns)


def test_kept_contributions_add_up_to_the_margin(shop):
    config, trained = shop
    made = trained["churn"]
    rows = pd.read_parquet(made.bundle.path.parent / "predictions.parquet")
    moved = rows[[name for name in rows if name.startswith("contribution.")]].sum(axis=1)
    model = made.bundle.model
    frame = build(config, load_tables(config), [rows["as_of"].iloc[0]])
    inputs = model.inputs.encode(frame[frame["customer_id"].isin(rows["customer_id"])])
    matrix = model.complete(inputs)
    np.testing.assert_allclose(model.explain(matrix).base_margin + moved, model.margin(matrix))


# Again


@pytest.mark.parametrize(("base", "task"), [("telephone", "churn"), ("shop", "segments")])
def test_the_same_seed_and_time_make_the_same_bundle_to_the_bit(base, task, request):
    config, trained = request.getfixturevalue(base)
    before = trained[task].bundle
    if task == "segments":  # from the second run on, each is held against the one before
        before = train_quietly(config, task).bundle
    content = {file.name: file.read_bytes() for file in before.path.iterdir()}
    # No trial of the first run is taken up; the bundle is written anew where it lay.
    shutil.rmtree(Path(config.paths.mlruns) / "studies")
    again = train_quietly(config, task).bundle
    assert {file.name: file.read_bytes() for file in again.path.iterdir()} == content
    assert again.digest == before.digest


class Killer(Reporter):
    """Kills its process within the second trial."""

    @contextmanager
    def steps(self, *_):
        soon = Timer(0.05, os.kill, (os.getpid(), signal.SIGKILL))
        yield lambda _: soon.start()


def train_until_killed(config, task):
    train(config, task, now=NOW, reporter=Killer(quiet=True))


def test_killed_while_it_tunes_and_run_again_it_makes_the_same_bundle(telephone):
    config, trained = telephone
    studies = Path(config.paths.mlruns) / "studies"
    shutil.rmtree(studies)
    process = get_context("spawn").Process(target=train_until_killed, args=(config, "churn"))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert len(list(studies.glob("*.journal"))) == 1
    again = train_quietly(config, "churn")
    assert again.bundle.digest == trained["churn"].bundle.digest
    states = [trial.data.tags["state"] for trial in trials_of(config, again)]
    assert states.count("complete") == config.tuning.trials


def test_trained_again_a_finished_study_is_taken_up_and_only_the_time_differs(tmp_path):
    config = make_snapshot_config(tmp_path)
    first = train_quietly(config, "segments")
    later = train(config, "segments", now=NOW.replace(hour=13), reporter=QUIET)
    assert (first.version.number, later.version.number) == (1, 2)
    assert len(list((tmp_path / "mlruns" / "studies").glob("*.journal"))) == 1
    differing = {
        file.name
        for file in first.bundle.path.iterdir()
        if file.read_bytes() != (later.bundle.path / file.name).read_bytes()
    }
    assert differing == {"manifest.json", "card.json", "card.html"}
    one, other = (dict(made.bundle.manifest) for made in (first, later))
    for told in (one, other):
        told.pop("made_at")
        told["files"] = {n: d for n, d in told["files"].items() if not n.startswith("card")}
    assert json.dumps(one) == json.dumps(other)
    assert len(trials_of(config, later)) == config.tuning.trials


def test_a_baseline_that_cannot_be_fitted_is_left_out_and_missed(tmp_path):
    rows = make_regulars()
    rows["paid"] = 10.0
    config = make_regulars_config(tmp_path, rows, tuning={"trials": 1, "minutes": 5.0})
    made = train_quietly(config, "clv")
    assert [held["name"] for held in made.facts["models"]] == ["ensemble", "last_spend"]
    (warning,) = (told for told in made.facts["warnings"] if "baseline" in told)
    assert "A baseline is missing: the baseline BG/NBD × Gamma-Gamma cannot be fitted" in warning


def test_too_small_a_base_is_refused_before_anything_is_made(tmp_path):
    config = make_regulars_config(tmp_path, make_regulars(60))
    for task in ("churn", "clv", "segments"):
        with pytest.raises(TooFewError):
            train_quietly(config, task)
    assert not (tmp_path / "var").exists()
    assert not (tmp_path / "mlruns").exists()
