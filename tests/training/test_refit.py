"""What passed the gate is fitted again on all that is known by now, and says so."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from mlflow.tracking import MlflowClient

from features.source import first_and_last_day, load_tables
from serving.releases.promotion import promote
from tests.training.bases import (
    make_regulars,
    make_regulars_config,
    make_snapshot_config,
    make_subscribers,
)
from training import baselines, champion, churn, clv, refit
from training.job import train
from training.progress import Reporter
from training.scores import distribution
from training.track import Tracker

NOW = datetime(2024, 6, 3, 12, 30, 15, tzinfo=UTC)
QUIET = Reporter(quiet=True)
LENIENT = {
    "churn_margin": 0.5,
    "clv_margin": 0.5,
    "repeats": 100,
    "calibration": 0.5,
    "bias": 5.0,
    "slice_calibration": 1.0,
    "slice_bias": 9.0,
    "slice_customers": 30,
    "slice_outcomes": 5,
}
ONE_TRIAL = {"trials": 1, "minutes": 5.0}
SETTINGS = {"tuning": ONE_TRIAL, "gate": LENIENT, "refit": "latest"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """One registry for all: making its database takes seconds."""
    folder = tmp_path_factory.mktemp("state")
    return {"paths": {"var": str(folder / "var"), "mlruns": str(folder / "mlruns")}}


@pytest.fixture(scope="module")
def telephone(tmp_path_factory, paths):
    config = make_snapshot_config(tmp_path_factory.mktemp("telephone"), **SETTINGS, **paths)
    return config, train(config, "churn", now=NOW, reporter=QUIET)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, paths):
    config = make_regulars_config(tmp_path_factory.mktemp("shop"), **SETTINGS, **paths)
    return config, train(config, "churn", now=NOW, reporter=QUIET)


@pytest.fixture(scope="module")
def splits(shop):
    """What the shop's model was tested on, and all that is known by now."""
    config, _ = shop
    tables = load_tables(config)
    return churn.split(config, tables), churn.known_by_now(config, tables)


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


# What it learns from


def test_it_learns_from_the_parents_test_and_from_nothing_after_the_datas_last_day(shop, splits):
    config, made = shop
    tested, known = splits
    now = first_and_last_day(load_tables(config))[1] + timedelta(days=1)
    assert tested.cutoffs.test in set(known.fit.as_of)
    assert set(tested.fit.as_of) < set(known.fit.as_of)
    assert max(known.fit.as_of) + timedelta(days=config.churn.horizon) == now
    assert known.cutoffs.test == now
    assert set(known.test.as_of) == {now}
    assert np.isnan(known.test.target).all()
    assert known.folds == ()
    at = known.fit.at([tested.cutoffs.test])
    assert list(at.customers) == list(tested.test.customers)
    np.testing.assert_array_equal(at.target, tested.test.target)
    days = made.child.bundle.manifest["cutoffs"]
    assert days["fit"] == [day.isoformat() for day in sorted(set(known.fit.as_of))]
    assert days["known"] == now.isoformat()


def test_what_came_after_the_last_day_that_is_covered_is_not_learned_from(tmp_path):
    whole = make_regulars_config(tmp_path, **SETTINGS)
    last = first_and_last_day(load_tables(whole))[1] - timedelta(days=20)
    timeline = {"every": "28d", "cutoffs": 3, "history": "60d", "gap": "0d"}
    held = {**SETTINGS, "timeline": {**timeline, "last": last.isoformat()}}
    config = make_regulars_config(tmp_path / "told", **held)
    rows = make_regulars()
    day_after = (last + timedelta(days=1)).isoformat()
    cut = make_regulars_config(tmp_path / "cut", rows[rows["when"] < day_after], **held)
    one, other = (clv.known_by_now(each, load_tables(each)) for each in (config, cut))
    np.testing.assert_array_equal(one.fit.matrix, other.fit.matrix)
    np.testing.assert_array_equal(one.fit.target, other.fit.target)


def test_a_shorter_training_horizon_goes_on_to_now(tmp_path):
    held = {"horizon": "56d", "training_horizon": "28d", "active_within": "90d"}
    config = make_regulars_config(tmp_path, clv=held, features={"windows": ["30d", "90d"]})
    data = clv.known_by_now(config, load_tables(config))
    assert max(data.fit.as_of) + timedelta(days=28) == data.cutoffs.test
    assert data.step.ratio == 0.5


