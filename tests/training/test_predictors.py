import json
from abc import ABC, abstractmethod
from itertools import pairwise, permutations

import numpy as np
import pytest
import shap
import xgboost as xgb

from training.bundle import KINDS
from training.predictors import (
    Linear,
    Predictor,
    ProbabilityChurn,
    ProbabilityValue,
    Term,
    Trees,
    sum_columns,
)
from training.probability import BGNBD, GammaGamma

COLUMNS = 6  # four numbers that may be a history, one more number, one category of three


def make_matrix(rows: int = 1000, seed: int = 0) -> np.ndarray:
    """Purchase days, span, tenure, spend, a number, a category's number; a tenth is missing."""
    rng = np.random.default_rng(seed)
    tenure = rng.integers(1, 400, rows).astype(float)
    days = rng.integers(1, 20, rows).astype(float)
    span = np.where(days > 1, rng.random(rows) * tenure, 0.0)
    spend = rng.gamma(2.0, 20.0, rows)
    group = rng.integers(0, 3, rows).astype(float)
    matrix = np.column_stack([days, span, tenure, spend, rng.normal(size=rows), group])
    matrix[rng.random(matrix.shape) < 0.1] = np.nan
    return matrix


def make_booster(objective: str = "binary:logistic", rounds: int = 30) -> Trees:
    matrix = make_matrix(seed=1)
    rng = np.random.default_rng(2)
    signal = np.nan_to_num(matrix[:, 4]) + (matrix[:, 5] == 2) - np.nan_to_num(matrix[:, 1]) / 100
    target = (signal + rng.normal(size=len(matrix)) > 0).astype(float)
    types = ["q"] * 5 + ["c"]
    data = xgb.DMatrix(matrix, label=target, feature_types=types, enable_categorical=True)
    settings = {"objective": objective, "max_depth": 4, "seed": 0, "nthread": 1}
    return Trees(xgb.train(settings, data, rounds))


def make_linear() -> Linear:
    return Linear(
        COLUMNS,
        0.5,
        (
            Term(3, "log1p", 3.0, 0.5, 2.0),
            Term(4, "identity", 0.1, 2.0, -1.0),
            Term(5, "equals", 0.25, 0.5, 0.7, argument=2.0),
            Term(5, "equals", 0.5, 0.5, 0.1, argument=1.0),
        ),
    )


def make_probability_value() -> ProbabilityValue:
    return ProbabilityValue(
        features=COLUMNS,
        purchase_days=0,
        active_span=1,
        tenure=2,
        spend=3,
        horizon=90.0,
        purchases=BGNBD(r=0.25, alpha=31.0, a=0.8, b=2.4),
        value=GammaGamma(p=6.25, q=3.74, v=15.44),
        reference=(4.0, 60.0, 200.0, 35.0),
    )


def make_probability_churn() -> ProbabilityChurn:
    return ProbabilityChurn(
        features=COLUMNS,
        purchase_days=0,
        active_span=1,
        tenure=2,
        horizon=90.0,
        purchases=BGNBD(r=0.25, alpha=31.0, a=0.8, b=2.4),
        reference=(4.0, 60.0, 200.0),
    )


class PredictorContract(ABC):
    """What every predictor holds."""

    tolerance = 1e-9

    @abstractmethod
    def make(self) -> Predictor: ...

    def test_base_and_contributions_add_up_to_the_margin(self):
        predictor, matrix = self.make(), make_matrix()
        found, margin = predictor.contributions(matrix), predictor.margin(matrix)
        assert found.values.shape == matrix.shape
        sizes = np.maximum(1.0, abs(found.base) + np.abs(found.values).sum(axis=1))
        assert np.all(
            np.abs(found.base + found.values.sum(axis=1) - margin) <= self.tolerance * sizes
        )
        assert np.ptp(margin) > 0.1

    def test_a_row_alone_has_the_bits_it_has_among_a_thousand(self):
        predictor, matrix = self.make(), make_matrix()
        margin, found = predictor.margin(matrix), predictor.contributions(matrix)
        for row in range(0, len(matrix), 50):
            alone = matrix[[row]]
            assert predictor.margin(alone).tobytes() == margin[[row]].tobytes()
            explained = predictor.contributions(alone)
            assert explained.values.tobytes() == found.values[[row]].tobytes()
            assert explained.base == found.base

    def test_the_order_of_rows_in_memory_changes_no_bit(self):
        predictor, matrix = self.make(), make_matrix()
        turned = np.asfortranarray(matrix)
        assert predictor.margin(turned).tobytes() == predictor.margin(matrix).tobytes()

    def test_its_bytes_make_one_that_predicts_the_same_bits(self):
        predictor, matrix = self.make(), make_matrix()
        again = type(predictor).from_bytes(predictor.to_bytes())
        assert again.margin(matrix).tobytes() == predictor.margin(matrix).tobytes()
        before, after = predictor.contributions(matrix), again.contributions(matrix)
        assert after.values.tobytes() == before.values.tobytes()
        assert after.base == before.base

    def test_its_bytes_are_always_the_same(self):
        written = self.make().to_bytes()
        assert self.make().to_bytes() == written
        assert type(self.make()).from_bytes(written).to_bytes() == written

    def test_missing_values_bear(self):
        predictor = self.make()
        rows = np.vstack([np.full(COLUMNS, np.nan), make_matrix(1)])
        assert np.isfinite(predictor.margin(rows)).all()
        assert np.isfinite(predictor.contributions(rows).values).all()

    def test_no_rows_give_no_margins(self):
        predictor, nobody = self.make(), np.empty((0, COLUMNS))
        assert predictor.margin(nobody).shape == (0,)
        assert predictor.contributions(nobody).values.shape == (0, COLUMNS)

    def test_the_callers_matrix_is_left_as_it_was(self):
        predictor, matrix = self.make(), make_matrix(20)
        before = matrix.tobytes()
        predictor.margin(matrix)
        predictor.contributions(matrix)
        assert matrix.tobytes() == before

    def test_a_bundle_knows_it_by_its_kind(self):
        predictor = self.make()
        assert KINDS[predictor.kind] is type(predictor)
        if predictor.suffix == "json":
            json.loads(predictor.to_bytes())


