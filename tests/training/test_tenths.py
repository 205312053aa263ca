import numpy as np
import pytest
from scipy.stats import binom

from training.tenths import consistency, tenths


def test_tenths_hold_what_was_predicted_beside_what_came():
    held = tenths(np.arange(20) % 2, np.arange(20) / 20, chance=False)
    assert held[0] == {"customers": 2, "predicted": 0.025, "actual": 0.5}
    assert [each["customers"] for each in held] == [2] * 10
    assert held[-1]["predicted"] == pytest.approx(0.925)


def test_equal_predictions_are_not_told_apart():
    assert tenths([0, 1, 1, 1], [0.5] * 4, chance=False) == [
        {"customers": 4, "predicted": 0.5, "actual": 0.75}
    ]
    assert tenths([], [], chance=True) == []


def test_of_probabilities_it_is_told_how_far_chance_alone_would_have_them_off():
    rng = np.random.default_rng(3)
    p = rng.uniform(0.05, 0.8, 2000)
    held = tenths(rng.random(2000) < p, p, chance=True)
    inside = [each["low"] <= each["actual"] <= each["high"] for each in held]
    assert sum(inside) >= 8
    assert not any(
        each["low"] <= each["actual"] <= each["high"] for each in tenths(p > 2, p, chance=True)
    )


@pytest.mark.parametrize(("rate", "customers"), [(0.1, 400), (0.5, 50), (0.01, 1000)])
def test_consistency_bars_are_those_of_the_binomial(rate, customers):
    low, high = consistency(np.full(customers, rate), np.zeros(customers, int))
    exact = binom.ppf([0.025, 0.975], customers, rate) / customers
    assert [low[0], high[0]] == pytest.approx(exact, abs=2 / customers + 0.002)
