"""Features of events: by kind, of contacts and of the answers to them; golden numbers by hand."""

import math
from datetime import date

import numpy as np
import pytest

from configs.schema import Config
from features.build import build, schema_of
from features.catalogue import describe
from features.source import load_rows
from tests.factories import make_base

CUT_OFF = date(2024, 6, 3)
KINDS = {
    "visit": {"label": "visit", "label_da": "besøg"},
    "minutes": {"label": "minutes watched"},
    "nps": {"role": "score", "label": "NPS"},
    "csat": {"role": "score"},
    "mail": {"role": "contact"},
    "call": {"role": "contact"},
    "click": {"role": "response"},
    "goodbye": {"role": "churn"},
}

ROWS = [
    # two visits on one day, 30 days before the cut-off, and one just past the window
    ("a", "2024-05-04T00:00", "visit", None),
    ("a", "2024-05-04T23:59", "visit", 7),
    ("a", "2024-05-03T23:59", "visit", None),
    # a visit at the cut-off: not known
    ("a", "2024-06-03T00:00", "visit", None),
    ("a", "2024-06-02", "minutes", 12.25),
    ("a", "2024-05-30", "minutes", None),
    ("a", "2024-03-05", "minutes", 30),  # 90 days before
    # scores: the last day with an answer has two
    ("a", "2024-02-01", "nps", 2),
    ("a", "2024-05-01", "nps", 9),
    ("a", "2024-05-01", "nps", 6),
    ("a", "2024-05-02", "nps", None),
    ("a", "2024-04-01", "csat", 1),
    # answered after seven days; after eight; on the day; not at all yet; the last five days before
    ("a", "2024-03-01", "mail", None),
    ("a", "2024-03-08", "click", None),
    ("a", "2024-04-01", "mail", None),
    ("a", "2024-04-09", "call", None),
    ("a", "2024-04-09", "click", None),
    ("a", "2024-05-26", "mail", None),  # 8 days before: it had a week
    ("a", "2024-05-27", "mail", None),  # 7 days before: it has not
    ("a", "2024-05-29", "mail", None),
    ("a", "2024-06-03", "click", None),
    ("a", "2023-12-24", "goodbye", None),
    ("b", "2024-05-30", "mail", None),
]

GOLDEN = {
    "visit_count_in_30d": 2,
    "visit_count_in_90d": 3,
    "minutes_count_in_30d": 2,
    "minutes_count_in_90d": 3,
    "goodbye_count_in_30d": 0,
    "goodbye_count_in_90d": 0,
    "visit_value_in_30d": 7,
    "visit_value_in_90d": 7,
    "minutes_value_in_30d": 12.25,
    "minutes_value_in_90d": 42.25,
    "visit_days_since_last": 30,
    "minutes_days_since_last": 1,
    "nps_days_since_last": 32,
    "csat_days_since_last": 63,
    "goodbye_days_since_last": 162,
    "nps_mean_score": 17 / 3,
    "csat_mean_score": 1,
    "nps_last_score": 7.5,
    "csat_last_score": 1,
    "contacts_in_30d": 3,
    "contacts_in_90d": 5,
    "days_since_contact": 5,
    "responses_in_30d": 0,
    "responses_in_90d": 2,
    "days_since_response": 55,
    "response_share": 2 / 4,
}

CONTACTED_ONCE = {
    "visit_count_in_90d": 0,
    "minutes_value_in_90d": 0,
    "visit_days_since_last": np.nan,
    "nps_mean_score": np.nan,
    "nps_last_score": np.nan,
    "contacts_in_30d": 1,
    "responses_in_90d": 0,
    "days_since_response": np.nan,
    "response_share": np.nan,
}


TOLD = make_base("events", kinds=KINDS)
PLAIN = make_base("events", kinds=KINDS, without=["events.known_at"])
"""The same base where rows do not say when they were known."""


def names_of(config: Config) -> list[str]:
    return [each.column.name for each in describe(config) if each.table == "events"]


def features_of(config: Config, rows: list[tuple], *cutoffs: date) -> dict[tuple, dict]:
    """The features of events of each customer at each cut-off."""
    names = ("customer_id", "occurred_at", "kind", "value", "known_at")
    held = {"events": [dict(zip(names, row, strict=False)) for row in rows]}
    frame = build(config, load_rows(config, held), cutoffs or [CUT_OFF])
    keys = zip(frame.pop("as_of"), frame.pop("customer_id"), strict=True)
    return dict(zip(keys, frame[names_of(config)].to_dict("records"), strict=True))


@pytest.fixture(scope="module")
def golden() -> dict[tuple, dict]:
    """The features of the rows above at the one cut-off; not to be changed."""
    return features_of(PLAIN, ROWS)


def test_every_feature_of_events_is_as_worked_out_by_hand(golden):
    assert golden[CUT_OFF, "a"] == pytest.approx(GOLDEN, rel=1e-12)
    assert names_of(PLAIN) == list(GOLDEN)


def test_who_was_contacted_once_has_done_nothing(golden):
    found = golden[CUT_OFF, "b"]
    assert {name: found[name] for name in CONTACTED_ONCE} == pytest.approx(
        CONTACTED_ONCE, nan_ok=True
    )


def test_at_several_cut_offs_and_where_rows_say_when_they_were_known_it_is_the_same():
    days = [date(2024, 3, 10), date(2024, 5, 1), CUT_OFF]
    together = features_of(PLAIN, ROWS, *days)
    assert together[CUT_OFF, "a"] == pytest.approx(GOLDEN, rel=1e-12)
    assert repr(features_of(TOLD, ROWS, *days)) == repr(together)
    alone = {key: held for day in days for key, held in features_of(TOLD, ROWS, day).items()}
    assert repr(alone) == repr(together)


def test_an_answer_counts_from_when_it_is_known():
    rows = [
        ("a", "2024-05-01", "mail", None),
        ("a", "2024-05-02", "click", None, "2024-06-03T00:00"),
    ]
    found = features_of(TOLD, rows, CUT_OFF, date(2024, 6, 4))
    shares = [held["response_share"] for held in found.values()]
    assert shares == [0, 1]
    since = [held["days_since_response"] for held in found.values()]
    assert math.isnan(since[0])
    assert since[1] == 33


def test_a_kind_has_its_words_in_the_schema():
    schema = schema_of(PLAIN, load_rows(PLAIN, {}))
    column = schema["visit_count_in_30d"]
    assert column.label == "visit: times in the last 30 days"
    assert column.label_da == "besøg: antal gange i de seneste 30 dage"
    assert schema["csat_last_score"].label == "csat: the last"
    assert schema["minutes_days_since_last"].label_da == "minutes watched: dage siden sidst"