class TestTrees(PredictorContract):
    tolerance = 1e-5

    def make(self) -> Trees:
        return make_booster()

    @pytest.mark.parametrize("objective", ["binary:logistic", "reg:tweedie"])
    def test_contributions_are_those_of_shap(self, objective):
        # shap refuses categories, so it is asked of trees without any.
        matrix = make_matrix()[:, :5]
        target = (np.nan_to_num(matrix[:, 4]) > 0).astype(float)
        data = xgb.DMatrix(matrix, label=target, feature_types=["q"] * 5)
        settings = {"objective": objective, "max_depth": 4, "nthread": 1}
        trees = Trees(xgb.train(settings, data, 20))
        explainer = shap.TreeExplainer(trees.booster, feature_perturbation="tree_path_dependent")
        theirs, ours = explainer(matrix).values, trees.contributions(matrix)
        np.testing.assert_allclose(ours.values, theirs, rtol=1e-5, atol=1e-5)
        assert ours.base == pytest.approx(float(np.ravel(explainer.expected_value)[0]), rel=1e-4)

    def test_a_category_is_told_from_others_by_its_number(self):
        trees = make_booster()
        rows = np.tile(make_matrix(1, seed=3), (3, 1))
        rows[:, 5] = [0.0, 1.0, 2.0]
        margin = trees.margin(rows)
        assert margin[2] > margin[0]
        assert trees.contributions(rows).values[2, 5] > 0

    def test_only_the_trees_up_to_the_best_are_kept(self):
        trees = make_booster(rounds=30)
        cut = Trees(trees.booster[:7])
        again = Trees.from_bytes(cut.to_bytes())
        assert again.booster.num_boosted_rounds() == 7
        assert again.booster.feature_types == trees.booster.feature_types
        assert again.margin(make_matrix()).tobytes() == cut.margin(make_matrix()).tobytes()


class TestLinear(PredictorContract):
    def make(self) -> Linear:
        return make_linear()

    def test_contributions_are_weights_by_deviations_from_the_mean(self):
        row = np.array([[1.0, 0.0, 10.0, np.e**4 - 1, 4.1, 2.0]])
        found = make_linear().contributions(row)
        # log1p: 2 · (4 − 3) / 0.5; number: −1 · (4.1 − 0.1) / 2;
        # category: 0.7 · (1 − 0.25) / 0.5 + 0.1 · (0 − 0.5) / 0.5.
        np.testing.assert_allclose(found.values, [[0, 0, 0, 4.0, -2.0, 0.95]], rtol=1e-12)
        assert found.base == 0.5
        assert make_linear().margin(row) == pytest.approx(0.5 + 4.0 - 2.0 + 0.95)

    def test_its_transforms_are_those_that_weights_are_fitted_with(self):
        matrix, names = make_matrix(), ("identity", "log", "log1p", "logit", "equals")
        matrix[::3, :5] *= -1
        for feature, name in enumerate(names):
            term = Term(feature, name, 0.3, 1.7, -0.6, argument=-0.0)
            found = Linear(COLUMNS, 0.0, (term,)).contributions(matrix).values[:, feature]
            expected = -0.6 * term.standardised(matrix)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)

    def test_a_missing_value_counts_as_the_mean(self):
        row = np.full((1, COLUMNS), np.nan)
        assert make_linear().margin(row) == 0.5

    def test_money_brought_back_counts_as_nothing_bought(self):
        rows = np.tile(np.array([1.0, 0.0, 10.0, 0.0, 0.0, 0.0]), (2, 1))
        rows[1, 3] = -50.0
        assert make_linear().margin(rows)[0] == make_linear().margin(rows)[1]


