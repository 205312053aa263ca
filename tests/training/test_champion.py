"""A champion is measured on the same rows, or it is said why it is not."""

from datetime import date
from pathlib import Path

import pytest

from configs.load import dump
from features.source import load_tables
from tests.training.bases import make_regulars_config, make_snapshot_config
from training import baselines, champion, churn
from training.bundle import Bundle


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("shop"))
    data = churn.split(config, load_tables(config))
    return config, data, baselines.rfm_logistic(data).model


@pytest.fixture(scope="module")
def telephone(tmp_path_factory):
    config = make_snapshot_config(tmp_path_factory.mktemp("telephone"))
    data = churn.split(config, load_tables(config))
    return config, data, baselines.base_rate(data).model


def bundle_of(config, model, cutoffs=None, fingerprint="f", **changes) -> Bundle:
    papers = {
        "config": {**dump(config), **changes},
        "cutoffs": cutoffs or {},
        "data": {"fingerprint": fingerprint},
    }
    return Bundle(Path("bundle"), "digest", papers, model)


def cutoffs_of(last: date, horizon: int = 28, gap: int = 0) -> dict:
    return {"fit": ["2023-12-01", last.isoformat()], "horizon_days": horizon, "gap_days": gap}


def outcome(base, bundle):
    config, data, model = base
    return champion.contender(bundle, config, "churn", data, model, "f")


def test_one_of_the_same_question_is_a_contender_of_its_own_name(shop):
    config, data, model = shop
    found = outcome(shop, bundle_of(config, model, cutoffs_of(data.cutoffs.validation)))
    assert (found.name, found.role) == ("champion", "champion")
    assert (found.predict(data.test.matrix) == model.predict(data.test.matrix)).all()


def test_one_that_saw_the_tests_outcomes_is_not(shop):
    config, data, model = shop
    test = data.cutoffs.test
    on_the_day = cutoffs_of(data.cutoffs.validation, horizon=(test - data.cutoffs.validation).days)
    assert not isinstance(outcome(shop, bundle_of(config, model, on_the_day)), str)
    for later in (
        {**on_the_day, "gap_days": 1},
        {**on_the_day, "horizon_days": on_the_day["horizon_days"] + 1},
        cutoffs_of(test, 1),
    ):
        said = outcome(shop, bundle_of(config, model, later))
        assert said == f"it learned from outcomes after {test}, which it would be tested on"


def test_one_that_learned_at_a_shorter_horizon_saw_no_more_than_that(shop):
    config, data, model = shop
    apart = (data.cutoffs.test - data.cutoffs.validation).days
    told = cutoffs_of(data.cutoffs.validation, horizon=3 * apart)
    assert isinstance(outcome(shop, bundle_of(config, model, told)), str)
    shorter = {**told, "learns_days": apart}
    assert not isinstance(outcome(shop, bundle_of(config, model, shorter)), str)
    assert isinstance(outcome(shop, bundle_of(config, model, {**told, "learns_days": 29})), str)


def test_one_that_answers_another_question_is_not(shop):
    config, data, model = shop
    held = dump(config)["churn"]
    other = bundle_of(
        config,
        model,
        cutoffs_of(data.cutoffs.validation),
        churn={**held, "horizon": "14d"},
    )
    assert outcome(shop, other).startswith("it answers another question")
    asked_of_others = bundle_of(
        config,
        model,
        cutoffs_of(data.cutoffs.validation),
        churn={**held, "active_within": "60d"},
    )
    assert not isinstance(outcome(shop, asked_of_others), str)


def test_one_of_other_inputs_is_not(shop, telephone):
    config, _, model = telephone
    assert "inputs are others" in outcome(shop, bundle_of(config, model))


def test_without_time_one_of_other_data_or_seed_may_have_learned_from_the_rows(telephone):
    config, _, model = telephone
    assert outcome(telephone, bundle_of(config, model)).name == "champion"
    for other in (
        bundle_of(config, model, fingerprint="other"),
        bundle_of(config, model, seed=config.seed + 1),
    ):
        assert "may have learned from these rows" in outcome(telephone, other)
