from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit

from features.build import build
from features.enough import TooFewError
from features.labels import future
from features.source import load_tables
from features.timeline import HistoryError
from tests.training.bases import (
    make_regulars,
    make_regulars_config,
    make_snapshot_config,
    make_subscribers,
)
from training import churn as kind_churn
from training import clv as kind_clv
from training.split import SNAPSHOT_DAY, Examples, split_by_strata, split_by_time

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


def parts_of(split) -> list[Examples]:
    folds = [part for fold in split.folds for part in (fold.train, fold.later)]
    return [*folds, split.fit, split.test]


def keys(examples) -> list[tuple[str, date]]:
    return list(zip(examples.customers, examples.as_of, strict=True))


@pytest.mark.parametrize("task", ["churn", "clv"])
def test_no_outcome_that_fits_reaches_past_the_cut_off_it_is_held_against(task, request):
    split = request.getfixturevalue(task)
    (test,) = set(split.test.as_of)
    assert max(split.fit.as_of) + HORIZON <= test
    assert len(split.folds) == 2
    for fold in split.folds:
        (later,) = set(fold.later.as_of)
        assert max(fold.train.as_of) + HORIZON <= later
        assert later + HORIZON <= test


def test_a_gap_keeps_outcomes_further_apart(tmp_path, receipts):
    timeline = {"every": "28d", "cutoffs": 4, "history": "60d", "gap": "7d"}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    apart = HORIZON + timedelta(days=7)
    assert max(split.fit.as_of) + apart <= min(split.test.as_of)
    for fold in split.folds:
        assert max(fold.train.as_of) + apart <= min(fold.later.as_of)


def test_cut_offs_closer_than_the_horizon_are_purged_from_tuning(tmp_path, receipts):
    timeline = {"every": "7d", "cutoffs": 10, "history": "60d", "gap": "0d"}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    kept = sorted(set(split.fit.as_of))
    assert len(kept) == 10
    assert [set(fold.later.as_of) for fold in split.folds] == [{day} for day in kept[-3:]]
    for fold, day in zip(split.folds, kept[-3:], strict=True):
        assert sorted(set(fold.train.as_of)) == [d for d in kept if d + HORIZON <= day]


def test_several_cut_offs_are_reported_on_together(tmp_path, receipts, churn):
    timeline = {"every": "14d", "cutoffs": 4, "history": "60d", "gap": "0d", "reported": 3}
    config = make_regulars_config(tmp_path, receipts, timeline=timeline)
    tables = load_tables(config)
    split = split_by_time(config, tables, config.churn)
    days = sorted(set(split.test.as_of))
    assert tuple(days) == split.cutoffs.tests
    assert [(later - day).days for day, later in pairwise(days)] == [14, 14]
    # No outcome that anything is learned from lies after the first of them.
    assert max(split.fit.as_of) + HORIZON <= days[0]
    assert len(split.known) == len(build(config, tables, days[:1]))
    # The last is the one that is reported on where there is but one, with the same outcomes.
    last = split.test.at(days[-1:])
    assert keys(last) == keys(churn.test)
    np.testing.assert_array_equal(last.target, churn.test.target)


# A shorter horizon to learn from.

SHORT = {
    "features": {"windows": ["30d", "90d"]},
    "timeline": {"every": "14d", "cutoffs": 4, "history": "60d", "gap": "0d"},
    "churn": {"kind": "lapse", "horizon": "84d", "training_horizon": "28d"},
    "clv": {"horizon": "84d", "training_horizon": "28d"},
}


@pytest.fixture(scope="module")
def shorter(tmp_path_factory, receipts):
    config = make_regulars_config(tmp_path_factory.mktemp("shorter"), receipts, **SHORT)
    tables = load_tables(config)
    return config, tables, split_by_time(config, tables, config.clv)


def test_what_is_learned_at_a_shorter_horizon_ends_by_the_test_cut_off(shorter):
    config, tables, split = shorter
    (test,) = set(split.test.as_of)
    assert max(split.fit.as_of) + HORIZON == test
    for fold in split.folds:
        assert max(fold.train.as_of) + HORIZON <= min(fold.later.as_of)
    spent = future(config, tables, [max(split.fit.as_of)], 28).set_index("customer_id")["value"]
    latest = split.fit.at([max(split.fit.as_of)])
    expected = spent.reindex(latest.customers).fillna(0.0)
    np.testing.assert_allclose(latest.target, expected)
    of_test = future(config, tables, [test], 84).set_index("customer_id")["value"]
    expected = of_test.reindex(split.test.customers).fillna(0.0)
    np.testing.assert_allclose(split.test.target, expected)


def test_the_days_and_windows_that_train_are_stretched_to_the_whole_horizon(shorter):
    config, tables, split = shorter
    assert split.step.ratio == pytest.approx(1 / 3)
    assert split.schema.names[split.step.column] == "expected_value"
    # Windows of 10 and 30 days stand for those of 30 and 90, and a day for three.
    day = max(split.fit.as_of)
    held = config.features.model_copy(update={"windows": (10, 30)})
    frame = build(config.model_copy(update={"features": held}), tables, [day])
    rows = split.fit.at([day])
    frame = frame.set_index("customer_id").loc[rows.customers]
    for name, from_, times in (
        ("spend_in_90d", "spend_in_30d", 1.0),
        ("spend_in_30d", "spend_in_10d", 1.0),
        ("days_since_purchase", "days_since_purchase", 3.0),
        ("tenure", "tenure", 3.0),
    ):
        column = rows.matrix[:, split.schema.names.index(name)]
        np.testing.assert_allclose(column, times * frame[from_].to_numpy(float))
    # The test's are as they are.
    known = build(config, tables, [split.cutoffs.test]).set_index("customer_id")
    tenure = split.test.matrix[:, split.schema.names.index("tenure")]
    np.testing.assert_allclose(tenure, known.loc[split.test.customers]["tenure"].to_numpy(float))


