"""The canonical tables beside transactions: events, subscriptions, customers; and posted rows."""

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from configs.load import config_hash
from configs.schema import Config
from features.contract import DataError
from features.source import Tables, load_rows, load_tables
from tests.factories import make_shop

SALES = "who,when,paid\n1,2024-01-05T10:00,9.95\n"


def table(folder: Path, name: str, text: str, columns: dict, **told) -> dict:
    (folder / f"{name}.csv").write_text(text)
    return {"path": str(folder / f"{name}.csv"), "columns": columns, "timezone": "UTC", **told}


def base(folder: Path, **sources) -> Config:
    columns = {"customer_id": "who", "occurred_at": "when", "amount": "paid"}
    sales = table(folder, "sales", SALES, columns)
    given = {"transactions": sales, **sources}
    return make_shop(folder / "unused", pd.DataFrame(), sources=given)


def rows(tables: Tables, name: str) -> list[dict]:
    held = tables.need(name)
    return held.order_by(held.columns).to_pyarrow().to_pylist()


def refusal(config: Config) -> DataError:
    with pytest.raises(DataError) as caught:
        load_tables(config)
    return caught.value


# Events

EVENTS = "who,when,what,score\n1,2024-01-05T23:30,seen page,\n2,2024-01-06,nps,9\n1,2024-01-07,x,\n"
EVENT_COLUMNS = {"customer_id": "who", "occurred_at": "when", "kind": "what", "value": "score"}
KINDS = {"visit": {"value": "seen page"}, "nps": {"role": "score"}}


def test_events_are_called_by_their_kinds_and_others_are_counted(tmp_path):
    events = table(tmp_path, "events", EVENTS, EVENT_COLUMNS, kinds=KINDS)
    tables = load_tables(base(tmp_path, events=events))
    held = [(row["customer_id"], row["kind"], row["value"]) for row in rows(tables, "events")]
    assert held == [("1", "visit", None), ("2", "nps", Decimal(9))]
    assert [str(row["local_day"]) for row in rows(tables, "events")] == ["2024-01-06"] * 2
    assert tables.intake["events"].undeclared == {"x": 1}
    assert "known_at" not in tables.need("events").columns


def test_several_files_of_events_make_one_table(tmp_path):
    columns = {"customer_id": "who", "occurred_at": "when", "kind": {"constant": "ticket"}}
    tickets = table(
        tmp_path,
        "tickets",
        "who,when,known\n1,2024-01-09,2024-02-01\n,2024-01-09,\n",
        {**columns, "known_at": "known"},
        kinds={"ticket": {}},
    )
    visits = table(tmp_path, "events", EVENTS, EVENT_COLUMNS, kinds=KINDS)
    tables = load_tables(base(tmp_path, events=[tickets, visits]))
    held = rows(tables, "events")
    known = [(row["kind"], str(row["known_at"].date())) for row in held]
    assert known == [("visit", "2024-01-05"), ("ticket", "2024-02-01"), ("nps", "2024-01-06")]
    intake = tables.intake["events"]
    assert (intake.rows, intake.guests, dict(intake.undeclared)) == (5, 1, {"x": 1})


def test_events_may_find_their_customer_in_another_file(tmp_path):
    (tmp_path / "accounts.csv").write_text("account,who\na,1\nb,2\n")
    join = {"path": str(tmp_path / "accounts.csv"), "key": "account", "columns": ["who"]}
    text = "account,when,what\na,2024-01-05,nps\nb,2024-01-05,nps\nc,2024-01-05,nps\n"
    columns = {"customer_id": "who", "occurred_at": "when", "kind": "what"}
    events = table(tmp_path, "events", text, columns, kinds={"nps": {}}, join=[join])
    tables = load_tables(base(tmp_path, events=events))
    assert [row["customer_id"] for row in rows(tables, "events")] == ["1", "2"]
    assert tables.intake["events"].guests == 1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": {}}, "kinds"),
        ({"kinds": {"visit": {"value": "x"}, "x": {}}}, "kinds must each have a value"),
        ({"columns": {**EVENT_COLUMNS, "kind": {"constant": "call"}}}, "kinds must hold call"),
        ({"columns": {**EVENT_COLUMNS, "kind": {"always": "call"}}}, "constant: KIND"),
    ],
)
def test_kinds_that_do_not_fit_are_refused(tmp_path, change, said):
    events = {**table(tmp_path, "events", EVENTS, EVENT_COLUMNS, kinds=KINDS), **change}
    with pytest.raises(ValidationError, match=said):
        base(tmp_path, events=events)


