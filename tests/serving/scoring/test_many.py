"""Calls of many customers: worked off in columns, they say what each customer alone is told."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.source import load_tables
from serving import problem
from serving.api.asked import ScoreRequest
from serving.api.regular import MANY, Regular
from serving.batch.fill import fill_store
from serving.idempotency.remembered import Call, Note
from serving.idempotency.resumed import scored_once
from serving.problem import ProblemError, read_as, read_request
from serving.record.batch_row import PLACE
from serving.record.draft import LedgerError
from serving.record.index import Search
from serving.record.index_rows import rows_of, rows_of_call
from serving.record.merkle import canonical
from serving.record.recorded import told_anew
from serving.releases.release import bundle_by_digest, publish
from serving.scoring.online import Online
from serving.scoring.score import replay
from serving.settings import open_index, open_ledger, open_secret, open_store
from tests.factories import AS_OF, make_bundles, make_config, make_features, make_posted
from tests.serving.parity import AT

NEVER = 10**9
BOUNDS = {"max_customers": 1_000, "max_given": 1_000}


@pytest.fixture(scope="module")
def online(tmp_path_factory: pytest.TempPathFactory) -> Online:
    """Three models, of which one was trained on fewer features."""
    folder = tmp_path_factory.mktemp("many")
    narrow = make_config(folder / "narrow", features={"windows": ["30d"]})
    config = make_config(folder)
    wide = make_bundles(folder / "wide", config)
    publish(config.var, config.name, wide)
    fewer = make_bundles(folder / "fewer", narrow)
    release = publish(config.var, config.name, {"clv": fewer["clv"]})
    store = open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    ledger, key = open_ledger(config.name, config.var), open_secret(config.var)
    return Online(release, store, ledger, key, config)


@pytest.fixture(scope="module")
def rows(online: Online) -> list[dict[str, Any]]:
    """Everybody's features by name, as JSON has them."""
    table = make_features(online.config)
    return [
        {name: None if value != value else value for name, value in row.items()}
        for row in json.loads(table[list(online.columns)].to_json(orient="records"))
    ]


def asked(*customers: dict[str, Any], **more: Any) -> ScoreRequest:
    return ScoreRequest.model_validate({"customers": list(customers), **more})


def both(
    online: Online, call: ScoreRequest, at: datetime = AT, **more: Any
) -> tuple[list[Any], list[Any]]:
    """The results of one call in columns, and customer by customer, recorded bodies beside."""
    found = []
    for many in (1, NEVER):
        prepared = online.prepare(call, at, many=many, **more)
        online.ledger.write(prepared.drafts(online.ledger, at))
        results = json.loads(prepared.content)["results"]
        assert results == prepared.answer["results"]
        bodies = [
            canonical(online.ledger.get(result.pop("id")).body) if "id" in result else None
            for result in results
        ]
        found.append([(json.dumps(each), body) for each, body in zip(results, bodies, strict=True)])
    return found[0], found[1]


ODD = st.sampled_from([0, -0.0, True, "a", "x" * 300, 2**53, 2**70, [], {}, 1e300, -5, 1.5, None])
DAYS = st.sampled_from([None, str(AS_OF), "2024-01-31"])


