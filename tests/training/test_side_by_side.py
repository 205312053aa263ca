import numpy as np
import pytest

from features.source import load_tables
from tests.training.bases import make_examples, make_regulars_config, make_snapshot_config
from training import churn, clv
from training.bootstrap import Interval
from training.side_by_side import Comparison, Measured, later, measured, moves
from training.track import Version

VERSION = Version("churn", 1, "r", "d", "xgboost", True, "2024", "", False, "")


def test_customers_are_counted_by_band_before_and_after():
    before = np.array([0.1, 0.2, 0.3, 0.59, 0.6, 0.9])
    after = np.array([0.1, 0.7, 0.3, 0.1, 0.6, 0.5])
    counts = moves(before, after, (0.3, 0.6))
    assert counts == ((1, 0, 1), (1, 1, 0), (0, 1, 1))
    held = Comparison("churn", VERSION, VERSION, "", 6, (), (0.3, 0.6), counts, ())
    assert held.changed == 3
    assert held.to_dict()["bands"]["moves"][2] == {"from": "low", "to": "high", "customers": 1}


def said(task, metric, target, a, b):
    target, a, b = (np.asarray(held, float) for held in (target, a, b))
    rows = make_examples(np.zeros((len(target), 0)), target)
    held = measured(task, rows, a, b, repeats=100, seed=1)
    return next(each.said for each in held if each.metric.name == metric)


def test_the_second_is_better_worse_or_neither_in_each_metrics_own_sense():
    left = np.tile([0.0, 1.0], 100)
    good, bad = np.where(left == 1, 0.8, 0.2), np.tile([0.4, 0.4, 0.6, 0.6], 50)
    for metric in ("roc_auc", "log_loss"):
        assert said("churn", metric, left, bad, good) == "better"
        assert said("churn", metric, left, good, bad) == "worse"
        assert said("churn", metric, left, good, good) == "no clear difference"


def test_a_bias_as_far_off_on_the_other_side_is_no_nearer():
    brought = np.random.default_rng(1).gamma(4.0, 10.0, 400)
    below, above, near = 0.8 * brought, 1.2 * brought, 1.02 * brought
    assert said("clv", "total_bias", brought, below, near) == "nearer to 0"
    assert said("clv", "total_bias", brought, near, above) == "further from 0"
    assert said("clv", "total_bias", brought, below, above) == "no clear difference"


def test_what_is_not_known_is_null():
    nan = float("nan")
    unknown = Interval(nan, nan, nan)
    held = Measured(churn.METRICS["roc_auc"], 0.5, nan, unknown, unknown)
    assert held.said == "no clear difference"
    assert held.to_dict()["b"] is None
    assert held.to_dict()["difference"] == {"estimate": None, "low": None, "high": None}


@pytest.mark.parametrize("task", ["churn", "clv"])
def test_the_later_rows_are_those_that_training_reports_on(task, tmp_path):
    config = make_regulars_config(tmp_path)
    tables = load_tables(config)
    data = {"churn": churn, "clv": clv}[task].split(config, tables)
    frame, rows, at = later(config, tables, getattr(config, task))
    assert rows.customers.tolist() == data.test.customers.tolist()
    assert rows.target.tolist() == data.test.target.tolist()
    assert frame["customer_id"].tolist() == rows.customers.tolist()
    assert at == f"the cut-off {data.cutoffs.test}"


def test_the_later_rows_of_a_snapshot_are_those_held_out(tmp_path):
    config = make_snapshot_config(tmp_path)
    tables = load_tables(config)
    data = churn.split(config, tables)
    frame, rows, _ = later(config, tables, config.churn)
    assert frame["customer_id"].tolist() == rows.customers.tolist()
    np.testing.assert_array_equal(rows.target, data.test.target)
    np.testing.assert_array_equal(data.schema.encode(frame), data.test.matrix)
