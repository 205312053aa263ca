from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from features.source import load_tables
from serving.releases.release import Release
from serving.report.calls import to_call
from serving.report.scored import score_at
from serving.scoring.score import answer, assess
from tests.factories import (
    AS_OF,
    make_bundles,
    make_config,
    make_shop,
    make_transactions,
)
from training.bundle import load
from training.reasons import Options


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    made = make_bundles(folder / "made", config)
    release = Release("shop", {task: load(path) for task, path in made.items()})
    tables = load_tables(config)
    return config, tables, score_at(config, tables, release, AS_OF)


def of_calls(config, calls: int):
    return config.model_copy(update={"report": config.report.model_copy(update={"calls": calls})})


def test_those_with_most_at_risk_come_first_with_the_services_reasons(shop):
    config, tables, scored = shop
    found = to_call(of_calls(config, 7), tables, scored).frame
    frame = scored.frame.set_index("customer_id")
    most = frame["value_at_risk"].sort_values(ascending=False)
    assert found["customer_id"].tolist() == most.index[:7].tolist()
    assert found["rank"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assessed = assess(scored.release, scored.features)
    for row in found.itertuples():
        place = assessed.customer_ids.index(row.customer_id)
        told = answer(assessed, place, Options(3, "en"))["churn"]
        assert row.reasons == [reason["text"] for reason in told["reasons"]["raises"]]
        assert row.churn == told["probability"]
        held = frame.loc[row.customer_id]
        assert (row.clv, row.value_if_stays) == (held["clv"], held["value_if_stays"])
        recency = scored.features["days_since_purchase"][place]
        assert row.last_purchase == AS_OF - timedelta(days=int(recency))
    assert found["segment:lifecycle"].tolist() == [
        frame.loc[customer, "segment:lifecycle"] for customer in found["customer_id"]
    ]
    assert "last_contact" not in found  # this base knows of none


def test_reasons_are_told_in_the_language_asked_for(shop):
    config, tables, scored = shop
    assessed = assess(scored.release, scored.features)
    for language in ("en", "da"):
        found = to_call(of_calls(config, 3), tables, scored, language).frame
        for customer, texts in zip(found["customer_id"], found["reasons"], strict=True):
            place = assessed.customer_ids.index(customer)
            told = answer(assessed, place, Options(3, language))["churn"]["reasons"]["raises"]
            assert texts == [reason["text"] for reason in told]


def test_who_has_nothing_at_risk_is_not_called(shop):
    config, tables, scored = shop
    found = to_call(config, tables, scored).frame  # up to a hundred, of forty customers
    assert (found["value_at_risk"] > 0).all()
    assert set(found["customer_id"]) == set(
        scored.frame["customer_id"][scored.frame["value_at_risk"] > 0]
    )
    assert to_call(of_calls(config, 0), tables, scored).frame.empty


def test_equals_are_called_in_the_order_of_their_ids(shop):
    config, tables, scored = shop
    alike = scored.frame.assign(value_at_risk=5.0, churn=0.5)
    backwards = replace(
        scored,
        frame=alike.iloc[::-1].reset_index(drop=True),
        features=scored.features.iloc[::-1].reset_index(drop=True),
    )
    found = to_call(of_calls(config, 4), tables, backwards).frame
    assert found["customer_id"].tolist() == ["000", "001", "002", "003"]


def test_without_lifetime_values_the_likeliest_to_leave_come_first(shop):
    config, tables, scored = shop
    nan = scored.frame.assign(clv=np.nan, value_if_stays=np.nan, value_at_risk=np.nan)
    churn = Release("shop", {"churn": scored.release.bundles["churn"]})
    found = to_call(of_calls(config, 5), tables, replace(scored, frame=nan, release=churn)).frame
    assert found["churn"].is_monotonic_decreasing
    assert len(found) == 5
    assert all(found["reasons"])


def test_a_base_of_which_no_model_says_anything_has_nobody_to_call(shop):
    config, tables, scored = shop
    unknown = scored.frame.assign(churn=np.nan, value_at_risk=np.nan)
    found = to_call(config, tables, replace(scored, frame=unknown)).frame
    assert found.empty
    assert {"rank", "customer_id", "reasons", "last_purchase"} <= set(found.columns)


def test_what_customers_have_consented_to_is_told_as_it_held_then(tmp_path):
    """Customer 001 said no in May, 002 only in July; of the third nothing is known."""
    rows = pd.DataFrame(
        {
            "customer": ["001", "001", "002", "002"],
            "since": ["2024-01-01", "2024-05-01", "2024-01-01", "2024-07-01"],
            "phone": ["yes", "no", "yes", "no"],
        }
    )
    rows.to_csv(tmp_path / "customers.csv", index=False)
    customers = {
        "path": str(tmp_path / "customers.csv"),
        "timezone": "Europe/Copenhagen",
        "columns": {"customer_id": "customer", "valid_from": "since"},
        "consents": {"calls": "phone"},
    }
    config = make_shop(tmp_path, make_transactions(), sources={"customers": customers})
    made = make_bundles(tmp_path / "made", config)
    release = Release("shop", {task: load(path) for task, path in made.items()})
    tables = load_tables(config)
    found = to_call(config, tables, score_at(config, tables, release, AS_OF)).frame
    told = found.set_index("customer_id")["consent_calls"]
    assert (told["001"], told["002"]) == (False, True)
    assert told["003"] is None
