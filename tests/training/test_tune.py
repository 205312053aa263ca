import io
import multiprocessing
import os
import random
import re
import signal
import time

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState

from tests.training.bases import TREES, TUNING, make_regulars, make_regulars_config
from tests.training.bowls import FIRST, bowl
from tests.training.objectives import ROUNDS, boosted
from tests.training.tuning import run, tried
from training.progress import Reporter
from training.study import Place
from training.tune import (
    ENDED,
    Budget,
    TuningError,
    finished,
    over,
    search_all,
    since_best,
    study_name,
)

FORK = multiprocessing.get_context("fork")
OPTIONS = {"columns": ["rfm", "behaviour"], "k": [3, 4, 5]}


def worth(trial: optuna.Trial) -> float:
    columns = trial.suggest_categorical("columns", OPTIONS["columns"])
    return trial.suggest_categorical("k", OPTIONS["k"]) - 10.0 * (columns == "rfm")


def run_all(place, objective=worth, trials=100, minutes=5.0) -> optuna.Study:
    return search_all(
        place,
        objective,
        options=OPTIONS,
        budget=Budget(trials, minutes),
        seed=11,
        reporter=Reporter(quiet=True),
        label="made",
    )


def kill_in_the_middle_of(trial: int, place: Place, begin=run, objective=bowl) -> None:
    """Run a study in a process that is killed while its so-manieth trial runs."""
    begun = 0

    def until_killed(running: optuna.Trial) -> float:
        nonlocal begun
        begun += 1
        value = objective(running)  # its settings are set down before the kill
        if begun == trial:
            os.kill(os.getpid(), signal.SIGKILL)
        return value

    process = FORK.Process(target=lambda: begin(place, until_killed))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


# Killed, and taken up again


@pytest.mark.parametrize("broken_in", [1, 4, 11])
def test_a_study_killed_in_a_trial_ends_as_one_that_was_not(tmp_path, broken_in):
    whole = run(Place(tmp_path, "whole"))
    broken = Place(tmp_path, "broken")
    kill_in_the_middle_of(broken_in, broken)
    assert len(finished(broken.open())) == broken_in - 1
    assert tried(run(broken)) == tried(whole)
    assert len(tried(whole)) == 12


def test_killed_at_twenty_random_moments_a_study_loses_no_trial_and_ends_the_same(tmp_path):
    place, witness, moment = Place(tmp_path, "broken"), tmp_path / "witness", random.Random(7)
    before, kills, trials = [], 0, 0

    def noting(trial: optuna.Trial) -> float:
        witness.write_text(str(len(tried(trial.study))))
        return boosted(trial)

    while kills < 20:
        trials = len(before) + 15  # always more than it will come to
        process = FORK.Process(target=lambda most=trials: run(place, noting, trials=most))
        process.start()
        time.sleep(moment.uniform(0.01, 0.25))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        with place.entered() as (study, _):
            held = tried(study)
        assert held[: len(before)] == before
        assert len(held) >= int((witness.exists() and witness.read_text()) or 0)
        before = held
    resumed = run(place, boosted, trials=len(before) + 3)
    assert tried(resumed) == tried(run(Place(tmp_path, "whole"), boosted, trials=len(before) + 3))
    assert {trial.state for trial in resumed.trials} <= {*ENDED, TrialState.FAIL}


def test_a_study_broken_off_between_trials_ends_as_one_that_was_not(tmp_path):
    whole = run(Place(tmp_path, "whole"))
    for trials in (3, 9, 12):
        parts = run(Place(tmp_path, "parts"), trials=trials)
    assert tried(parts) == tried(whole)


def test_what_a_kill_left_running_is_failed_when_the_study_goes_on(tmp_path):
    place = Place(tmp_path, "broken")
    kill_in_the_middle_of(3, place)
    study = run(place, trials=3)
    assert [trial.state.name for trial in over(study)] == [
        "COMPLETE",
        "COMPLETE",
        "FAIL",
        "COMPLETE",
    ]


def test_half_a_line_and_a_lock_that_a_kill_left_are_no_hindrance(tmp_path):
    place = Place(tmp_path, "made")
    whole = tried(run(Place(tmp_path, "whole"), trials=6))
    run(place, trials=5)
    with place.file.open("ab") as journal:
        journal.write(b'{"op_code": 4, "wor')
    (tmp_path / "made.journal.lock").touch()
    began = time.monotonic()
    assert tried(run(place, trials=6)) == whole
    assert time.monotonic() - began < 4  # Optuna itself would wait for the lock to be stale
    assert tried(place.open()) == whole


def test_a_second_command_on_a_study_joins_and_fails_none_of_the_others_trials(tmp_path):
    place = Place(tmp_path, "made")

    def with_another(trial: optuna.Trial) -> float:
        if trial.number == 1:
            run(place, trials=4)
        return bowl(trial)

    study = run(place, with_another, trials=4)
    assert {trial.state for trial in study.trials} == {TrialState.COMPLETE}
    assert len(study.trials) == 5  # one was under way when the other had its four
    assert len({str(trial.params) for trial in study.trials}) == 5


# What is tried


def test_the_first_trial_has_the_settings_to_begin_with(tmp_path):
    study = run(Place(tmp_path, "made"), trials=2)
    assert finished(study)[0].params == FIRST
    assert finished(study)[1].params != FIRST


def test_the_same_seed_tries_the_same_settings_and_another_seed_others(tmp_path):
    one, same, other = (
        tried(run(Place(tmp_path / folder, "made"), seed=seed))
        for folder, seed in (("one", 11), ("same", 11), ("other", 12))
    )
    assert one == same
    assert [settings for _, settings, *_ in one[1:]] != [settings for _, settings, *_ in other[1:]]