def test_one_kind_is_not_two_things(tmp_path):
    one = table(tmp_path, "one", EVENTS, EVENT_COLUMNS, kinds={"nps": {"role": "score"}})
    two = table(tmp_path, "two", EVENTS, EVENT_COLUMNS, kinds={"nps": {"role": "contact"}})
    with pytest.raises(ValidationError, match="the same of the kind nps"):
        base(tmp_path, events=[one, two])


# Subscriptions

PLAN_COLUMNS = {
    "customer_id": "who",
    "started_at": "start",
    "ended_at": "end",
    "known_at": "told",
    "ended_known_at": "end_told",
    "plan": "plan",
    "mrr": "fee",
}
PLANS = "who,start,end,told,end_told,plan,fee\n"


def test_a_subscription_and_its_end_are_known_as_they_happen_unless_told(tmp_path):
    text = (
        "1,2024-01-05,,,,gold,19.99\n"
        "1,2024-02-05,2024-03-01,2024-02-10,,,\n"
        "2,2024-02-05,2024-03-01,,2024-04-01,basic,5\n"
    )
    plans = table(tmp_path, "plans", PLANS + text, PLAN_COLUMNS)
    held = rows(load_tables(base(tmp_path, subscriptions=plans)), "subscriptions")
    days = ("start_day", "end_day")
    assert [[str(row[day]) for day in days] for row in held] == [
        ["2024-01-05", "None"],
        ["2024-02-05", "2024-03-01"],
        ["2024-02-05", "2024-03-01"],
    ]
    stamps = [
        [row[name] and str(row[name].date()) for name in ("known_at", "ended_known_at")]
        for row in held
    ]
    assert stamps == [
        ["2024-01-05", None],
        ["2024-02-10", "2024-03-01"],
        ["2024-02-05", "2024-04-01"],
    ]
    assert [row["mrr"] for row in held] == [Decimal("19.99"), None, Decimal(5)]


@pytest.mark.parametrize(
    ("line", "column", "said"),
    [
        ("1,2024-02-05,2024-01-05,,,,1\n", "end", "an end that is not before its start (start)"),
        (",2024-02-05,,,,,1\n", "who", "set guests: drop"),
        ("1,,,,,,1\n", "start", "a date or time"),
        ("1,2024-02-05,,,,,much\n", "fee", "an amount"),
    ],
)
def test_a_subscription_that_cannot_be_is_refused(tmp_path, line, column, said):
    plans = table(tmp_path, "plans", f"{PLANS}1,2024-01-05,,,,gold,1\n{line}", PLAN_COLUMNS)
    error = refusal(base(tmp_path, subscriptions=plans))
    assert (error.line, error.column) == (3, column)
    assert said in str(error)


def test_what_is_not_mapped_is_not_there(tmp_path):
    columns = {"customer_id": "who", "started_at": "start"}
    plans = table(tmp_path, "plans", PLANS + "1,2024-01-05,,,,gold,1\n", columns)
    tables = load_tables(base(tmp_path, subscriptions=plans))
    assert set(tables.need("subscriptions").columns) == {"customer_id", "started_at", "start_day"}
    assert set(tables.need("transactions").columns) == {
        "customer_id",
        "occurred_at",
        "amount",
        "local_day",
    }


# Customers


def test_consents_are_flags_by_purpose(tmp_path):
    text = "who,mail,calls\n1,yes,no\n2,,yes\n"
    consents = {"newsletter": "mail", "telephone": "calls"}
    people = table(tmp_path, "people", text, {"customer_id": "who"}, consents=consents)
    held = rows(load_tables(base(tmp_path, customers=people)), "customers")
    assert [(row["consent_newsletter"], row["consent_telephone"]) for row in held] == [
        (True, False),
        (None, True),
    ]


@pytest.mark.parametrize(
    ("last", "refused"), [("2,2024-01-01,b", False), ("1,2024-01-01T00:00Z,b", True)]
)
def test_a_customer_has_one_row_from_each_day(tmp_path, last, refused):
    text = f"who,since,x\n1,2024-01-01,a\n1,2024-02-01,b\n{last}\n"
    columns = {"customer_id": "who", "valid_from": "since"}
    people = table(tmp_path, "people", text, columns, attributes={"x": {"kind": "category"}})
    config = base(tmp_path, customers=people)
    if not refused:
        assert len(rows(load_tables(config), "customers")) == 3
        return
    error = refusal(config)
    assert (error.line, error.column) == (4, "who")
    assert error.found == "'1 2024-01-01T00:00Z' more than once"


