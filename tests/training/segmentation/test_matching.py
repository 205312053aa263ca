import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from training.segmentation.matching import match, persisting, starting_centres
from training.segmenters.segmenter import NOBODY, Segment


def make_old(*ids: int) -> list[Segment]:
    return [Segment(one, f"name {one}", f"navn {one}") for one in ids]


def labels_of(text: str) -> np.ndarray:
    """Return places by letter, a for 0; a dot has no segment."""
    return np.array([NOBODY if letter == "." else ord(letter) - ord("a") for letter in text])


def found(old: str, new: str, ids: tuple[int, ...], **centres):
    places = labels_of(new).max() + 1
    next_id = max(ids) + 1
    return match(make_old(*ids), places, next_id, labels_of(old), labels_of(new), **centres)


def told(matching) -> list[tuple]:
    return [(change.kind, change.old, change.new) for change in matching.changes]


def test_a_refit_that_finds_the_same_keeps_every_id_whatever_the_places():
    matching = found("aaaabbbbcccc", "ccccaaaabbbb", (4, 7, 9))
    assert matching.ids == (7, 9, 4)
    assert matching.next_id == 10
    assert matching.kept_share == 1.0
    assert told(matching) == [("kept", (one,), (one,)) for one in (4, 7, 9)]
    assert matching.changes[0].said == (
        "Segment 4 (name 4) stayed: 100% of its customers are in it again, and 100% of those now "
        "in it were before."
    )


def test_a_segment_that_splits_keeps_its_id_in_the_larger_part():
    # Of the eight of segment 1, five (Jaccard 5/8) keep the id and three get a fresh one.
    matching = found("aaaaaaaabbbb", "bbbbbaaacccc", (1, 2))
    assert matching.ids == (3, 1, 2)
    assert told(matching) == [
        ("kept", (1,), (1,)),
        ("kept", (2,), (2,)),
        ("split", (1,), (1, 3)),
    ]
    assert matching.changes[2].said == (
        "Segment 1 (name 1) split: 62.5% of its customers are in it still and 37.5% are in the "
        "new segment 3."
    )
    assert matching.kept_share == 9 / 12


def test_a_segment_that_splits_in_halves_is_dissolved_and_neither_half_takes_its_id():
    matching = found("aaaaaabbbbbb", "aaacccbbbbbb", (1, 2))
    assert matching.ids == (3, 2, 4)
    assert told(matching)[1] == ("split", (1,), (3, 4))
    assert matching.changes[1].said == (
        "Segment 1 (name 1) split: 50% of its customers are in the new segment 3 and 50% are in "
        "the new segment 4."
    )


def test_of_a_segment_that_dissolved_it_is_said_where_the_others_went():
    # Segment 1 of eight: three are all of c, three of b's nine, two of d's eight.
    matching = found("aaaaaaaabbbbbbcccccc", "cccbbbddbbbbbbdddddd".replace("d", "a"), (1, 2, 3))
    assert matching.ids == (3, 2, 4)
    assert told(matching)[2] == ("split", (1,), (4,))
    assert matching.changes[2].said == (
        "Segment 1 (name 1) split: 37.5% of its customers are in the new segment 4, 37.5% are in "
        "segment 2 and 25% are in segment 3."
    )


def test_a_segment_that_is_taken_up_has_merged():
    # Segment 2's three customers join the nine of segment 1: Jaccard 9/12 and 3/12.
    matching = found("aaaaaaaaabbb", "aaaaaaaaaaaa", (1, 2))
    assert matching.ids == (1,)
    assert told(matching) == [("kept", (1,), (1,)), ("merged", (1, 2), (1,))]
    assert matching.changes[1].said == (
        "Segment 2 (name 2) merged into segment 1 (name 1): 100% of its customers are in it."
    )


def test_two_equal_segments_merge_into_one_that_is_neither():
    matching = found("aaaabbbbcccc", "aaaaaaaabbbb", (1, 2, 3))
    assert matching.ids == (4, 3)
    assert told(matching) == [("kept", (3,), (3,)), ("merged", (1, 2), (4,))]
    assert matching.changes[1].said == (
        "Segments 1 (name 1) and 2 (name 2) merged into the new segment 4: 100% and 100% of their "
        "customers are in it."
    )


def test_a_segment_that_scatters_has_vanished_and_one_of_all_has_appeared():
    # a goes in thirds to three others (none holds half of it), d comes from each of these.
    old = "aaa" + "bbbbbbb" + "ccccccc" + "eeeeeee"
    new = "bce" + "bbbbbbd" + "ccccccd" + "eeeeeed"
    matching = found(old.replace("e", "d"), new.replace("d", "a").replace("e", "d"), (1, 2, 3, 4))
    assert matching.ids == (5, 2, 3, 4)
    assert told(matching)[-2:] == [("vanished", (1,), ()), ("appeared", (), (5,))]
    assert matching.changes[-2].said == (
        "Segment 1 (name 1) vanished: of its customers 33.3% are in segment 2, 33.3% are in "
        "segment 3 and 33.3% are in segment 4."
    )
    assert matching.changes[-1].said.startswith(
        "Segment 5 appeared: of its customers 33.3% were in segment 2 (name 2), "
    )


def test_a_segment_that_changed_too_much_vanished_and_another_appeared():
    # Three of the five of segment 1 are three of the five of place a: Jaccard 3/7.
    matching = found("aaaaabbbbbbbbbb", "aaabbaabbbbbbbb", (1, 2))
    assert matching.ids == (3, 2)
    assert told(matching) == [("kept", (2,), (2,)), ("vanished", (1,), ()), ("appeared", (), (3,))]
    assert matching.changes[1].said == (
        "Segment 1 (name 1) vanished: of its customers 60% are in segment 3 and 40% are in "
        "segment 2."
    )


