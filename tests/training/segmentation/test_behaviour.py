import numpy as np
import optuna
import pytest
from sklearn.metrics import adjusted_rand_score

from configs.segmentation import BehaviourSegments
from tests.training.bases import make_schema
from training.progress import Reporter
from training.segmentation import behaviour
from training.segmentation.behaviour import Behaved, choices, columns_of, measure, points_of
from training.study import Place
from training.tune import Budget, search_all

SIZES = (150, 250, 100)


def make_planted(seed: int = 0) -> tuple[Behaved, np.ndarray]:
    """Three kinds of customers, far apart in two attributes, with noise in a third."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(3), SIZES)
    place = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])[kind]
    matrix = np.column_stack([place + rng.normal(0, 0.5, place.shape), rng.normal(size=len(kind))])
    order = rng.permutation(len(kind))
    return Behaved(make_schema("visits", "calls", "shoe_size"), matrix[order], 90), kind[order]


def asked(**changes) -> BehaviourSegments:
    held = {"kind": "behaviour", "min_segments": 2, "max_segments": 3, "resamples": 2}
    return BehaviourSegments.model_validate({**held, **changes})


def search(way, data, folder) -> optuna.Study:
    return search_all(
        Place(folder, "segments"),
        behaviour.objective(way, data, seed=1),
        options=choices(way, data),
        budget=Budget(40, 5.0),
        seed=1,
        reporter=Reporter(quiet=True),
        label="segments",
    )


def test_planted_segments_are_found(tmp_path):
    planted, kind = make_planted()
    study = search(asked(), planted, tmp_path)
    best = study.best_params
    assert (best["columns"], best["k"]) == ("attributes", 3)
    points = points_of(planted.matrix, columns_of(planted, "attributes"))
    for method in behaviour.METHODS:
        labels = behaviour.cluster(points, method, 3, seed=1).predict(points)
        assert adjusted_rand_score(kind, labels) == 1.0


def test_every_number_and_method_is_tried_and_some_past_the_most():
    held = choices(asked(), make_planted()[0])
    assert held == {"method": ["kmeans", "mixture"], "columns": ["attributes"], "k": [2, 3, 4, 5]}


def test_planted_segments_are_stable_and_one_too_many_is_less_so():
    planted, _ = make_planted()
    points = points_of(planted.matrix, columns_of(planted, "attributes"))
    three, four = (measure(points[:, :2], k, resamples=5, seed=0) for k in (3, 4))
    assert three.stability == 1.0
    assert three.smallest == 0.2
    assert four.stability < 0.95
    assert four.silhouette < three.silhouette


@pytest.mark.parametrize(
    ("changes", "fewer"),
    # The planted three have one of a fifth; two are as many as this team can treat.
    [
        ({"min_share": 0.25, "min_stability": 0.0}, 2),
        ({"max_segments": 2, "penalty": 1.0}, 2),
        ({"max_segments": 2, "penalty": 0.0}, 3),
    ],
)
def test_what_speaks_against_more_segments_is_weighed(tmp_path, changes, fewer):
    study = search(asked(**changes), make_planted()[0], tmp_path)
    assert study.best_params["k"] == fewer


def test_many_customers_are_studied_by_a_sample_of_them(monkeypatch):
    monkeypatch.setattr(behaviour, "MOST_STUDIED", 50)
    planted, _ = make_planted()
    rows = behaviour.studied(planted, seed=1)
    held = {tuple(row) for row in planted.matrix}
    assert len(rows) == len({tuple(row) for row in rows} & held) == 50


def test_the_same_seed_measures_the_same():
    planted, _ = make_planted()
    points = points_of(planted.matrix, columns_of(planted, "attributes"))
    for method in behaviour.METHODS:
        one, again = (measure(points, 4, 3, seed=4, method=method) for _ in range(2))
        assert one == again
    assert measure(points, 4, 3, seed=4) != measure(points, 4, 3, seed=5)