def test_trials_learn_from_those_before_them(tmp_path):
    values = [trial.value for trial in finished(run(Place(tmp_path, "made"), trials=40))]
    assert np.mean(values[-10:]) < np.mean(values[1:9]) / 2


# How long


def test_trials_of_earlier_runs_count(tmp_path):
    run(Place(tmp_path, "made"), trials=5)
    assert len(run(Place(tmp_path, "made"), trials=5).trials) == 5


def test_once_the_minutes_are_up_no_trial_is_begun(tmp_path):
    made, grid = Place(tmp_path, "made"), Place(tmp_path, "grid")
    for _ in range(2):
        # One is begun the first time, so that there is something to choose.
        assert len(run(made, minutes=0.0).trials) == 1
        assert len(run_all(grid, minutes=0.0).trials) == 1


def test_a_study_stops_when_patience_is_out_and_does_not_begin_again(tmp_path):
    values = iter([3.0, 2.0, 2.0, 2.5, 9.0, 1.0])

    def given(trial: optuna.Trial) -> float:
        bowl(trial)
        return next(values)

    for _ in range(2):
        study = run(Place(tmp_path, "made"), given, trials=6, patience=3)
        assert [trial.value for trial in study.trials] == [3.0, 2.0, 2.0, 2.5, 9.0]
    assert since_best(study.trials) == 3
    assert len(run(Place(tmp_path, "made"), given, trials=6, patience=4).trials) == 6


def test_where_nothing_is_searched_one_trial_is_made(tmp_path):
    tuning = make_regulars_config(tmp_path, make_regulars(5)).tuning
    assert Budget.of(tuning, tuning.space.churn) == Budget(2, 5.0)
    assert Budget.of(tuning, {}) == Budget(1, 5.0)


@pytest.mark.parametrize("begin", [run, run_all])
def test_an_objective_that_is_no_number_is_told_and_not_tried_for_ever(tmp_path, begin):
    objective = {run: bowl, run_all: worth}[begin]
    with pytest.raises(TuningError, match="made: what was to be minimised is not a number"):
        begin(Place(tmp_path, "made"), lambda trial: float("nan") + 0 * objective(trial))


# Pruning


def test_trials_worse_than_most_are_ended_early_and_keep_their_curve(tmp_path):
    study = run(Place(tmp_path, "made"), boosted, trials=25)
    pruned = study.get_trials(states=(TrialState.PRUNED,))
    assert 2 <= len(pruned) <= 20
    assert all(trial.number >= 5 for trial in pruned)
    assert all(max(trial.intermediate_values) < ROUNDS for trial in pruned)
    for trial in finished(study):
        assert sorted(trial.intermediate_values) == [5, 10, 15, 20, 25, 30]
        assert trial.intermediate_values[30] == trial.value
    assert study.best_trial in finished(study)


def test_pruning_can_be_left_off(tmp_path):
    study = run(Place(tmp_path, "made"), boosted, trials=15, prune=False)
    assert len(finished(study)) == 15


# Progress


def test_progress_tells_the_best_so_far_and_the_time_left(tmp_path):
    told = io.StringIO()
    run(Place(tmp_path, "made"), trials=3, reporter=Reporter(told))
    lines = told.getvalue().splitlines()
    assert re.fullmatch(r"made: 1 of 3  best \d+\.\d{4}, about \d+ s left", lines[0])
    assert re.fullmatch(r"made: 3 of 3  best \d+\.\d{4}", lines[-1])


# Every combination


def test_every_combination_is_tried_once(tmp_path):
    study = run_all(Place(tmp_path, "made"))
    pairs = [(trial.params["columns"], trial.params["k"]) for trial in finished(study)]
    assert sorted(pairs) == [(c, k) for c in sorted(OPTIONS["columns"]) for k in OPTIONS["k"]]
    assert pairs != sorted(pairs)
    assert study.best_params == {"columns": "rfm", "k": 3}


def test_a_budget_of_combinations_is_kept_and_can_be_raised(tmp_path):
    whole = tried(run_all(Place(tmp_path, "whole")))
    assert tried(run_all(Place(tmp_path, "made"), trials=2)) == whole[:2]
    assert tried(run_all(Place(tmp_path, "made"), trials=4)) == whole[:4]


@pytest.mark.parametrize("broken_in", [1, 3, 6])
def test_a_search_killed_in_a_trial_ends_as_one_that_was_not(tmp_path, broken_in):
    place = Place(tmp_path, "broken")
    kill_in_the_middle_of(broken_in, place, run_all, worth)
    assert len(finished(place.open())) == broken_in - 1
    assert tried(run_all(place)) == tried(run_all(Place(tmp_path, "whole")))


# Names


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
    more = make_regulars_config(tmp_path, few, tuning={**TUNING, "trials": 99, "workers": 2})
    assert study_name(more, "churn", "data") == name


def test_a_study_of_another_space_is_another(tmp_path):
    few = make_regulars(5)
    name = study_name(make_regulars_config(tmp_path, few), "churn", "data")
    fewer = {"churn": {"max_depth": TREES["max_depth"]}, "clv": TREES}
    other = make_regulars_config(tmp_path, few, tuning={**TUNING, "space": fewer})
    assert study_name(other, "churn", "data") != name
    assert study_name(other, "clv", "data") == study_name(
        make_regulars_config(tmp_path, few), "clv", "data"
    )
