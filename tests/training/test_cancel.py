"""Churn by cancelling, learned from subscriptions, with revenue beside the counts."""

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from configs.tasks import Cancel
from features.source import load_tables
from tests.factories import make_club
from tests.training.bases import make_members, make_members_config, make_schema
from training import baselines, churn
from training.job import train
from training.population import Population
from training.progress import Reporter
from training.split import Examples, Split, population_of, with_outcomes

CUT_OFF, EARLIER = date(2024, 6, 3), date(2024, 5, 6)


def test_outcomes_stand_in_the_order_of_the_rows(tmp_path):
    rows = [
        ("a", "2024-01-01", "2024-06-10", "2024-06-10"),
        ("b", "2024-01-01", None, None),
        ("c", "2024-01-01", "2024-05-20", "2024-06-05"),
    ]
    names = ["customer", "start", "end", "end_known"]
    config = make_club(tmp_path, pd.DataFrame(rows, columns=names))
    customers = np.array(["c", "b", "a", "c"], dtype=object)
    as_of = np.array([EARLIER, CUT_OFF, CUT_OFF, CUT_OFF], dtype=object)
    asked = Examples(customers, as_of, np.zeros((4, 1)), np.full(4, np.nan))
    tables = load_tables(config)
    assert with_outcomes(config, tables, config.churn, asked).target.tolist() == [1, 0, 1, 1]
    known = with_outcomes(config, tables, config.churn, asked, date(2024, 6, 4))
    assert known.target.tolist() == [0, 0, 0, 0]  # the end of c was not known until the 5th


def test_who_has_a_subscription_is_asked():
    task = Cancel(kind="cancel", horizon="28d")
    assert population_of(task) == Population("running_subscriptions", at_least=1.0)


def made(schema_names: tuple[str, ...], seed: int = 1) -> Split:
    """Customers of whom the cheap ones leave more often."""
    rng = np.random.default_rng(seed)
    matrix = np.column_stack([np.ones(600), rng.choice([9.0, 19.0, 49.0], 600), rng.random(600)])
    matrix = matrix[:, : len(schema_names)]
    left = (rng.random(600) < np.where(matrix[:, 1] < 10, 0.5, 0.1)).astype(float)
    names = np.array([f"{number:03}" for number in range(600)], dtype=object)
    rows = Examples(names, np.full(600, CUT_OFF, dtype=object), matrix, left)
    return Split(make_schema(*schema_names), rows, rows, rows, rows, matrix, None, None)


@pytest.mark.parametrize(
    "names", [("running_subscriptions", "mrr"), ("running_subscriptions", "x")]
)
def test_the_logistic_on_subscriptions_takes_what_is_known_of_them(names):
    model = baselines.subscription_logistic(made(names)).model
    margin = model.margin(np.array([[1.0, 9.0], [1.0, 49.0]]))
    assert (margin[0] > margin[1]) == ("mrr" in names)


# With the features of subscriptions


@pytest.fixture(scope="module")
def members(tmp_path_factory):
    config = make_members_config(tmp_path_factory.mktemp("members"))
    return config, load_tables(config)


@pytest.fixture(scope="module")
def split(members):
    return churn.split(*members)


def test_outcomes_are_counted_by_hand(split):
    rows = make_members()
    (day,) = set(split.test.as_of)
    cut, end = pd.Timestamp(day), pd.Timestamp(day) + pd.Timedelta(days=28)
    runs = {
        at: set(rows.loc[(rows["start"] < at) & ~(rows["end"] < at), "customer"])
        for at in (cut, end)
    }
    assert set(split.test.customers) == runs[cut]
    left = set(split.test.customers[split.test.target == 1])
    assert left == runs[cut] - runs[end]


def test_who_cancels_is_ranked_with_the_revenue_that_goes(members):
    config, tables = members
    run = train(
        config,
        "churn",
        now=datetime(2026, 1, 1, tzinfo=UTC),
        tables=tables,
        reporter=Reporter(quiet=True),
    )
    told = run.facts
    assert run.verdict.passed
    assert told["population"] == "the customers with a subscription"
    assert told["question"].startswith("Which of the customers with a subscription will have none")
    assert [each["name"] for each in told["models"]][1:] == ["base_rate", "subscription_logistic"]
    assert told["test"]["mrr_rate"] < told["test"]["rate"]  # the cheap ones go
    assert 0 < told["test"]["mrr_top_tenth"] < 1
    assert run.bundle.model.population == Population("running_subscriptions", at_least=1.0)
    assert run.bundle.model.timing.kind == "cancel"
    assert told["timing"]["within"][-1]["actual"] == told["test"]["rate"]
