"""A customer's tenth is by the CLV that is served; their potential by what others alike spend."""

import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeRegressor

from configs.schema import Config
from features.build import build, schema_of
from features.enough import TooFewError
from features.schema import FeatureSchema
from features.source import load_tables
from tests.factories import AS_OF, make_config
from tests.training.bases import make_regulars_config, make_schema
from training.population import Population
from training.segmentation import potential
from training.segmentation.potential import PotentialError
from training.segmenters.peers import Alike, Potential, Question
from training.segmenters.segmenter import NOBODY, Worth
from training.segmenters.value import TENTHS, ValueTenths

VALUE = {"segments": {"value": {"min_alike": 20}}}

PEERS = Potential(
    # Who has been a customer for at most 200 days; of the others, whose income is category 1.
    (Question(0, 200.0, None, -1, 1, 1), Question(1, None, 1, -3, -2, -2)),
    (
        Alike(40, 100.0, "tenure: at most 200", "anciennitet: højst 200"),
        Alike(30, 300.0, "income: not low", "indkomst: ikke lav"),
        Alike(25, 200.0, "income: low", "indkomst: lav"),
    ),
)
WAY = ValueTenths("value", Population("tenure", at_least=0.0), PEERS)
WORTH = Worth(np.array([5.0, 10.0, 90.0, 1e9, -3.0, np.nan]), tuple(range(10, 100, 10)))


# Tenths


def test_a_value_on_an_edge_is_of_the_tenth_above():
    # Of the edges 10, 20, …, 90: below 10 is the first tenth, 10 the second, from 90 on the last.
    places = WAY.assign(np.zeros((6, 2)), WORTH)
    assert places.tolist() == [0, 1, 9, 9, 0, NOBODY]
    assert [TENTHS[place].id for place in places[:5]] == [1, 2, 10, 10, 1]


def test_without_a_value_nobody_has_a_tenth():
    assert WAY.assign(np.zeros((3, 2))).tolist() == [NOBODY] * 3


def test_tenths_are_named_from_the_nearer_end():
    assert [tenth.id for tenth in TENTHS] == list(range(1, 11))
    names = [tenth.name for tenth in TENTHS]
    assert names[:2] == ["Bottom 10 % by value", "Bottom 10–20 % by value"]
    assert names[4:6] == ["Bottom 40–50 % by value", "Top 40–50 % by value"]
    assert names[8:] == ["Top 10–20 % by value", "Top 10 % by value"]
    danish = [tenth.name_da for tenth in TENTHS]
    assert danish[0] == "De nederste 10 % målt på værdi"
    assert danish[8] == "De øverste 10–20 % målt på værdi"
    assert len(set(names)) == len(set(danish)) == 10


def test_the_reasons_of_a_tenth_are_those_of_the_value():
    told = WAY.contributions(np.ones((4, 2)), WORTH)
    assert told.values.tolist() == np.zeros((4, 2)).tolist()
    assert told.base == 0.0


# Who is alike


def test_each_answer_leads_to_a_group_and_who_is_unknown_goes_where_the_tree_says():
    matrix = np.array([[200.0, 1], [201.0, 1], [201.0, 0], [np.nan, 1], [201.0, np.nan]])
    assert WAY.alike(matrix).tolist() == [0, 2, 1, 2, 1]
    assert WAY.potential(matrix).tolist() == [100.0, 200.0, 300.0, 200.0, 300.0]
    assert [WAY.groups[place].words for place in WAY.alike(matrix)[:2]] == [
        "tenure: at most 200",
        "income: low",
    ]


def test_without_a_question_all_are_alike():
    alone = Potential((), (Alike(60, 7.0, "all customers", "alle kunder"),))
    assert alone.of(np.full((3, 2), np.nan)).tolist() == [7.0] * 3
    assert alone.of(np.zeros((0, 2))).tolist() == []


@pytest.mark.parametrize("way", [WAY, replace(WAY, population=None)], ids=["some", "everybody"])
def test_it_is_kept_as_json_to_the_bit(way):
    content = way.to_bytes()
    json.loads(content)
    again = ValueTenths.from_bytes(content)
    assert again == way
    assert again.to_bytes() == content


cells = st.floats(-300, 600) | st.just(np.nan)


@settings(max_examples=30)
@given(st.lists(st.tuples(cells, st.sampled_from([0.0, 1.0, np.nan]), cells), max_size=20))
def test_a_row_is_told_the_same_alone_as_among_others(rows):
    held = np.array(rows).reshape(-1, 3)
    matrix, worth = held[:, :2], Worth(held[:, 2], WORTH.edges)
    for index in range(len(held)):
        one, alone = matrix[index : index + 1], replace(worth, values=worth.values[[index]])
        assert WAY.assign(one, alone) == WAY.assign(matrix, worth)[index]
        assert WAY.potential(one) == WAY.potential(matrix)[index]


