"""Parts are weighted by strangers, and a study's trials tell of later cut-offs alone."""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import optuna
import pytest
from scipy.special import expit

from tests.training.bases import make_schema
from training import churn, clv, ensemble
from training.ensemble import Outlook, Trials, judged
from training.metrics import roc_auc
from training.predictors import Linear
from training.split import Examples, Fold, Split

SCHEMA = make_schema("habit", "noise", "purchase_probability", plan=("monthly", "yearly"))
CUSTOMERS = 250
DAYS = [date(2024, 1, 1) + timedelta(days=30 * step) for step in range(5)]
SETTINGS = {**churn.DEFAULTS, "nthread": 1, "learning_rate": 0.2, "min_child_weight": 5.0}


def rows(day: date) -> Examples:
    """Customers of habits of their own, by which they leave or stay; one column says nothing."""
    rng = np.random.default_rng(day.toordinal())
    habit = np.random.default_rng(0).normal(0, 2, CUSTOMERS)
    chance = expit(habit)
    target = (rng.random(CUSTOMERS) < chance).astype(float)
    told = np.clip(1 - chance + rng.normal(0, 0.2, CUSTOMERS), 0.01, 0.99)
    plan = rng.integers(0, 2, CUSTOMERS).astype(float)
    seen = habit + rng.normal(0, 1, CUSTOMERS)
    matrix = np.column_stack([seen, rng.normal(size=CUSTOMERS), told, plan])
    customers = np.array([f"cust-{number:06}" for number in range(CUSTOMERS)], dtype=object)
    return Examples(customers, np.full(CUSTOMERS, day, dtype=object), matrix, target)


def together(days: list[date]) -> Examples:
    parts = [rows(day) for day in days]
    held = ("customers", "as_of", "matrix", "target")
    return Examples(*(np.concatenate([getattr(part, name) for part in parts]) for name in held))


def made() -> Split:
    fit, test = together(DAYS[:4]), rows(DAYS[4])
    folds = tuple(Fold(fit.at(DAYS[:n]), fit.at(DAYS[n : n + 1])) for n in (2, 3))
    return Split(SCHEMA, folds, fit, test, test.matrix, None, None)


DATA = made()


def fitted(data: Split = DATA, seed: int = 1, **changes) -> ensemble.Fitted:
    return ensemble.fit(churn.PLAN, data, {**SETTINGS, **changes}, (20,), seed)


@pytest.fixture(scope="module")
def usual() -> ensemble.Fitted:
    return fitted()


# The outlook.


def test_an_outlook_is_a_learned_columns_log_odds_with_its_sign():
    matrix = np.array([[0, 0, 0.5, 0], [0, 0, 0.8, 0]], dtype=float)
    (part,) = Outlook("purchase_probability", "logit", -1.0).component(SCHEMA, matrix)
    np.testing.assert_allclose(part.margin(matrix), [0.0, -np.log(4)], atol=1e-9)
    assert isinstance(part.predictor, Linear)
    told = part.contributions(matrix)
    assert told.base == pytest.approx(-np.log(4) / 2)
    np.testing.assert_array_equal(told.values[:, [0, 1, 3]], 0.0)


def test_a_base_without_the_column_has_no_outlook():
    outlook = Outlook("expected_value", "log", 1.0)
    assert outlook.component(SCHEMA, DATA.fit.matrix) == ()
    held = Split(
        make_schema("habit", "noise", "other", plan=("monthly", "yearly")),
        *(DATA.folds, DATA.fit, DATA.test, DATA.known, None, None),
    )
    assert "linear" not in [part.kind for part in fitted(held).parts]


# The fit.


def test_a_customers_own_outcomes_never_change_their_own_stranger_margins():
    # Weights and shift are everybody's, so they are left out: what each part said is compared.
    recipe = churn.PLAN.recipe(SCHEMA, SETTINGS, seed=1)

    def makers(held: Examples):
        return [recipe.shapes(held), recipe.boosted(held, (20,))]

    before = ensemble._of_strangers(makers, DATA.fit, seed=1)
    own = DATA.fit.customers == DATA.fit.customers[7]
    turned = DATA.fit.with_target(np.where(own, 1 - DATA.fit.target, DATA.fit.target))
    after = ensemble._of_strangers(makers, turned, seed=1)
    assert own.sum() == 4
    np.testing.assert_array_equal(after[own], before[own])
    assert np.all((after != before).any(axis=0))


def test_all_of_a_customers_rows_are_told_by_parts_that_never_saw_one_of_them():
    seen: list[set[str]] = []

    class Memory:
        """Tells of each row whether its customer was among those it was fitted on."""

        def __init__(self, held: Examples) -> None:
            seen.append(set(held.customers))
            self.known = {row.tobytes() for row in held.matrix}

        def margin(self, matrix: np.ndarray) -> np.ndarray:
            return np.array([float(row.tobytes() in self.known) for row in matrix])

    told = ensemble._of_strangers(lambda held: [(Memory(held),)], DATA.fit, seed=1)  # type: ignore[list-item]
    np.testing.assert_array_equal(told, 0.0)
    everybody = set(DATA.fit.customers)
    left_out = [everybody - each for each in seen]
    assert len(left_out) == ensemble.STRANGERS
    assert sum(map(len, left_out)) == len(everybody)


def test_margins_of_strangers_are_those_of_the_rows_they_stand_at(usual):
    assert usual.strangers.shape == (len(DATA.fit),)
    found = roc_auc(DATA.fit.target, usual.strangers)
    assert found == pytest.approx(roc_auc(DATA.test.target, margin(usual, DATA.test)), abs=0.06)
    assert expit(usual.strangers).mean() == pytest.approx(DATA.fit.target.mean(), abs=0.005)


