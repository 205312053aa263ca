"""Net promoter score and satisfaction, by hand."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.figures import answers
from features.source import load_rows
from tests.factories import make_base
from tests.features.figures.adding import MAY, by_customer, figures

KINDS = {
    "relation": {"role": "score", "scale": "nps"},
    "after_delivery": {"role": "score", "scale": "nps"},
    "support": {"role": "score", "scale": "csat"},
    "stars": {"role": "score"},  # of no scale: it is no answer to either
    "visit": {},
}
SHOP = make_base("events", kinds=KINDS)
NAMES = ("customer_id", "occurred_at", "kind", "value", "known_at")

ROWS = [
    ("a", "2024-05-01T00:00", "relation", 10),  # the first instant is in
    ("a", "2024-05-20", "after_delivery", 9),  # another kind of the same scale, a second answer
    ("b", "2024-05-02", "relation", 8),
    ("c", "2024-05-03", "relation", 7),
    ("d", "2024-05-04", "relation", 6),
    ("e", "2024-05-05", "relation", 0),
    ("f", "2024-05-31T23:59", "relation", 9.0),
    # no answers from 0 to 10: three unusable values, and a question not answered
    ("g", "2024-05-06", "relation", 11),
    ("g", "2024-05-06", "relation", -1),
    ("g", "2024-05-06", "relation", 4.7),
    ("g", "2024-05-06", "relation", None),
    # outside the period, or not known in it
    ("h", "2024-04-30T23:59", "relation", 10),
    ("h", "2024-05-30", "relation", 10, "2024-06-01T00:00"),
    ("i", "2024-06-01T00:00", "relation", 10),
    ("b", "2024-05-02", "support", 5),
    ("b", "2024-05-09", "support", 4),
    ("c", "2024-05-02", "support", 3),
    ("d", "2024-05-02", "support", 1),
    ("d", "2024-05-03", "support", 0),  # below the scale
    ("e", "2024-05-02", "stars", 5),
    ("e", "2024-05-02", "visit", 5),
]

GOLDEN = {
    # 10, 9, 8, 7, 6, 0 and 9: three promoters and two detractors of seven answers
    "nps": 100 * (3 - 2) / 7,
    "nps_answers": 7,
    "nps_unusable": 3,
    "csat": 2 / 4,  # 5 and 4 of 5, 4, 3 and 1
    "csat_answers": 4,
    "csat_unusable": 1,
}


def held(rows: list[tuple]) -> dict[str, list[dict]]:
    return {"events": [dict(zip(NAMES, row, strict=False)) for row in rows]}


def test_every_figure_is_as_worked_out_by_hand():
    found = by_customer(answers, SHOP, held(ROWS))
    assert figures(answers, found) == pytest.approx(GOLDEN, rel=1e-15)


def test_the_figures_are_about_those_who_answered():
    found = by_customer(answers, SHOP, held(ROWS))
    assert list(found.index) == list("abcdefgh")  # whoever had any event by the end, i had none
    assert sorted(found.index[found["nps_customers"] == 1]) == list("abcdef")
    assert sorted(found.index[found["csat_customers"] == 1]) == list("bcd")
    assert list(found.index[found["csat_misread"] == 1]) == ["d"]


def test_a_score_of_nobody_is_none():
    found = figures(answers, by_customer(answers, SHOP, held(ROWS[7:11])))
    assert (found["nps"], found["nps_answers"], found["nps_unusable"]) == (None, 0, 3)


def test_a_scale_that_no_kind_has_is_not_told_of():
    config = make_base("events", kinds={"support": KINDS["support"]})
    found = by_customer(answers, config, held([row for row in ROWS if row[2] == "support"]))
    assert list(figures(answers, found)) == ["csat", "csat_answers", "csat_unusable"]


@pytest.mark.parametrize(
    "config",
    [
        make_base(),
        make_base("events", kinds={"visit": {}}),
        make_base("events", kinds=KINDS, without=["events.value"]),
    ],
)
def test_there_is_nothing_to_tell_where_nothing_is_asked(config):
    assert answers.measures(config, load_rows(config, {}), MAY) is None


@settings(max_examples=3)
@given(st.integers(0, 2**32))
def test_the_score_is_that_of_its_definition_in_any_order(seed: int):
    random = Random(seed)
    days = ["2024-04-20", "2024-05-02", "2024-05-30", "2024-06-02"]
    kinds = ["relation", "after_delivery"]
    rows = [
        (random.choice("abc"), random.choice(days), random.choice(kinds), random.randint(-2, 12))
        for _ in range(60)
    ]
    found = by_customer(answers, SHOP, held(rows))
    values = [row[3] for row in rows if "2024-05" in row[1] and 0 <= row[3] <= 10]
    points = [(value >= 9) - (value <= 6) for value in values]
    assert figures(answers, found)["nps"] == pytest.approx(100 * sum(points) / len(points))
    random.shuffle(rows)
    assert by_customer(answers, SHOP, held(rows)).equals(found)
