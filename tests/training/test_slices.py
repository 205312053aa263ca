"""Slices: whom a model serves how well, with counts, and no figure of too few."""

from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame

from features.source import load_tables
from tests.training.bases import (
    make_examples,
    make_regulars_config,
    make_schema,
    make_snapshot_config,
)
from training import churn, clv, slices
from training.bootstrap import bootstrap
from training.metrics import CHURN_METRICS, VALUE_METRICS, ece, roc_auc
from training.slices import Grouping, by_category, by_newness, by_quarter, by_tenth, by_tenure

CHURN = {name: CHURN_METRICS[name] for name in ("roc_auc", "ece")}


def column(unit: str):
    return replace(make_schema("tenure").columns[0], unit=unit)


def shown(grouping: Grouping) -> list[str]:
    return [grouping.names[number] for number in grouping.number]


def test_tenures_are_cut_by_their_unit():
    days = by_tenure(column("days"), np.array([0, 89, 90, 364, 365, 729, 730, np.nan]))
    assert shown(days) == [
        "under 90 days",
        "under 90 days",
        "90 to 179 days",
        "180 to 364 days",
        "365 to 729 days",
        "365 to 729 days",
        "730 days or more",
        "not known",
    ]
    months = by_tenure(column("months"), np.array([1.0, 24.0]))
    assert shown(months) == ["under 3 months", "24 months or more"]
    assert by_tenure(column("visits"), np.arange(8.0)).names[0] == "0 to 1"


def test_tenths_hold_equally_many_and_equal_values_stay_together():
    found = by_tenth("spend", "Spend", np.random.default_rng(0).permutation(200).astype(float))
    assert np.bincount(found.number).tolist() == [20] * 10
    assert found.names[0] == "lowest tenth"
    tied = by_tenth("mrr", "MRR", np.repeat([9.0, 49.0], [50, 50]))
    assert sorted(set(tied.number)) == [2, 7]


def test_quarters_are_named_for_their_ends():
    found = by_quarter("age", "Age", np.array([20.0, 30, 40, 50, 60, 70, 80, 90, np.nan]))
    assert found.names == ("20 to 30", "40 to 50", "60 to 70", "80 to 90", "not known")
    assert found.number.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4]


def test_new_and_one_order_customers_stand_apart():
    found = by_newness(np.array([1.0, 1, 2, 9, np.nan]), np.array([90.0, 91, 10, 500, 5]))
    assert shown(found) == [
        "one order, new (first bought within 90 days)",
        "one order, longer ago",
        "several orders, new",
        "several orders, longer known",
        "not known",
    ]


def test_the_rarest_of_many_categories_stand_together():
    values = [f"c{n:02}" for n in range(20) for _ in range(30 - n)] + [None]
    found = by_category("town", "Town", values)
    assert found.names == (*(f"c{n:02}" for n in range(11)), "all others", "not known")
    counts = np.bincount(found.number)
    assert counts[0] == 30
    assert counts[11] == sum(30 - n for n in range(11, 20))
    assert counts[12] == 1


def make_rows(rows: int = 600):
    """Probabilities that are right of half the customers, and 0.3 too high of the others."""
    rng = np.random.default_rng(4)
    true = rng.uniform(0.05, 0.6, rows)
    test = make_examples(np.empty((rows, 0)), (rng.random(rows) < true).astype(float))
    half = np.arange(rows) % 2
    return test, true + 0.3 * half, Grouping("sex", "Sex", ("women", "men", "not known"), half)


def measured(test, prediction, *cut, metrics=CHURN, customers=30, outcomes=5):
    return slices.measure(
        cut,
        test,
        prediction,
        metrics,
        customers=customers,
        outcomes=outcomes,
        repeats=200,
        seed=1,
    )


def test_each_slice_has_its_counts_and_figures():
    test, prediction, by_sex = make_rows()
    (found,) = measured(test, prediction, by_sex)
    assert (found.by, found.label) == ("sex", "Sex")
    assert [group.name for group in found.groups] == ["women", "men"]
    for number, group in enumerate(found.groups):
        rows = by_sex.number == number
        y, p = test.target[rows], prediction[rows]
        assert (group.customers, group.positives) == (300, y.sum())
        assert group.figures["roc_auc"].estimate == roc_auc(y, p)
        assert group.figures["ece"].estimate == pytest.approx(ece(y, p))
        assert group.figures["mean_predicted"].estimate == pytest.approx(p.mean())
        assert group.figures["mean_actual"].estimate == pytest.approx(y.mean())
        for figure in group.figures.values():
            assert figure.low <= figure.estimate <= figure.high
    women, men = (group.figures["mean_excess"] for group in found.groups)
    assert not women.clear
    assert men.low > 0.2


