import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, special, stats

from training.probability import BGNBD, GammaGamma

PUBLISHED = BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426)
PUBLISHED_VALUE = GammaGamma(p=6.25, q=3.74, v=15.44)


@pytest.fixture(scope="module")
def cdnow() -> pd.DataFrame:
    """The tenth of CDNOW's customers, their purchases of one day merged, times in weeks."""
    spec = importlib.util.find_spec("lifetimes")
    if spec is None or spec.origin is None:
        pytest.skip("CDNOW's file comes with the optional package lifetimes")
    rows = pd.read_csv(
        Path(spec.origin).parent / "datasets" / "CDNOW_sample.txt",
        sep=r"\s+",
        names=["customer", "sample", "day", "units", "dollars"],
    )
    rows["day"] = pd.to_datetime(rows["day"].astype(str), format="%Y%m%d")
    end = pd.Timestamp("1997-09-30")
    days = rows[rows["day"] <= end].groupby(["customer", "day"], as_index=False)["dollars"].sum()
    first = days.groupby("customer")["day"].transform("min")
    day = days.groupby("customer")["day"]
    return pd.DataFrame(
        {
            "frequency": day.count() - 1,
            "recency": (day.max() - day.min()).dt.days / 7,
            "age": (end - day.min()).dt.days / 7,
            "mean_value": days[days["day"] > first].groupby("customer")["dollars"].mean(),
        }
    )


