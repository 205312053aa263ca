from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from features.build import build
from features.enough import TooFewError
from features.source import load_tables
from features.timeline import HistoryError
from tests.training.bases import (
    make_regulars,
    make_regulars_config,
    make_snapshot_config,
    make_subscribers,
)
from training.split import SNAPSHOT_DAY, split_by_strata, split_by_time

HORIZON = timedelta(days=28)


@pytest.fixture(scope="module")
def receipts() -> pd.DataFrame:
    return make_regulars()


@pytest.fixture(scope="module")
def base(tmp_path_factory, receipts):
    config = make_regulars_config(tmp_path_factory.mktemp("base"), receipts)
    return config, load_tables(config)


@pytest.fixture(scope="module")
def churn(base):
    return split_by_time(*base, base[0].churn)


@pytest.fixture(scope="module")
def clv(base):
    return split_by_time(*base, base[0].clv)


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    config = make_snapshot_config(tmp_path_factory.mktemp("snapshot"))
    return split_by_strata(config, load_tables(config), config.churn)


def keys(examples) -> list[tuple[str, date]]:
    return list(zip(examples.customers, examples.as_of, strict=True))


@pytest.mark.parametrize("task", ["churn", "clv"])
def test_no_outcome_that_fits_reaches_past_the_cut_off_it_is_held_against(task, request):
    split = request.getfixturevalue(task)
    (test,), (validation,) = set(split.test.as_of), set(split.validation.as_of)
    assert max(split.fit.as_of) + HORIZON <= test
    assert max(split.tune.as_of) + HORIZON <= validation
    assert validation + HORIZON <= test


def test_a_gap_keeps_outcomes_further_apart(tmp_path, receipts):
    timeline = {"every": "28d", "cutoffs": 4, "history": "60d", "gap": "7d"}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    apart = HORIZON + timedelta(days=7)
    assert max(split.fit.as_of) + apart <= min(split.test.as_of)
    assert max(split.tune.as_of) + apart <= min(split.validation.as_of)


def test_cut_offs_closer_than_the_horizon_are_purged_from_tuning(tmp_path, receipts):
    timeline = {"every": "7d", "cutoffs": 10, "history": "60d", "gap": "0d"}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    kept = sorted(set(split.fit.as_of))
    assert len(kept) == 10
    assert sorted(set(split.tune.as_of)) == [d for d in kept if d + HORIZON <= kept[-1]]


def test_outcomes_are_counted_by_hand(churn, clv, receipts):
    (day,) = set(churn.test.as_of)
    # The shop's days are Copenhagen's, and its stamps are in UTC.
    stamps = (
        pd.to_datetime(receipts["when"]).dt.tz_localize("UTC").dt.tz_convert("Europe/Copenhagen")
    )
    start = pd.Timestamp(day, tz="Europe/Copenhagen")
    end = pd.Timestamp(day + HORIZON, tz="Europe/Copenhagen")
    inside = receipts[(stamps >= start) & (stamps < end)]
    paid = inside.groupby("customer")["paid"].sum()
    for customer, left in zip(churn.test.customers, churn.test.target, strict=True):
        assert left == (customer not in paid.index)
    for customer, value in zip(clv.test.customers, clv.test.target, strict=True):
        assert value == pytest.approx(paid.get(customer, 0.0))


def test_only_customers_of_the_population_are_asked_about(base, churn):
    recency = churn.schema.names.index("days_since_purchase")
    for part in (churn.tune, churn.validation, churn.fit, churn.test):
        assert part.matrix[:, recency].max() <= 90
    (day,) = set(churn.test.as_of)
    frame = build(*base, [day])
    asked = frame[frame["days_since_purchase"] <= 90]["customer_id"]
    assert 0 < len(asked) < len(frame)
    assert list(churn.test.customers) == list(asked)
    assert len(churn.known) == len(frame)


def test_without_a_population_all_who_ever_bought_are_asked(tmp_path, receipts):
    free = receipts.iloc[:1].assign(customer="never-bought", paid=0.0)
    receipts = pd.concat([receipts, free])
    config = make_regulars_config(tmp_path, receipts, churn={"kind": "lapse", "horizon": "28d"})
    split = split_by_time(config, load_tables(config), config.churn)
    assert len(split.test) == len(split.known) - 1
    assert "never-bought" not in split.test.customers


def test_what_fits_is_tune_validation_and_all_between(churn):
    fit = set(keys(churn.fit))
    assert len(fit) == len(churn.fit)
    assert set(keys(churn.tune)) | set(keys(churn.validation)) <= fit
    assert not set(keys(churn.tune)) & set(keys(churn.validation))
    assert not fit & set(keys(churn.test))