def test_what_the_probability_models_expect_is_of_each_horizon_its_own(shorter):
    _, _, split = shorter
    column = split.step.column
    early, whole = split.fit.matrix[:, column].mean(), split.test.matrix[:, column].mean()
    assert split.learned.horizon == 84
    assert 1.8 * early < whole < 3 * early  # customers leave, so that three times as long is less


@pytest.mark.parametrize("task", ["churn", "clv"])
def test_the_level_of_the_whole_horizon_is_what_can_be_expected_of_it(shorter, task):
    config, tables, split = shorter
    if task == "clv":
        model = kind_clv.fit(split, {**kind_clv.DEFAULTS, "nthread": 1}, (10,), seed=1)
    else:
        split = split_by_time(config, tables, config.churn)
        model = kind_churn.fit(split, {**kind_churn.DEFAULTS, "nthread": 1}, (10,), seed=1)
    early, whole = (part.matrix[:, split.step.column].mean() for part in (split.fit, split.test))
    served, learned = model.predict(split.test.matrix), split.fit.target.mean()
    if task == "clv":
        assert served.mean() == pytest.approx(whole * learned / early)
        assert served.sum() == pytest.approx(split.test.target.sum(), rel=0.3)
    else:
        moved = logit(1 - whole) - logit(1 - early)
        assert logit(served.mean()) == pytest.approx(logit(learned) + moved, abs=1e-6)
        assert served.mean() == pytest.approx(split.test.target.mean(), abs=0.1)


def test_windows_that_are_the_same_when_shortened_are_told(tmp_path, receipts):
    asked = {**SHORT, "features": {"windows": ["1d", "2d", "90d"]}}
    config = make_regulars_config(tmp_path, receipts, **asked)
    with pytest.raises(HistoryError, match=r"shortens features\.windows to 1d, 1d, 30d: each must"):
        split_by_time(config, load_tables(config), config.churn)


def test_without_what_models_expect_no_shorter_horizon_can_be_learned_from(tmp_path, receipts):
    config = make_regulars_config(tmp_path, receipts.assign(paid=10.0), **SHORT)
    with pytest.raises(HistoryError, match="training_horizon needs what BG/NBD"):
        split_by_time(config, load_tables(config), config.clv)


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
    folds = [part for fold in churn.folds for part in (fold.train, fold.later)]
    for part in (*folds, churn.fit, churn.test):
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


def test_what_fits_is_all_that_settings_were_tried_on_and_none_of_the_test(churn):
    fit = set(keys(churn.fit))
    assert len(fit) == len(churn.fit)
    for fold in churn.folds:
        assert set(keys(fold.train)) | set(keys(fold.later)) <= fit
        assert not set(keys(fold.train)) & set(keys(fold.later))
    assert not fit & set(keys(churn.test))


def test_rows_after_the_test_window_change_nothing(tmp_path, receipts, churn):
    (day,) = set(churn.test.as_of)
    late = receipts.iloc[:200].copy()
    late["when"] = (pd.Timestamp(day + HORIZON) + pd.Timedelta(days=3)).isoformat()
    timeline = {"every": "28d", "cutoffs": 3, "history": "60d", "gap": "0d", "test": str(day)}
    config = make_regulars_config(tmp_path, pd.concat([receipts, late]), timeline=timeline)
    split = split_by_time(config, load_tables(config), config.churn)
    for part, other in zip(parts_of(split), parts_of(churn), strict=True):
        np.testing.assert_array_equal(part.target, other.target)
        np.testing.assert_array_equal(part.matrix, other.matrix)


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
    by_validation = split.folds[-1].train.at([first])
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
    rates = [part.target.mean() for part in parts_of(snapshot)]
    assert max(rates) - min(rates) < 0.015
    assert (len(snapshot.fit), len(snapshot.test)) == (300, 100)
    told = [who for fold in snapshot.folds for who in keys(fold.later)]
    assert sorted(told) == sorted(keys(snapshot.fit))  # each is told once, by the others
    for fold in snapshot.folds:
        assert set(keys(fold.train)) == set(keys(snapshot.fit)) - set(keys(fold.later))
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


def test_each_fold_of_a_snapshot_is_held_out_in_its_turn(tmp_path):
    held = []
    for fold in range(4):
        told = {"kind": "label", "test_share": 0.25, "fold": fold}
        config = make_snapshot_config(tmp_path / str(fold), churn=told)
        split = split_by_strata(config, load_tables(config), config.churn)
        assert not set(keys(split.fit)) & set(keys(split.test))
        assert len(split.fit) + len(split.test) == 400
        held += keys(split.test)
    assert len(set(held)) == len(held) == 400
