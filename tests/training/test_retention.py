"""The shifted-beta-geometric finds what its authors printed, and is what it stands for."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from training.retention import ShiftedBetaGeometric

REGULAR = [1000, 631, 468, 382, 326, 289, 262, 241]
HIGH_END = [1000, 869, 743, 653, 593, 551, 517, 491]
"""Of a thousand customers, those still there after each of seven years (table 1)."""

models = st.builds(ShiftedBetaGeometric, st.floats(0.1, 50), st.floats(0.2, 500))
times = st.floats(0, 120)


def histories(there: list[int]) -> tuple[list, list, list]:
    """Who left in each year, then who is there after the last."""
    left = [before - after for before, after in pairwise(there)]
    last = len(left)
    return [*range(last), last], [*range(1, last + 1), np.inf], [*left, there[-1]]


@pytest.mark.parametrize(
    ("there", "alpha", "beta", "likelihood"),
    [(REGULAR, 0.704, 1.182, -1680.3), (HIGH_END, 0.668, 3.806, -1611.2)],
)
def test_the_published_estimates_are_found(there, alpha, beta, likelihood):
    past = histories(there)
    model = ShiftedBetaGeometric.fit(*past)
    assert (round(model.alpha, 3), round(model.beta, 3)) == (alpha, beta)
    assert round(model.log_likelihood(*past), 1) == likelihood


def test_survival_is_projected_past_the_years_that_were_seen():
    # After twelve years 173 and 394 of the thousand were there: five years ahead of what was seen.
    for there, after_twelve in ((REGULAR, 0.173), (HIGH_END, 0.394)):
        model = ShiftedBetaGeometric.fit(*histories(there))
        assert model.survival(12) == pytest.approx(after_twelve, abs=0.02)


def test_retention_rises_with_the_years_as_in_the_paper():
    model = ShiftedBetaGeometric(alpha=0.668, beta=3.806)
    rates = [float(model.survival(1, year)) for year in range(3)]
    assert rates == pytest.approx([(3.806 + t) / (0.668 + 3.806 + t) for t in range(3)])


@pytest.mark.parametrize(("alpha", "beta"), [(0.7, 1.2), (2.0, 30.0), (17.0, 190.0)])
def test_survival_is_the_mean_over_customers_of_their_own(alpha, beta):
    chance, model = stats.beta(alpha, beta), ShiftedBetaGeometric(alpha, beta)

    def there(t: float) -> float:
        return integrate.quad(lambda x: (1 - chance.ppf(x)) ** t, 0, 1, limit=200)[0]

    for age, ahead in ((0.0, 1.0), (2.5, 0.4), (6.0, 12.0)):
        expected = there(age + ahead) / there(age)
        assert model.survival(ahead, age) == pytest.approx(expected, rel=1e-5)


@settings(deadline=None)
@given(models, st.floats(0, 3), st.floats(0.1, 60), times)
def test_the_expected_stay_is_survival_summed_over_time(model, start, length, age):
    found = float(model.expected_stay(start, start + length, age))
    summed, _ = integrate.quad(
        lambda t: float(model.survival(t, age)), start, start + length, limit=200
    )
    assert found == pytest.approx(summed, rel=1e-6, abs=1e-9)
    assert 0 <= found <= length


@given(models, times, times)
def test_who_stayed_longer_stays_longer(model, age, more):
    stay = model.expected_stay(0.0, 12.0, [age, age + more])
    assert stay[1] >= stay[0] - 1e-12


def test_a_customer_alone_has_the_bits_of_the_whole_base():
    model, ages = ShiftedBetaGeometric(0.7, 3.8), np.linspace(0, 80, 501)
    together = model.expected_stay(1.0, 13.0, ages)
    alone = [float(model.expected_stay(1.0, 13.0, [age])[0]) for age in ages]
    assert together.tolist() == alone


def test_a_rate_that_is_everybodys_is_found_where_there_is_no_other():
    rng = np.random.default_rng(1)
    left = np.floor(30 * rng.exponential(10, 4000)) / 30
    stayed = np.minimum(left, 12.0)
    model = ShiftedBetaGeometric.fit(stayed, np.where(left < 12, stayed + 1 / 30, np.inf))
    np.testing.assert_allclose(model.survival([1, 6, 12]), np.exp([-0.1, -0.6, -1.2]), atol=0.02)


def test_rows_with_weights_are_customers_repeated():
    stayed, left_by, count = histories(HIGH_END)
    each = ShiftedBetaGeometric.fit(np.repeat(stayed, count), np.repeat(left_by, count))
    weighted = ShiftedBetaGeometric.fit(stayed, left_by, count)
    assert each.to_dict() == pytest.approx(weighted.to_dict(), rel=1e-6)
    assert ShiftedBetaGeometric.from_dict(weighted.to_dict()) == weighted


@pytest.mark.parametrize(
    ("stayed", "left_by", "said"),
    [
        ([3.0, 5.0], [np.inf, np.inf], "0 who left of 2"),
        ([0.0, 0.0], [1.0, 1.0], "2 who left of 2"),
        ([3.0, 5.0], [4.0, 5.0], "in row 1"),
        ([-1.0], [2.0], "in row 0"),
        ([np.nan], [2.0], "in row 0"),
    ],
)
def test_histories_that_tell_nothing_or_cannot_be_are_refused(stayed, left_by, said):
    with pytest.raises(ValueError, match=said):
        ShiftedBetaGeometric.fit(stayed, left_by)


def test_parameters_must_be_positive():
    with pytest.raises(ValueError, match="beta must be positive"):
        ShiftedBetaGeometric(1.0, 0.0)
