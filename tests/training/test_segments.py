from datetime import date

import numpy as np
import optuna
import pytest
from sklearn.metrics import adjusted_rand_score

from features.enough import TooFewError
from features.source import load_tables
from tests.training.bases import make_regulars, make_regulars_config, make_schema
from training import segments
from training.progress import Reporter
from training.segments import SegmentData, choices, columns_of, data_at, fit, measure
from training.study import Place
from training.tune import Budget, search_all

SIZES = (150, 250, 100)


def make_planted(seed: int = 0) -> tuple[SegmentData, np.ndarray]:
    """Three kinds of customers, far apart in two attributes, with noise in a third."""
    rng = np.random.default_rng(seed)
    kind = np.repeat(np.arange(3), SIZES)
    place = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])[kind]
    matrix = np.column_stack([place + rng.normal(0, 0.5, place.shape), rng.normal(size=len(kind))])
    order = rng.permutation(len(kind))
    customers = np.array([f"cust-{number:06}" for number in range(len(kind))], dtype=object)
    schema = make_schema("visits", "calls", "shoe_size")
    return SegmentData(schema, customers, matrix[order], date(2024, 1, 1), None, 90), kind[order]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("base"))
    return config, load_tables(config)


@pytest.fixture(scope="module")
def data(base):
    return data_at(*base)


def bounds(config, **changes):
    return config.model_copy(update={"segments": config.segments.model_copy(update=changes)})


def search(config, data, folder) -> optuna.Study:
    return search_all(
        Place(folder, "segments"),
        segments.objective(config, data),
        options=choices(config, data),
        budget=Budget(20, 5.0),
        seed=1,
        reporter=Reporter(quiet=True),
        label="segments",
    )


def test_planted_segments_are_found(base, tmp_path):
    planted, kind = make_planted()
    config = bounds(base[0], min_segments=2, max_segments=5)
    study = search(config, planted, tmp_path)
    assert study.best_params == {"columns": "attributes", "k": 3}
    model = fit(config, planted, "attributes", 3)
    assert adjusted_rand_score(kind, model.centres.assign(planted.matrix)) == 1.0


def test_planted_segments_are_stable_and_one_too_many_is_less_so():
    planted, _ = make_planted()
    points = np.column_stack(
        [t.standardised(planted.matrix) for t in columns_of(planted, "attributes")]
    )
    three, four = (measure(points[:, :2], k, resamples=5, seed=0) for k in (3, 4))
    assert three.stability == 1.0
    assert three.smallest == 0.2
    assert four.stability < 0.95
    assert four.silhouette < three.silhouette


def test_segments_are_numbered_from_the_largest(base):
    planted, _ = make_planted()
    model = fit(base[0], planted, "attributes", 3)
    sizes = np.bincount(model.centres.assign(planted.matrix))
    assert sizes.tolist() == sorted(SIZES, reverse=True)


def test_a_segment_below_the_floor_costs_more_than_any_gain(base, tmp_path):
    planted, _ = make_planted()
    config = bounds(base[0], min_share=0.25, min_stability=0.0, max_segments=3)
    study = search(config, planted, tmp_path)
    # The planted three have one of a fifth, so that two are chosen.
    assert study.best_params["k"] == 2
    assert segments.quality_of(study.best_trial).smallest >= 0.25


def test_assignment_is_that_of_k_means_itself(base, data):
    for chosen in choices(base[0], data)["columns"]:
        terms = columns_of(data, chosen)
        points = np.column_stack([term.weight * term.standardised(data.matrix) for term in terms])
        theirs = segments.cluster(points, 3, base[0].seed).predict(points)
        ours = fit(base[0], data, chosen, 3).centres.assign(data.matrix)
        assert adjusted_rand_score(theirs, ours) == 1.0
        np.testing.assert_array_equal(np.sort(np.bincount(theirs))[::-1], np.bincount(ours))


def test_every_feature_that_segments_ask_for_is_built(data):
    asked = {name for names in segments.COLUMN_SETS.values() for name in names}
    built = {f"{name}_90d" if name.endswith("_in") else name for name in asked}
    # Discounts are not among this base's columns.
    assert built - set(data.schema.names) == {"discount_share"}
    assert len(columns_of(data, "rfm")) == 3
    assert len(columns_of(data, "behaviour")) == 7


def test_counts_and_money_are_taken_as_logarithms(data):
    how = {data.schema.names[t.feature]: t.transform for t in columns_of(data, "behaviour")}
    assert how["spend_in_90d"] == how["days_since_purchase"] == "log1p"
    assert how["weekend_share"] == "identity"


def test_names_are_unique_in_both_languages(base, data):
    for k in (2, 3, 6):
        centres = fit(base[0], data, "behaviour", k).centres
        assert len(set(centres.names)) == len(set(centres.names_da)) == k


def test_all_who_are_known_are_told_apart_unless_only_the_active_are_asked(base, data):
    active = data_at(bounds(base[0], active_within=30), base[1])
    recency = active.schema.names.index("days_since_purchase")
    assert active.matrix[:, recency].max() <= 30
    assert 0 < len(active.matrix) < len(data.matrix)
    model = fit(base[0], active, "rfm", 2)
    assert model.asked(data.matrix).sum() == len(active.matrix)


def test_too_few_customers_are_told_with_what_would_be_enough(tmp_path):
    config = make_regulars_config(tmp_path, make_regulars(90))
    with pytest.raises(TooFewError, match=r"8. customers at .*; at least 100 are needed for 2"):
        data_at(config, load_tables(config))


def test_the_same_seed_measures_the_same(data):
    points = np.column_stack([t.standardised(data.matrix) for t in columns_of(data, "rfm")])
    assert measure(points, 3, 3, seed=4) == measure(points, 3, 3, seed=4)
    assert measure(points, 3, 3, seed=4) != measure(points, 3, 3, seed=5)