def test_figures_are_those_of_fairlearn():
    test, prediction, by_sex = make_rows()
    (found,) = measured(test, prediction, by_sex)
    frame = MetricFrame(
        metrics=roc_auc, y_true=test.target, y_pred=prediction, sensitive_features=by_sex.number
    )
    assert [g.figures["roc_auc"].estimate for g in found.groups] == frame.by_group.tolist()


def test_an_interval_is_about_as_wide_as_one_of_the_slice_alone():
    test, prediction, by_sex = make_rows()
    (found,) = measured(test, prediction, by_sex)
    rows = by_sex.number == 1
    alone = bootstrap(roc_auc, test.target[rows], prediction[rows], test.customers[rows], 200)
    held = found.groups[1].figures["roc_auc"]
    assert held.high - held.low == pytest.approx(alone.high - alone.low, rel=0.25)


@pytest.mark.parametrize(
    ("customers", "outcomes", "told"), [(300, 5, True), (301, 5, False), (30, 400, False)]
)
def test_too_few_have_counts_and_no_figures(customers, outcomes, told):
    test, prediction, by_sex = make_rows()
    (found,) = measured(test, prediction, by_sex, customers=customers, outcomes=outcomes)
    assert [bool(group.figures) for group in found.groups] == [told, told]
    assert all(group.customers == 300 for group in found.groups)
    assert all(np.isnan(group.excess_error) != told for group in found.groups)


def test_the_stayers_must_be_enough_as_well_but_of_a_value_only_who_brought_any():
    rows = 100
    target = np.ones(rows)
    target[:4] = 0
    cut = Grouping("all", "All", ("all", "not known"), np.zeros(rows, int))
    p = np.linspace(0.5, 0.9, rows)
    (churned,) = measured(make_examples(np.empty((rows, 0)), target), p, cut)
    assert churned.groups[0].figures == {}
    gini = {"normalised_gini": VALUE_METRICS["normalised_gini"]}
    worth = make_examples(np.empty((rows, 0)), 10 * target)
    (value,) = measured(worth, p, cut, metrics=gini)
    assert set(value.groups[0].figures) == {
        "normalised_gini",
        "mean_predicted",
        "mean_actual",
        "mean_excess",
    }


def test_a_customer_at_two_cut_offs_counts_once():
    test, prediction, by_sex = make_rows()
    twice = replace(test, customers=np.repeat(test.customers[:300], 2))
    (found,) = measured(twice, prediction, by_sex)
    assert [group.customers for group in found.groups] == [300, 300]


@pytest.mark.parametrize("task", [churn, clv])
def test_a_shop_is_cut_by_tenure_value_newness_and_what_is_protected(task, tmp_path):
    told = make_regulars_config(tmp_path).model_dump(mode="json")
    for attribute in told["sources"]["customers"]["attributes"].values():
        attribute["protected"] = True
    config = type(make_regulars_config(tmp_path)).model_validate(told)
    tables = load_tables(config)
    data = task.split(config, tables)
    # All are regulars: some become customers of one order, for there are none.
    data.test.matrix[:50, data.schema.names.index("purchase_days")] = 1.0
    found = slices.groupings(config, tables, data)
    assert [each.by for each in found] == [
        "tenure",
        "spend_ever",
        "orders",
        "income",
        "newsletter",
    ]
    assert all(len(each.number) == len(data.test) for each in found)
    income = dict(zip(data.test.customers, shown(found[3]), strict=True))
    assert income["cust-000001"] == "low"
    assert set(shown(found[4])) == {"yes", "no"}


def test_a_snapshot_is_cut_by_what_is_protected_alone_where_it_tells_no_tenure(tmp_path):
    told = make_snapshot_config(tmp_path).model_dump(mode="json")
    told["sources"]["snapshot"]["attributes"]["paperless"]["protected"] = True
    config = type(make_snapshot_config(tmp_path)).model_validate(told)
    tables = load_tables(config)
    found = slices.groupings(config, tables, churn.split(config, tables))
    assert [each.by for each in found] == ["paperless"]