class TestProbabilityValue(PredictorContract):
    def make(self) -> ProbabilityValue:
        return make_probability_value()

    def test_its_margin_is_purchases_by_value(self):
        held = make_probability_value()
        row = np.array([[5.0, 100.0, 200.0, 30.0, 0.0, 0.0]])
        count = held.purchases.expected_purchases(90.0, 4.0, 100.0, 200.0)
        each = held.value.expected_average_value(5.0, 30.0)
        assert held.margin(row)[0] == pytest.approx(float(count * each), rel=1e-12)

    def test_what_the_probability_models_do_not_read_contributes_nothing(self):
        assert not make_probability_value().contributions(make_matrix()).values[:, 4:].any()

    def test_a_typical_customer_has_no_reasons(self):
        held = make_probability_value()
        found = held.contributions(np.array([[*held.reference, 0.0, 0.0]]))
        assert not found.values.any()
        assert found.base == held.margin(np.array([[*held.reference, 0.0, 0.0]]))[0]

    def test_a_product_of_two_parts_is_attributed_by_both_orders(self):
        # Span and spend enter one factor each, so that all else equal the value is a product.
        held = make_probability_value()
        days, span, tenure, spend = held.reference
        row = np.array([[days, span + 90, tenure, spend + 40, 0.0, 0.0]])
        count = held.purchases.expected_purchases(90.0, days - 1, [span, span + 90], tenure)
        each = held.value.expected_average_value(days, [spend, spend + 40])
        of_span = (count[1] - count[0]) * (each[0] + each[1]) / 2
        of_spend = (each[1] - each[0]) * (count[0] + count[1]) / 2
        found = held.contributions(row)
        np.testing.assert_allclose(
            found.values, [[0, of_span, 0, of_spend, 0, 0]], rtol=1e-9, atol=1e-12
        )

    def test_its_contributions_are_the_mean_over_all_orders(self):
        held = make_probability_value()
        row = np.array([9.0, 150.0, 300.0, 80.0, 0.0, 0.0])
        typical = np.array([*held.reference, 0.0, 0.0])
        # In terms of the span's part of the tenure, so that no mixture is impossible.
        part, usual = row[1] / row[2], typical[1] / typical[2]
        total = np.zeros(4)
        orders = list(permutations(range(4)))
        for order in orders:
            chosen: set[int] = set()
            worth = [held.margin(typical[None])[0]]
            for which in order:
                chosen.add(which)
                mixed = np.where([i in chosen for i in range(6)], row, typical)
                mixed[1] = (part if 1 in chosen else usual) * mixed[2]
                worth.append(held.margin(mixed[None])[0])
            for which, (before, after) in zip(order, pairwise(worth), strict=True):
                total[which] += after - before
        found = held.contributions(row[None]).values[0, :4]
        np.testing.assert_allclose(found, total / len(orders), rtol=1e-9)


class TestProbabilityChurn(PredictorContract):
    def make(self) -> ProbabilityChurn:
        return make_probability_churn()

    def test_its_margin_is_the_log_odds_of_silence(self):
        held = make_probability_churn()
        row = np.array([[5.0, 100.0, 200.0, 0.0, 0.0, 0.0]])
        buys = held.purchases.probability_of_purchase(90.0, 4.0, 100.0, 200.0)
        assert 1 / (1 + np.exp(-held.margin(row)[0])) == pytest.approx(1 - float(buys))

    def test_a_longer_silence_is_a_likelier_one(self):
        rows = np.tile([6.0, 0.0, 300.0, 0.0, 0.0, 0.0], (5, 1))
        rows[:, 1] = [290, 240, 180, 100, 20]
        assert np.all(np.diff(make_probability_churn().margin(rows)) > 0)

    def test_certainty_has_log_odds_with_a_bound(self):
        rows = np.array([[4000.0, 1.0, 4000.0, 0, 0, 0], [4000.0, 4000.0, 4000.0, 0, 0, 0]])
        assert np.isfinite(make_probability_churn().margin(rows)).all()


def test_a_rows_sum_is_its_own_alone():
    values = np.random.default_rng(0).normal(size=(1000, 57)) * 10.0 ** np.arange(57)
    whole = sum_columns(values)
    assert all(sum_columns(values[[row]])[0] == whole[row] for row in range(1000))
