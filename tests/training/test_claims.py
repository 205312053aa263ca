from datetime import date, timedelta

import numpy as np
import pytest

from features.timeline import CutOffs
from tests.training.bases import make_regulars_config, make_schema
from training import churn
from training.claims import AS_IT_COMES, CHOSEN, Claims, claims, notebook
from training.metrics import CHURN_METRICS, VALUE_METRICS, roc_auc
from training.split import Examples, Fold, Split

AUC, GINI = CHURN_METRICS["roc_auc"], VALUE_METRICS["normalised_gini"]
DAYS = tuple(date(2024, 1, 1) + timedelta(days=30 * step) for step in range(5))
SCHEMA = make_schema("trait", "hint")


def rows(days, seed: int) -> Examples:
    """300 customers a day, each with a trait of their own, who nearly always do as before."""
    rng = np.random.default_rng(seed)
    customers = np.arange(300)
    habit = np.random.default_rng(0).random(300) < 0.4
    parts = [
        (customers, np.full(300, day, object), habit ^ (rng.random(300) < 0.05)) for day in days
    ]
    names, as_of, target = (np.concatenate(column) for column in zip(*parts, strict=True))
    hint = target + rng.normal(0, 2, len(target))
    matrix = np.column_stack([names.astype(float), hint])
    return Examples(names.astype(str), as_of, matrix, target.astype(float))


def split(timeless: bool = False) -> Split:
    fit = rows(DAYS[:4], seed=1)
    test = rows(DAYS[4:], seed=2)
    # The trait is another's in the future, so that what was learned by heart is worth nothing.
    test.matrix[:, 0] = np.random.default_rng(3).permutation(300)
    return Split(
        schema=SCHEMA,
        folds=(Fold(fit.at(DAYS[:3]), fit.at(DAYS[3:4])),),
        fit=fit,
        test=test,
        known=test.matrix,
        cutoffs=None if timeless else CutOffs(DAYS[:4], DAYS[4:], timedelta(days=30)),
        population=None,
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    return make_regulars_config(tmp_path_factory.mktemp("base"))


def constant(_: Examples):
    return lambda matrix: np.zeros(len(matrix))


def hint(_: Examples):
    return lambda matrix: matrix[:, 1]


def told(metric: str = "roc_auc", random: float | None = 0.80, later: float = 0.75) -> Claims:
    chosen = None if random is None else CHOSEN
    return Claims(metric, "Ranking", random, chosen, 0.76, later, too_good=0.95, fall=0.1)


def test_what_is_known_by_heart_is_claimed_and_not_kept(config):
    data = split()
    shallow = {**churn.DEFAULTS, "max_depth": 1, "nthread": 1}
    fits = notebook(churn.PLAN.recipe(SCHEMA, shallow, seed=1), (20,))
    later = roc_auc(data.test.target, fits[AS_IT_COMES](data.fit)(data.test.matrix))
    found = claims(config, data, AUC, fits, tuning=0.7, later=later)
    assert found.chosen == AS_IT_COMES
    assert found.random > 0.7
    assert found.later < 0.6
    (warning,) = found.warnings()
    assert warning.startswith("Random split: it would have claimed 0.")


def test_the_claim_is_of_the_model_that_the_random_split_would_choose(config):
    data = split()
    found = claims(config, data, AUC, {"none": constant, "hint": hint}, tuning=0.6, later=0.6)
    assert found.chosen == "hint"
    alone = claims(config, data, AUC, {"none": constant}, tuning=0.6, later=0.6)
    assert (alone.random, alone.chosen) == (0.5, "none")


def test_a_quarter_of_the_rows_that_are_learned_from_is_held_out(config):
    data, seen = split(), []

    def watch(given: Examples):
        seen.append(given)
        return lambda matrix: seen.append(matrix) or matrix[:, 1]

    claims(config, data, AUC, {"watched": watch}, tuning=0.6, later=0.6)
    known, asked = seen
    assert (len(known), len(asked)) == (900, 300)
    both = {tuple(row) for row in known.matrix} | {tuple(row) for row in asked}
    assert both == {tuple(row) for row in data.fit.matrix}
    assert set(asked[:, 0]) & set(known.matrix[:, 0])  # the same customers, as notebooks have it


def test_a_snapshot_has_no_other_split_to_claim_by(config):
    found = claims(config, split(timeless=True), AUC, {"hint": hint}, tuning=0.6, later=0.6)
    assert (found.random, found.chosen, found.warnings()) == (None, None, ())
    assert str(found).endswith("0.600 on the customers held out")


@pytest.mark.parametrize(
    ("claimed", "beginnings"),
    [
        (told(), []),
        (told(later=0.71), []),
        (told(later=0.69), ["Random split"]),
        (told(random=0.9, later=0.949), []),
        (told(random=0.9, later=0.951), ["Too good"]),
        (told(random=None, later=0.951), ["Too good"]),
        (told("normalised_gini", random=0.99, later=0.96), []),
    ],
)
def test_a_reader_is_warned_of_what_is_too_good_and_of_a_large_fall(claimed, beginnings):
    assert [warning.split(":")[0] for warning in claimed.warnings()] == beginnings


def test_a_gini_may_fall_by_twice_as_much_as_a_roc_auc(config):
    asked = {"fits": {"hint": hint}, "tuning": 0.6, "later": 0.6}
    data = split()
    assert claims(config, data, GINI, **asked).fall == 2 * claims(config, data, AUC, **asked).fall


def test_what_a_card_holds_is_plain():
    assert told().to_dict() == {
        "metric": "roc_auc",
        "label": "Ranking",
        "random": 0.8,
        "chosen": CHOSEN,
        "tuning": 0.76,
        "later": 0.75,
    }
    assert str(told()) == (
        "Ranking: a random split claims 0.800 (of the chosen settings), tuning 0.760, "
        "the later period 0.750"
    )
