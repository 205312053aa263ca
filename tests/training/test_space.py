import re

import optuna
import pytest

from configs.load import load
from configs.tuning import Space
from tests.training.bowls import SPACE
from training import churn, clv
from training.space import SpaceError, beginning, require_known, suggest
from training.trees import DEFAULTS


def test_a_draw_lies_within_its_dimension_whatever_the_order_of_the_file():
    drawn = []
    for space in (SPACE, dict(reversed(SPACE.items()))):
        study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
        drawn.append([suggest(study.ask(), space) for _ in range(30)])
    assert drawn[0] == drawn[1]
    assert {held["max_depth"] for held in drawn[0]} == {1, 2, 3, 4}
    assert {held["grow_policy"] for held in drawn[0]} == {"depthwise", "lossguide"}
    rates = sorted(held["learning_rate"] for held in drawn[0])
    assert 0.02 <= rates[0] < rates[-1] <= 0.8
    assert rates[15] < 0.3  # drawn by its logarithm, whose middle is 0.13


def test_a_study_begins_at_the_usual_settings_or_as_near_as_the_space_allows():
    usual = {"learning_rate": 0.001, "max_depth": 9, "grow_policy": "other", "reg_lambda": 5.0}
    near = {"grow_policy": "depthwise", "learning_rate": 0.02, "max_depth": 4}
    assert beginning(SPACE, usual) == near
    assert beginning(SPACE, {"max_depth": 3}) == {"max_depth": 3}


def test_a_setting_that_a_task_does_not_have_is_told_with_the_one_meant():
    wrong = {"max_dept": SPACE["max_depth"]}
    said = r"tuning\.space\.churn\.max_dept: is no setting of churn; did you mean max_depth\?"
    with pytest.raises(SpaceError, match=said):
        require_known(wrong, DEFAULTS, "churn")
    with pytest.raises(SpaceError, match="it has colsample_bytree, learning_rate, "):
        require_known({"zz": SPACE["max_depth"]}, DEFAULTS, "churn")


def test_the_space_that_all_configs_begin_with_searches_every_setting(monkeypatch):
    monkeypatch.setenv("STAMKUNDE_DATA", "data")
    space = load("configs/online_retail.yaml").tuning.space
    assert set(space.churn) == {*DEFAULTS, *churn.DEFAULTS}
    # Only of who leaves are there two kinds to weigh against each other.
    assert set(space.clv) == set(clv.DEFAULTS) - {"scale_pos_weight"}


@pytest.mark.parametrize(
    ("name", "dimension", "said"),
    [
        ("subsample", {"kind": "float", "low": 0.5, "high": 2.0}, "from 0.05 to 1, got 2.0"),
        ("shrinkage", {"kind": "float", "low": 0.0, "high": 1.0}, "from 1e-06 to 1000, got 0.0"),
        ("max_depth", {"kind": "float", "low": 1.0, "high": 3.0}, "a whole number from 1 to 16"),
        ("bends", {"kind": "choice", "of": ["few"]}, "a whole number from 0 to 20, got 'few'"),
        ("family", {"kind": "choice", "of": ["x"]}, "one of tweedie, hurdle, log, got 'x'"),
    ],
)
def test_a_value_that_a_setting_cannot_take_is_told(name, dimension, said):
    space = Space.model_validate({"clv": {name: dimension}}).clv
    with pytest.raises(SpaceError, match=re.escape(said)):
        require_known(space, clv.SETTINGS, "clv")