# What those who are alike spend at their best


def made(tmp_path, **changes) -> tuple[Config, FeatureSchema]:
    schema = make_schema("tenure", "spend_in_30d", "newsletter", income=("high", "low", "middle"))
    named = {"tenure": ("days since the first purchase", "dage siden første køb", "days")}
    columns = [
        replace(column, label=named[column.name][0], label_da=named[column.name][1], unit="days")
        if column.name in named
        else column
        for column in schema.columns
    ]
    return make_config(tmp_path, **{**VALUE, **changes}), FeatureSchema(tuple(columns))


def test_the_best_of_each_group_by_hand(tmp_path):
    # Of income high twenty spend 10, 20, …, 200 in 30 days. The quantile 0.9 lies 0.9 × 19 = 17.1
    # steps up: 180 + 0.1 × 10 = 181, and in the 15 days of the horizon half: 90.5. Of the others
    # twenty spend 1, 2, …, 20: 18.1, hence 9.05. Twenty who spent nothing tell nothing.
    config, schema = made(tmp_path, clv={"horizon": "15d"})
    tens = np.arange(10.0, 201.0, 10.0)
    spent = np.concatenate([tens, tens / 10, np.zeros(20)])
    income = np.repeat([0.0, 1.0, 0.0], 20)
    matrix = np.column_stack([np.full(60, 400.0), spent, np.ones(60), income])
    found = potential.fit(config, "value", schema, matrix)
    assert [group.size for group in found.groups] == [20, 20]
    assert sorted(group.best for group in found.groups) == pytest.approx([9.05, 90.5])
    rich = found.groups[found.alike(matrix)[0]]
    assert rich.best == pytest.approx(90.5)
    assert (rich.words, rich.words_da) == ("income: high", "income: high")
    poor = found.groups[found.alike(matrix)[20]]
    assert (poor.words, poor.words_da) == ("income: not high", "income: ikke high")
    # Who spent nothing has the potential of who they are.
    np.testing.assert_allclose(found.of(matrix[40:]), 90.5)


def test_days_are_said_in_whole_ones_and_unknown_where_some_are(tmp_path):
    # Of the newcomers all spend 10, of the others 100; ten of these have no known first purchase.
    config, schema = made(tmp_path)
    tenure = np.concatenate([np.arange(1.0, 31.0), np.arange(71.0, 101.0), np.full(10, np.nan)])
    spent = np.repeat([10.0, 100.0], [30, 40])
    matrix = np.column_stack([tenure, spent, np.ones(70), np.zeros(70)])
    new, old = potential.fit(config, "value", schema, matrix).groups
    assert new.words == "days since the first purchase: at most 50"
    assert new.words_da == "dage siden første køb: højst 50"
    assert old.words == "days since the first purchase: more than 50 or unknown"
    assert old.words_da == "dage siden første køb: over 50 eller ukendt"


def test_several_answers_of_one_feature_are_said_as_one(tmp_path):
    # Three ages of customers spend 10, 1,000 and 50 each; with the newsletter 4 times that.
    config, schema = made(tmp_path)
    age, letter = (held.ravel() for held in np.meshgrid(np.arange(120.0), [0.0, 1.0]))
    spent = np.repeat([10.0, 1000.0, 50.0], 40)[age.astype(int)] * (1 + 3 * letter)
    matrix = np.column_stack([age, spent, letter, np.zeros(240)])
    found = potential.fit(config, "value", schema, matrix)
    told = {group.words: group.best for group in found.groups}
    middle = "days since the first purchase: more than 39 and at most 79"
    scale = 28 / 30
    assert told[f"{middle}; newsletter: yes"] == pytest.approx(4000 * scale)
    assert told[f"{middle}; newsletter: no"] == pytest.approx(1000 * scale)
    assert told["days since the first purchase: at most 39; newsletter: no"] == pytest.approx(
        10 * scale
    )
    danish = {group.words_da for group in found.groups}
    assert "dage siden første køb: over 39 og højst 79; newsletter: ja" in danish