# The engine


def test_the_engines_settings_change_no_hash(tmp_path):
    config = base(tmp_path)
    engine = {"kind": "duckdb", "threads": 1, "memory": "512MB"}
    other = Config.model_validate({**config.model_dump(mode="json"), "engine": engine})
    assert config_hash(other) == config_hash(config)
    settings = load_tables(other).backend.con.execute(
        "SELECT current_setting('threads'), current_setting('memory_limit'), "
        "current_setting('temp_directory')"
    )
    assert settings.fetchone() == (1, "488.2 MiB", str(Path(config.paths.var) / "spill"))


def test_what_finds_no_room_in_memory_is_spilled_beneath_var(tmp_path):
    held = base(tmp_path).model_dump()
    held["paths"]["var"] = str(tmp_path / "not" / "yet" / "there")
    engine = {"kind": "duckdb", "threads": 1, "memory": "30MB"}
    connection = load_tables(Config.model_validate({**held, "engine": engine})).backend.con
    large = "SELECT (i * 7919) % 1000003 AS a, i AS b FROM range(4000000) AS r(i) ORDER BY a, b"
    assert connection.execute(f"SELECT count(a) FROM ({large} OFFSET 7)").fetchone() == (3999993,)
    assert (tmp_path / "not" / "yet" / "there").is_dir()


@pytest.mark.parametrize("memory", ["8", "lots", "8 GB", "8GiB"])
def test_a_memory_limit_is_an_amount_of_bytes(tmp_path, memory):
    held = base(tmp_path).model_dump(mode="json")
    with pytest.raises(ValidationError, match="memory"):
        Config.model_validate({**held, "engine": {"kind": "duckdb", "memory": memory}})


# Posted rows


def everything(folder: Path) -> Config:
    people = table(
        folder,
        "people",
        "who,vip,mail\n1,yes,no\n",
        {"customer_id": "who"},
        attributes={"vip": {"kind": "flag"}, "seats": {"kind": "number", "column": "vip"}},
        consents={"newsletter": "mail"},
    )
    return base(
        folder,
        events=table(folder, "events", EVENTS, EVENT_COLUMNS, kinds=KINDS),
        subscriptions=table(folder, "plans", PLANS, PLAN_COLUMNS),
        customers=people,
    )


POSTED = {
    "transactions": [
        {"customer_id": "1", "occurred_at": "2024-01-05T10:00", "amount": 9.95},
        {"customer_id": "1", "occurred_at": "2024-01-05T10:00+02:00", "amount": "9.95"},
    ],
    "events": [{"customer_id": "1", "occurred_at": "2024-01-06", "kind": "visit", "value": 3}],
    "subscriptions": [{"customer_id": "1", "started_at": "2024-01-05", "mrr": 19.99}],
    "customers": [{"customer_id": "1", "vip": True, "seats": 2.5, "consent_newsletter": False}],
}


def test_posted_rows_become_what_a_files_would(tmp_path):
    config = everything(tmp_path)
    tables = load_rows(config, POSTED)
    amounts = [(row["amount"], row["occurred_at"].hour) for row in rows(tables, "transactions")]
    assert amounts == [(Decimal("9.95"), 8), (Decimal("9.95"), 10)]
    assert rows(tables, "transactions")[1] == rows(load_tables(base(tmp_path)), "transactions")[0]
    assert [(row["kind"], row["value"]) for row in rows(tables, "events")] == [
        ("visit", Decimal(3))
    ]
    (plan,) = rows(tables, "subscriptions")
    assert (plan["mrr"], str(plan["known_at"]), plan["ended_at"]) == (
        Decimal("19.99"),
        "2024-01-05 00:00:00",
        None,
    )
    assert rows(tables, "customers") == POSTED["customers"]


def test_a_table_that_is_not_posted_is_empty_and_of_the_same_columns(tmp_path):
    config = everything(tmp_path)
    full, empty = load_rows(config, POSTED), load_rows(config, {})
    for name in POSTED:
        assert empty.need(name).count().execute() == 0
        assert empty.need(name).schema() == full.need(name).schema()


