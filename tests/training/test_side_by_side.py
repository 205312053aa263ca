import numpy as np
import pytest

from features.source import load_tables
from tests.training.bases import make_regulars_config, make_snapshot_config
from training import churn, clv
from training.metrics import Interval
from training.side_by_side import Comparison, Measured, later, moves
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


@pytest.mark.parametrize(
    ("metric", "a", "b", "low", "high", "said"),
    [
        ("roc_auc", 0.7, 0.8, 0.05, 0.15, "better"),
        ("roc_auc", 0.8, 0.7, -0.15, -0.05, "worse"),
        ("log_loss", 0.4, 0.3, -0.15, -0.05, "better"),
        ("log_loss", 0.3, 0.4, 0.05, 0.15, "worse"),
        ("roc_auc", 0.7, 0.8, -0.01, 0.2, "no clear difference"),
        ("roc_auc", 0.7, 0.7, float("nan"), float("nan"), "no clear difference"),
        ("total_bias", -0.2, -0.1, 0.05, 0.15, "nearer to 0"),
        ("total_bias", 0.1, 0.2, 0.05, 0.15, "further from 0"),
    ],
)
def test_what_the_second_is_beside_the_first(metric, a, b, low, high, said):
    held = {**churn.METRICS, **clv.METRICS}[metric]
    assert Measured(held, a, b, Interval(b - a, low, high)).said == said


def test_what_is_not_known_is_null():
    nan = float("nan")
    held = Measured(churn.METRICS["roc_auc"], 0.5, nan, Interval(nan, nan, nan)).to_dict()
    assert held["b"] is None
    assert held["difference"] == {"estimate": None, "low": None, "high": None}


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
