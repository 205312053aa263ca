"""The table of quality: splits, intervals and bars, each on what can be worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.schema import FeatureSchema
from tests.benchmarks.quality.bars import bars, best_peer, is_ahead, reached
from tests.benchmarks.quality.histories import Histories, bootstrapped, fitted, simulate
from tests.benchmarks.quality.measured import covered
from tests.benchmarks.quality.rows import folds, purged
from training.probability import BGNBD, GammaGamma
from training.split import Examples, Split

JANUARY = date(2024, 1, 1)
BUYING, SPENDING = BGNBD(0.5, 20.0, 0.8, 2.5), GammaGamma(6.0, 4.0, 15.0)


def days(*offsets: int) -> np.ndarray:
    return np.array([JANUARY + timedelta(days=offset) for offset in offsets])


def test_the_last_cut_off_validates_and_those_that_end_by_it_train():
    train, validation = purged(days(0, 30, 60, 90, 90), 60)
    assert train.tolist() == [0, 1]
    assert validation.tolist() == [3, 4]


def test_nothing_is_purged_where_no_label_window_has_ended():
    assert purged(days(0, 30), 60) is None


@given(st.lists(st.integers(0, 300), min_size=1, max_size=20), st.integers(1, 120))
def test_no_label_window_of_the_purged_split_stands_on_both_sides(offsets, span):
    as_of = days(*offsets)
    split = purged(as_of, span)
    if split is not None:
        train, validation = split
        assert max(as_of[train]) + timedelta(days=span) <= min(as_of[validation])


def test_every_customer_of_a_snapshot_is_tested_once_and_strata_keep_their_share():
    customers = np.array([f"{number:03}" for number in range(100)])
    target = (np.arange(100) % 4 == 0).astype(float)
    matrix = np.arange(100.0)[:, None]
    rows = Examples(customers, days(*[0] * 100), matrix, target)
    odd = np.arange(100) % 2 == 1
    whole = Split(
        schema=FeatureSchema(()),
        folds=(),
        fit=rows.take(odd),
        test=rows.take(~odd),
        known=matrix,
        cutoffs=None,
        population=None,
    )
    parts = list(folds(whole, 5, seed=3))
    assert sorted(who for part in parts for who in part.test.customers) == customers.tolist()
    for part in parts:
        assert part.test.target.mean() == 0.25
        assert set(part.fit.customers) == set(customers) - set(part.test.customers)


def make_histories(customers: int, seed: int = 1) -> Histories:
    """Customers seen for 200 days who buy and leave as BG/NBD says, and spend as Gamma-Gamma."""
    rng = np.random.default_rng(seed)
    frequency, recency = np.zeros(customers), np.zeros(customers)
    leaving = rng.beta(BUYING.a, BUYING.b, customers)
    for number, rate in enumerate(rng.gamma(BUYING.r, 1 / BUYING.alpha, customers)):
        at = rng.exponential(1 / rate)
        while at < 200:
            frequency[number], recency[number] = frequency[number] + 1, at
            at += np.inf if rng.random() < leaving[number] else rng.exponential(1 / rate)
    own = rng.gamma(SPENDING.q, 1 / SPENDING.v, customers)
    spend = rng.gamma(SPENDING.p * (frequency + 1)) / own / (frequency + 1)
    names = np.array([f"{number:05}" for number in range(customers)])
    return Histories(names, frequency, recency, np.full(customers, 200.0), spend)


def test_futures_that_are_drawn_average_what_the_models_expect():
    held = Histories(
        np.array(["a", "b", "c"]),
        np.array([0.0, 3.0, 9.0]),
        np.array([0.0, 90.0, 195.0]),
        np.full(3, 200.0),
        np.array([10.0, 30.0, 25.0]),
    )
    drawn = simulate(BUYING, SPENDING, held, 60, 200_000, np.random.default_rng(2))
    count = BUYING.expected_purchases(60, held.frequency, held.recency, held.age)
    each = SPENDING.expected_average_value(held.purchases, held.spend)
    assert drawn.mean(axis=1) == pytest.approx(count * each, rel=0.03)
    silent = 1 - BUYING.probability_of_purchase(60, held.frequency, held.recency, held.age)
    assert (drawn == 0).mean(axis=1) == pytest.approx(silent, abs=0.005)


def test_a_customer_of_weight_two_is_two_customers():
    known = make_histories(60)
    weights = np.arange(60) % 3
    twice = known.take(np.repeat(np.arange(60), weights))
    one, two = fitted(known, weights), fitted(twice, np.ones(len(twice.customers), int))
    for left, right in zip(one, two, strict=True):
        assert left.to_dict() == pytest.approx(right.to_dict(), rel=1e-3)


def test_bootstrapped_intervals_cover_what_comes_of_the_models_they_assume():
    known = make_histories(600)
    rng = np.random.default_rng(4)
    actual = simulate(BUYING, SPENDING, known, 60, 1, rng)[:, 0]
    found = bootstrapped(known, known.customers, 60, (80, 95), seed=5, repeats=5, draws=80)
    narrow, wide = (covered(actual, found[level]) for level in (80, 95))
    assert narrow["covered"] >= 0.77
    assert wide["covered"] >= 0.93
    assert narrow["width"] < wide["width"]
    assert not np.any(found[80][:, 1] > found[95][:, 1])


def test_an_interval_holds_its_ends():
    ends = np.array([[0.0, 1.0], [0.0, 2.0], [3.0, 6.0], [3.0, 5.0]])
    found = covered(np.array([0.0, 2.0, 2.9, 5.1]), ends)
    assert found == {"customers": 4, "covered": 0.5, "width": 2.0}


def figures(ranking: float, error: float, level: float, **gains: tuple[float, float]) -> Any:
    names = ("roc_auc", "log_loss", "ece")
    return {
        "values": {
            name: {"estimate": value}
            for name, value in zip(names, (ranking, error, level), strict=True)
        },
        "gains": {
            name: {"estimate": estimate, "high": high} for name, (estimate, high) in gains.items()
        },
    }


def make_churn(tuning: float | None = 0.76, ece: float = 0.02, worst: float = 0.001) -> Any:
    """A row where FLAML is ahead in ranking by 0.01, but for a gain of as much as ``worst``."""
    return {
        "row": "shop-churn",
        "task": "churn",
        "tuning": tuning,
        "reach": {"roc_auc": 0.75, "log_loss": 0.50},
        "contenders": {
            "Stamkunde": figures(0.75, 0.51, ece),
            "FLAML": figures(0.76, 0.52, 0.016, roc_auc=(-0.01, worst), log_loss=(0.01, 0.02)),
            "logistic": figures(0.74, 0.53, 0.030, roc_auc=(0.01, 0.02), log_loss=(0.02, 0.03)),
        },
    }


def met(found: list[dict[str, Any]]) -> list[bool]:
    return [bar["met"] for bar in found]


def test_a_churn_row_is_held_to_its_best_peer_its_own_claim_and_its_calibration():
    found = bars([make_churn()], asked=1)
    assert [(bar["bar"], bar["met"]) for bar in found] == [
        ("rows measured", True),
        ("shop-churn: roc_auc, the most that the gain on FLAML may be", True),
        ("shop-churn: log_loss, the most that the gain on FLAML may be", True),
        ("shop-churn: tuning's own ROC-AUC, away from the later period's", True),
        ("shop-churn: ECE, over that of the best peer", True),
        ("shop-churn: ECE", True),
        ("rows on which Stamkunde is ahead of every peer (none)", False),
    ]


def test_each_churn_bar_can_be_missed():
    assert not met(bars([make_churn(worst=-0.001)], asked=1))[1]
    assert not met(bars([make_churn(tuning=0.78)], asked=1))[3]
    assert not met(bars([make_churn(tuning=None)], asked=1))[3]
    assert met(bars([make_churn(ece=0.022)], asked=1))[4:6] == [False, True]
    assert met(bars([make_churn(ece=0.026)], asked=1))[4:6] == [False, False]
    assert not met(bars([make_churn()], asked=2))[0]


def test_no_bound_on_the_ece_holds_where_the_horizon_is_beyond_what_can_train():
    row = {**make_churn(ece=0.04), "row": "cdnow-churn"}
    assert not any(bar["bar"] == "cdnow-churn: ECE" for bar in bars([row], asked=1))


def test_to_be_ahead_is_to_rank_and_to_err_better_than_every_peer():
    row = make_churn()
    assert not is_ahead(row)
    assert best_peer(row, "roc_auc") == "FLAML"
    del row["contenders"]["FLAML"]
    assert is_ahead(row)
    assert bars([row], asked=2)[-1]["met"] is False  # one of two is not more than half
    assert bars([row], asked=1)[-1]["met"] is True


def test_what_to_reach_for_is_met_from_its_better_side():
    assert [(bar["value"], bar["met"]) for bar in reached([make_churn()])] == [
        (0.75, True),
        (0.51, False),
    ]


def make_value(bias: float = -0.08, low: float = 0.80, width: float = 9.0) -> Any:
    names = ("normalised_gini", "rmse", "total_bias")

    def held(*values: float) -> dict[str, dict[str, float]]:
        return {name: {"estimate": v} for name, v in zip(names, values, strict=True)}

    gain = {name: {"estimate": 0.01, "high": 0.02} for name in names[:2]}
    groups = [
        (level, who) for level in (80, 95) for who in ("all customers", "one-order customers")
    ]
    return {
        "row": "shop-clv",
        "task": "clv",
        "reach": {},
        "coverage": [
            {"level": level, "who": who, "covered": low + (level - 80) / 100, "width": width}
            for level, who in groups
        ],
        "bootstrap": [
            {"level": level, "who": who, "covered": 0.8, "width": 10.0} for level, who in groups
        ],
        "contenders": {
            "Stamkunde": {"values": held(0.8, 90.0, bias), "gains": {}},
            "BG/NBD × Gamma-Gamma": {"values": held(0.7, 95.0, -0.3), "gains": gain},
        },
    }


def test_a_value_row_is_held_to_its_level_its_intervals_and_their_width():
    assert all(met(bars([make_value()], asked=1)))
    assert met(bars([make_value(bias=0.11)], asked=1)).count(False) == 1
    assert met(bars([make_value(low=0.76)], asked=1)).count(False) == 4
    assert met(bars([make_value(width=10.0)], asked=1)).count(False) == 2
    assert met(bars([{**make_value(), "coverage": []}], asked=1)).count(False) == 6
