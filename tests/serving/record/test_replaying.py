"""Scores drawn from the record are computed again to the same bits, whatever was promoted since."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import shap

from configs.schema import Config
from features.source import load_tables
from serving.batch.run import score_base
from serving.record.drawing import drawn
from serving.record.ledger import Ledger
from serving.record.replaying import kept_bundles, replay_sample, replayed
from serving.releases.release import Release, publish
from serving.scoring.score import Asking, assess, record
from serving.settings import open_ledger
from serving.upkeep.retention import retire
from tests.factories import AS_OF, make_bundles, make_config, make_features
from training.reasons import Options

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
ROWS = 340  # scores under each release, beside a batch of 40


@dataclass(frozen=True)
class Recorded:
    """A base with 1,060 scores on record: of a release, another, and the first again."""

    config: Config
    ledger: Ledger
    release: Release


def resampled(table: pd.DataFrame, rows: int, seed: int) -> pd.DataFrame:
    """Draw each feature by itself, so that no two customers are the same; all of whom are asked."""
    numbers, table = np.random.default_rng(seed), table[table["days_since_purchase"] <= 90]
    columns = {
        name: table[name].to_numpy()[numbers.integers(0, len(table), rows)]
        for name in table.columns
    }
    return pd.DataFrame(columns).astype(table.dtypes.to_dict())


def put(ledger: Ledger, release: Release, table: pd.DataFrame, seed: int, rows: int = ROWS) -> None:
    assessed = assess(release, resampled(table, rows, seed))
    options = Options(3, "en", (0.3, 0.6))
    records = [
        (
            f"S{seed}.{row}",
            "score",
            record(assessed, row, f"{seed:016x}{row:016x}", options, Asking(key="k")),
        )
        for row in range(len(assessed))
    ]
    ledger.append(records, AT)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Recorded:
    folder: Path = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    table = make_features(config)
    first, second = (make_bundles(folder / "made", config, seed) for seed in (3, 4))
    ledger = open_ledger(config.name, config.var)
    for seed, made in enumerate((first, second, first)):  # a promotion, and a rollback
        release = publish(config.var, config.name, made)
        put(ledger, release, table, seed)
        ledger.append([(f"P{seed}", "promotion", {"task": "churn"})], AT)
        if seed == 1:
            tables = load_tables(config)
            score_base(config, tables, release, AS_OF, folder / "out.parquet", AT, 3, "en")
    return Recorded(config, ledger, release)


def test_a_thousand_scores_across_a_promotion_and_a_rollback_are_the_same_bits(base):
    found = replay_sample(base.ledger, kept_bundles(base.config.var), 1_000, seed=1)
    assert (found.drawn, found.same, found.erased) == (1_000, 1_000, 0)
    assert (found.others, found.libraries) == ((), {})


def test_a_sample_is_the_same_for_a_seed_and_leaves_no_score_out(base):
    def names(count: int, seed: int) -> list[str]:
        total, scores = drawn(base.ledger, count, seed)
        held = list(scores)
        assert len(held) == total
        assert all(entry is not None and entry.id == name for name, entry in held)
        return [name for name, _ in held]

    assert names(50, 7) == names(50, 7) != names(50, 8)
    everything = names(10_000, 7)
    (batch,) = base.ledger.entries("batch")
    due = [entry.id for entry in base.ledger.entries("score")]
    assert everything == due + [f"{batch.id}/{row}" for row in range(1, 41)]


def test_how_far_an_answer_moved_is_told_where_the_bundle_answers_otherwise(base):
    bundle_of = kept_bundles(base.config.var)
    entry = base.ledger.get("S0.0")
    other = bundle_of(base.ledger.get("S1.0").body["bundles"]["churn"])

    def moved(digest: str):
        held = bundle_of(digest)
        return replace(held, model=other.model) if held.model.task == "churn" else held

    found = replayed(entry, moved)
    assert not found.same
    held, model = entry.body, other.model
    matrix, _ = model.inputs.encode_rows([held["features"][model.inputs.digest]])
    margin = float(model.margin(model.complete(matrix))[0])
    assert found.moved["churn"]["margin"] == abs(margin - held["scores"]["churn"]["margin"]) > 0
    assert found.moved["clv"] == {"margin": 0.0, "served": 0.0}
    sampled = replay_sample(base.ledger, moved, 60, seed=1)
    assert sampled.same + len(sampled.others) == sampled.drawn == 60
    assert 0 < sampled.same < 60  # of the second release, the answers are as they were


def test_libraries_that_moved_on_are_named_though_the_bits_are_the_same(base):
    bundle_of = kept_bundles(base.config.var)

    def of_yesterday(digest: str):
        held = bundle_of(digest)
        older = {**held.manifest, "libraries": {"xgboost-cpu": "0.90", "no longer": "1"}}
        return replace(held, manifest=older)

    found = replayed(base.ledger.get("S0.0"), of_yesterday)
    assert found.same
    assert {name: made_with for name, (made_with, _) in found.libraries.items()} == {
        "no longer": "1",
        "xgboost-cpu": "0.90",
    }
    assert found.libraries["no longer"][1] is None


def test_a_bundle_that_is_gone_or_altered_is_told(base, tmp_path):
    found = replayed(base.ledger.get("S0.0"), kept_bundles(tmp_path))
    assert not found.same
    assert "no bundle" in (found.gone or "")


def test_the_erased_are_counted_and_hinder_nobody(tmp_path, base):
    other = base.config.model_copy(
        update={"paths": base.config.paths.model_copy(update={"var": str(tmp_path)})}
    )
    ledger = open_ledger(other.name, other.var)
    put(ledger, base.release, make_features(base.config), 0, rows=20)
    with ledger.database.writing() as connection:
        assert ledger._seals.destroy(connection, f"{0:016x}{5:016x}")
    ledger.close()
    found = replay_sample(
        open_ledger(other.name, other.var), kept_bundles(base.config.var), 1_000, seed=1
    )
    assert (found.drawn, found.same, found.erased) == (20, 19, 1)


def test_what_time_let_go_is_not_drawn(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", "shop")
    later = AT + timedelta(days=400)
    for at, names in ((AT, "ab"), (later, "cd")):
        ledger.append([(name, "score", {"n": 1}) for name in names], at)
        ledger.append([(f"P{names}", "promotion", {"task": "churn"})], at)
        ledger.append_batch(f"B{names}", [{"n": 1}, {"n": 2}], {}, at)
    everything = ["a", "b", "c", "d", "Bab/1", "Bab/2", "Bcd/1", "Bcd/2"]
    assert [name for name, _ in drawn(ledger, 100, seed=1)[1]] == everything
    retire(ledger, later, later)
    total, scores = drawn(ledger, 100, seed=1)
    assert (total, [name for name, _ in scores]) == (4, ["c", "d", "Bcd/1", "Bcd/2"])


def test_the_reasons_on_record_are_shap_s_and_add_up(base):
    """Of more than a thousand scores: each tree's part by TreeExplainer, to 1e-6 of their size."""
    _, scores = drawn(base.ledger, 10_000, seed=1)
    bodies: dict[str, list] = {}
    for _, entry in scores:
        bodies.setdefault(entry.body["bundles"]["churn"], []).append(entry.body)
    bundle_of = kept_bundles(base.config.var)
    explained = 0
    for digest, held in bodies.items():
        model = bundle_of(digest).model
        (trees,) = model.predictors
        told = [body for body in held if "contributions" in body["scores"]["churn"]]
        rows = [body["features"][model.inputs.digest] for body in told]
        matrix = model.complete(model.inputs.encode_rows(rows)[0])
        explainer = shap.TreeExplainer(trees.booster, feature_perturbation="tree_path_dependent")
        due = explainer.shap_values(matrix)
        found = np.array([body["scores"]["churn"]["contributions"] for body in told])
        size = np.abs(due).sum(axis=1, keepdims=True)
        assert np.all(np.abs(found - due) <= 1e-6 * np.maximum(1.0, size))
        for body, values in zip(told, found, strict=True):
            said = body["scores"]["churn"]
            assert said["base_margin"] + values.sum() == pytest.approx(said["margin"], abs=1e-12)
        explained += len(told)
    assert explained >= 1_000
