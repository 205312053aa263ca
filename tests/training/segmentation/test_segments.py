from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from features.enough import TooFewError
from features.source import load_tables
from tests.training.bases import make_regulars, make_regulars_config
from training.segmentation import behaviour
from training.segmentation.segments import data_at, fit, members, places
from training.segmenters.segmenter import NOBODY, Worth

EVERY = {
    "behaviour": {"kind": "behaviour", "min_segments": 2, "max_segments": 3, "resamples": 2},
    "rfm": {"kind": "rfm"},
    "lifecycle": {"kind": "lifecycle"},
    "value": {"kind": "value"},
    "home": {"kind": "attributes", "of": ["income"]},
}
CHOSEN = {"method": "kmeans", "columns": "behaviour", "k": 3}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    config = make_regulars_config(tmp_path_factory.mktemp("base"), segments=EVERY)
    return config, load_tables(config)


@pytest.fixture(scope="module")
def data(base):
    return data_at(*base)


@pytest.fixture(scope="module")
def found(base, data):
    return fit(base[0], data, CHOSEN)


def as_bundle(found):
    """What a fit is to the next one: its model, and the first ids that are free."""
    free = {f"{way}.next_id": number for way, number in found.next_ids.items()}
    return SimpleNamespace(model=found.model, manifest={"settings": {**CHOSEN, **free}})


def named(found, way):
    return [(held.id, held.name) for held in found.segmenter(way).segments]


def test_every_customer_has_one_segment_of_every_way_that_asks_them(data, found):
    assert [held.way for held in found.model.segmenters] == list(EVERY)
    held = members(data, found.model)
    assert list(held) == ["customer_id", "behaviour", "rfm", "lifecycle", "home"]
    assert held["customer_id"].tolist() == data.customers.tolist()
    assert not held.isna().any(axis=None)
    worth = Worth(np.arange(len(data.matrix), dtype=float), tuple(range(10, 100, 10)))
    assert set(found.segmenter("value").assign(data.matrix, worth)) == set(range(10))


def test_segments_of_behaviour_are_numbered_from_the_largest(data, found):
    sizes = np.bincount(places(data, found.segmenter("behaviour")))
    assert sizes.tolist() == sorted(sizes, reverse=True)
    assert [number for number, _ in named(found, "behaviour")] == [1, 2, 3]


@pytest.mark.parametrize("method", behaviour.METHODS)
def test_customers_are_assigned_as_the_fit_itself_does(base, data, method):
    config, _ = base
    held = fit(config, data, {**CHOSEN, "method": method}).segmenter("behaviour")
    points = behaviour.points_of(data.matrix, held.columns)
    theirs = behaviour.cluster(points, method, 3, config.seed).predict(points)
    assert adjusted_rand_score(theirs, held.assign(data.matrix)) == 1.0


def test_names_are_unique_in_both_languages(base, data):
    for k in (2, 3, 6):
        held = fit(base[0], data, {**CHOSEN, "k": k}).segmenter("behaviour").segments
        assert len({s.name for s in held}) == len({s.name_da for s in held}) == k


def test_fitted_again_on_the_same_customers_every_segment_keeps_its_id_and_name(base, data, found):
    again = fit(base[0], data, CHOSEN, as_bundle(found))
    for way in ("behaviour", "rfm", "lifecycle", "home"):
        assert named(again, way) == named(found, way)
    assert {change.kind for change in again.matchings["behaviour"].changes} == {"kept"}
    assert again.matchings["behaviour"].kept_share == 1.0
    assert again.next_ids == found.next_ids == {"behaviour": 4}
    assert (found.standing, again.standing) == (frozenset(), {"behaviour"})