@pytest.mark.parametrize(
    ("name", "row", "column", "said"),
    [
        ("transactions", {"occurred_at": "soon", "amount": 1}, "occurred_at", "found 'soon'"),
        ("transactions", {"occurred_at": "2024-01-05"}, "amount", "found nothing"),
        ("transactions", {"occurred_at": "2024-01-05", "amount": [1]}, "amount", "found a list"),
        ("transactions", {"occurred_at": "2024-01-05", "amount": True}, "amount", "found 'true'"),
        ("transactions", {"occurred_at": 5, "amount": 1}, "occurred_at", "found '5'"),
        ("transactions", {"when": "2024-01-05", "amount": 1}, "when", "a column of transactions"),
        ("events", {"occurred_at": "2024-01-05", "kind": "nap"}, "kind", "a declared kind"),
        ("events", {"occurred_at": "2024-01-05"}, "kind", "found nothing"),
        ("customers", {"vip": "maybe"}, "vip", "yes or no"),
        (
            "subscriptions",
            {"started_at": "2024-01-05", "ended_at": "2024-01-04"},
            "ended_at",
            "not before its start",
        ),
    ],
)
def test_a_wrong_posted_row_is_told_by_table_number_and_column(tmp_path, name, row, column, said):
    right = POSTED[name][:1] if name != "customers" else []
    with pytest.raises(DataError) as caught:
        load_rows(everything(tmp_path), {name: [*right, {"customer_id": "2", **row}]})
    error = caught.value
    assert (error.file, error.line, error.column) == (name, len(right) + 1, column)
    assert said in str(error)


def test_a_posted_row_names_its_customer(tmp_path):
    posted = {"transactions": [{"occurred_at": "2024-01-05", "amount": 1}]}
    with pytest.raises(DataError, match="transactions:1 customer_id: expected an id"):
        load_rows(everything(tmp_path), posted)


def two_doors(folder: Path) -> Config:
    """Two sources of one kind of event, of which only the second tells a value."""
    calls = {**EVENT_COLUMNS, "kind": {"constant": "nps"}}
    del calls["value"]
    return base(
        folder,
        events=[
            table(folder, "calls", EVENTS, calls, kinds={"nps": {"role": "score"}}),
            table(folder, "events", EVENTS, EVENT_COLUMNS, kinds=KINDS),
        ],
    )


EVENT = {"customer_id": "1", "occurred_at": "2024-01-06T10:00", "kind": "nps"}


@pytest.mark.parametrize("value", [None, 9])
def test_a_posted_event_goes_through_one_door_and_keeps_its_value(tmp_path, value):
    tables = load_rows(two_doors(tmp_path), {"events": [{**EVENT, "value": value}]})
    assert [row["value"] for row in rows(tables, "events")] == [value]


def test_posted_events_of_several_sources_are_each_callers_own(tmp_path):
    config = two_doors(tmp_path)
    first, second = (load_rows(config, {"events": [EVENT] * number}) for number in (1, 2))
    assert [len(rows(tables, "events")) for tables in (first, second)] == [1, 2]


def test_a_posted_event_with_more_than_one_source_tells_is_refused(tmp_path):
    config = two_doors(tmp_path)
    calls, told = config.sources.events
    calls = calls.model_copy(
        update={"columns": calls.columns.model_copy(update={"known_at": "known"})}
    )
    sources = config.sources.model_copy(update={"events": (calls, told)})
    with pytest.raises(DataError, match="events:1 value: expected a column of events of its kind"):
        load_rows(
            config.model_copy(update={"sources": sources}),
            {"events": [{**EVENT, "value": 9, "known_at": "2024-01-07"}]},
        )


def test_rows_set_aside_are_counted_by_their_table(tmp_path):
    posted = {
        "transactions": [{**POSTED["transactions"][0], "amount": "much"}],
        "subscriptions": POSTED["subscriptions"],
    }
    rejects = []
    intake = load_rows(everything(tmp_path), posted, rejects).intake
    assert [intake[name].rejects for name in posted] == [1, 0]
    assert len(rejects) == 1


def test_what_the_engine_cannot_read_of_posted_rows_is_told(tmp_path):
    config = base(tmp_path)
    sales = config.sources.transactions.model_copy(update={"timezone": "localtime"})
    sources = config.sources.model_copy(update={"transactions": sales})
    with pytest.raises(DataError, match="transactions: expected rows that can be read"):
        load_rows(
            config.model_copy(update={"sources": sources}),
            {"transactions": POSTED["transactions"]},
        )


def test_a_posted_table_that_the_config_lacks_is_refused(tmp_path):
    with pytest.raises(DataError, match="a table of the config"):
        load_rows(base(tmp_path), {"events": []})
