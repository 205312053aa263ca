import json
from datetime import date

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special

from features.build import build, schema_of
from features.schema import FeatureError
from features.source import load_tables
from tests.factories import make_bundle, make_config
from tests.training.bases import make_regulars, make_regulars_config, make_schema
from training import bundle as bundles
from training import churn, clv, facts, learned
from training.baselines import recency_rule
from training.bundle import BundleError
from training.calibrate import Exponential
from training.evaluate import compare
from training.gate import Verdict
from training.learned import HISTORY, Learned, LearningError, widen
from training.model import Model
from training.predictors import Linear, Term
from training.probability import BGNBD, GammaGamma

INPUTS = make_schema("days_since_purchase", *HISTORY)
PAID = make_schema("days_since_purchase", *HISTORY, learned.SPEND)
# CDNOW's published estimates (Fader, Hardie & Lee 2005), from weeks to days.
CDNOW = BGNBD(r=0.243, alpha=7 * 4.414, a=0.793, b=2.426)
OUTLOOK = ("expected_purchases", "purchase_probability", "expected_value")
DAY, NEXT = date(2024, 1, 1), date(2024, 2, 1)


def make_matrix(customers: int = 500, seed: int = 1) -> np.ndarray:
    """Possible histories: most came back, some never bought."""
    rng = np.random.default_rng(seed)
    age = rng.integers(1, 300, customers).astype(float)
    days = 1 + rng.poisson(rng.gamma(0.5, age / 20))
    span = np.where(days > 1, np.floor(age * rng.beta(3, 1, customers)), 0.0)
    matrix = np.column_stack([age - span, days, span, age])
    matrix[rng.random(customers) < 0.05] = [np.nan, 0, np.nan, np.nan]
    return matrix


def expects(horizon: int, *customers: tuple[float, float, float]) -> np.ndarray:
    """Expected purchases and probability of (purchase days, span, tenure)."""
    rows = np.array([(age - span, days, span, age) for days, span, age in customers], float)
    return Learned(horizon, CDNOW).values(INPUTS, rows)


# What the columns are.


def test_they_are_those_of_the_authors_spreadsheet():
    # Bought anew after 30.43 weeks of 38.86, twice in all; 39 weeks ahead. The probability is
    # 0.7266, of being alive, × 1 − (43.274 / 82.274)^2.243, of then buying.
    ((purchases, probability),) = expects(273, (3, 213.01, 272.02))
    assert round(purchases, 3) == 1.226
    assert probability == pytest.approx(0.7266 * 0.7633, rel=1e-3)


def test_who_bought_once_is_alive_and_silent_by_the_rate_alone():
    ((_, probability),) = expects(28, (1, 0, 100))
    assert probability == pytest.approx(1 - ((30.898 + 100) / (30.898 + 128)) ** 0.243)


def test_they_are_computed_by_the_formula_that_bundles_name():
    # By the paper's eq. 10 as printed. Where these change, the columns mean another number: count
    # `learned._FORMULA` up.
    np.testing.assert_allclose(
        expects(28, (3, 213, 272), (9, 250, 251)),
        [[0.147346209302, 0.130703797048], [0.730178012685, 0.498667132569]],
        rtol=1e-9,
    )


def test_they_are_ordered_as_the_horizon_and_the_histories_are():
    near, far = (Learned(days, CDNOW).values(INPUTS, make_matrix()) for days in (28, 90))
    held = near[~np.isnan(near[:, 0])]
    assert len(held) > 400
    assert np.all((held[:, 1] > 0) & (held[:, 1] < 1))
    assert np.all(held[:, 0] >= held[:, 1])
    assert np.nanmin(far - near) > 0
    later = expects(28, *((5, span, 200) for span in range(20, 201, 20)))
    assert np.all(np.diff(later, axis=0) > 0)