def test_rows_after_the_test_window_change_nothing(tmp_path, receipts, churn):
    (day,) = set(churn.test.as_of)
    late = receipts.iloc[:200].copy()
    late["when"] = (pd.Timestamp(day + HORIZON) + pd.Timedelta(days=3)).isoformat()
    timeline = {"every": "28d", "cutoffs": 3, "history": "60d", "gap": "0d", "test": str(day)}
    config = make_regulars_config(tmp_path, pd.concat([receipts, late]), timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    for part in ("tune", "validation", "fit", "test"):
        np.testing.assert_array_equal(getattr(split, part).target, getattr(churn, part).target)
        np.testing.assert_array_equal(getattr(split, part).matrix, getattr(churn, part).matrix)


def test_what_is_learned_from_was_known_by_the_cut_off_it_is_held_against(tmp_path, receipts):
    # Of every other customer, the purchases of the first window become known after the second.
    config = make_regulars_config(tmp_path, receipts)
    cuts = split_by_time(config, load_tables(config), config.churn).cutoffs
    first, when = cuts.tune[0], pd.to_datetime(receipts["when"])
    inside = (when > str(first)) & (when < str(first + HORIZON - timedelta(days=1)))
    slow = receipts["customer"].str[-1].isin(list("02468"))
    heard = str(cuts.validation + timedelta(days=14))
    told = receipts.assign(known=receipts["when"].mask(inside & slow, heard))
    held = config.model_dump(mode="json")
    held["sources"]["transactions"]["columns"]["known_at"] = "known"
    config = make_regulars_config(tmp_path, told, sources=held["sources"])
    split = split_by_time(config, load_tables(config), config.churn)
    by_test = split.fit.at([first])
    by_validation = split.tune.at([first])
    assert keys(by_test) == keys(by_validation)
    untold = by_validation.target > by_test.target
    assert untold.sum() > 20
    assert {customer[-1] for customer in by_test.customers[untold]} <= set("02468")
    assert not (by_validation.target < by_test.target).any()


def test_too_short_a_history_is_told_before_anything_is_learned(tmp_path, receipts):
    timeline = {"every": "120d", "cutoffs": 2, "history": "60d", "gap": "0d"}
    churn = {"kind": "lapse", "horizon": "120d"}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline, churn=churn)
    with pytest.raises(HistoryError, match="a horizon of 120d needs 420d of history"):
        split_by_time(config, load_tables(config), config.churn)


def test_too_few_who_left_are_told_with_where_and_how_many(tmp_path):
    config = make_regulars_config(tmp_path, make_regulars(60))
    with pytest.raises(
        TooFewError,
        match=r"churn: \d+ of \d+ lapsed after the tune cut-offs, .*after the test cut-off; "
        "at least 50 who lapsed and 50 who did not are needed each time",
    ):
        split_by_time(config, load_tables(config), config.churn)
    with pytest.raises(TooFewError, match=r"clv: \d+ of \d+ bought after the .*; at least 50 who"):
        split_by_time(config, load_tables(config), config.clv)


def test_too_few_who_stayed_are_told(tmp_path):
    rows = make_subscribers()
    stayed = rows.index[rows["left"] == "No"]
    rows.loc[stayed[20:], "left"] = "Yes"
    config = make_snapshot_config(tmp_path, rows)
    with pytest.raises(TooFewError, match="churn: 380 of 400 left by the label; at least 50"):
        split_by_strata(config, load_tables(config), config.churn)


def test_a_snapshot_is_split_by_strata_of_its_label(snapshot):
    rates = [part.target.mean() for part in (snapshot.tune, snapshot.validation, snapshot.test)]
    assert max(rates) - min(rates) < 0.01
    assert (len(snapshot.fit), len(snapshot.test)) == (300, 100)
    assert set(keys(snapshot.tune)) | set(keys(snapshot.validation)) == set(keys(snapshot.fit))
    assert not set(keys(snapshot.fit)) & set(keys(snapshot.test))
    assert set(snapshot.test.as_of) == {SNAPSHOT_DAY}
    assert snapshot.cutoffs is None


def test_a_snapshots_labels_stay_with_their_customers(snapshot):
    left = make_subscribers().set_index("customer")["left"] == "Yes"
    for part in (snapshot.fit, snapshot.test):
        assert part.target.tolist() == left[part.customers].astype(float).tolist()


def test_the_same_seed_splits_a_snapshot_alike_and_another_does_not(tmp_path, snapshot):
    splits = {}
    for seed in (1, 2):
        config = make_snapshot_config(tmp_path / str(seed), seed=seed)
        splits[seed] = split_by_strata(config, load_tables(config), config.churn)
    assert keys(splits[1].test) == keys(snapshot.test)
    assert keys(splits[2].test) != keys(snapshot.test)
