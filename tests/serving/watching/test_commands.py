"""The commands of watching, on a base whose batches are on record."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient
from typer.testing import CliRunner, Result

import stamkunde
from configs.load import load
from configs.schema import Config
from features.source import load_tables
from serving.batch.run import score_base
from serving.releases.release import publish
from serving.watching import kept
from tests.factories import AS_OF, make_bundles, make_config
from training.track import Tracker


@dataclass(frozen=True)
class Shop:
    file: Path
    config: Config

    def run(self, *arguments: str) -> Result:
        found = CliRunner().invoke(stamkunde.app, [*arguments, "-c", str(self.file)])
        assert found.exit_code == 0, found.output
        return found

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--no-mlflow", "--json").stdout)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("shop")
    file = folder / "shop.yaml"
    file.write_text(yaml.safe_dump(make_config(folder).model_dump(mode="json")))
    config = load(file, [])
    release = publish(config.var, config.name, make_bundles(folder / "made", config))
    at = datetime.now(UTC)
    score_base(config, load_tables(config), release, AS_OF, folder / "s.csv", at, 0, "en")
    return Shop(file, config)


def test_drift_is_told_by_week_and_feature(shop):
    told = shop.json("drift", "--weeks", "2")
    assert [each["task"] for each in told] == ["churn", "clv"]
    for each in told:
        assert [week["count"] > 0 for week in each["weeks"]] == [False, True]
        assert each["score"][0] is None
        assert {len(feature["psi"]) for feature in each["features"]} == {2}
    table = shop.run("drift", "--no-mlflow").stdout
    assert "scores given" in table
    assert "* too few scores to tell" in table
    assert "few scores\n" in table.replace(" \n", "\n").replace(" \n", "\n")


def test_outcomes_are_told_and_kept_for_the_pages(shop):
    told = shop.json("outcomes", "--as-of", str(AS_OF))
    assert [(each["task"], each["estimate"]) for each in told] == [("churn", True), ("clv", True)]
    assert told[0]["metrics"]["roc_auc"]["low"] is not None
    assert told[1]["metrics"]["mean_predicted"]["low"] is None
    held = kept.read(shop.config.var)
    assert held is not None
    assert kept.as_data(held.weeks) == told
    table = shop.run("outcomes", "--as-of", str(AS_OF), "--no-mlflow").stdout
    assert "estimate: what is expected if the probabilities hold" in table


def test_both_are_in_mlflow(shop):
    shop.run("drift")
    shop.run("outcomes", "--as-of", str(AS_OF))
    tracker = Tracker(shop.config)
    found = MlflowClient(tracker.uri).search_runs([tracker.experiment])
    metrics = {(r.data.tags["watching"], r.data.tags["task"]): r.data.metrics for r in found}
    assert len(found) == len(metrics) == 4
    assert metrics["drift", "churn"]["scores"] > 0
    assert "psi.days_since_purchase" in metrics["drift", "clv"]
    assert "estimate.roc_auc" in metrics["outcomes", "churn"]
    assert not any(name.startswith("outcome.") for name in metrics["outcomes", "churn"])