def test_what_is_no_history_is_missing_and_spoils_no_other_row():
    odd = [
        (0, np.nan, np.nan),
        (0, 0, 0),
        (3, 50, 40),
        (3, -1, 40),
        (2, np.nan, 40),
        (2, 5, np.inf),
    ]
    sound = expects(28, (3, 20, 40))
    among = expects(28, *odd, (3, 20, 40))
    assert np.isnan(among[:-1]).all()
    assert among[-1:].tobytes() == sound.tobytes()


@pytest.mark.parametrize("extreme", [1e14, 1e300])
def test_an_extreme_history_is_a_number_or_missing(extreme):
    for found in (expects(28, (extreme, 20, 40)), expects(28, (3, 20, extreme))):
        assert not np.isinf(found).any()


numbers = st.one_of(
    st.floats(0, 2000), st.sampled_from([-1.0, 0.0, 1.0, 1e15, np.inf, -np.inf, np.nan])
)
laws = st.builds(
    BGNBD, r=st.floats(0.05, 5), alpha=st.floats(1, 200), a=st.floats(0.1, 5), b=st.floats(0.1, 20)
)


@given(laws, st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=8))
@example(CDNOW, [(1.0, 0.0, 100.0), (4.0, 100.0, 100.0), (0.0, np.nan, np.nan)])
def test_they_are_the_papers_formulas_row_by_row(law, customers):
    rows = np.array([(0.0, *customer) for customer in customers])
    told = Learned(90, law, GammaGamma(6.25, 3.74, 15.44))
    found = told.values(PAID, np.column_stack([rows, np.full(len(rows), 30.0)]))
    for (days, span, age), row in zip(customers, found, strict=True):
        x = days - 1
        if not (x >= 0 and 0 <= span <= age and np.isfinite(x + age)):
            assert np.isnan(row).all()
            continue
        odds = law.a / (law.b + max(x, 1) - 1) if x > 0 else 0.0
        with np.errstate(over="ignore"):
            alive = 1 / (
                1 + odds * np.exp((law.r + x) * np.log1p((age - span) / (law.alpha + span)))
            )
        buys = -np.expm1(-(law.r + x) * np.log1p(90 / (law.alpha + age)))
        assert row[1] == pytest.approx(alive * buys, rel=1e-9, abs=1e-15)
        worth = 6.25 * (15.44 + days * 30) / (6.25 * days + 2.74)
        assert row[2] == pytest.approx(row[0] * worth, rel=1e-12, nan_ok=True)
        alone = told.values(PAID, np.array([[0.0, days, span, age, 30.0]]))
        assert alone.tobytes() == row.tobytes()
        # Eq. 10 divides by a − 1, and the more who buy often, the more digits cancel.
        grown = law.a + law.b + x - 1
        if abs(law.a - 1) > 1e-3 and abs(grown - x) > 1e-3 and x < 1e4:
            series = special.hyp2f1(law.r + x, law.b + x, grown, 90 / (law.alpha + age + 90)) * (
                (law.alpha + age) / (law.alpha + age + 90)
            ) ** (law.r + x)
            count = grown / (law.a - 1) * (1 - series)
            if np.isfinite(count):
                slack = 1e-11 * grown / abs(law.a - 1)
                assert row[0] == pytest.approx(alive * count, rel=1e-7, abs=slack)


@pytest.mark.parametrize("spend", [np.inf, 1e308])
def test_a_spend_past_all_numbers_is_missing_and_spoils_no_other_row(spend):
    rows = np.array([[20.0, 4, 80, 100, spend], [20.0, 4, 80, 100, 30.0]])
    found = Learned(28, CDNOW, GammaGamma(6.25, 3.74, 15.44)).values(PAID, rows)
    assert np.isnan(found[0, 2])
    assert np.isfinite([*found[0, :2], *found[1]]).all()


def test_a_customer_alone_gets_the_bits_of_the_batch():
    told, matrix = Learned(28, CDNOW), make_matrix(2_003)
    among = told.values(INPUTS, matrix)
    for row in range(0, len(matrix), 7):
        assert told.values(INPUTS, matrix[[row]]).tobytes() == among[[row]].tobytes()


