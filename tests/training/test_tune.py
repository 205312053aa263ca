import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from tests.training.bases import make_regulars, make_regulars_config
from training.progress import Reporter
from training.tune import TuningError, finished, search_all, study_at, study_name, tune

FORK = multiprocessing.get_context("fork")
QUIET = Reporter(quiet=True)
FIRST = {"x": 0.5, "n": 3, "kind": "a"}
OPTIONS = {"columns": ["rfm", "behaviour"], "k": [3, 4, 5]}


def loss(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", 1e-3, 1.0, log=True)
    n = trial.suggest_int("n", 1, 9)
    kind = trial.suggest_categorical("kind", ["a", "b"])
    return (np.log(x) + 3) ** 2 + (n - 6) ** 2 + (kind == "a")


def worth(trial: optuna.Trial) -> float:
    columns = trial.suggest_categorical("columns", OPTIONS["columns"])
    return trial.suggest_categorical("k", OPTIONS["k"]) - 10.0 * (columns == "rfm")


def run(study: optuna.Study, objective=loss, trials: int = 12, minutes: float = 5.0) -> None:
    tune(
        study,
        objective,
        trials=trials,
        minutes=minutes,
        seed=11,
        first=FIRST,
        reporter=QUIET,
        label="made",
    )


def run_all(study: optuna.Study, objective=worth, most: int = 100, minutes: float = 5.0) -> None:
    search_all(
        study,
        objective,
        options=OPTIONS,
        most=most,
        minutes=minutes,
        seed=11,
        reporter=QUIET,
        label="made",
    )


def kill_in_the_middle_of(trial: int, folder: Path, name: str, begin=run, objective=loss) -> None:
    """Run a study in a process that is killed while its so-manieth trial runs."""
    begun = 0

    def until_killed(running: optuna.Trial) -> float:
        nonlocal begun
        begun += 1
        value = objective(running)  # its settings are set down before the kill
        if begun == trial:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    process = FORK.Process(target=lambda: begin(study_at(folder, name), until_killed))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def tried(study: optuna.Study) -> list[tuple[dict, float]]:
    return [(trial.params, trial.value) for trial in finished(study)]


@pytest.mark.parametrize("broken_in", [1, 4, 11])
def test_a_study_killed_in_a_trial_ends_as_one_that_was_not(tmp_path, broken_in):
    whole = study_at(tmp_path, "whole")
    run(whole)
    kill_in_the_middle_of(broken_in, tmp_path, "broken")
    broken = study_at(tmp_path, "broken")
    assert len(finished(broken)) == broken_in - 1
    run(broken)
    assert tried(broken) == tried(whole)
    assert len(tried(whole)) == 12


def test_a_study_broken_off_between_trials_ends_as_one_that_was_not(tmp_path):
    whole, parts = study_at(tmp_path, "whole"), study_at(tmp_path, "parts")
    run(whole)
    for trials in (3, 9, 12):
        run(study_at(tmp_path, "parts"), trials=trials)
    assert tried(parts) == tried(whole)


def test_trials_that_a_kill_left_running_are_failed(tmp_path):
    kill_in_the_middle_of(3, tmp_path, "broken")
    states = [trial.state for trial in study_at(tmp_path, "broken").trials]
    assert states == [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.FAIL]


def test_the_first_trial_has_the_settings_to_begin_with(tmp_path):
    study = study_at(tmp_path, "made")
    run(study, trials=2)
    assert finished(study)[0].params == FIRST
    assert finished(study)[1].params != FIRST


def test_trials_completed_earlier_count(tmp_path):
    run(study_at(tmp_path, "made"), trials=5)
    again = study_at(tmp_path, "made")
    run(again, trials=5)
    assert len(again.trials) == 5


def test_the_same_seed_tries_the_same_settings(tmp_path):
    one, other = study_at(tmp_path / "one", "made"), study_at(tmp_path / "other", "made")
    run(one)
    run(other)
    assert tried(one) == tried(other)


def test_once_the_minutes_are_up_no_trial_is_begun(tmp_path):
    study, grid = study_at(tmp_path, "made"), study_at(tmp_path, "grid")
    run(study, minutes=0.0)
    run_all(grid, minutes=0.0)
    # One is, so that there is something to choose.
    assert (len(study.trials), len(finished(grid))) == (1, 1)
    run(study, minutes=0.0)
    run_all(grid, minutes=0.0)
    assert (len(study.trials), len(finished(grid))) == (1, 1)


@pytest.mark.parametrize("begin", [run, run_all])
def test_an_objective_that_is_no_number_is_told_and_not_tried_for_ever(tmp_path, begin):
    with pytest.raises(TuningError, match="made: what was to be minimised is not a number"):
        begin(study_at(tmp_path, "made"), lambda trial: float("nan") + 0 * loss(trial))


def test_every_combination_is_tried_once(tmp_path):
    study = study_at(tmp_path, "made")
    run_all(study)
    pairs = [(params["columns"], params["k"]) for params, _ in tried(study)]
    assert sorted(pairs) == [(c, k) for c in sorted(OPTIONS["columns"]) for k in OPTIONS["k"]]
    assert pairs != sorted(pairs)
    assert study.best_params == {"columns": "rfm", "k": 3}


def test_a_budget_of_combinations_is_kept_and_can_be_raised(tmp_path):
    study = study_at(tmp_path, "made")
    run_all(study, most=2)
    assert len(finished(study)) == 2
    run_all(study_at(tmp_path, "made"), most=4)
    pairs = {(params["columns"], params["k"]) for params, _ in tried(study)}
    assert len(pairs) == len(finished(study)) == 4


@pytest.mark.parametrize("broken_in", [1, 3, 6])
def test_a_search_killed_in_a_trial_tries_every_combination_once(tmp_path, broken_in):
    kill_in_the_middle_of(broken_in, tmp_path, "broken", run_all, worth)
    study = study_at(tmp_path, "broken")
    assert len(finished(study)) == broken_in - 1
    run_all(study)
    pairs = {(params["columns"], params["k"]) for params, _ in tried(study)}
    assert len(pairs) == len(finished(study)) == 6


def test_a_study_is_named_for_all_that_its_trials_depend_on(tmp_path):
    few = make_regulars(5)
    config = make_regulars_config(tmp_path, few)
    name = study_name(config, "churn", "data")
    longer = {"kind": "lapse", "horizon": "30d", "active_within": "90d"}
    for other in (
        study_name(config, "clv", "data"),
        study_name(config, "churn", "other data"),
        study_name(make_regulars_config(tmp_path, few, seed=2), "churn", "data"),
        study_name(make_regulars_config(tmp_path, few, churn=longer), "churn", "data"),
        study_name(
            make_regulars_config(tmp_path, few, features={"windows": ["30d"]}), "churn", "data"
        ),
    ):
        assert other != name
    more = make_regulars_config(tmp_path, few, tuning={"trials": 99, "minutes": 1.0})
    assert study_name(more, "churn", "data") == name
