from dataclasses import dataclass, replace

import numpy as np
import pytest
import xgboost as xgb

from tests.training.bases import make_schema
from training.calibrate import Exponential, Scale, Sigmoid
from training.model import ExplanationError, Model, check_additivity
from training.population import Population
from training.predictors import Contributions, Linear, Term, Trees

SCHEMA = make_schema("recency", "spend", "gap")
CALIBRATIONS = [Sigmoid(1.2, -0.3), Exponential(1.1), Scale(2.0)]


def make_linear(*weights: float, intercept: float = 0.2) -> Linear:
    terms = (Term(i, "identity", 0.0, 1.0, weight) for i, weight in enumerate(weights))
    return Linear(3, intercept, tuple(terms))


def make_trees(rows: int = 2000) -> Trees:
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(rows, 3))
    target = (matrix @ [1.0, -1.0, 0.2] + rng.logistic(size=rows) > 0).astype(float)
    data = xgb.DMatrix(matrix, label=target, feature_types=["q"] * 3)
    settings = {"objective": "binary:logistic", "max_depth": 4, "eta": 0.1, "nthread": 1}
    return Trees(xgb.train(settings, data, 60))


def make_matrix(rows: int = 500) -> np.ndarray:
    matrix = np.random.default_rng(1).normal(size=(rows, 3))
    matrix[::17, 1] = np.nan
    return matrix


def make_model(*predictors, calibration=None, **changes) -> Model:
    return Model("churn", "made", SCHEMA, predictors, calibration or CALIBRATIONS[0], **changes)


@dataclass(frozen=True)
class Lying:
    """A predictor whose reasons miss its margin by so much."""

    honest: Linear
    off: float

    def margin(self, matrix: np.ndarray) -> np.ndarray:
        return self.honest.margin(matrix) + self.off

    def contributions(self, matrix: np.ndarray) -> Contributions:
        return self.honest.contributions(matrix)


@pytest.mark.parametrize("calibration", CALIBRATIONS, ids=lambda held: held.kind)
@pytest.mark.parametrize("predictors", ["linear", "trees", "both"])
def test_both_views_of_an_explanation_add_up(calibration, predictors):
    parts = {"linear": (make_linear(1, -2, 0.5),), "trees": (make_trees(),)}
    parts["both"] = parts["linear"] + parts["trees"]
    model, matrix = make_model(*parts[predictors], calibration=calibration), make_matrix()
    told = model.explain(matrix)
    np.testing.assert_array_equal(told.margin, model.margin(matrix))
    np.testing.assert_array_equal(told.served, model.predict(matrix))
    margin = told.base_margin + told.contributions.sum(axis=1)
    served = told.base_served + told.served_contributions.sum(axis=1)
    sizes = abs(told.base_served) + np.abs(told.served_contributions).sum(axis=1)
    np.testing.assert_allclose(margin, told.margin, rtol=1e-12, atol=1e-12)
    assert np.all(np.abs(served - told.served) <= 1e-12 * np.maximum(sizes, np.abs(told.served)))


def test_predictors_add_in_the_margin():
    matrix, parts = make_matrix(), (make_linear(1, 0, 0), make_linear(0, 3, -1, intercept=1.0))
    whole = make_model(*parts)
    np.testing.assert_allclose(whole.margin(matrix), sum(part.margin(matrix) for part in parts))
    told = whole.explain(matrix)
    assert told.base_margin == pytest.approx(1.2)
    expected = sum(part.contributions(matrix).values for part in parts)
    np.testing.assert_allclose(told.contributions, expected, rtol=1e-12, atol=1e-15)


def test_where_margin_meets_base_the_local_slope_is_the_rate():
    model = make_model(make_linear(1, 1, 0))
    told = model.explain(np.array([[2.0, -2.0, 0.0], [0.0, 0.0, 0.0]]))
    slope = model.calibration.slope(np.array([told.base_margin]))[0]
    np.testing.assert_allclose(told.served_contributions, [[2 * slope, -2 * slope, 0], [0, 0, 0]])
    assert told.served[0] == told.base_served


def test_close_to_meeting_the_rate_goes_over_into_the_slope():
    model = make_model(make_linear(1, 1, 0))
    near = np.array([[2.0, -2.0 + gap, 0.0] for gap in (1e-3, 1e-6, 1e-8, 2e-9, 5e-10, 0.0)])
    told = model.explain(near)
    slope = model.calibration.slope(np.array([told.base_margin]))[0]
    np.testing.assert_allclose(told.served_contributions[:, 0], 2 * slope, rtol=1e-3)


