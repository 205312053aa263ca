"""What BG/NBD finds in the features is what was published of the same customers."""

from dataclasses import replace
from datetime import date
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from configs.load import load
from features.build import build
from features.source import load_tables
from features.timeline import label_window
from tests.training.bases import make_regulars, make_regulars_config
from training import baselines, churn, clv
from training.metrics import CHURN_METRICS, VALUE_METRICS, roc_auc
from training.probability import BGNBD

CONFIG = Path(__file__).parents[2] / "configs" / "cdnow.yaml"
CHURN = {**churn.DEFAULTS, "nthread": 1}
CLV = {**clv.DEFAULTS, "nthread": 1}
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


@pytest.fixture(scope="module")
def churn_data(regulars):
    return churn.split(*regulars)


@pytest.fixture(scope="module")
def clv_data(regulars):
    return clv.split(*regulars)


@pytest.fixture(scope="module")
def clv_model(clv_data):
    return clv.fit(clv_data, CLV, (30,), seed=1)


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


def test_the_baseline_of_value_is_bgnbd_on_everybody_known_at_the_test_cut_off(regulars, clv_data):
    (config, tables), data = regulars, clv_data
    held = baselines.probability_value(data, 28).model.predictors[0]
    frame = build(config, tables, [data.cutoffs.test])
    known = frame[["purchase_days", "active_span", "tenure"]].dropna().to_numpy().T
    assert held.purchases == BGNBD.fit(known[0] - 1, known[1], known[2])
    assert held.reference[0] == np.median(known[0])
    assert held.horizon == 28.0


def test_last_spend_is_carried_forward_from_the_window_nearest_the_horizon(clv_data):
    data = clv_data
    model = baselines.last_spend(data, 28, (30, 90)).model
    spent = data.test.matrix[:, data.schema.names.index("spend_in_30d")]
    np.testing.assert_allclose(model.predict(data.test.matrix), spent * 28 / 30)
    assert baselines.last_spend(data, 70, (30, 90)).model.predict(data.test.matrix)[0] == (
        pytest.approx(data.test.matrix[0, data.schema.names.index("spend_in_90d")] * 70 / 90)
    )


def test_the_recency_rule_ranks_by_silence_alone(churn_data):
    data = churn_data
    model = baselines.recency_rule(data).model
    silence = data.test.matrix[:, data.schema.names.index("days_since_purchase")]
    order = np.argsort(silence, kind="stable")
    assert np.all(np.diff(model.predict(data.test.matrix)[order]) >= 0)
    assert roc_auc(data.test.target, model.predict(data.test.matrix)) > 0.6


def test_the_base_rate_is_everybodys(churn_data):
    data = churn_data
    served = baselines.base_rate(data).model.predict(data.test.matrix)
    np.testing.assert_allclose(served, data.fit.target.mean())


def test_fitted_churn_is_calibrated_on_strangers_and_asks_the_population(churn_data):
    model = churn.fit(churn_data, CHURN, (30,), seed=1)
    served = model.predict(churn_data.fit.matrix)
    assert served.mean() == pytest.approx(churn_data.fit.target.mean(), abs=0.03)
    assert model.population == churn_data.population
    assert roc_auc(churn_data.test.target, model.predict(churn_data.test.matrix)) > 0.65
    again = churn.fit(churn_data, CHURN, (30,), seed=1)
    assert [part.to_bytes() for part in again.predictors] == [
        part.to_bytes() for part in model.predictors
    ]
    assert again.calibration == model.calibration


def test_a_model_adds_up_shapes_trees_and_the_outlook(churn_data, clv_model):
    model = churn.fit(churn_data, CHURN, (30,), seed=1)
    kinds = [part.kind for part in model.predictors]
    assert kinds == sorted(kinds, key=["additive", "trees", "linear"].index)
    assert "trees" in kinds
    for held, rows in ((model, churn_data.test.matrix), (clv_model, churn_data.test.matrix)):
        told = held.explain(rows)
        np.testing.assert_allclose(
            told.base_margin + told.contributions.sum(axis=1), told.margin, atol=1e-5
        )


def test_fitted_value_has_its_level_and_intervals_from_strangers(clv_data, clv_model):
    served = clv_model.predict(clv_data.test.matrix)
    assert served.min() > 0
    assert served.sum() == pytest.approx(clv_data.test.target.sum(), rel=0.25)
    low, high = clv_model.intervals.around(served, "80", clv_model.floor).T
    assert np.mean((low <= clv_data.test.target) & (clv_data.test.target <= high)) > 0.7
    assert low.min() == 0.0
    assert np.all((low <= served) & (served <= high))


@pytest.mark.parametrize("family", ["hurdle", "log"])
def test_the_level_of_every_family_is_that_of_what_came(clv_data, family):
    rounds = (15, 15) if family == "hurdle" else (15,)
    model = clv.fit(clv_data, {**CLV, "family": family}, rounds, seed=1)
    served = model.predict(clv_data.fit.matrix)
    assert served.sum() == pytest.approx(clv_data.fit.target.sum(), rel=0.1)
    found = clv.METRICS["normalised_gini"](
        clv_data.test.target, model.predict(clv_data.test.matrix)
    )
    assert found > 0.4


def test_in_another_currency_everybody_is_worth_as_much(clv_data, clv_model):
    money = [index for index, held in enumerate(clv_data.schema.columns) if held.unit == "money"]
    assert len(money) > 4

    def dearer(rows):
        matrix = rows.matrix.copy()
        matrix[:, money] *= 100.0
        return replace(rows, matrix=matrix, target=100.0 * rows.target)

    held = replace(clv_data, fit=dearer(clv_data.fit))
    rows = dearer(clv_data.test).matrix
    served, before = (
        clv.fit(held, CLV, (30,), seed=1).predict(rows) / 100.0,
        clv_model.predict(clv_data.test.matrix),
    )
    assert served.sum() == pytest.approx(before.sum(), rel=0.02)
    # The shapes bend in the logarithm of 1 + the money, which is not quite the same of øre.
    assert spearmanr(served, before).statistic > 0.98


def test_what_was_brought_back_counts_in_the_level_and_is_no_error(clv_data, clv_model):
    # Every tenth customer brings 5 back and buys nothing more.
    value = clv_data.fit.target.copy()
    value[::10] = -5.0
    model = clv.fit(replace(clv_data, fit=clv_data.fit.with_target(value)), CLV, (30,), seed=1)
    assert model.floor is None
    served = model.predict(clv_data.fit.matrix)
    assert served.min() > 0
    assert served.sum() == pytest.approx(value.sum(), rel=0.05)
    assert served.sum() < clv_model.predict(clv_data.fit.matrix).sum()
    assert model.intervals.around(served, "95", model.floor).min() < 0


def test_a_base_that_loses_money_by_returns_keeps_its_order(clv_data, clv_model):
    value = clv_data.fit.target - 2 * clv_data.fit.target.mean()
    model = clv.fit(replace(clv_data, fit=clv_data.fit.with_target(value)), CLV, (10,), seed=1)
    served = model.predict(clv_data.test.matrix)
    assert np.all(np.isfinite(served) & (served > 0))
    assert np.corrcoef(served, clv_model.predict(clv_data.test.matrix))[0, 1] > 0.5


def test_a_base_with_returns_has_no_floor(clv_data):
    data = clv_data
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


def test_the_horizon_is_the_label_windows(regulars, clv_data):
    (config, _), data = regulars, clv_data
    start, end = label_window(data.cutoffs.test, config.timeline.gap, config.clv.horizon)
    assert end - start == data.cutoffs.span
