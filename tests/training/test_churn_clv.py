"""What BG/NBD finds in the features is what was published of the same customers."""

from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.load import load
from features.build import build
from features.source import load_tables
from features.timeline import label_window
from tests.training.bases import make_regulars, make_regulars_config
from training import baselines, churn, clv
from training.metrics import CHURN_METRICS, VALUE_METRICS, roc_auc
from training.probability import BGNBD

CONFIG = Path(__file__).parents[2] / "configs" / "cdnow.yaml"
PUBLISHED = {"r": 0.243, "alpha": 7 * 4.414, "a": 0.793, "b": 2.426}
"""Fader, Hardie & Lee (2005), table 2; alpha in days."""

SAMPLE = [
    "sources.transactions.path=package:lifetimes/datasets/CDNOW_sample.txt",
    "sources.transactions.format={kind: whitespace, names: [master, id, day, cds, dollars], "
    "date_format: '%Y%m%d'}",
    "sources.transactions.columns={customer_id: master, occurred_at: day, amount: dollars, "
    "quantity: cds}",
]


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """Features of the tenth of CDNOW's customers that the paper is about, as of its cut-off."""
    if find_spec("lifetimes") is None:
        pytest.skip("CDNOW's file comes with the optional package lifetimes")
    config = load(CONFIG, SAMPLE)
    return build(config, load_tables(config), [date(1997, 10, 1)])


@pytest.fixture(scope="module")
def regulars(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("base"))
    return config, load_tables(config)


def test_the_features_are_those_of_the_papers_customers(cdnow):
    assert len(cdnow) == 2357
    # Eight took only what cost nothing: an order without a price is no purchase here.
    assert (cdnow["purchase_days"] == 0).sum() == 8
    assert (cdnow["purchase_days"] > 1).sum() == 946
    assert cdnow["tenure"].max() == 273


def test_bgnbd_on_the_features_finds_the_published_estimates_of_cdnow(cdnow):
    days, span, tenure = cdnow[["purchase_days", "active_span", "tenure"]].dropna().to_numpy().T
    # The paper counts a customer's age to the last day seen, the features to the cut-off after it.
    found = BGNBD.fit(days - 1, span, tenure - 1)
    for name, value in PUBLISHED.items():
        assert found.to_dict()[name] == pytest.approx(value, rel=0.01)


def test_a_day_more_of_age_moves_the_estimates_little(cdnow):
    days, span, tenure = cdnow[["purchase_days", "active_span", "tenure"]].dropna().to_numpy().T
    found = BGNBD.fit(days - 1, span, tenure)
    for name, value in PUBLISHED.items():
        assert found.to_dict()[name] == pytest.approx(value, rel=0.025)


def test_the_baseline_of_value_is_bgnbd_on_everybody_known_at_the_test_cut_off(regulars):
    config, tables = regulars
    data = clv.split(config, tables)
    held = baselines.probability_value(data, 28).model.predictors[0]
    frame = build(config, tables, [data.cutoffs.test])
    known = frame[["purchase_days", "active_span", "tenure"]].dropna().to_numpy().T
    assert held.purchases == BGNBD.fit(known[0] - 1, known[1], known[2])
    assert held.reference[0] == np.median(known[0])
    assert held.horizon == 28.0


def test_last_spend_is_carried_forward_from_the_window_nearest_the_horizon(regulars):
    data = clv.split(*regulars)
    model = baselines.last_spend(data, 28, (30, 90)).model
    spent = data.test.matrix[:, data.schema.names.index("spend_in_30d")]
    np.testing.assert_allclose(model.predict(data.test.matrix), spent * 28 / 30)
    assert baselines.last_spend(data, 70, (30, 90)).model.predict(data.test.matrix)[0] == (
        pytest.approx(data.test.matrix[0, data.schema.names.index("spend_in_90d")] * 70 / 90)
    )