def test_of_a_snapshot_it_learns_from_all_rows(telephone):
    config, made = telephone
    tables = load_tables(config)
    tested, known = churn.split(config, tables), churn.known_by_now(config, tables)
    assert len(known.fit) == len(tested.fit) + len(tested.test)
    assert set(known.fit.customers) == {*tested.fit.customers, *tested.test.customers}
    assert made.child.bundle.manifest["cutoffs"] == {"split": "none: fitted on all rows"}


def test_its_scores_are_of_who_would_be_asked_now_and_of_a_snapshot_its_parents(
    shop, splits, telephone
):
    child = shop[1].child.bundle
    assert child.scores == distribution(child.model.predict(splits[1].test.matrix))
    assert child.scores != shop[1].bundle.scores
    assert telephone[1].child.bundle.scores == telephone[1].bundle.scores


def test_a_baseline_that_won_is_what_is_fitted_again(shop, splits):
    config, _ = shop
    tested, known = splits
    parent = baselines.rfm_logistic(tested).model
    again = refit.child(config, churn, known, parent, {}, ())
    assert again.predictors == baselines.rfm_logistic(known).model.predictors
    assert again.predictors != parent.predictors


# What is said of it


def test_its_manifest_names_its_parent_and_carries_its_figures(shop):
    _, made = shop
    parent, child = made.bundle, made.child.bundle
    assert child.manifest["refit_of"] == {"bundle": parent.digest, "figures": "estimate"}
    assert "refit_of" not in parent.manifest
    for same in ("metrics", "verdict", "settings", "made_at", "data"):
        assert child.manifest[same] == parent.manifest[same]
    assert child.digest != parent.digest
    assert child.model.timing == parent.model.timing
    assert child.model.learned != parent.model.learned


def test_its_card_says_first_that_its_figures_are_its_parents(shop):
    _, made = shop
    said = made.child.bundle.card["refit"]["said"]
    days = made.child.bundle.manifest["cutoffs"]["fit"]
    assert f"{len(days)} cut-offs from {days[0]} to {days[-1]}" in said
    assert "its parent's, as an estimate" in said
    page = (made.child.bundle.path / "card.html").read_text()
    assert 0 < page.index("Refitted.") < page.index("Passed.")
    assert "Refitted." not in (made.bundle.path / "card.html").read_text()


def test_mlflow_lists_both_and_tells_which_is_which(shop):
    config, made = shop
    first, second = Tracker(config).versions("churn")
    assert (first.digest, second.digest) == (made.bundle.digest, made.child.bundle.digest)
    assert (first.parent, second.parent) == (None, first.number)
    assert second.passed
    uri = Tracker(config).uri
    run = MlflowClient(uri, uri).get_run(second.run_id)
    assert run.data.tags["refit"] == "true"
    assert run.data.tags["parent_run"] == first.run_id
    assert run.data.tags["parent_bundle"] == first.digest
    assert all(name.startswith("estimate.") for name in run.data.metrics)
    held = made.bundle.manifest["metrics"]
    assert {f"estimate.{name}" for name in held} == set(run.data.metrics)


# What is done with it


def test_without_a_number_it_is_what_is_promoted_and_its_parent_stands_for_it_next_time(shop):
    config, made = shop
    tracker = Tracker(config)
    assert promote(config, tracker, "churn", at=NOW).number == made.child.version.number
    data = churn.split(config, load_tables(config))
    found = champion.sitting(config, "churn", data, made.bundle.model, "f")
    assert found.label == f"The champion, version {made.version.number}"
    np.testing.assert_array_equal(
        found.predict(data.test.matrix), made.bundle.model.predict(data.test.matrix)
    )


def test_one_refitted_on_all_rows_of_a_snapshot_is_no_rival(telephone):
    config, made = telephone
    data = churn.split(config, load_tables(config))
    held = made.child.bundle
    known = held.manifest["data"]["fingerprint"]
    said = champion.contender(held, config, "churn", data, held.model, known)
    assert "refitted on all rows" in said


def test_trained_again_it_is_the_same_to_the_bit(telephone):
    config, made = telephone
    before = content(made.child.bundle.path)
    shutil.rmtree(Path(config.paths.mlruns) / "studies")
    again = train(config, "churn", now=NOW, reporter=QUIET)
    assert again.child.version.number == 4
    assert content(again.child.bundle.path) == before


def test_what_the_gate_refused_has_no_child(tmp_path, paths):
    rows = make_subscribers(250)
    rows["left"] = np.where(np.arange(len(rows)) % 2, "Yes", "No")  # which nothing tells
    config = make_snapshot_config(tmp_path, rows, **SETTINGS, **paths, name="refused")
    made = train(config, "churn", now=NOW, reporter=QUIET)
    assert not made.verdict.passed
    assert made.child is None
    assert len(Tracker(config).versions("churn")) == 1