def history(customers: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return tuple(customers[name].to_numpy() for name in ("frequency", "recency", "age"))


def simulate(model: BGNBD, customers: int, age: float, ahead: float, seed: int):
    """Let customers buy and leave; return frequency, recency and the purchases after `age`."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(model.r, 1 / model.alpha, customers)
    leaves = rng.beta(model.a, model.b, customers)
    frequency, recency, later, now = np.zeros((4, customers))
    alive = np.ones(customers, bool)
    while alive.any():
        now[alive] += rng.exponential(1 / np.maximum(rate[alive], 1e-9))
        alive &= now <= age + ahead
        seen = alive & (now <= age)
        frequency += seen
        later += alive & (now > age)
        recency[seen] = now[seen]
        alive &= rng.random(customers) >= leaves
    return frequency, recency, later


# What the papers print.


def test_bgnbd_finds_the_published_estimates_of_cdnow(cdnow):
    model = BGNBD.fit(*history(cdnow))
    assert len(cdnow) == 2357
    assert [round(value, 3) for value in model.to_dict().values()] == [0.243, 4.414, 0.793, 2.426]
    assert round(model.log_likelihood(*history(cdnow)), 1) == -9582.4


def test_gamma_gamma_finds_the_published_estimates_of_cdnow(cdnow):
    model = GammaGamma.fit(cdnow["frequency"], cdnow["mean_value"])
    assert np.count_nonzero(cdnow["frequency"]) == 946
    assert [round(value, 2) for value in model.to_dict().values()] == [6.25, 3.74, 15.44]


def test_expected_purchases_of_a_new_customer_as_in_the_authors_spreadsheet():
    weeks = [0.1429, 1.0, 3.0, 31.8571, 32.0, 78.0]
    printed = [0.0078, 0.0532, 0.1506, 1.0405, 1.0437, 1.8576]
    # The spreadsheet's estimates have more digits than the three that were published.
    np.testing.assert_allclose(PUBLISHED.expected_purchases(weeks, 0, 0, 0), printed, atol=4e-3)


def test_expected_purchases_of_a_known_customer_as_in_the_authors_spreadsheet():
    assert round(float(PUBLISHED.expected_purchases(39, 2, 30.43, 38.86)), 3) == 1.226


def test_expected_average_value_of_cdnow_customers_as_in_note_025(cdnow):
    model = GammaGamma.fit(cdnow["frequency"], cdnow["mean_value"])
    values = model.expected_average_value([0, 1, 7], [0, 11.77, 73.74])
    np.testing.assert_allclose(values, [35.17, 18.91, 71.46], atol=6e-3)


# The formulas against what they stand for.


@pytest.fixture(scope="module")
def future():
    model = BGNBD(r=0.8, alpha=5.0, a=0.9, b=2.5)
    frequency, recency, later = simulate(model, 200_000, age=30, ahead=20, seed=7)
    return model, (frequency, recency, np.full_like(recency, 30.0)), later


@pytest.mark.parametrize("lowest", [0, 1, 2, 4, 8])
def test_expected_purchases_come_true_in_a_simulation(future, lowest):
    model, past, later = future
    some = (past[0] >= lowest) & (past[0] < 2 * max(lowest, 0.5))
    error = later[some] - model.expected_purchases(20, *(column[some] for column in past))
    assert abs(error.mean()) < 4 * stats.sem(error)


@pytest.mark.parametrize("lowest", [0, 1, 2, 4, 8])
def test_probability_of_purchase_comes_true_in_a_simulation(future, lowest):
    model, past, later = future
    some = (past[0] >= lowest) & (past[0] < 2 * max(lowest, 0.5))
    expected = model.probability_of_purchase(20, *(column[some] for column in past))
    error = (later[some] > 0) - expected
    assert abs(error.mean()) < 4 * stats.sem(error)


def test_fit_recovers_what_was_simulated(future):
    model, past, _ = future
    found = BGNBD.fit(*past)
    np.testing.assert_allclose(list(found.to_dict().values()), [0.8, 5.0, 0.9, 2.5], rtol=0.05)
    assert found.log_likelihood(*past) >= model.log_likelihood(*past)


@pytest.mark.parametrize(
    ("a", "b"), [(0.793, 2.426), (1.0, 3.0), (0.4, 0.6), (1 + 1e-7, 2), (1.7, 2.4), (20, 90)]
)
@pytest.mark.parametrize("x", [0, 1, 30, 2000])
def test_expected_purchases_equal_their_integral(a, b, x):
    # Of those alive the rate is Gamma(r + x, alpha + T) and the chance to leave is Beta(a, b + x).
    model, ahead, age = BGNBD(0.7, 3.0, a, b), 12.0, 20.0
    low, high = stats.beta.ppf([1e-13, 1 - 1e-13], a, b + x)

    def purchases(share):
        p = stats.beta.ppf(share, a, b + x)
        return -np.expm1(-(0.7 + x) * np.log1p(p * ahead / (3.0 + age))) / p if p > 0 else 0.0

    assert low < high
    integral, _ = integrate.quad(purchases, 0, 1, limit=400, epsabs=0, epsrel=1e-9)
    expected = integral * float(model.probability_alive(x, age, age))
    assert float(model.expected_purchases(ahead, x, age, age)) == pytest.approx(expected, rel=1e-6)


def test_slopes_are_those_of_the_log_likelihood():
    past = [np.array(column, float) for column in ([0, 1, 3, 9], [0, 4, 8, 11], [5, 9, 20, 12])]
    model = BGNBD(0.4, 2.0, 0.7, 1.9)
    numeric = optimize.approx_fprime(
        np.array([*model.to_dict().values()]), lambda at: BGNBD(*at).log_likelihood(*past), 1e-7
    )
    np.testing.assert_allclose(np.sum(model._slopes(*past), axis=1), numeric, rtol=1e-5)


# What must hold of any customer.

customers = st.tuples(
    st.integers(0, 400), st.floats(0, 1), st.floats(0, 500), st.floats(0, 300)
).map(lambda c: (c[0], c[1] * c[2] if c[0] else 0.0, c[2], c[3]))
models = st.builds(BGNBD, *[st.floats(0.05, 20)] * 4)


@given(models, customers)
def test_probabilities_are_within_bounds_and_in_order(model, customer):
    x, recency, age, ahead = customer
    alive = float(model.probability_alive(x, recency, age))
    buys = float(model.probability_of_purchase(ahead, x, recency, age))
    assert 0 <= buys <= alive <= 1
    # Markov: at least one purchase is never likelier than the purchases expected.
    assert buys <= float(model.expected_purchases(ahead, x, recency, age))


@given(models, customers)
def test_the_likelihood_and_the_answers_have_the_same_chance_of_being_alive(model, customer):
    x, recency, age, _ = customer
    likelihoods = special.expit(-model._log_odds_left(*map(np.array, (x, recency, age))))
    assert float(model.probability_alive(x, recency, age)) == pytest.approx(likelihoods, rel=1e-11)


@given(models, customers)
def test_longer_waits_bring_no_less(model, customer):
    x, recency, age, ahead = customer
    waits = np.linspace(0, ahead, 20)
    assert np.all(np.diff(model.probability_of_purchase(waits, x, recency, age)) >= 0)
    expected = model.expected_purchases(waits, x, recency, age)
    assert expected[0] == 0
    assert np.all(np.diff(expected) >= -1e-9 * (1 + expected[-1]))


def test_nobody_leaves_before_a_repeat_purchase():
    assert np.all(PUBLISHED.probability_alive([0, 0], [0, 0], [1, 1000]) == 1)


@pytest.mark.parametrize("start", [0, 1, 3])
def test_a_customer_alone_gets_the_same_bits_as_in_the_base(start):
    rng = np.random.default_rng(3)
    age = rng.uniform(0, 300, 203)
    x = rng.integers(0, 60, 203)
    recency = np.where(x > 0, age * rng.random(203), 0)
    spent = rng.uniform(1, 500, 203)
    answers = {
        "expected": (PUBLISHED.expected_purchases, (np.full(203, 26.0), x, recency, age)),
        "buys": (PUBLISHED.probability_of_purchase, (np.full(203, 26.0), x, recency, age)),
        "alive": (PUBLISHED.probability_alive, (x, recency, age)),
        "value": (PUBLISHED_VALUE.expected_average_value, (x, spent)),
    }
    for answer, columns in answers.values():
        together = answer(*(column[start:] for column in columns))
        alone = [answer(*(column[i : i + 1] for column in columns))[0] for i in range(start, 203)]
        bare = [float(answer(*(column[i] for column in columns))) for i in range(start, 203)]
        strided = answer(*(np.repeat(column, 2)[::2] for column in columns))[start:]
        assert together.tobytes() == np.array(alone).tobytes() == np.array(bare).tobytes()
        assert together.tobytes() == strided.tobytes()


# What must hold of any fit.


@pytest.mark.parametrize("scale", [1 / 52, 7, 86_400 * 7e6])
def test_the_unit_of_time_changes_alpha_alone(cdnow, scale):
    x, recency, age = history(cdnow)
    weeks, other = BGNBD.fit(x, recency, age), BGNBD.fit(x, recency * scale, age * scale)
    assert other.alpha / scale == pytest.approx(weeks.alpha, rel=1e-6)
    assert [other.r, other.a, other.b] == pytest.approx([weeks.r, weeks.a, weeks.b], rel=1e-6)


def test_the_unit_of_money_changes_v_alone(cdnow):
    dollars = GammaGamma.fit(cdnow["frequency"], cdnow["mean_value"])
    cents = GammaGamma.fit(cdnow["frequency"], cdnow["mean_value"] * 100)
    assert cents.v / 100 == pytest.approx(dollars.v, rel=1e-6)
    assert [cents.p, cents.q] == pytest.approx([dollars.p, dollars.q], rel=1e-6)


def test_a_weight_of_two_is_two_equal_customers(cdnow):
    some = history(cdnow.iloc[:400])
    twice = np.where(np.arange(400) % 3 == 0, 2, 1)
    weighted = BGNBD.fit(*some, weights=twice)
    repeated = BGNBD.fit(*(np.repeat(column, twice) for column in some))
    np.testing.assert_allclose(
        list(weighted.to_dict().values()), list(repeated.to_dict().values()), rtol=1e-4
    )
    assert weighted.log_likelihood(*some, weights=twice) == pytest.approx(
        weighted.log_likelihood(*(np.repeat(column, twice) for column in some))
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 5), st.floats(0.1, 5), st.floats(0.2, 5))
def test_a_fit_is_at_least_as_likely_as_the_truth(seed, r, a, b):
    truth = BGNBD(r, 4.0, a, b)
    frequency, recency, _ = simulate(truth, 300, age=25, ahead=0, seed=seed)
    past = (frequency, recency, np.full(300, 25.0))
    assert BGNBD.fit(*past).log_likelihood(*past) >= truth.log_likelihood(*past) - 1e-6


def test_a_customer_without_repeats_is_worth_the_mean_whatever_their_value_says():
    values = PUBLISHED_VALUE.expected_average_value([0, 0, 0], [0, 99, np.nan])
    np.testing.assert_allclose(values, 6.25 * 15.44 / 2.74)


def test_many_purchases_outweigh_the_others_mean():
    few, many = PUBLISHED_VALUE.expected_average_value([1, 1000], [100, 100])
    assert 6.25 * 15.44 / 2.74 < few < many < 100
    assert many == pytest.approx(100, rel=1e-3)


def test_customers_without_repeats_say_nothing_of_value(cdnow):
    everyone = PUBLISHED_VALUE.log_likelihood(cdnow["frequency"], cdnow["mean_value"])
    repeat = cdnow[cdnow["frequency"] > 0]
    assert everyone == PUBLISHED_VALUE.log_likelihood(repeat["frequency"], repeat["mean_value"])


@pytest.mark.parametrize("model", [PUBLISHED, PUBLISHED_VALUE])
def test_parameters_survive_json(model):
    assert type(model).from_dict(json.loads(json.dumps(model.to_dict()))) == model


# What is refused.


@pytest.mark.parametrize(
    ("past", "message"),
    [
        (([], [], []), "needs a repeat purchase, got 0 customers"),
        (([0, 0], [0, 0], [3, 4]), "needs a repeat purchase, got 2 customers"),
        (([1, 1], [2, 5], [3, 4]), r"recency <= age, got \[1.0, 5.0, 4.0\] in row 1"),
        (([-1], [0], [4]), "frequency >= 0"),
        (([1], [np.nan], [4]), "in row 0"),
    ],
)
def test_histories_that_cannot_be_are_refused(past, message):
    with pytest.raises(ValueError, match=message):
        BGNBD.fit(*past)


@pytest.mark.parametrize("weights", [[1], [1, -1], [1, np.nan]])
def test_weights_that_cannot_be_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be 2 finite numbers"):
        BGNBD.fit([1, 2], [2, 3], [4, 4], weights)


def test_a_negative_time_ahead_is_refused():
    with pytest.raises(ValueError, match=r"t must be finite and not negative, got -1\.0"):
        PUBLISHED.expected_purchases([3, -1], 1, 2, 3)


@pytest.mark.parametrize(
    ("frequency", "value", "message"),
    [
        ([0, 0], [0, 0], "needs a customer with a repeat purchase"),
        ([1, 2], [10, 0], r"got 2\.0 purchases of 0\.0 in row 1"),
        ([1, 2], [np.nan, 5], "in row 0"),
    ],
)
def test_values_that_cannot_be_are_refused(frequency, value, message):
    with pytest.raises(ValueError, match=message):
        GammaGamma.fit(frequency, value)


def test_parameters_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match=r"BGNBD\.a must be positive and finite, got 0"):
        BGNBD(1, 1, 0, 1)
    with pytest.raises(ValueError, match=r"GammaGamma\.q must be above 1"):
        GammaGamma(1, 0.9, 1)
