import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.figures.withheld import withheld
from training.segmentation.migration import NO_LONGER, NOT_YET, migration
from training.segmenters.segmenter import Segment

LOYAL, ASLEEP = Segment(1, "loyal", "loyale"), Segment(2, "asleep", "sovende")


def make_dates(*moves: tuple[int, str | None, str | None]) -> tuple[pd.Series, pd.Series]:
    """Return both dates' segments of so many customers each; "-" is a customer with no row."""
    left, right = {}, {}
    for number, (customers, before, after) in enumerate(moves):
        for one in range(customers):
            name = f"{number}/{one}"
            left |= {} if before == "-" else {name: before}
            right |= {} if after == "-" else {name: after}
    return pd.Series(left, dtype=object), pd.Series(right, dtype=object)


def test_who_moved_is_counted_by_where_from_and_where_to():
    before, after = make_dates(
        (60, "loyal", "loyal"),
        (20, "loyal", "asleep"),
        (10, "asleep", "loyal"),
        (30, "asleep", "asleep"),
        (20, "loyal", None),  # no longer asked about
        (10, "asleep", "-"),  # no longer there
        (25, "-", "loyal"),
        (8, None, None),
    )
    found = migration(before, after, [LOYAL, ASLEEP])
    assert found.counts.to_dict("split") == {
        "index": ["loyal", "asleep", NOT_YET],
        "columns": ["loyal", "asleep", NO_LONGER],
        "data": [[60, 20, 20], [10, 30, 10], [25, 0, 0]],
    }
    # Loyal: 60, 20 and 20 of 100; asleep: 10, 30 and 10 of 50.
    assert found.shares.to_numpy().tolist() == [[0.6, 0.2, 0.2], [0.2, 0.6, 0.2], [1.0, 0.0, 0.0]]
    assert found.before.tolist() == [100, 50, 25]
    assert found.after.tolist() == [95, 50, 30]
    assert found.net.to_dict() == {"loyal": -5, "asleep": 0}
    assert (found.stayed, found.both) == (90, 120)
    assert found.stay_share == 90 / 120


def test_few_customers_are_withheld_and_so_is_what_would_give_them_away():
    moves = [(60, "loyal", "loyal"), (20, "loyal", "asleep"), (20, "loyal", None)]
    moves += [(3, "asleep", "loyal"), (30, "asleep", "asleep"), (10, "asleep", None)]
    found = migration(*make_dates(*moves, (25, "-", "loyal")), [LOYAL, ASLEEP])
    assert pd.isna(found.counts.loc["asleep", "loyal"])
    assert np.isnan(found.shares.loc["asleep", "loyal"])
    # Its row would tell it by any one cell, and so would its column.
    assert found.counts.loc["asleep"].isna().sum() >= 2
    assert found.counts["loyal"].isna().sum() >= 2
    assert migration(*make_dates(*moves), [LOYAL, ASLEEP], least=1).stay_share == 90 / 113


def test_a_lone_customer_gives_nothing_but_that_there_is_somebody():
    found = migration(*make_dates((1, "loyal", "asleep")), [LOYAL, ASLEEP])
    said = found.to_dict()
    assert json.loads(json.dumps(said)) == said
    assert said["customers"] == [[0, None, 0], [0, 0, 0], [0, 0, 0]]
    assert said["shares"][0] == [None, None, None]
    assert (said["stayed"], said["both"], said["stay_share"]) == (0, None, None)


def test_a_segment_that_is_no_more_comes_after_the_others():
    found = migration(*make_dates((9, "gone", "loyal")), [LOYAL])
    assert list(found.counts.index) == ["loyal", "gone", NOT_YET]
    assert found.counts.loc["gone", "loyal"] == 9


def test_nobody_at_either_date():
    empty = pd.Series([], dtype=object)
    found = migration(empty, empty, [LOYAL])
    assert found.counts.to_numpy().sum() == 0
    assert found.stay_share is None


def test_a_customer_who_is_there_twice_is_refused():
    twice = pd.Series(["loyal", "asleep"], ["c1", "c1"])
    with pytest.raises(ValueError, match="customer 'c1' is there twice"):
        migration(twice, twice, [LOYAL, ASLEEP])