@pytest.mark.parametrize("gap", [1e-8, 1e-10, 0.0])
def test_what_float32_leaves_over_does_not_swell_the_reasons(gap):
    # The reasons nearly cancel out, and miss their margin by more than they come to.
    model = make_model(Lying(make_linear(1, 1, 0), off=2e-6))
    told = model.explain(np.array([[2.0, -2.0 + gap, 0.0]]))
    slope = model.calibration.slope(np.array([told.base_margin]))[0]
    np.testing.assert_allclose(told.served_contributions, [[2 * slope, -2 * slope, 0]], rtol=1e-5)
    served = told.base_served + told.served_contributions.sum()
    assert served == pytest.approx(told.served[0], rel=1e-14)


def test_reasons_keep_their_sign_on_the_served_scale():
    told = make_model(make_trees(), calibration=Exponential(0.5)).explain(make_matrix())
    assert np.array_equal(np.sign(told.contributions), np.sign(told.served_contributions))


def test_a_row_is_explained_alone_as_among_many():
    model, matrix = make_model(make_linear(1, -2, 0.5), make_trees()), make_matrix()
    among = model.explain(matrix)
    for row in range(0, len(matrix), 25):
        alone = model.explain(matrix[[row]])
        for name in ("margin", "served", "contributions", "served_contributions"):
            assert getattr(alone, name).tobytes() == getattr(among, name)[[row]].tobytes()


def test_chunks_change_no_bit_of_an_explanation(monkeypatch):
    model, matrix = make_model(make_linear(1, -2, 0.5), make_trees()), make_matrix()
    whole = model.explain(matrix)
    monkeypatch.setattr("training.model.ROWS", 99)
    monkeypatch.setattr("training.chunks.ROWS", 99)
    told = model.explain(matrix)
    assert (told.base_margin, told.base_served) == (whole.base_margin, whole.base_served)
    for name in ("margin", "served", "contributions", "served_contributions"):
        assert getattr(told, name).tobytes() == getattr(whole, name).tobytes()


def test_no_rows_have_no_explanation_and_are_no_error():
    told = make_model(make_linear(1, -2, 0.5), make_trees()).explain(np.empty((0, 3)))
    assert told.served_contributions.shape == (0, 3)


@pytest.mark.parametrize("off", [1e-4, -1e-4, np.nan])
def test_a_sum_that_is_broken_is_never_served(off):
    whole = Contributions(np.array([[0.1, 0.2], [0.3, 0.1]]), 0.1)
    margin = whole.margin
    check_additivity(whole, margin)
    with pytest.raises(ExplanationError, match="miss their margin"):
        check_additivity(whole, margin + np.array([0.0, off]))


def test_the_bound_of_additivity_grows_with_the_parts():
    whole = Contributions(np.array([[500.0, -500.0]]), 0.0)
    check_additivity(whole, np.array([0.009]))
    with pytest.raises(ExplanationError):
        check_additivity(whole, np.array([0.011]))


def test_a_model_whose_reasons_do_not_add_up_refuses_to_explain():
    with pytest.raises(ExplanationError, match="do not agree"):
        make_model(Lying(make_linear(1, 1, 1), off=0.01)).explain(make_matrix(5))


def test_only_the_population_is_asked_about():
    matrix = np.array([[10.0, 0, 0], [90.0, 0, 0], [90.5, 0, 0], [np.nan, 0, 0]])
    model = make_model(make_linear(1, 1, 1), population=Population("recency", 90.0))
    assert model.asked(matrix).tolist() == [True, True, False, False]
    assert replace(model, population=None).asked(matrix).tolist() == [True] * 4


def test_a_population_holds_its_bounds_and_nobody_of_whom_it_is_not_known():
    matrix = np.array([[0.0, 0, 0], [1.0, 0, 0], [3.0, 0, 0], [4.0, 0, 0], [np.nan, 0, 0]])
    schema = make_model(make_linear(1, 1, 1)).schema
    least, between = Population("recency", at_least=1.0), Population("recency", 3.0, 1.0)
    assert least.holds(schema, matrix).tolist() == [False, True, True, True, False]
    assert between.holds(schema, matrix).tolist() == [False, True, True, False, False]
    with pytest.raises(ValueError, match="needs a bound"):
        Population("recency")