def test_segments_stand_as_they_were_while_they_are_nearly_as_good(base, data, found):
    config, before = base[0], as_bundle(found)
    half = len(data.matrix) // 2
    some = replace(data, frame=data.frame.iloc[:half], matrix=data.matrix[:half])
    stands = fit(config, some, CHOSEN, before)
    assert stands.standing == {"behaviour"}
    assert stands.segmenter("behaviour") == found.segmenter("behaviour")
    spent = [f"{name}_90d" for name in ("purchases_in", "spend_in", "categories_in")]
    moved = data.frame.assign(**{name: data.frame[name] ** 3 for name in spent})
    moved["usual_gap"] = moved["usual_gap"].to_numpy()[::-1]
    drifted = replace(data, frame=moved, matrix=data.schema.encode(moved))
    assert fit(config, drifted, CHOSEN, before).standing == frozenset()
    assert fit(config, data, {**CHOSEN, "k": 4}, before).standing == frozenset()


def test_an_id_is_never_given_to_another(base, data, found):
    config = base[0]
    two = fit(config, data, {**CHOSEN, "k": 2}, as_bundle(found))
    back = fit(config, data, {**CHOSEN, "k": 5}, as_bundle(two))
    gone = {1, 2, 3} - {number for number, _ in named(two, "behaviour")}
    now = {number for number, _ in named(back, "behaviour")}
    assert gone
    assert len(now) == 5
    assert not gone & now
    assert back.next_ids["behaviour"] > max(now | {3})
    names = [name for _, name in named(back, "behaviour")]
    assert len(set(names)) == 5


def test_a_mixture_may_follow_k_means(base, data, found):
    mixture = fit(base[0], data, {**CHOSEN, "method": "mixture"}, as_bundle(found))
    assert mixture.segmenter("behaviour").kind == "mixture"
    assert mixture.matchings["behaviour"].changes


def test_segments_of_other_features_get_ids_of_their_own_and_it_is_said(base, found):
    config, tables = base
    features = config.features.model_copy(update={"windows": (30,)})
    other = config.model_copy(update={"features": features})
    narrow = data_at(other, tables)
    later = fit(other, narrow, CHOSEN, as_bundle(found))
    assert [number for number, _ in named(later, "behaviour")] == [4, 5, 6]
    assert "could not be held against these" in later.unmatched["behaviour"]
    assert later.next_ids["behaviour"] == 7


def test_permuting_customers_changes_no_customers_segment(data, found):
    order = np.random.default_rng(3).permutation(len(data.matrix))
    for held in found.model.segmenters:
        assert places(data, held)[order].tolist() == held.assign(data.matrix[order]).tolist()


def test_every_feature_that_segments_ask_for_is_built(data):
    asked = {name for names in behaviour.COLUMN_SETS.values() for name in names}
    built = {f"{name}_90d" if name.endswith("_in") else name for name in asked}
    # Discounts are not among this base's columns.
    assert built - set(data.schema.names) == {"discount_share"}


def test_counts_and_money_are_taken_as_logarithms(found, data):
    held = found.segmenter("behaviour").columns
    how = {data.schema.names[term.feature]: term.transform for term in held}
    assert how["spend_in_90d"] == how["days_since_purchase"] == "log1p"
    assert how["weekend_share"] == "identity"


def test_all_who_are_known_are_told_apart_unless_only_the_active_are_asked(base, data):
    config, tables = base
    way = config.segments["behaviour"].model_copy(update={"active_within": 30})
    active = config.model_copy(update={"segments": {**config.segments, "behaviour": way}})
    found = fit(active, data_at(active, tables), {**CHOSEN, "columns": "rfm", "k": 2})
    of = places(data, found.segmenter("behaviour"))
    recency = data.matrix[:, data.schema.names.index("days_since_purchase")]
    assert 0 < (of != NOBODY).sum() < len(of)
    assert ((of != NOBODY) == (recency <= 30)).all()
    assert pd.isna(members(data, found.model)["behaviour"]).sum() == (recency > 30).sum()


def test_too_few_customers_are_told_with_what_would_be_enough(tmp_path):
    held = {"behaviour": {**EVERY["behaviour"], "min_segments": 2}}
    config = make_regulars_config(tmp_path, make_regulars(90), segments=held)
    with pytest.raises(TooFewError, match=r"8. customers at .*; at least 100 are needed for 2"):
        data_at(config, load_tables(config))