def margin(held: ensemble.Fitted, examples: Examples) -> np.ndarray:
    return sum((part.margin(examples.matrix) for part in held.parts), start=held.shift)


def test_the_same_seed_makes_the_same_bytes_and_another_does_not(usual):
    again, other = fitted(), fitted(seed=2)
    assert [part.to_bytes() for part in again.parts] == [part.to_bytes() for part in usual.parts]
    assert [part.weight for part in again.parts] == [part.weight for part in usual.parts]
    assert again.shift == usual.shift
    np.testing.assert_array_equal(again.strangers, usual.strangers)
    assert (other.strangers != usual.strangers).any()


def test_the_order_of_columns_of_customers_names_does_not_matter(usual):
    renamed = replace(DATA.fit, customers=np.char.add("x", DATA.fit.customers.astype(str)))
    again = fitted(replace(DATA, fit=renamed))
    np.testing.assert_array_equal(again.strangers, usual.strangers)


# Trials.


def test_settings_are_settled_fold_by_fold_on_rows_that_nothing_was_fitted_on():
    tried = list(Trials(DATA, 1).settle(churn.PLAN, SETTINGS))
    assert [len(each.margins) for each in tried] == [1, 2]
    for margins, fold in zip(tried[-1].margins, DATA.folds, strict=True):
        assert margins.shape == (CUSTOMERS,)
        assert roc_auc(fold.later.target, margins) > 0.75
    for target, fold in zip(tried[-1].targets, DATA.folds, strict=True):
        np.testing.assert_array_equal(target, fold.later.target)
    (rounds,) = tried[-1].rounds
    assert 1 <= rounds <= 600


def test_what_is_told_of_a_fold_does_not_depend_on_the_trials_before_it():
    trials = Trials(DATA, 1)
    *_, first = trials.settle(churn.PLAN, SETTINGS)
    list(trials.settle(churn.PLAN, {**SETTINGS, "shrinkage": 1.0}))
    *_, again = trials.settle(churn.PLAN, SETTINGS)
    *_, alone = Trials(DATA, 1).settle(churn.PLAN, SETTINGS)
    for held in (again, alone):
        for margins, expected in zip(held.margins, first.margins, strict=True):
            np.testing.assert_array_equal(margins, expected)


def test_shapes_of_other_settings_or_families_are_fitted_anew():
    value = replace(DATA, folds=tuple(worth(fold) for fold in DATA.folds))
    trials = Trials(value, 1)
    settings = {**clv.DEFAULTS, "nthread": 1, "learning_rate": 0.2}
    for family in ("tweedie", "hurdle", "log"):
        for shrinkage in (0.1, 1.0):
            asked = {**settings, "family": family, "shrinkage": shrinkage}
            *_, tried = trials.settle(clv.PLAN, asked)
            *_, alone = Trials(value, 1).settle(clv.PLAN, asked)
            np.testing.assert_array_equal(tried.margins[-1], alone.margins[-1])
            assert len(tried.rounds) == len(clv.PLAN.families[family])


def worth(fold: Fold) -> Fold:
    """The same rows, with what those who stay spend for a target."""
    return Fold(
        *(
            each.with_target((1 - each.target) * 10 * np.exp(0.5 * each.matrix[:, 1]))
            for each in (fold.train, fold.later)
        )
    )


JUDGES = {churn: churn._surprise, clv: clv._unexplained}


class WorseThanMost(optuna.pruners.BasePruner):
    """Ends a trial at every step from one on."""

    def __init__(self, step: int) -> None:
        self.step = step

    def prune(self, study, trial) -> bool:  # noqa: ARG002 - Optuna hands it over
        return trial.last_step >= self.step


def judge_by(pruner: optuna.pruners.BasePruner, kind=churn, data=DATA, **changes):
    study = optuna.create_study(pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        settings = {**SETTINGS, **changes}
        value, _ = judged(trial, Trials(data, 1), kind.PLAN, settings, JUDGES[kind])
        return value

    study.optimize(objective, n_trials=1)
    return study.trials[0]


def test_a_trial_tells_its_trees_on_the_first_fold_and_its_value_after_each():
    trial = judge_by(optuna.pruners.NopPruner(), learning_rate=0.02)
    steps = list(trial.intermediate_values)
    most = ensemble.trees.MOST_ROUNDS
    assert [step for step in steps if step > most] == [most + 1, most + 2]
    assert steps[0] == 10
    assert trial.value == trial.intermediate_values[most + 2]


def test_a_trial_that_is_worse_than_most_ends_while_its_trees_grow_or_after_a_fold():
    growing = judge_by(WorseThanMost(50), learning_rate=0.01)
    assert growing.state == optuna.trial.TrialState.PRUNED
    assert max(growing.intermediate_values) == 50
    after = judge_by(WorseThanMost(ensemble.trees.MOST_ROUNDS + 1))
    assert after.state == optuna.trial.TrialState.PRUNED
    assert max(after.intermediate_values) == ensemble.trees.MOST_ROUNDS + 1


def test_a_trial_is_not_ended_after_its_last_fold():
    trial = judge_by(WorseThanMost(ensemble.trees.MOST_ROUNDS + 2))
    assert trial.state == optuna.trial.TrialState.COMPLETE


def test_trees_of_several_families_are_not_compared_while_they_grow():
    value = replace(DATA, folds=tuple(worth(fold) for fold in DATA.folds))
    asked = {**clv.DEFAULTS, "learning_rate": 0.01}
    trial = judge_by(WorseThanMost(50), kind=clv, data=value, **asked)
    assert trial.state == optuna.trial.TrialState.PRUNED
    assert max(trial.intermediate_values) == ensemble.trees.MOST_ROUNDS + 1