NAME = st.sampled_from(["loyal", "asleep", None, "-"])
MOVES = st.lists(st.tuples(st.integers(1, 9), NAME, NAME), max_size=12)


@settings(max_examples=40, deadline=None)
@given(MOVES, st.integers(0, 2**16))
def test_parts_add_up_and_the_order_of_customers_does_not_matter(moves, seed):
    before, after = make_dates(*moves)
    found = migration(before, after, [LOYAL, ASLEEP], least=1)
    assert found.counts.sum(axis=1).tolist() == found.before.tolist()
    assert found.counts.sum().tolist() == found.after.tolist()
    rows = found.shares.sum(axis=1)[found.before.to_numpy() > 0]
    assert rows.to_numpy() == pytest.approx(1.0)
    rng = np.random.default_rng(seed)
    before, after = (
        before.iloc[rng.permutation(len(before))],
        after.iloc[rng.permutation(len(after))],
    )
    assert migration(before, after, [LOYAL, ASLEEP], 5).to_dict() == (
        migration(*make_dates(*moves), [LOYAL, ASLEEP], 5).to_dict()
    )


def make_moves(table: list[list[int]], names: list[str | None]) -> list[tuple]:
    """Return the moves that a table of customers says, of who is known at both dates."""
    return [
        (customers, before, after)
        for before, row in zip(names, table, strict=True)
        for after, customers in zip(names, row, strict=True)
    ]


def solved(found, sizes: dict[str, int | None]) -> set[tuple[int, int]]:
    """Return the withheld cells that a reader solves for, knowing the sizes of segments now.

    What is withheld is one unknown each; sums that are withheld say nothing.
    """
    size = len(found.counts)
    counts = found.counts.to_numpy(dtype=object)
    unknown = {cell: k for k, cell in enumerate(zip(*np.nonzero(pd.isna(counts)), strict=True))}
    after = [sizes.get(name, now) for name, now in found.after.items()]
    lines = [[(row, column) for column in range(size)] for row in range(size)]
    known = [not pd.isna(total) for total in [*found.before, *after]]
    lines += [[(row, column) for row in range(size)] for column in range(size)]
    diagonal = [(place, place) for place in range(size - 1)]
    lines += [diagonal, [(i, j) for i in range(size - 1) for j in range(size - 1)]]
    known += [found.stayed is not None, found.both is not None]
    rows = [
        [cell in line for cell in unknown] for line, told in zip(lines, known, strict=True) if told
    ]
    held = np.array(rows, dtype=float).reshape(len(rows), len(unknown))
    rank = np.linalg.matrix_rank(held) if held.size else 0
    axes = np.eye(len(unknown))
    return {
        cell
        for cell, k in unknown.items()
        if np.linalg.matrix_rank(np.vstack([held, axes[k]])) == rank
    }


def cards(after: pd.Series, least: int) -> dict[str, int | None]:
    """Return what the cards of segments say of their sizes, where they say it."""
    sizes = after.fillna("none").value_counts()
    hidden = withheld(sizes.to_numpy(), least)
    return {name: n for (name, n), secret in zip(sizes.items(), hidden, strict=True) if not secret}


ABC = [Segment(number, name, name) for number, name in enumerate("abc", start=1)]


SMALL = st.sampled_from([0, 0, 0, 1, 2, 4, 6, 30])


@settings(max_examples=30, deadline=None)
@given(st.lists(SMALL, min_size=16, max_size=16))
def test_what_cards_say_of_the_same_segments_tells_no_withheld_move(parts):
    table = np.array(parts).reshape(4, 4).tolist()
    before, after = make_dates(*make_moves(table, ["a", "b", "c", None]))
    found = migration(before, after, ABC)
    given = solved(found, cards(after, 5))
    assert not [cell for cell in given if 0 < table[cell[0]][cell[1]] < 5]
    for name, now in found.after.iloc[:-1].items():  # nor does the table what cards withhold
        assert pd.isna(now) or not now or name in cards(after, 5)