def test_the_horizon_is_in_the_words_and_the_definition_but_not_in_the_name():
    for near, far in zip(learned.columns(28), learned.columns(90), strict=True):
        assert near.name == far.name
        assert near.definition != far.definition
        assert "28 days" in near.label
        assert "28 dage" in near.label_da


# How they are learned.


def test_parameters_are_those_of_maximum_likelihood_over_everybody():
    matrix = make_matrix()
    told = Learned.fit(INPUTS, matrix, 28, seed=1)
    bought = matrix[matrix[:, 1] > 0]
    plain = BGNBD.fit(bought[:, 1] - 1, bought[:, 2], bought[:, 3])
    assert told.purchases.to_dict() == pytest.approx(plain.to_dict(), rel=1e-3)


def test_the_order_of_customers_does_not_matter_to_the_bit():
    matrix = make_matrix()
    assert Learned.fit(INPUTS, matrix, 28, 1) == Learned.fit(INPUTS, matrix[::-1], 28, 2)


def test_of_a_large_base_a_seeded_sample_is_learned_from(monkeypatch):
    matrix = make_matrix()
    whole = Learned.fit(INPUTS, matrix, 28, 1)
    monkeypatch.setattr(learned, "SAMPLE", 300)
    sampled = Learned.fit(INPUTS, matrix, 28, 1)
    assert sampled == Learned.fit(INPUTS, matrix, 28, 1)
    assert sampled != whole
    assert sampled != Learned.fit(INPUTS, matrix, 28, 2)


def test_where_nobody_came_back_nothing_is_learned():
    matrix = np.tile([30.0, 1, 0, 30], (7, 1))
    with pytest.raises(LearningError, match="needs a repeat purchase, got 7 customers with none"):
        Learned.fit(INPUTS, matrix, 28, 1)
    as_of = np.array([DAY] * 500 + [NEXT] * 7)
    both = np.vstack([make_matrix(), matrix])
    wide = widen(INPUTS, both, as_of, 28, 1)
    assert (wide.schema, wide.learned) == (INPUTS, None)
    assert wide.matrix is both
    assert "as of 2024-02-01 it cannot be: BG/NBD needs a repeat purchase" in wide.warnings[0]


def test_a_base_without_purchases_has_no_learned_columns_and_no_warning():
    schema = make_schema("running_subscriptions", "tenure")
    wide = widen(schema, np.ones((5, 2)), np.array([DAY] * 5), 28, 1)
    assert (wide.schema, wide.learned, wide.warnings) == (schema, None, ())


def test_an_attribute_may_not_have_a_learned_columns_name():
    with pytest.raises(FeatureError, match="'expected_purchases' is the name of a column that is"):
        Learned(28, CDNOW).extend(make_schema(*HISTORY, "expected_purchases"))


# The value of purchases.


def make_paid(seed: int = 1) -> np.ndarray:
    """Histories with a mean value of a purchase, which varies about a level of each one's own."""
    rng, matrix = np.random.default_rng(seed), make_matrix(seed=seed)
    days = np.nan_to_num(matrix[:, 1])
    level = rng.gamma(4.0, 10.0, len(matrix))
    spend = level * rng.gamma(4 * np.maximum(days, 1)) / (4 * np.maximum(days, 1))
    return np.column_stack([matrix, np.where(days > 0, spend, np.nan)])


def test_expected_value_is_expected_purchases_times_what_one_is_worth():
    matrix = make_paid()
    told = Learned.fit(PAID, matrix, 28, seed=1)
    found = told.values(PAID, matrix)
    assert [column.name for column in told.columns] == list(OUTLOOK)
    assert [column.unit for column in told.columns] == ["count", "share", "money"]
    bought = matrix[:, 1] > 0
    assert told.value == GammaGamma.fit(*matrix[bought][:, [1, 4]].T)
    worth = told.value.expected_average_value(*matrix[bought][:, [1, 4]].T)
    np.testing.assert_allclose(found[bought, 2], found[bought, 0] * worth, rtol=1e-12)
    assert np.isnan(found[~bought]).all()


