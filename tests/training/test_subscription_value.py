"""CLV of subscriptions, from the rows of who subscribes to a bundle."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from configs.schema import Tuning
from features.check import check
from features.labels import recurring
from features.source import load_tables
from features.timeline import DAYS_A_MONTH
from tests.factories import make_bundle, make_club
from tests.training.bases import make_examples, make_members, make_members_config, make_schema
from training import bundle as bundles
from training import clv
from training.baselines import BaselineError
from training.evaluate import compare
from training.facts import population
from training.job import train
from training.population import Population
from training.progress import Reporter
from training.split import Examples, Split, with_outcomes
from training.subscription_baselines import (
    constant_churn,
    lifetimes,
    logistic_retention,
    mrr_baselines,
    mrr_forward,
    tenure_retention,
)

ASKED = {"churn": None, "clv": {"horizon": "28d", "value": "mrr"}}
COLUMNS = ("running_subscriptions", "mrr", "subscription_tenure", "days_since_subscription_end")


def made(known: list, kept: list, mrr: float = 100.0) -> Split:
    """Subscribers of so much MRR and 200 days who paid these shares of 60 days."""
    matrix = np.tile([1.0, mrr, 200.0, np.nan], (len(kept), 1))
    rows = make_examples(matrix, np.array(kept) * 60 * mrr / DAYS_A_MONTH)
    return Split(make_schema(*COLUMNS), (), rows, rows, np.array(known, dtype=float), None, None)


KNOWN = [
    [1, 10, 300, np.nan],  # there for 300 days
    [2, 10, 300, 40],  # there still, though one of theirs ended
    [0, 0, 300, 40],  # left after 260 days
    [0, 0, 40, 40],  # left as they came
    [0, 0, np.nan, np.nan],  # never had any
]
HALF = [1.0] * 30 + [0.0] * 10


def test_lifetimes_run_from_the_first_start_to_the_last_end_or_on():
    stayed, left_by = lifetimes(made(KNOWN, HALF))
    assert stayed.tolist() == [300, 300, 260, 0]
    assert left_by.tolist() == [np.inf, np.inf, 261, 1]


def test_mrr_is_carried_forward_for_the_months_of_the_horizon():
    model = mrr_forward(made(KNOWN, HALF), 487).model
    assert model.predict(np.array([[1, 30, 1, np.nan]]))[0] == pytest.approx(30 * 16)


def test_constant_churn_is_who_left_over_the_days_of_all():
    data = made(KNOWN, HALF)
    rate = 2 / (301 + 301 + 261 + 1)
    days = np.exp(-rate * 7) * (1 - np.exp(-rate * 90)) / rate
    served = constant_churn(data, 90, 7).model.predict(np.array([[1, 30, 1, np.nan]]))
    assert served[0] == pytest.approx(30 * days / DAYS_A_MONTH)


def test_the_logistic_share_has_the_level_of_what_was_paid_in_money():
    rng = np.random.default_rng(2)
    matrix = np.column_stack(
        [
            np.ones(800),
            rng.choice([9.0, 49.0], 800),
            rng.integers(1, 900, 800),
            np.full(800, np.nan),
        ]
    )
    stays = rng.random(800) < 1 / (1 + np.exp(-matrix[:, 2] / 300))
    paid = matrix[:, 1] * 90 / DAYS_A_MONTH * np.where(stays, 1.0, rng.random(800))
    rows = make_examples(matrix, paid)
    data = Split(make_schema(*COLUMNS), (), rows, rows, matrix, None, None)
    served = logistic_retention(data, 90).model.predict(matrix)
    assert served.sum() == pytest.approx(paid.sum(), rel=1e-4)
    share = served / (matrix[:, 1] * 90 / DAYS_A_MONTH)
    assert share[matrix[:, 2] > 600].min() > share[matrix[:, 2] < 100].max()


def test_where_nobody_left_there_is_but_the_naive_rule():
    known = [row for row in KNOWN if row[0]]
    names = [held.name for held in mrr_baselines(made(known, [1.0] * 40), 60, 0)]
    assert names == ["mrr_forward"]


@pytest.mark.parametrize("make", [constant_churn, tenure_retention])
def test_a_base_that_nobody_left_is_no_base_for_retention(make):
    data = made([row for row in KNOWN if row[0]], [1.0] * 40)
    with pytest.raises(BaselineError, match=r"× .* cannot be fitted: .* who left"):
        make(data, 60, 0)


def test_revenue_that_all_stayed_is_no_base_for_a_logistic_curve():
    with pytest.raises(BaselineError, match="cannot be fitted: it needs some who left"):
        logistic_retention(made(KNOWN, [1.0] * 40), 60)


def test_outcomes_are_money_in_the_order_of_the_rows(tmp_path):
    rows = [("a", "2024-01-01", "2024-06-13", 10), ("b", "2024-01-01", None, 20)]
    frame = pd.DataFrame(rows, columns=["customer", "start", "end", "mrr"])
    config = make_club(tmp_path, frame, **ASKED)
    names = np.array(["b", "a", "none"], dtype=object)
    days = np.full(3, date(2024, 6, 3), dtype=object)
    asked = Examples(names, days, np.zeros((3, 1)), np.full(3, np.nan))
    found = with_outcomes(config, load_tables(config), config.clv, asked)
    assert found.target.tolist() == [560 / DAYS_A_MONTH, 100 / DAYS_A_MONTH, 0]


# Of a base of members


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    config = make_members_config(tmp_path_factory.mktemp("members"), **ASKED)
    return config, load_tables(config)


@pytest.fixture(scope="module")
def split(members):
    return clv.split(*members)


@pytest.fixture(scope="module")
def contenders(members, split):
    fitted = clv.fit(split, {**clv.DEFAULTS, "nthread": 1}, (30,), seed=1)
    return clv.contenders(members[0], split, fitted)


def test_who_has_a_subscription_is_valued_by_the_days_it_then_ran(split):
    assert split.population == Population("running_subscriptions", at_least=1.0)
    rows, (day,) = make_members(), set(split.test.as_of)
    cut = pd.Timestamp(day)
    end = rows["end"].fillna(pd.Timestamp.max).clip(upper=cut + pd.Timedelta(days=28))
    days = (end - rows["start"].clip(lower=cut)).dt.days.clip(lower=0)
    paid = (days * rows["mrr"]).groupby(rows["customer"]).sum() / DAYS_A_MONTH
    runs = (rows["start"] < cut) & ~(rows["end"] < cut)
    assert set(split.test.customers) == set(rows.loc[runs, "customer"])
    np.testing.assert_allclose(split.test.target, paid[split.test.customers], rtol=1e-12)


def test_two_windows_on_end_bring_what_the_whole_brings(members):
    days = [date(2024, 1, 15), date(2024, 2, 12)]
    halves = recurring(*members, days, 28).groupby("customer_id")["value"].sum()
    whole = recurring(*members, days[:1], 56).set_index("customer_id")["value"]
    assert len(whole) > 500
    np.testing.assert_allclose(halves[whole.index], whole, rtol=1e-12)
    assert set(halves.index) == set(whole.index)


def test_the_months_that_are_left_bring_the_level_that_carrying_forward_overstates(
    split, contenders
):
    found = compare(contenders, split.test, clv.METRICS, clv.DECIDING, repeats=100, seed=1)
    assert [held.role for held in contenders] == ["candidate", "naive rule", *["baseline"] * 3]
    names = ["mrr_forward", "geometric_mrr", "sbg_mrr", "logistic_mrr"]
    assert [held.name for held in contenders[1:]] == names
    naive = found.values["mrr_forward"]
    assert naive["total_bias"] > 0.02
    for name in ("geometric_mrr", "sbg_mrr", "logistic_mrr"):
        assert abs(found.values[name]["total_bias"]) < naive["total_bias"] / 2
        assert found.values[name]["rmse"] < naive["rmse"]


def test_each_contender_is_explained_whole_and_is_a_bundle_like_any_other(
    members, split, contenders, tmp_path
):
    matrix = split.test.matrix
    for held in contenders:
        told = held.model.explain(matrix)
        both = told.base_served + told.served_contributions.sum(axis=1)
        np.testing.assert_allclose(both, held.model.predict(matrix), rtol=1e-9)
        path = make_bundle(tmp_path / held.name, members[0], held.model, matrix).path
        again = bundles.load(path).model
        assert again.margin(matrix).tobytes() == held.model.margin(matrix).tobytes()
        contributions = again.explain(matrix).contributions
        assert contributions.tobytes() == told.contributions.tobytes()


def test_check_tells_how_many_paid(members):
    (told,) = (held for held in check(*members) if held.what == "clv: customers")
    assert told.level == "fine"
    assert "744 of 745 paid within 28 days" in told.found


def test_a_run_asks_and_answers_of_subscribers(members):
    config, tables = members
    config = config.model_copy(update={"tuning": Tuning(trials=1, minutes=1.0)})
    run = train(
        config,
        "clv",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        tables=tables,
        reporter=Reporter(quiet=True),
    )
    assert (
        run.facts["population"] == population(config, "clv") == "the customers with a subscription"
    )
    assert run.facts["question"].startswith(
        "How much will each of the customers with a subscription be worth"
    )
    assert [held["name"] for held in run.facts["models"]][1] == "mrr_forward"
    assert run.bundle.model.population == Population("running_subscriptions", at_least=1.0)
