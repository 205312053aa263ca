"""The chance of churning over the days, and the date by which a purchase is due."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.factories import make_base
from tests.training.bases import make_schema
from training.calibrate import Sigmoid
from training.learned import Learned
from training.model import Model
from training.predictors import Linear, Term
from training.probability import BGNBD
from training.timing import YEAR, Course, Timing

LAPSE = Timing("lapse", 28, (7, 28, 30, 60, 90))
CANCEL = replace(LAPSE, kind="cancel")
SCHEMA = make_schema("purchase_days", "active_span", "tenure", "lean")
LEARNED = Learned(28, BGNBD(r=0.243, alpha=4.414, a=0.793, b=2.426))  # CDNOW's, here in days

chances = st.one_of(st.floats(0, 1), st.sampled_from([0.0, 5e-324, 1e-300, 0.5, 1 - 2**-53, 1.0]))
numbers = st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, 1.0, 1e15, 1e300]), st.just(np.nan))
histories = st.tuples(numbers, numbers, numbers)
laws = st.builds(
    BGNBD,
    r=st.floats(1e-4, 1e2),
    alpha=st.floats(1e-3, 1e4),
    a=st.floats(1e-4, 20),
    b=st.floats(1e-4, 1e2),
)
asked = st.builds(
    Timing,
    st.sampled_from(["lapse", "cancel"]),
    st.integers(1, 800),
    st.lists(st.integers(1, 3000), min_size=1, max_size=8, unique=True).map(sorted).map(tuple),
)


def course(timing: Timing, served: list, rows: list, law: BGNBD = LEARNED.purchases) -> Course:
    """The course of customers with these histories: purchases, span and tenure."""
    matrix = np.array([(*row, 0.0) for row in rows], dtype=float).reshape(-1, 4)
    learned = replace(LEARNED, purchases=law)
    return Course(timing, np.array(served, dtype=float), learned.silence(SCHEMA, matrix))


# By hand


def test_silence_runs_as_the_paper_has_it():
    """Two purchases 30 days apart, 60 days ago by now; all parameters are 1.

    Alive: 1 / (1 + 1/1 · (61/31)²) = 961/4682. Silent for 28 and 61 days if alive: (61/89)², 1/4.
    """
    alive = 961 / 4682
    by_28, by_61 = 1 - alive * (1 - (61 / 89) ** 2), 1 - alive * 3 / 4
    told = course(LAPSE, [0.6], [(2, 30, 60)], BGNBD(1.0, 1.0, 1.0, 1.0)).within(61)
    assert told == pytest.approx(0.6 ** (np.log(by_61) / np.log(by_28)), rel=1e-12)
    hazard = BGNBD(1.0, 1.0, 1.0, 1.0).cumulative_hazard([28, 61], 1, 30, 60)
    assert hazard == pytest.approx(-np.log([by_28, by_61]), rel=1e-12)


def test_without_a_history_the_hazard_is_constant():
    """A quarter are silent for 28 days, so a half for 14 and an eighth for 42."""
    for held in (Course(LAPSE, np.array([0.25])), course(LAPSE, [0.25], [(np.nan, 0, 9)])):
        assert held.within(14) == pytest.approx([0.5])
        assert held.within(42) == pytest.approx([0.125])
        assert held.next_purchase() == [14]


def test_cancelling_comes_at_a_constant_hazard():
    """Of all, 19 % cancel within 28 days: 10 % within 14, and 27.1 % within 42."""
    held = Course(replace(CANCEL, days=(14, 28, 42)), np.array([0.19]))
    assert held.times().within == pytest.approx(np.array([[0.1, 0.19, 0.271]]))
    assert held.times().next_purchase is None


def test_who_is_more_likely_never_to_come_back_has_no_date():
    """Of one who has all but surely left, silence hardly falls any more; a regular is due soon."""
    gone, regular = (2.0, 1.0, 400.0), (40.0, 380.0, 390.0)
    due = course(LAPSE, [0.97, 0.1], [gone, regular]).next_purchase()
    assert np.isnan(due[0])
    assert 1 <= due[1] < 28


def test_a_year_is_looked_ahead_or_the_horizon_where_that_is_longer():
    def due(horizon: int, served: float) -> float:
        return Course(Timing("lapse", horizon, (30,)), np.array([served])).next_purchase()[0]

    assert due(1, 0.5 ** (1 / YEAR) * (1 - 1e-12)) == YEAR
    assert np.isnan(due(1, 0.5 ** (1 / YEAR) * (1 + 1e-9)))
    assert due(500, 0.5) == 500
    assert np.isnan(due(500, 0.5000001))


# Whatever the customer


@given(asked, st.lists(st.tuples(chances, histories), min_size=1, max_size=5), laws)
def test_the_chances_never_cross_and_are_never_missing(timing, customers, law):
    served, rows = zip(*customers, strict=True)
    told = course(timing, served, rows, law).times()
    assert np.all((told.within >= 0) & (told.within <= 1))
    steps = np.diff(told.within, axis=1)
    assert np.all(steps <= 0 if timing.kind == "lapse" else steps >= 0)


@given(chances, histories, laws, st.integers(1, 800), st.sampled_from(["lapse", "cancel"]))
def test_at_the_horizon_the_chance_is_the_served_one_to_the_bit(served, row, law, horizon, kind):
    timing = Timing(kind, horizon, (horizon,))
    told = course(timing, [served], [row], law).times().within
    assert told.tobytes() == np.array([[served]]).tobytes()


@given(st.floats(0.01, 0.99), st.floats(1, 10), st.floats(0, 1), st.floats(100, 3000))
def test_silence_falls_with_every_day(served, purchases, share, tenure):
    held = course(LAPSE, [served], [(purchases, share * tenure, tenure)])
    told = np.concatenate([held.within(days) for days in (1, 2, 7, 27, 28, 29, 60, 90)])
    assert np.all(np.diff(told) < 0)


@given(st.lists(st.tuples(chances, histories), min_size=1, max_size=5), laws)
def test_the_date_is_the_first_day_with_even_odds(customers, law):
    served, rows = zip(*customers, strict=True)
    held = course(LAPSE, served, rows, law)
    due = held.next_purchase()
    for row, days in enumerate(due):
        if np.isnan(days):
            assert held.within(YEAR)[row] > 0.5
        else:
            assert held.within(days)[row] <= 0.5
            assert days == 1 or held.within(days - 1)[row] > 0.5


@given(st.lists(st.tuples(chances, histories), min_size=1, max_size=5), laws, st.integers(1, 800))
def test_the_date_is_that_which_halving_finds(customers, law, horizon):
    served, rows = zip(*customers, strict=True)
    held = course(Timing("lapse", horizon, (30,)), served, rows, law)
    most = held.timing.most
    low, high = np.zeros(len(served)), np.full(len(served), float(most))
    for _ in range(most.bit_length()):
        middle = (low + high) // 2
        by_then = held.within(middle) <= 0.5
        low, high = np.where(by_then, low, middle), np.where(by_then, middle, high)
    due = held.within(most) <= 0.5
    np.testing.assert_array_equal(held.next_purchase(), np.where(due, high, np.nan))
    np.testing.assert_array_equal(held.times().next_purchase, held.next_purchase())


def test_the_days_told_together_have_the_bits_they_have_alone():
    rng = np.random.default_rng(0)
    tenure = rng.integers(2, 900, 300).astype(float)
    rows = np.column_stack([rng.integers(1, 30, 300), rng.random(300) * tenure, tenure])
    rows[:, 1] *= rows[:, 0] > 1
    served = rng.random(300)
    told = course(LAPSE, served, rows.tolist()).times()
    for row in range(0, 300, 7):
        alone = course(LAPSE, served[[row]], rows[[row]].tolist())
        assert alone.times().within.tobytes() == told.within[[row]].tobytes()
        assert alone.times().next_purchase.tobytes() == told.next_purchase[[row]].tobytes()


@given(laws, st.floats(0, 300), st.floats(0, 1), st.floats(0.1, 3000), st.floats(1, 1000))
def test_the_hazard_is_that_of_the_probability_of_a_purchase(law, repeats, share, age, t):
    history = (repeats, share * age if repeats else 0.0, age)
    bought = law.probability_of_purchase(t, *history)
    assert -np.expm1(-law.cumulative_hazard(t, *history)) == pytest.approx(bought, rel=1e-9)
    assert law.cumulative_hazard(2 * t, *history) >= law.cumulative_hazard(t, *history)


def test_a_customer_alone_has_the_bits_they_have_among_thousands():
    rng = np.random.default_rng(3)
    tenure = rng.uniform(1, 900, 3001)
    rows = np.column_stack([1 + rng.poisson(3, 3001), tenure * rng.random(3001), tenure])
    served = rng.random(3001)
    for timing in (LAPSE, CANCEL):
        among = course(timing, served, rows).times()
        for row in range(0, 3001, 60):
            alone = course(timing, served[[row]], rows[[row]]).times()
            assert alone.within[0].tobytes() == among.within[row].tobytes()
            if timing.kind == "lapse":
                assert alone.next_purchase[0].tobytes() == among.next_purchase[row].tobytes()


# What a model and a config say


def test_a_model_follows_the_histories_it_is_given():
    """Who buys often and is silent for the horizon has left: more days change little for them."""
    schema = LEARNED.extend(SCHEMA)
    predictor = Linear(6, 0.0, (Term(3, "identity", 0.0, 1.0, 1.0),))
    model = Model("churn", "made", schema, (predictor,), Sigmoid(1.0, 0.0), learned=LEARNED)
    matrix = model.complete(np.array([[9.0, 80.0, 90.0, 0.0], [2.0, 4.0, 90.0, 0.0]]))
    served = model.predict(matrix)
    assert model.course(matrix, served) is None
    told = replace(model, timing=LAPSE).course(matrix, served).times()
    assert told.within[0, 1] == told.within[1, 1] == 0.5
    assert told.within[1, -1] < told.within[0, -1] < 0.5
    assert told.within[0, 0] < told.within[1, 0]


def test_a_config_says_the_days():
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "3d"}
    churn = {"kind": "lapse", "horizon": "28d", "within": ["14d", "8w"]}
    config = make_base(churn=churn, timeline=timeline)
    assert Timing.of(config) == Timing("lapse", 28, (14, 56), 3)
    assert Timing.of(config.model_copy(update={"churn": None})) is None
    usual = make_base(churn={"kind": "lapse", "horizon": "28d"})
    assert Timing.of(usual) == Timing("lapse", 28, (30, 60, 90), 0)


def test_it_is_written_and_read():
    held = replace(LAPSE, gap=2)
    assert Timing.from_dict(held.to_dict()) == held


@pytest.mark.parametrize(
    "changes",
    [
        {"kind": "label"},
        {"horizon": 0},
        {"days": ()},
        {"days": (60, 30)},
        {"days": (0, 30)},
        {"gap": -1},
    ],
    ids=repr,
)
def test_a_timing_that_cannot_be_is_refused(changes):
    with pytest.raises(ValueError, match="must be"):
        replace(LAPSE, **changes)
