import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path
from wsgiref.simple_server import make_server

import httpx
import optuna
import pytest
from optuna.trial import TrialState
from sqlalchemy.engine import make_url

from tests.training.bowls import always_deadly, bowl, deadly, faulty, slow_bowl
from tests.training.objectives import boosted
from tests.training.tuning import run, tried
from training.study import Place, StorageError
from training.tune import finished, over
from training.workers import WorkerError


def test_workers_share_one_study_and_one_budget(tmp_path):
    study = run(Place(tmp_path, "made"), slow_bowl, trials=30, workers=2)
    assert len(study.trials) == len(finished(study)) == 30
    assert len({str(trial.params) for trial in study.trials}) == 30
    by = Counter(trial.user_attrs["process"] for trial in study.trials)
    assert len(by) == 2
    assert os.getpid() not in by
    assert study.best_value < 0.5


def test_a_worker_that_dies_leaves_the_others_going(tmp_path):
    study = run(Place(tmp_path, "made"), partial(deadly, tmp_path / "flag"), trials=6, workers=2)
    states = Counter(trial.state for trial in over(study))
    assert states == {TrialState.COMPLETE: 6, TrialState.FAIL: 1}
    assert not study.get_trials(states=(TrialState.RUNNING,))


def test_that_all_workers_died_is_told_and_so_is_what_a_worker_raised(tmp_path):
    with pytest.raises(WorkerError, match=r"every worker died .*exit code -9\); no trial .* lost"):
        run(Place(tmp_path, "deadly"), always_deadly, workers=1 + 1)
    with pytest.raises(WorkerError, match="has nothing to divide by"):
        run(Place(tmp_path, "faulty"), faulty, workers=2)


# PostgreSQL


def in_database(tmp_path, postgres: str, name: str) -> Place:
    return Place(tmp_path / "no folder", name, postgres)


def test_two_workers_share_a_study_in_postgresql(tmp_path, postgres):
    place = in_database(tmp_path, postgres, "two-workers")
    study = run(place, slow_bowl, trials=8, workers=2)
    assert len(study.trials) == len(finished(study)) == 8
    assert len({str(trial.params) for trial in study.trials}) == 8
    assert not place.folder.exists()


def test_a_study_in_postgresql_makes_the_trials_of_one_in_a_file_and_is_taken_up(
    tmp_path, postgres
):
    place = in_database(tmp_path, postgres, "alone")
    run(place, boosted, trials=4)
    cut = place.open().ask()  # as a kill leaves it
    study = run(place, boosted, trials=10)
    assert study.trials[cut.number].state == TrialState.FAIL
    assert tried(study) == tried(run(Place(tmp_path, "file"), boosted, trials=10))


def test_who_is_first_in_a_database_is_known_and_no_other_fails_its_trials(tmp_path, postgres):
    place = in_database(tmp_path, postgres, "both")
    with place.entered() as (study, first):
        trial = study.ask()
        with place.entered() as (_, second):
            assert (first, second) == (True, False)
        assert study.trials[trial.number].state == TrialState.RUNNING
    with place.entered() as (study, again):
        assert again
        assert study.trials[trial.number].state == TrialState.FAIL


def test_a_database_that_is_not_there_is_told_in_a_line_without_its_password(tmp_path):
    place = Place(tmp_path, "made", "postgresql://u:pa%40ss@127.0.0.1:1/studies")
    for attempt in (place.open, lambda: run(place)):
        with pytest.raises(StorageError) as told:
            attempt()
        said = str(told.value)
        assert said.startswith("tuning.storage postgresql://u:…@127.0.0.1:1/studies: ")
        assert "\n" not in said
        assert "pa%40ss" not in said
        assert "pa@ss" not in said


# Looking at it


def shown(storage: optuna.storages.BaseStorage) -> list[dict]:
    """What Optuna's dashboard answers when it is asked for the studies of a storage."""
    from optuna_dashboard import wsgi

    with make_server("127.0.0.1", 0, wsgi(storage)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/studies"
        answer = httpx.get(url, timeout=30)
        server.shutdown()
    return json.loads(answer.text)["study_summaries"]


def test_the_dashboard_opens_a_journal_and_a_database(tmp_path, postgres):
    from optuna.storages import JournalStorage, RDBStorage
    from optuna.storages.journal import JournalFileBackend

    place = Place(tmp_path, "shop-churn-1")
    run(place, bowl, trials=3)
    held = shown(JournalStorage(JournalFileBackend(str(place.file))))
    assert [study["study_name"] for study in held] == ["shop-churn-1"]

    run(in_database(tmp_path, postgres, "shop-churn-2"), bowl, trials=3)
    url = make_url(postgres).set(drivername="postgresql+psycopg")
    names = [each["study_name"] for each in shown(RDBStorage(url.render_as_string(False)))]
    assert "shop-churn-2" in names


def test_workers_do_not_outlive_the_one_that_began_them(tmp_path):
    begun = tmp_path / "begun"
    call = (
        "from functools import partial; from pathlib import Path; "
        "from tests.training.bowls import endless; from tests.training.tuning import run; "
        "from training.study import Place; "
        f"begun = Path({str(begun)!r}); place = Place(begun.parent, 'made'); "
        "run(place, partial(endless, begun), workers=2)"
    )
    parent = subprocess.Popen([sys.executable, "-c", call])
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and not (begun.exists() and begun.read_text()):
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    (worker, *_) = begun.read_text().split()
    while time.monotonic() < deadline and Path(f"/proc/{worker}/stat").exists():
        time.sleep(0.05)
    assert time.monotonic() < deadline