def test_the_recency_rule_ranks_by_silence_alone(regulars):
    data = churn.split(*regulars)
    model = baselines.recency_rule(data).model
    silence = data.test.matrix[:, data.schema.names.index("days_since_purchase")]
    order = np.argsort(silence, kind="stable")
    assert np.all(np.diff(model.predict(data.test.matrix)[order]) >= 0)
    assert roc_auc(data.test.target, model.predict(data.test.matrix)) > 0.6


def test_the_base_rate_is_everybodys(regulars):
    data = churn.split(*regulars)
    served = baselines.base_rate(data).model.predict(data.test.matrix)
    np.testing.assert_allclose(served, data.fit.target.mean())


def test_fitted_churn_is_calibrated_on_strangers_and_asks_the_population(regulars):
    data = churn.split(*regulars)
    settings = {"max_depth": 3, "learning_rate": 0.1, "nthread": 1}
    model = churn.fit(data, settings, 30, seed=1)
    served = model.predict(data.fit.matrix)
    assert served.mean() == pytest.approx(data.fit.target.mean(), abs=0.03)
    assert model.population == data.population
    again = churn.fit(data, settings, 30, seed=1)
    assert again.margin(data.test.matrix).tobytes() == model.margin(data.test.matrix).tobytes()


def test_trees_that_never_saw_a_customer_give_that_customers_margins(regulars):
    data = churn.split(*regulars)
    learner = churn.trees.Learner(
        data.schema, {**churn.OBJECTIVE, "max_depth": 6, "nthread": 1}, seed=1
    )
    strangers = learner.margins_of_strangers(data.fit, 60)
    seen = learner.fit(data.fit, 60).margin(data.fit.matrix)
    assert roc_auc(data.fit.target, seen) > roc_auc(data.fit.target, strangers) + 0.1
    # What a customer's own outcomes are changes the margins of others alone.
    customer = data.fit.customers[0]
    own = data.fit.customers == customer
    turned = churn.trees.Examples(
        data.fit.customers,
        data.fit.as_of,
        data.fit.matrix,
        np.where(own, 1 - data.fit.target, data.fit.target),
    )
    changed = learner.margins_of_strangers(turned, 60)
    np.testing.assert_array_equal(changed[own], strangers[own])
    assert (changed != strangers).any()


def test_fitted_value_has_its_level_and_intervals_from_strangers(regulars):
    data = clv.split(*regulars)
    settings = {"max_depth": 3, "tweedie_variance_power": 1.5, "nthread": 1}
    model = clv.fit(data, settings, 30, seed=1)
    served = model.predict(data.test.matrix)
    assert served.min() > 0
    assert served.sum() == pytest.approx(data.test.target.sum(), rel=0.25)
    low, high = model.intervals.around(served, "80", model.floor).T
    assert np.mean((low <= data.test.target) & (data.test.target <= high)) > 0.7
    assert low.min() == 0.0


def test_a_base_with_returns_has_no_floor(regulars):
    data = clv.split(*regulars)
    assert baselines.value_floor(data) == 0.0
    returned = replace(data, fit=replace(data.fit, target=data.fit.target - 5.0))
    assert baselines.value_floor(returned) is None


def test_what_decides_is_measured():
    assert churn.DECIDING in CHURN_METRICS
    assert clv.DECIDING in VALUE_METRICS


def test_purchases_without_any_spread_in_value_are_no_base_for_a_baseline(tmp_path):
    rows = make_regulars()
    rows["paid"] = 10.0
    config = make_regulars_config(tmp_path, rows)
    with pytest.raises(baselines.BaselineError, match="BG/NBD × Gamma-Gamma cannot be fitted"):
        baselines.probability_value(clv.split(config, load_tables(config)), 28)


def test_the_horizon_is_the_label_windows(regulars):
    config, tables = regulars
    data = clv.split(config, tables)
    start, end = label_window(data.cutoffs.test, config.timeline.gap, config.clv.horizon)
    assert end - start == data.cutoffs.span
