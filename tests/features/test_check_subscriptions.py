"""What is looked at in subscriptions and events, and where they contradict what is claimed."""

from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest

from configs.schema import Config
from features.check import check, unfit
from features.contract import DataError
from features.findings.finding import Finding
from features.source import first_and_last_day, load_tables
from tests.factories import make_club

HELD = ["customer", "start", "end", "plan", "mrr"]
ROWS = [
    ("a", "2024-01-01", "2024-03-01", "small", 10),  # a change of plan
    ("a", "2024-03-01", None, "large", 30),
    ("b", "2024-01-01", "2024-02-01", "small", 10),  # back after a break
    ("b", "2024-03-01", None, "small", 10),
    ("c", "2024-01-01", "2024-04-01", "small", 10),  # two at once, and gone
    ("c", "2024-02-01", "2024-03-15", "large", 30),
    ("d", "2024-01-01", "2024-01-01", "small", 0),  # never ran
    ("d", "2024-05-31", None, "small", 0),
]
EVENTS = [("a", "2024-03-01", "churned"), ("c", "2024-04-01", "churned"), ("a", "2024-02-01", "x")]
PEOPLE = pd.DataFrame(
    {
        "customer": ["a", "b", "c", "d", "e"],
        "left": ["yes", "no", "yes", "no", None],
        "mail": ["yes", "yes", "no", None, "yes"],
    }
)
LEFT = {"kind": "flag", "says": "churned"}


def club(folder: Path, rows=ROWS, events=EVENTS, columns=HELD, **changes) -> Config:
    config = make_club(folder, pd.DataFrame(rows, columns=columns))
    names = ["customer", "when", "what"]
    pd.DataFrame(events, columns=names).to_csv(folder / "events.csv", index=False)
    PEOPLE.to_csv(folder / "people.csv", index=False)
    events = {
        "path": str(folder / "events.csv"),
        "columns": {"customer_id": "customer", "occurred_at": "when", "kind": "what"},
        "kinds": changes.pop("kinds", {"churned": {"role": "churn"}}),
    }
    people = {
        "path": str(folder / "people.csv"),
        "columns": {"customer_id": "customer"},
        "attributes": changes.pop("attributes", {"left": LEFT}),
        "consents": {"newsletter": "mail"},
    }
    told = config.model_dump(mode="json")
    sources = {**told["sources"], "events": events, "customers": people}
    return Config.model_validate({**told, "sources": sources, **changes})


def found(config: Config) -> dict[str, Finding]:
    tables = load_tables(config, count_duplicates=True)
    return {finding.what: finding for finding in check(config, tables)}


def test_subscriptions_are_counted_by_hand(tmp_path):
    told = {what: finding.found for what, finding in found(club(tmp_path)).items()}
    assert told["subscriptions"] == "8 by 4 customers"
    assert told["subscriptions: starts"] == "2024-01-01 to 2024-05-31"
    assert told["subscriptions: ends"] == "5 from 2024-01-01 to 2024-04-01"
    assert told["subscriptions: ended as they began"] == "1 rows (12.5%)"
    assert told["subscriptions: overlaps and gaps"] == (
        "several at once for 1 customers, a break and back for 2"
    )
    assert told["subscriptions: running after 2024-05-31"] == "3 of 3 customers, MRR 40 DKK"
    assert told["subscriptions: plans"] == "small 6, large 2"
    assert told["MRR: of 0"] == "2 rows (25.0%)"


def test_events_are_counted_by_kind_and_those_not_declared_are_told(tmp_path):
    told = found(club(tmp_path, kinds={"churned": {"role": "churn"}, "visit": {}}))
    assert told["events"].found == "3 by 2 customers: churned 2"
    assert told["events: dates"].found == "2024-03-01 to 2024-04-01"
    assert told["events: kinds without a row"].found == "'visit'"
    undeclared = told["events: kinds not declared"]
    assert (undeclared.level, undeclared.found) == ("look", "x 1")


def test_consent_is_told_by_purpose(tmp_path):
    told = found(club(tmp_path))["consent: newsletter"].found
    assert told == "given by 3 of 5 customers (60%), unknown of 1"


def test_customers_of_every_table_are_looked_for_among_the_attributes(tmp_path):
    rows = [*ROWS, ("z", "2024-01-01", None, "small", 10)]
    assert found(club(tmp_path, rows))["attributes"].found == "known of 4 of 5 customers (80%)"


def test_a_claim_that_the_dated_tables_do_not_bear_is_told_in_numbers(tmp_path):
    # Of a and c the flag says they left: a has an event of it but a subscription still, c both.
    told = found(club(tmp_path))
    events, subscriptions = told["left: churn events"], told["left: subscriptions"]
    assert (events.level, events.found) == (
        "fine",
        "a churn event exists for 2 of 2 customers it says churned, and for 0 of 2 it says did not",
    )
    assert (subscriptions.level, subscriptions.found) == (
        "look",
        "no subscription runs any more for 1 of 2 customers it says churned, "
        "and for 0 of 2 it says did not",
    )
    assert "contradict each other in 1 of 4 customers" in subscriptions.step


def test_an_event_for_who_is_said_to_have_stayed_is_a_contradiction(tmp_path):
    told = found(club(tmp_path, events=[("b", "2024-02-01", "churned")]))["left: churn events"]
    assert (told.level, told.found) == (
        "look",
        "a churn event exists for 0 of 2 customers it says churned, and for 1 of 2 it says did not",
    )
    assert "contradict each other in 3 of 4 customers" in told.step