def test_who_spent_nothing_is_worth_less_than_anybody_else():
    matrix = make_paid()
    told = Learned.fit(PAID, matrix, 28, seed=1)
    spends = np.array([np.nan, 0.0, 1.0, 30.0, 300.0])
    rows = np.column_stack([np.tile([20.0, 4, 80, 100], (5, 1)), spends])
    value = told.values(PAID, rows)[:, 2]
    assert value[0] == value[1]
    assert np.all(np.diff(value[1:]) > 0)


def test_purchases_that_cost_nothing_have_no_value_to_be_learned():
    matrix = make_paid()
    matrix[:, 4] = np.where(np.isnan(matrix[:, 4]), np.nan, 0.0)
    told = Learned.fit(PAID, matrix, 28, seed=1)
    assert told.value is None
    assert told.extend(PAID).names[-2:] == OUTLOOK[:2]
    assert told == Learned.fit(INPUTS, matrix[:, :4], 28, seed=1)
    # One cut-off without spoils it for all: the columns must be the same at each.
    whole = np.vstack([matrix, make_paid(seed=2)])
    as_of = np.array([DAY] * len(matrix) + [NEXT] * len(matrix))
    wide = widen(PAID, whole, as_of, 28, 1)
    assert wide.schema.names[-2:] == OUTLOOK[:2]
    assert wide.learned.value is None


def test_what_is_learned_of_value_survives_its_file_and_needs_its_column():
    told = Learned.fit(PAID, make_paid(), 28, seed=1)
    again = Learned.from_dict(json.loads(json.dumps(told.to_dict())))
    assert again == told
    schema = told.extend(PAID)
    assert again.inputs_of(schema) == PAID
    with pytest.raises(FeatureError, match=r"the learned columns follow from .*spend_per_purchase"):
        again.inputs_of(told.extend(INPUTS))


# Only what was known.


def test_each_cut_off_learns_from_those_known_at_it_alone():
    as_of = np.array([DAY, NEXT] * 250)
    matrix = make_matrix()
    changed = matrix.copy()
    changed[as_of == NEXT, 1:] = make_matrix(250, seed=2)[:, 1:]
    before, after = (widen(INPUTS, held, as_of, 28, 1) for held in (matrix, changed))
    at, later = as_of == DAY, as_of == NEXT
    np.testing.assert_array_equal(before.matrix[at], after.matrix[at])
    assert (before.matrix[later, 4:] != after.matrix[later, 4:]).any()
    assert before.learned == Learned.fit(INPUTS, matrix[later], 28, 1)


def test_rows_of_a_cut_offs_future_change_none_of_its_learned_columns(tmp_path):
    receipts = make_regulars(100)
    days = [date(2024, 1, 1), date(2024, 3, 1), date(2024, 5, 1)]
    past = receipts["when"] < "2024-03-01"
    kept = receipts[past | (receipts.index % 3 == 0)]
    whole, other = (
        wide_of(make_regulars_config(tmp_path / name, rows), days)
        for name, rows in (("whole", receipts), ("other", kept))
    )
    assert [whole[day] == other[day] for day in days] == [True, True, False]


def wide_of(config, days) -> dict[date, bytes]:
    """The learned columns at each cut-off, as bytes."""
    tables = load_tables(config)
    frame, inputs = build(config, tables, days), schema_of(config, tables)
    as_of = frame["as_of"].to_numpy()
    wide = widen(inputs, inputs.encode(frame), as_of, 28, config.seed)
    ending = wide.matrix[:, len(inputs.columns) :]
    return {day: ending[as_of == day].tobytes() for day in days}


# In training.


@pytest.fixture(scope="module")
def regulars(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("regulars"))
    return config, load_tables(config)


@pytest.mark.parametrize("kind", [churn, clv])
def test_the_model_computes_what_its_test_rows_were_measured_with(regulars, kind):
    config, tables = regulars
    data = kind.split(config, tables)
    assert data.schema.names[-3:] == OUTLOOK
    model = kind.fit(data, {"nthread": 1, **kind.DEFAULTS}, (5,), seed=1)
    frame = build(config, tables, [data.cutoffs.test])
    frame = frame[frame["customer_id"].isin(data.test.customers)]
    matrix = model.complete(model.inputs.encode(frame))
    assert matrix.tobytes() == np.ascontiguousarray(data.test.matrix).tobytes()


