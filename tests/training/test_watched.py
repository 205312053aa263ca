from datetime import UTC, date, datetime

import pytest
from mlflow.tracking import MlflowClient

from tests.factories import make_config
from training.track import Tracker
from training.watched import Watched, log_watched

AT = datetime(2024, 12, 31, tzinfo=UTC)


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Tracker:
    return Tracker(make_config(tmp_path_factory.mktemp("base")))


def runs(tracker: Tracker, asked: str) -> list:
    return MlflowClient(tracker.uri).search_runs([tracker.experiment], asked)


def test_a_week_of_a_bundle_is_one_run_however_often_it_is_logged(tracker):
    week = Watched("drift", "churn", "abc", date(2024, 12, 30), {"psi.score": 0.1, "scores": 50.0})
    later = Watched("drift", "churn", "abc", date(2024, 12, 30), {"psi.score": 0.2, "scores": 80.0})
    other = Watched("drift", "churn", "def", date(2024, 12, 30), {"psi.score": 0.3})
    assert log_watched(tracker, [week, other], AT) == 2
    assert log_watched(tracker, [later], AT.replace(hour=1)) == 1
    (run,) = runs(tracker, "tags.watching = 'drift' and tags.bundle = 'abc'")
    assert run.info.run_name == "drift churn 2025-W01"  # the ISO week's year
    assert (run.info.status, run.data.tags["week"]) == ("FINISHED", "2024-12-30")
    assert run.data.metrics == {"psi.score": 0.2, "scores": 80.0}
    history = MlflowClient(tracker.uri).get_metric_history(run.info.run_id, "psi.score")
    assert [each.value for each in history] == [0.1, 0.2]


def test_an_estimate_and_the_outcome_stand_side_by_side(tracker):
    told = ({"estimate.roc_auc": 0.8}, {"outcome.roc_auc": 0.7})
    for hour, metrics in enumerate(told):
        held = Watched("outcomes", "churn", "abc", date(2024, 12, 2), metrics)
        log_watched(tracker, [held], AT.replace(hour=hour))
    (run,) = runs(tracker, "tags.watching = 'outcomes'")
    assert run.data.metrics == {**told[0], **told[1]}