def test_an_event_after_which_the_subscription_runs_on_is_a_contradiction(tmp_path):
    events = [("a", "2024-04-01", "churned"), ("b", "2024-02-01", "churned")]  # b came back
    told = found(club(tmp_path, events=events))["churn events: subscriptions"]
    assert told.level == "look"
    assert told.found.startswith("after 1 of 2 churn events, a subscription that had begun before")


def test_claims_are_known_by_their_names_where_nothing_declares_them(tmp_path):
    attributes = {"has_churned": {"kind": "flag", "column": "left"}}
    told = found(club(tmp_path, attributes=attributes, kinds={"churned": {}}))
    assert told["has_churned: churn events"].found.startswith("a churn event exists for 2 of 2")
    assert (
        told["has_churned: an input"].level,
        "says: churned" in told["has_churned: an input"].step,
    ) == ("look", True)


def test_what_is_declared_to_claim_churn_is_no_input_and_no_alarm(tmp_path):
    config = club(tmp_path)
    assert config.inputs == {}
    assert "left: an input" not in found(config)


@pytest.mark.parametrize(("ends", "level"), [("2024-05-31", "fine"), ("2024-06-01", "look")])
def test_ends_told_of_ahead_are_worth_a_look(tmp_path, ends, level):
    rows = [*ROWS, ("e", "2024-01-01", ends, "small", 10)]
    told = found(club(tmp_path, rows))["subscriptions: ends"]
    assert (told.level, "timeline.last" in told.step) == (level, level == "look")


def test_rows_that_repeat_another_are_told_as_they_count_twice(tmp_path):
    told = found(club(tmp_path, [*ROWS, ROWS[1]]))["subscriptions: duplicates"]
    assert (told.level, told.found) == ("look", "1 rows (11.1%)")
    assert "sources.subscriptions.duplicates: drop" in told.step


def test_revenue_that_is_missing_or_negative_is_worth_a_look(tmp_path):
    rows = [("a", "2024-01-01", None, "small", None), ("b", "2024-01-01", None, "small", -5)]
    told = found(club(tmp_path, rows))
    assert (told["MRR: missing"].level, told["MRR: negative"].level) == ("look", "look")


FIRST = date(2024, 1, 1)
CUTS = {"timeline": {"every": "28d", "cutoffs": 2, "history": "28d", "gap": "0d"}}


def leaving(every_week: int, weeks: int = 24) -> list:
    """Each week so many begin at 10 a month; of those of the first half, all but one have left."""
    rows = []
    for number in range(weeks * every_week):
        start = FIRST + timedelta(weeks=number // every_week)
        end = start + timedelta(days=60) if number % 2 else None
        rows.append((f"{number:04}", start, end, "small", 10))
    return rows


def test_too_few_who_cancel_stop(tmp_path):
    findings = check(config := club(tmp_path, leaving(2), **CUTS), load_tables(config))
    (told,) = [each for each in findings if each.what == "churn: customers"]
    assert told.level == "stop"
    assert "cancelled after the tune cut-offs" in told.found
    assert unfit(findings)


def test_cancelling_is_told_with_its_revenue(tmp_path):
    rows = leaving(40)
    told = found(club(tmp_path, rows, **CUTS))["churn: customers"]
    last = FIRST + timedelta(weeks=23)
    cut = last + timedelta(days=1) - timedelta(days=28)
    asked = [row for row in rows if row[1] < cut and (row[2] is None or row[2] >= cut)]
    left = sum(row[2] is not None and row[2] < cut + timedelta(days=28) for row in asked)
    share = left / len(asked)
    assert (told.level, told.step.startswith("figures are rough")) == ("look", True)
    assert (
        f"reported on {cut}; there, {left} of {len(asked)} cancelled within 28 days" in told.found
    )
    assert f"{share:.1%} of the MRR of {10 * len(asked):,} DKK" in told.found
    assert told.found.endswith(f"in all {share:.1%} of it was lost")


# The days that the data tell of


def test_the_last_day_is_that_of_a_start_an_event_or_a_purchase_not_of_an_end(tmp_path):
    rows = [("a", "2024-01-05", "2030-01-01", "small", 10), ("b", "2024-02-01", None, "small", 10)]
    events = [("a", "2024-01-01", "churned"), ("a", "2024-03-01T23:30", "churned")]
    config = club(tmp_path, rows, events)
    assert first_and_last_day(load_tables(config)) == (date(2024, 1, 1), date(2024, 3, 1))


def test_an_end_counts_for_the_last_day_where_it_was_known_once_it_had_come(tmp_path):
    columns = ["customer", "start", "end", "known", "end_known"]
    rows = [
        ("a", "2024-01-05", "2024-04-01", "2024-01-05", "2024-04-02"),
        ("b", "2024-01-06", "2030-01-01", "2024-01-06", "2024-02-01"),
        ("c", "2031-01-01", None, "2024-02-01", None),  # agreed on years ahead
    ]
    config = make_club(tmp_path, pd.DataFrame(rows, columns=columns))
    assert first_and_last_day(load_tables(config)) == (date(2024, 1, 5), date(2024, 4, 1))


def test_subscriptions_that_were_all_agreed_on_ahead_tell_of_no_day(tmp_path):
    rows = pd.DataFrame(
        [("a", "2031-01-01", None, "2024-02-01")], columns=["customer", "start", "end", "known"]
    )
    with pytest.raises(DataError, match=r"subscriptions\.csv: expected a row of what has happened"):
        first_and_last_day(load_tables(make_club(tmp_path, rows)))
