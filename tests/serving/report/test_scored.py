from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from features.schema import FeatureError
from features.source import load_tables
from serving.releases.release import Release, publish
from serving.report import scored
from serving.report.scored import NUMBERS, score_at, scores
from serving.scoring.score import answer, assess
from tests.factories import AS_OF, make_bundles, make_config, make_features
from training.reasons import Options

OPTIONS = Options(0, "en")


@pytest.fixture(scope="module")
def var(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("shop")


@pytest.fixture(scope="module")
def config(var):
    return make_config(var)


@pytest.fixture(scope="module")
def release(var, config) -> Release:
    return publish(var, config.name, make_bundles(var / "made", config))


@pytest.fixture(scope="module")
def table(config) -> pd.DataFrame:
    return make_features(config)


def without(release: Release, *tasks: str) -> Release:
    return Release(release.base, {t: b for t, b in release.bundles.items() if t not in tasks})


def assert_as_served(release: Release, table: pd.DataFrame, found: pd.DataFrame) -> None:
    """Every number and segment is the service's, to the bit; where it gives a code there is none.

    `answer` gives plain values: == tells doubles from their neighbours.
    """
    assessed = assess(release, table)
    told = [answer(assessed, row, OPTIONS) for row in range(len(table))]
    for name, task, value in (("churn", "churn", "probability"), ("clv", "clv", "value")):
        served = [held[task][value] if held[task] else None for held in told]
        assert [None if np.isnan(x) else x for x in found[name].tolist()] == served
    for way in (held.way for held in release.bundles["segments"].model.segmenters):
        names = [(held["segments"][way] or {}).get("name") for held in told]
        assert [None if pd.isna(x) else x for x in found[f"segment:{way}"]] == names


def test_the_numbers_are_those_that_the_service_gives(release, table):
    found = scores(release, table)
    assert_as_served(release, table, found)
    assert found["churn"].isna().any()  # who is inactive
    assert found["churn"].notna().any()
    assert found["segment:value"].notna().any()


def test_whom_the_service_refuses_to_score_has_no_number(release, table):
    hostile = table.copy()
    hostile.loc[0, "spend_ever"] = 1e300
    hostile.loc[1, "spend_ever"] = np.inf
    hostile.loc[2, [name for name in hostile if name not in ("as_of", "customer_id")]] = np.nan
    hostile["income"] = hostile["income"].astype(object).where(hostile["income"].notna(), None)
    hostile.loc[3, "income"] = "never seen"
    found = scores(release, hostile)
    assert_as_served(release, hostile, found)
    assert found.loc[[0, 1, 2], list(NUMBERS)].isna().all(axis=None)


def test_money_at_risk_follows_from_the_chance_and_the_value_if_they_stay(release, table):
    found = scores(release, table)
    asked = found[found["churn"].notna() & found["clv"].notna()]
    at_risk = asked["churn"] * np.maximum(asked["value_if_stays"], 0)
    assert asked["value_at_risk"].tolist() == at_risk.tolist()
    assert (asked["value_if_stays"] >= asked["clv"]).all()
    beyond = np.maximum(asked["potential"] - asked["value_if_stays"], 0)
    unrealised = (1 - asked["churn"]) * beyond
    assert asked["unrealised"].tolist() == unrealised.tolist()
    outside = found[found["churn"].isna()]
    assert outside["value_at_risk"].isna().all()


def test_a_row_has_the_same_bits_alone_and_in_parts(release, table, monkeypatch):
    whole = scores(release, table)
    monkeypatch.setattr(scored, "AT_ONCE", 7)
    pd.testing.assert_frame_equal(scores(release, table), whole, check_exact=True)
    alone = scores(release, table.iloc[[5]])
    pd.testing.assert_frame_equal(alone, whole.iloc[[5]].reset_index(drop=True), check_exact=True)


def test_everybody_known_is_scored_once_in_the_order_of_their_ids(config, release):
    found = score_at(config, load_tables(config), release, AS_OF)
    assert found.frame["customer_id"].is_monotonic_increasing
    assert found.frame["customer_id"].is_unique
    assert found.frame["customer_id"].tolist() == found.features["customer_id"].tolist()
    assert found.ways == ("behaviour", "lifecycle", "value")


def test_a_release_without_a_model_leaves_what_it_would_say_open(release, table):
    only_clv = scores(without(release, "churn", "segments"), table)
    assert only_clv[["churn", "value_at_risk", "potential", "unrealised"]].isna().all(axis=None)
    assert only_clv["value_if_stays"].notna().any()
    assert not [name for name in only_clv if name.startswith("segment:")]
    only_churn = scores(without(release, "clv", "segments"), table)
    assert only_churn["churn"].notna().any()
    assert only_churn[["clv", "value_if_stays", "value_at_risk"]].isna().all(axis=None)
    only_segments = scores(without(release, "clv", "churn"), table)
    assert only_segments["segment:value"].isna().all()  # no value, no tenth of it
    assert only_segments["segment:behaviour"].notna().all()
    assert only_segments["unrealised"].isna().all()


def test_a_base_where_all_are_inactive_has_no_numbers(release, table):
    asleep = table.assign(days_since_purchase=1000.0)
    found = scores(release, asleep)
    assert found[["churn", "clv", "value_at_risk", "unrealised"]].isna().all(axis=None)
    assert len(found) == len(table)


def test_value_is_divided_by_the_chance_of_staying_only_over_like_days(release, table):
    """Where the CLV model cannot tell what who stays brings: 28 days and 28, then 28 and 90."""
    clv = release.bundles["clv"]
    bare = replace(clv, model=replace(clv.model, if_stays=None))
    like = scores(Release("shop", {**release.bundles, "clv": bare}), table)
    sections = clv.manifest["config"]
    longer = {**sections, "clv": {**sections["clv"], "horizon": "90d"}}
    far = replace(bare, manifest={**clv.manifest, "config": longer})
    unlike = scores(Release("shop", {**release.bundles, "clv": far}), table)
    asked = like["churn"].notna()
    stays = np.maximum(1 - like["churn"][asked], 0.05)
    assert like["value_if_stays"][asked].tolist() == (like["clv"][asked] / stays).tolist()
    assert unlike["value_if_stays"][asked].tolist() == unlike["clv"][asked].tolist()


def test_features_computed_otherwise_than_in_training_are_refused(config, release):
    changed = config.model_copy(
        update={"features": config.features.model_copy(update={"windows": (30,)})}
    )
    with pytest.raises(FeatureError, match="no longer built"):
        score_at(changed, load_tables(changed), release, AS_OF)