def test_the_groups_are_those_of_scikit_learns_tree(tmp_path):
    config, schema = made(tmp_path)
    rng = np.random.default_rng(4)
    matrix = np.column_stack(
        [
            rng.integers(1, 400, 2000),
            rng.gamma(2.0, 30.0, 2000),
            rng.integers(0, 2, 2000),
            rng.integers(0, 3, 2000),
        ]
    ).astype(float)
    matrix[:, 1] *= 1 + (matrix[:, 0] > 100) + 2 * (matrix[:, 3] == 1) + matrix[:, 2]
    matrix[rng.random(2000) < 0.1, 3] = np.nan
    found = potential.fit(config, "value", schema, matrix)
    income, unknown = matrix[:, 3], np.isnan(matrix[:, 3])
    each = [np.where(unknown, np.nan, income == number) for number in range(3)]
    columns = [matrix[:, 0], matrix[:, 2], *each]
    target = np.log1p(matrix[:, 1])
    least = 0.01 * np.var(target)
    tree = DecisionTreeRegressor(
        max_leaf_nodes=12, min_samples_leaf=20, min_impurity_decrease=least, random_state=1
    ).fit(np.column_stack(columns), target)
    leaves = tree.apply(np.column_stack(columns))
    both = set(zip(leaves.tolist(), found.alike(matrix).tolist(), strict=True))
    assert len(both) == len(set(leaves)) == len(found.groups) > 4
    assert [int(np.sum(found.alike(matrix) == place)) for place in range(len(found.groups))] == [
        group.size for group in found.groups
    ]


def test_nothing_of_how_much_how_often_or_how_recently_is_asked(tmp_path):
    config = make_regulars_config(tmp_path, **VALUE)
    tables = load_tables(config)
    schema = schema_of(config, tables)
    matrix = schema.encode(build(config, tables, [AS_OF]))
    found = potential.fit(config, "value", schema, matrix)
    asked = {schema.names[question.feature] for question in found.questions}
    assert asked <= {"income", "newsletter", "tenure", "weekend_share"}
    assert len(found.groups) <= 12
    assert min(group.size for group in found.groups) >= 20
    assert sum(group.size for group in found.groups) == np.sum(
        matrix[:, schema.names.index("spend_in_30d")] > 0
    )
    assert all(group.best > 0 and group.words and group.words_da for group in found.groups)
    assert potential.fit(config, "value", schema, matrix) == found


def test_a_share_is_asked_no_more_of_than_whether_it_is_over_half(tmp_path):
    # Who bought once has a weekend share of 0 or 1: the question is not how often they buy.
    schema = make_schema("weekend_share", "spend_in_30d")
    share = np.concatenate([np.zeros(40), np.full(40, 0.4), np.full(40, 0.6)])
    spent = np.concatenate([np.full(40, 1.0), np.full(40, 100.0), np.full(40, 500.0)])
    found = potential.fit(
        make_config(tmp_path, **VALUE), "value", schema, np.column_stack([share, spent])
    )
    assert [question.at_most for question in found.questions] == [0.5]


def test_a_higher_quantile_is_no_smaller(tmp_path):
    rng = np.random.default_rng(2)
    matrix = np.column_stack(
        [rng.integers(1, 300, 200), rng.gamma(2.0, 30.0, 200), np.ones(200), np.zeros(200)]
    )
    bests = []
    for best in (0.6, 0.75, 0.95):
        asked = {"segments": {"value": {"min_alike": 20, "best": best}}}
        config, schema = made(tmp_path, **asked)
        bests.append(potential.fit(config, "value", schema, matrix).of(matrix))
    assert all(np.all(low <= high) for low, high in pairwise(bests))


# What customers spend at present


def test_recurring_revenue_is_spread_over_the_horizon(tmp_path):
    config, _ = made(tmp_path)
    task = config.clv.model_copy(update={"value": "mrr"})
    config = config.model_copy(update={"clv": task})
    found = potential.spent(config, make_schema("mrr"), np.array([[100.0], [np.nan]]))
    np.testing.assert_allclose(found, [100 * 28 / 30.4375, 0.0])


def test_of_margin_it_is_the_share_that_was_margin(tmp_path):
    config, _ = made(tmp_path)
    task = config.clv.model_copy(update={"value": "margin"})
    config = config.model_copy(update={"clv": task})
    schema = make_schema("spend_in_30d", "margin_share")
    found = potential.spent(config, schema, np.array([[60.0, 0.25], [60.0, np.nan]]))
    np.testing.assert_allclose(found, [60 * 0.25 * 28 / 30, 0.0])


def test_a_base_that_does_not_tell_what_customers_spend_is_refused(tmp_path):
    config, _ = made(tmp_path)
    with pytest.raises(PotentialError, match=r"features lack spend_in_30d.*leave that way out"):
        potential.fit(config, "value", make_schema("tenure"), np.zeros((50, 1)))


def test_fewer_who_spent_than_are_alike_are_refused(tmp_path):
    config, schema = made(tmp_path)
    matrix = np.column_stack([np.ones(40), np.repeat([5.0, 0.0], [19, 21]), np.zeros((40, 2))])
    with pytest.raises(TooFewError, match=r"segments\.value: 19 customers spent.*at least 20"):
        potential.fit(config, "value", schema, matrix)
    matrix[19, 1] = 5.0
    (group,) = potential.fit(config, "value", schema, matrix).groups
    assert (group.size, group.words, group.words_da) == (20, "all customers", "alle kunder")