@st.composite
def calls(draw: st.DrawFn, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """A call of customers in every form, in order or not."""
    customers = []
    for number in range(draw(st.integers(1, 12))):
        customer: dict[str, Any] = {"customer_id": f"{number:03}"}
        form = draw(st.sampled_from(["id", "features", "features", "odd", "names"]))
        if form != "id":
            features = dict(draw(st.sampled_from(rows)))
            if form == "odd":
                features |= draw(st.dictionaries(st.sampled_from(sorted(features)), ODD))
            if form == "names":
                features.pop(draw(st.sampled_from(sorted(features))))
                features |= draw(st.dictionaries(st.sampled_from(["", "spend%", "days"]), ODD))
            customer["features"] = features
            if (day := draw(DAYS)) is not None:
                customer["as_of"] = day
        customers.append(customer)
    more = draw(st.sampled_from([{}, {"reasons": 0}, {"reasons": 5, "language": "da"}]))
    return {"customers": customers, **more}


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_many_are_told_what_each_alone_is(
    online: Online, rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    call = data.draw(calls(rows))
    together, alone = both(online, ScoreRequest.model_validate(call), key="k1")
    assert together == alone


def test_whose_rows_are_given_and_who_is_looked_up_stand_side_by_side(online: Online) -> None:
    posted = make_posted(load_tables(online.config))
    given_rows = [
        {"customer_id": name, "as_of": str(AS_OF), "rows": rows} for name, rows in posted.items()
    ]
    call = asked(*given_rows, {"customer_id": "001"}, {"customer_id": "nobody"})
    together, alone = both(online, call)
    assert together == alone


@pytest.mark.parametrize(
    ("bound", "code"), [("old_after", None), ("stale_after", "stale_features")]
)
def test_features_that_are_old_are_told_alike(online: Online, bound: str, code: str | None) -> None:
    serving = online.config.serving.model_copy(update={bound: 10})
    later = replace(online, config=online.config.model_copy(update={"serving": serving}))
    call = asked({"customer_id": "001"}, {"customer_id": "002"})
    together, alone = both(later, call, at=AT + timedelta(days=30))
    assert together == alone
    first = json.loads(together[0][0])
    assert first["error"]["code"] == code if code else first["flags"] == ["old_features"]


def test_a_call_is_one_entry_and_each_of_its_rows_replays(online: Online) -> None:
    before = online.ledger.head().size
    names = [f"{number:03}" for number in range(1, 10)]
    results = online.score(asked(*({"customer_id": name} for name in names)), AT, key="k")[
        "results"
    ]
    assert online.ledger.head().size == before + 1
    known = [result for result in results if "id" in result]
    call = online.ledger.get(known[0]["id"].partition("/")[0])
    assert (call.kind, call.body["rows"]) == ("call", len(known))
    assert [each["id"] for each in known] == [f"{call.id}/{n + 1}" for n in range(len(known))]
    entries = list(online.ledger.rows_of_call(call))
    assert [entry.id for entry in entries] == [each["id"] for each in known]
    for entry in entries:
        body = online.ledger.get(entry.id).body
        again = replay(body, lambda digest: bundle_by_digest(online.config.var, digest))
        assert canonical(again) == canonical(body) == canonical(entry.body)
        assert body["key"] == "k"
    by_id = dict(zip(names, results, strict=True))
    customers = [each["customer_id"] for each in known]
    lookup = {bundle.digest: bundle for bundle in online.release.bundles.values()}
    told = told_anew(list(zip(entries, customers, strict=True)), lookup.__getitem__)
    assert told == [by_id[customer] for customer in customers]
    with pytest.raises(LedgerError, match="no entry"):
        online.ledger.get(f"{call.id}/{len(known) + 1}")


def test_a_call_of_which_nobody_is_known_is_no_entry(online: Online) -> None:
    before = online.ledger.head().size
    together, alone = both(online, asked(*({"customer_id": f"no{n}"} for n in range(9))))
    assert together == alone
    assert online.ledger.head().size == before


def test_a_call_that_died_is_told_from_the_record(online: Online) -> None:
    """Those on record are told again, and who was not known then is scored now, once."""
    var, ledger = online.config.var, online.ledger
    note = Note(Call("", "dies", ""), "2026-01-01", again=False)
    everybody = [f"{number:03}" for number in range(1, 10)]
    call = asked(*({"customer_id": name} for name in ["new", *everybody]))
    gone: list[Any] = []

    def score(wanted: ScoreRequest, name: Any, many: int) -> list[dict[str, Any]]:
        gone.append(online.score(wanted, AT, None, None, name, many)["results"])
        return gone[-1]

    first = scored_once(online, var, call, note, score)
    size = ledger.head().size
    again = scored_once(online, var, call, replace(note, again=True), score)
    assert again == first
    assert ledger.head().size == size
    entry = ledger.get(first[1]["id"].partition("/")[0])
    scored = [place for place, each in enumerate(first) if "id" in each]
    assert ledger.rows(entry).column(PLACE).to_pylist() == scored
    # Another try, taken for lost, was first: nothing is recorded twice.
    assert scored_once(online, var, call, note, score) == first
    assert ledger.head().size == size


REGULAR: dict[str, Any] = {"customers": [{"customer_id": f"{n}"} for n in range(MANY)]}


def with_one(customer: Any) -> dict[str, Any]:
    """A call that would be regular but for one customer."""
    return {"customers": [*REGULAR["customers"], customer]}


@pytest.mark.parametrize(
    ("changed", "columns"),
    [
        ({}, True),
        ({"reasons": 0, "language": "da"}, True),
        ({"reasons": 51}, False),
        ({"language": "fr"}, False),
        ({"unknown": 1}, False),
        (with_one({"customer_id": ""}), False),
        (with_one({"customer_id": "a\u0007"}), False),
        (with_one({"customer_id": 7}), False),
        (with_one({"customer_id": "x" * 201}), False),
        (with_one(7), False),
        (with_one({"customer_id": "1", "as_of": "2024-01-31"}), False),
        (with_one({"customer_id": "1", "features": None}), False),
        (with_one({"customer_id": "1", "features": []}), False),
        (with_one({"customer_id": "1", "features": {"a": 1}}), True),
        (with_one({"customer_id": "1:{", "features": {}}), True),
        (with_one({"customer_id": "1", "features": {}, "as_of": "2024-02-30"}), False),
        (with_one({"customer_id": "1", "features": {"a": [[]]}}), True),
        (with_one({"customer_id": "1", "features": {"a": {"b": 1}}}), False),
    ],
)
def test_a_call_is_read_in_columns_as_it_is_one_by_one(
    changed: dict[str, Any], columns: bool
) -> None:
    body = json.dumps({**REGULAR, **changed}).encode()
    assert read(body) == one_by_one(body)
    held = read_quietly(body)
    assert isinstance(held and held.customers, Regular) == columns


@pytest.mark.parametrize(
    "twin",
    [
        b'"customer_id":"0","customer_id":"1"',
        b'"customer_id":"0","features":{"a":1,"a":2}',
        b'"customer_id":"0","features":{"a":' + b"[" * 20 + b"]" * 20 + b"}",
        b'"customer_id":"0","features":{"a":NaN}',
        b'"customer_id":"\\ud800"',
    ],
)
def test_what_json_must_not_hold_is_refused_of_many_too(twin: bytes) -> None:
    whole = json.dumps(REGULAR, separators=(",", ":")).encode()
    body = whole.replace(b'"customer_id":"0"', twin, 1)
    assert body != whole
    assert read(body) == one_by_one(body)
    assert read(body)[0] == "refused"


def read(body: bytes) -> tuple[str, Any]:
    return told(lambda: read_request(body, **BOUNDS))


def one_by_one(body: bytes) -> tuple[str, Any]:
    return told(lambda: read_as(ScoreRequest, body, BOUNDS))


def told(reading: Any) -> tuple[str, Any]:
    """What was read of each customer, or how the call was refused."""
    try:
        held = reading()
    except ProblemError as error:
        return "refused", (error.status, error.detail, error.errors)
    customers = [(each.customer_id, each.features, each.as_of) for each in held.customers]
    return "read", (customers, held.reasons, held.language)


def read_quietly(body: bytes) -> ScoreRequest | None:
    try:
        return problem.read_request(body, **BOUNDS)
    except ProblemError:
        return None


def test_lost_or_changed_rows_show(tmp_path: Path, online: Online) -> None:
    results = online.score(asked(*({"customer_id": "001"} for _ in range(9))), AT)["results"]
    call = results[0]["id"].partition("/")[0]
    assert online.ledger.verify().whole
    place = tmp_path / "ledger.db"
    with sqlite3.connect(online.config.var / "ledger.db") as held, sqlite3.connect(place) as copy:
        held.backup(copy)
    other = type(online.ledger)(place, online.config.name)
    with sqlite3.connect(place) as copy:
        copy.execute("UPDATE rows SET bytes = zeroblob(9) WHERE id = ?", [call])
    assert [fault for fault in other.verify().faults if call in fault]
    with sqlite3.connect(place) as copy:
        copy.execute("DELETE FROM rows WHERE id = ?", [call])
    (fault,) = other.verify().faults
    assert f"({call}): its rows cannot be read" in fault
    other.close()


def test_each_row_of_a_call_is_found_by_its_customer(online: Online) -> None:
    everybody = asked(*({"customer_id": f"{number:03}"} for number in range(1, 10)))
    results = online.score(everybody, AT + timedelta(days=60))["results"]
    call = online.ledger.get(results[0]["id"].partition("/")[0])
    entries = list(online.ledger.rows_of_call(call))
    bodies = ((number, entry.body) for number, entry in enumerate(entries, start=1))
    found = list(rows_of_call(call, online.ledger.rows(call)))
    assert found == list(rows_of(call, bodies))
    index = open_index(online.config.name, online.config.var)
    index.catch_up(online.ledger)
    for entry in entries:
        rows = index.find(Search(customer=entry.body["customer"])).rows
        assert rows[0].id == entry.id
        assert rows[0].probability == entry.body["scores"]["churn"].get("served")
    index.close()
