import numpy as np
import pytest

from features.schema import FeatureSchema
from serving.report import track_figures
from serving.report.track_figures import churn_figures, value_figures
from tests.factories import make_base
from training.calibrate import Intervals, Scale
from training.metrics import roc_auc
from training.model import Model

CONFIG = make_base()  # bands from 0.3 and 0.6, least 5


def test_probabilities_are_held_against_who_left_by_part_and_by_band():
    """Twenty at 0.1, of whom 2 left; ten at 0.5, of whom 6; twenty at 0.9, of whom 17."""
    told = np.repeat([0.1, 0.5, 0.9], [20, 10, 20])
    left = np.concatenate([np.arange(count) < n for count, n in ((20, 2), (10, 6), (20, 17))])
    found = churn_figures(CONFIG, told, left.astype(float))
    assert found["expected"] == pytest.approx(25.0)  # 2 + 5 + 18
    assert found["actual"] == 25
    assert [list(band.values()) for band in found["bands"]] == [
        ["low", False, 20, pytest.approx(0.1), 0.1],
        ["middle", False, 10, 0.5, 0.6],
        ["high", False, 20, pytest.approx(0.9), 0.85],
    ]
    assert [part["customers"] for part in found["groups"]] == [5] * 10
    assert [part["predicted"] for part in found["groups"]] == pytest.approx(
        [0.1] * 4 + [0.5] * 2 + [0.9] * 4
    )
    assert sum(part["actual"] * 5 for part in found["groups"]) == pytest.approx(25)
    metrics = {held["name"]: held for held in found["metrics"]}
    assert metrics["roc_auc"]["value"] == roc_auc(left, told)
    for held in metrics.values():
        assert held["low"] <= held["value"] <= held["high"]


def test_a_band_of_few_is_withheld_with_the_next():
    told = np.repeat([0.1, 0.5, 0.9], [20, 10, 3])
    found = churn_figures(CONFIG, told, (np.arange(33) % 2).astype(float))
    assert [band["withheld"] for band in found["bands"]] == [False, True, True]
    assert found["bands"][2]["customers"] is None
    assert found["bands"][2]["actual"] is None


def test_a_small_base_has_fewer_parts_and_metrics_without_meaning_are_none():
    found = churn_figures(CONFIG, np.linspace(0.1, 0.9, 12), np.zeros(12))
    assert [part["customers"] for part in found["groups"]] == [6, 6]
    metrics = {held["name"]: held for held in found["metrics"]}
    assert metrics["roc_auc"]["value"] is None  # nobody left: there is nothing to rank
    assert metrics["roc_auc"]["low"] is None


def a_value_model(intervals: Intervals | None) -> Model:
    return Model("clv", "none", FeatureSchema(()), (), Scale(1.0), intervals=intervals, floor=0.0)


def test_values_are_held_against_the_money_that_came():
    """Each is 10 or 20; a reach of half |value| + 10 below and above holds 0–20 and 5–35."""
    intervals = Intervals(10.0, (), {"80": ((-0.5, 0.5),)})
    told = np.repeat([10.0, 20.0], 10)
    came = np.concatenate([np.full(9, 20.0), [20.5], np.full(8, 5.0), [36.0, 36.0]])
    found = value_figures(CONFIG, a_value_model(intervals), told, came)
    assert (found["expected"], found["actual"]) == (300.0, 312.5)
    assert found["coverage"] == [{"level": 80, "covered": 17 / 20}]
    bias = next(held for held in found["metrics"] if held["name"] == "total_bias")
    assert bias["value"] == pytest.approx(-12.5 / 312.5)
    assert value_figures(CONFIG, a_value_model(None), told, came)["coverage"] == []


def test_the_interval_of_a_large_base_is_as_wide_as_drawing_all_of_it_makes_it(monkeypatch):
    """Of 4,000 customers 400 are drawn; all 4,000 give nearly the same width."""
    rng = np.random.default_rng(1)
    told = rng.random(4_000)
    left = (rng.random(4_000) < told).astype(float)
    whole = churn_figures(CONFIG, told, left)["metrics"][0]
    monkeypatch.setattr(track_figures, "MOST_DRAWN", 400)
    part = churn_figures(CONFIG, told, left)["metrics"][0]
    assert part["value"] == whole["value"]
    assert part["low"] < part["value"] < part["high"]
    assert part["high"] - part["low"] == pytest.approx(whole["high"] - whole["low"], rel=0.4)