def test_a_baseline_takes_the_same_columns(regulars):
    data = churn.split(*regulars)
    model = recency_rule(data).model
    assert (model.schema, model.learned) == (data.schema, data.learned)


def test_where_nobody_came_back_in_time_training_goes_on_without_and_says_so(tmp_path):
    receipts = make_regulars()
    first = date(2024, 2, 6)
    early = receipts["when"] < f"{first}"
    receipts = receipts[~(early & receipts.duplicated("customer"))]
    config = make_regulars_config(tmp_path, receipts)
    tables = load_tables(config)
    data = churn.split(config, tables)
    assert data.cutoffs.fit[0] == first
    assert data.schema == schema_of(config, tables)
    assert data.learned is None
    rule = recency_rule(data)
    measured = compare([rule], data.test, churn.METRICS, churn.DECIDING, repeats=9, seed=1)
    told = facts._warnings("churn", data, measured, Verdict(True, rule.name, ()))
    said = f"Nothing is learned of who comes back, as of {first} it cannot be"
    assert [warning.startswith(said) for warning in told].count(True) == 1


# In the bundle.


def make_learned_model() -> Model:
    told = Learned(28, CDNOW)
    schema = told.extend(INPUTS)
    terms = (Term(0, "log1p", 1.0, 2.0, 0.5), Term(4, "identity", 0.5, 0.5, 0.1))
    return Model("clv", "linear", schema, (Linear(6, 1.0, terms),), Exponential(1.1), learned=told)


@pytest.fixture
def folder(tmp_path):
    model, matrix = make_learned_model(), make_matrix()
    config = make_config(tmp_path / "base")
    return make_bundle(tmp_path / "bundle", config, model, model.complete(matrix)).path


def test_a_bundle_keeps_the_parameters_and_computes_the_same_bits(folder):
    model, again = make_learned_model(), bundles.load(folder)
    assert again.model == model
    assert again.model.inputs == INPUTS
    assert again.manifest["inputs"] == INPUTS.digest != again.manifest["schema"]
    matrix = make_matrix(seed=3)
    assert again.model.complete(matrix).tobytes() == model.complete(matrix).tobytes()


def test_a_column_that_is_learned_otherwise_by_now_is_not_served(folder, monkeypatch):
    monkeypatch.setattr(learned, "_FORMULA", "another")
    with pytest.raises(BundleError, match="'expected_purchases' is computed otherwise than when"):
        bundles.load(folder)


@pytest.mark.parametrize(
    "change",
    [
        {"horizon": 90},
        {"horizon": 0},
        {"horizon": "28"},
        {"purchases": {"r": 0.2, "alpha": -1.0, "a": 0.8, "b": 2.4}},
        {"purchases": {}},
        {"purchases": None},
    ],
    ids=repr,
)
def test_parameters_that_do_not_belong_to_the_schema_are_refused(folder, change):
    content = json.loads((folder / "learned.json").read_bytes())
    replaced(folder, "learned.json", {**content, **change})
    with pytest.raises(BundleError):
        bundles.load(folder)


def test_a_schema_without_what_the_columns_follow_from_is_refused(folder):
    content = json.loads((folder / "schema.json").read_bytes())
    for columns in (content["columns"][:-1], content["columns"][2:]):
        replaced(folder, "schema.json", {"columns": columns})
        with pytest.raises(BundleError, match="learned"):
            bundles.load(folder)


def replaced(folder, name: str, held) -> None:
    """Put another file in the bundle, and its hash into the manifest."""
    written = bundles.to_json(held)
    (folder / name).write_bytes(written)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"][name] = bundles.sha256(written)
    (folder / "manifest.json").write_bytes(bundles.to_json(manifest))