def test_centres_keep_a_segment_whose_border_moved_and_not_one_of_another_kind():
    # Segment 1 and place a share 5 of 11 customers (0.45), which members alone do not suffice for:
    # 3/4 × 0.45 + 1/4 × 1 = 0.59 where the centres coincide, 0.34 where they lie far apart.
    old, new = "aaaaaaaabbbbbbbb", "aaaaabbbaaabbbbb"
    here, there = np.array([[0.0, 0.0], [4.0, 0.0]]), np.array([[4.0, 0.0], [0.0, 0.0]])
    assert found(old, new, (1, 2)).ids == (3, 4)
    assert found(old, new, (1, 2), old_centres=here, new_centres=here).ids == (1, 2)
    assert found(old, new, (1, 2), old_centres=here, new_centres=there).ids == (3, 4)


def test_coinciding_centres_never_make_one_of_segments_with_nobody_in_common():
    centres = np.zeros((2, 2))
    matching = found("aabb", "....", (1, 2))
    assert matching.ids == ()
    old, new = labels_of("aabb...."), labels_of("....aabb")
    matching = match(make_old(1, 2), 2, 3, old, new, centres, centres)
    assert matching.ids == (3, 4)
    assert matching.kept_share == 0.0


def test_customers_without_a_segment_count_against_those_that_had_one():
    # Segment 1 has 4 customers of whom 2 are nobody's now: Jaccard 2/4 is dissolved.
    assert found("aaaa", "aa..", (1,)).ids == (2,)
    assert found("aaaa", "aaa.", (1,)).ids == (1,)
    assert found("aaa.", "aaa.", (1,)).kept_share == 1.0


def test_the_first_fit_has_only_fresh_ids_the_largest_first():
    matching = match([], 3, 1, labels_of("......"), labels_of("abbccc"))
    assert matching.ids == (3, 2, 1)
    assert matching.next_id == 4
    assert [kind for kind, _, _ in told(matching)] == ["appeared"] * 3


def test_names_stay_with_ids_and_no_two_segments_share_one():
    matching = found("aaaaaaaabbbb", "bbbbbaaacccc", (1, 2))
    names, names_da = ["name 1", "x", "y"], ["ny", "x", "y"]
    segments = persisting(make_old(1, 2), matching, names, names_da)
    assert segments == (
        Segment(3, "name 1 2", "ny"),
        Segment(1, "name 1", "navn 1"),
        Segment(2, "name 2", "navn 2"),
    )


def test_a_refit_begins_at_the_means_of_the_old_segments_that_have_customers():
    points = np.array([[0.0, 1.0], [2.0, 3.0], [9.0, 9.0], [5.0, 5.0]])
    found = starting_centres(points, np.array([0, 0, NOBODY, 2]), 3)
    assert found.tolist() == [[1.0, 2.0], [5.0, 5.0]]


def test_a_refit_begun_there_keeps_ids_that_one_begun_anywhere_loses():
    # Points all over a disc have no clusters: where three come to lie is up to the start.
    rng = np.random.default_rng(4)
    points = rng.normal(size=(300, 2))
    old = KMeans(3, n_init=1, random_state=0).fit(points[:200])
    before = old.predict(points)

    def kept(fitted: KMeans) -> float:
        return match(make_old(1, 2, 3), 3, 4, before, fitted.labels_).kept_share

    begun = KMeans(3, init=starting_centres(points, before, 3), n_init=1).fit(points)
    anywhere = [kept(KMeans(3, n_init=1, random_state=seed).fit(points)) for seed in range(8)]
    assert kept(begun) > 0.8
    assert min(anywhere) < 0.5


@pytest.mark.parametrize(
    ("next_id", "new", "message"),
    [(3, [0, 1], "of the same customers"), (2, [0, 1, 1], "above every id given, got 2")],
)
def test_labels_of_others_and_ids_given_before_are_refused(next_id, new, message):
    with pytest.raises(ValueError, match=message):
        match(make_old(1, 2), 2, next_id, np.array([0, 0, 1]), np.array(new))


LABELS = st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(LABELS, st.randoms(use_true_random=False))
def test_permuting_customers_changes_nothing_and_permuting_places_only_the_places(rows, random):
    old, new = np.array(rows).T
    ids = (5, 2, 9, 3)
    matching = match(make_old(*ids), 4, 10, old, new)
    shuffled = np.array(random.sample(rows, len(rows))).reshape(-1, 2).T
    assert match(make_old(*ids), 4, 10, *shuffled).ids == matching.ids

    order = random.sample(range(4), 4)
    moved = np.where(new == NOBODY, NOBODY, np.argsort(order)[new])
    again = match(make_old(*ids), 4, 10, old, moved)
    kept = [one if one < 10 else 0 for one in matching.ids]
    assert [one if one < 10 else 0 for one in again.ids] == [kept[place] for place in order]
    assert again.kept_share == pytest.approx(matching.kept_share, nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(LABELS)
def test_ids_are_never_given_twice_and_every_segment_is_accounted_for(rows):
    old, new = np.array(rows).T
    matching = match(make_old(5, 2, 9, 3), 4, 10, old, new)
    assert len(set(matching.ids)) == 4
    assert set(matching.ids) <= {5, 2, 9, 3, *range(10, matching.next_id)}
    assert {one for change in matching.changes for one in change.old} == {5, 2, 9, 3}
    assert {one for change in matching.changes for one in change.new} == set(matching.ids)
