from math import log

import numpy as np
import pytest
from scipy.special import expit

from serving.watching import estimate as module
from serving.watching.estimate import estimate
from training.metrics import CHURN_METRICS, evaluate

THREE = np.array([0.9, 0.5, 0.2])


def test_three_customers_are_as_by_hand():
    told = {name: found.estimate for name, found in estimate(CHURN_METRICS, THREE, 1).items()}
    assert told["brier"] == pytest.approx((0.09 + 0.25 + 0.16) / 3, rel=1e-12)
    entropy = [p * log(p) + (1 - p) * log(1 - p) for p in THREE]
    assert told["log_loss"] == pytest.approx(-sum(entropy) / 3, rel=1e-12)
    # Leavers above stayers: 0.9 above 0.5 and 0.2, 0.5 above 0.2; each is level with itself.
    above = 0.9 * (0.5 + 0.8) + 0.5 * 0.8 + (0.09 + 0.25 + 0.16) / 2
    assert told["roc_auc"] == pytest.approx(above / (1.6 * 1.4), rel=1e-12)
    # Of the first 0.9 leave, of the first two 1.4, of all 1.6.
    precision = (0.9 * 0.9 + 0.5 * 1.4 / 2 + 0.2 * 1.6 / 3) / 1.6
    assert told["pr_auc"] == pytest.approx(precision, rel=1e-12)
    # The top tenth is 0.3 of the first.
    assert told["lift_at_10"] == pytest.approx(10 * 0.3 * 0.9 / 1.6, rel=1e-12)
    assert "ece" not in told  # which it takes for granted


def test_it_foretells_what_comes_of_calibrated_probabilities():
    rng = np.random.default_rng(8)
    p = expit(rng.normal(-1, 1.5, 5000))
    left = (rng.random(5000) < p).astype(float)
    came = evaluate(CHURN_METRICS, left, p)
    told = estimate(CHURN_METRICS, p, 1)
    for name, found in told.items():
        assert found.low <= came[name] <= found.high, name
        assert found.low <= found.estimate <= found.high, name
    assert told["roc_auc"].estimate == pytest.approx(came["roc_auc"], abs=0.02)
    assert told["brier"].estimate == pytest.approx(came["brier"], abs=0.01)


def test_it_does_not_foretell_what_comes_of_others():
    rng = np.random.default_rng(8)
    p = expit(rng.normal(-1, 1.5, 5000))
    left = (rng.random(5000) < p**2).astype(float)
    came, told = evaluate(CHURN_METRICS, left, p), estimate(CHURN_METRICS, p, 1)
    assert not told["brier"].low <= came["brier"] <= told["brier"].high


def test_of_many_customers_some_are_drawn_and_the_interval_is_as_of_all(monkeypatch):
    p = expit(np.random.default_rng(3).normal(-1, 1.5, 4000))
    whole = estimate(CHURN_METRICS, p, 1)
    monkeypatch.setattr(module, "MOST", 1000)
    some = estimate(CHURN_METRICS, p, 1)
    for name, found in some.items():
        assert found.estimate == whole[name].estimate
        wide = whole[name].high - whole[name].low
        assert found.high - found.low == pytest.approx(wide, rel=0.35), name
