"""The index finds exactly the scores that are on record, newest first, page by page."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from serving.record.batch_layout import Layout, leaves
from serving.record.batch_rows import Part
from serving.record.index import Found, Index, Search, SearchError
from serving.record.index_following import following
from serving.record.ledger import Ledger
from serving.upkeep.retention import retire

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
MODELS = ("a" * 64, "b" * 64)
BANDS = (0.3, 0.6)
LAYOUT = Layout({"churn.served": 1, "clv.served": 1}, ("flags",))
COUNTER = itertools.count()


def token(number: int) -> str:
    return sha256(b"%d" % number).hexdigest()[:32]


def band_of(probability: float | None) -> str | None:
    if probability is None:
        return None
    return ("low", "middle", "high")[sum(probability >= edge for edge in BANDS)]


def make_score(customer: int, probability: float | None, model: str = MODELS[0]) -> dict[str, Any]:
    churn = {"code": "inactive"}
    if probability is not None:
        churn = {"served": probability, "band": band_of(probability)}
    return {
        "customer": token(customer),
        "as_of": "2026-01-31",
        "bundles": {"churn": model},
        "options": {"bands": list(BANDS)},
        "scores": {"churn": churn, "clv": {"served": 100.0 * customer}},
    }


def append_batch(ledger: Ledger, batch_id: str, customers: list[int], at: datetime) -> None:
    """Record a batch in columns: the customer's number tells the chance of leaving."""
    rows = pa.table(
        {
            "customer": [token(customer) for customer in customers],
            "churn.served": np.array([customer / 10 for customer in customers]),
            "clv.served": np.full(len(customers), np.nan),
            "flags": pa.array(["[]"] * len(customers)).dictionary_encode(),
        },
        schema=LAYOUT.schema,
    )
    body = {"as_of": "2026-01-31", "bundles": {"churn": MODELS[1]}, "options": {"bands": BANDS}}
    ledger.append_columns(batch_id, LAYOUT, [Part(rows, leaves(LAYOUT, rows))], body, at)


def all_pages(index: Index, search: Search) -> list[Found]:
    found: list[Found] = []
    after: str | None = None
    while True:
        page = index.find(replace(search, after=after))
        assert len(page.rows) == search.limit or page.next is None
        assert page.unread == ()
        found += page.rows
        after = page.next
        if after is None:
            return found


def ids(found: list[Found]) -> list[str]:
    return [row.id for row in found]


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Any]]:
    """Make an empty record and its index, in a file or on a server."""
    opened: list[Any] = []

    def made() -> tuple[Ledger, Index]:
        base, folder = f"shop{next(COUNTER)}", tmp_path / str(next(COUNTER))
        place: Any = folder / "ledger.db"
        if request.param == "PostgreSQL":
            url = make_url(request.getfixturevalue("postgres"))
            place = url.set(drivername="postgresql+psycopg").render_as_string(False)
        pair = Ledger(place, base, folder / "batches"), Index(place, base, folder / "batches")
        opened.extend(pair)
        return pair

    yield made
    for each in opened:
        each.close()


def test_each_search_finds_what_a_walk_over_the_record_does(make):
    ledger, index = make()
    numbers = np.random.default_rng(1)
    told = []
    for day in range(12):
        at = NOON + timedelta(days=day // 2, hours=int(numbers.integers(20)))
        if day % 4 == 3:
            customers = numbers.integers(0, 9, 7).tolist()
            append_batch(ledger, f"batch{day}", customers, at)
            told += [
                (f"batch{day}/{row}", at, 100 * day + row, customer, customer / 10, MODELS[1])
                for row, customer in enumerate(customers, 1)
            ]
            continue
        records = []
        for row in range(5):
            customer, model = int(numbers.integers(9)), MODELS[day % 2]
            chance = None if row == 4 else float(numbers.random())
            records.append((f"S{day}.{row}", "score", make_score(customer, chance, model)))
            told.append((f"S{day}.{row}", at, 100 * day + row, customer, chance, model))
        ledger.append(records, at)
    ledger.append([("K", "keys", {"change": "add"})], NOON)
    assert index.catch_up(ledger)
    told.sort(key=lambda each: (each[1], each[2]), reverse=True)

    def due(search: Search) -> list[str]:
        return [
            entry_id
            for entry_id, at, _, customer, chance, model in told
            if search.customer in (None, token(customer))
            and (search.since is None or at >= search.since)
            and (search.until is None or at < search.until)
            and search.model in (None, model)
            and search.band in (None, band_of(chance))
        ]

    searches = [
        Search(*held, limit=limit)
        for limit in (7, 200)
        for held in itertools.product(
            (None, token(3)),
            (None, NOON + timedelta(days=2)),
            (None, NOON + timedelta(days=4, hours=9)),
            (None, MODELS[1]),
            (None, "high"),
        )
    ]
    for search in searches:
        assert ids(all_pages(index, search)) == due(search), search
    assert len(due(searches[0])) == 66


def test_what_is_found_is_told_as_the_record_has_it(make):
    ledger, index = make()
    (entry,) = ledger.append([("S1", "score", make_score(7, 0.75))], NOON)
    append_batch(ledger, "B", [4, 8], NOON)
    index.catch_up(ledger)
    rows = index.find(Search()).rows
    assert rows == [
        Found("B/2", entry.at, token(8), "2026-01-31", "high", 0.8, None, {"churn": MODELS[1]}),
        Found("B/1", entry.at, token(4), "2026-01-31", "middle", 0.4, None, {"churn": MODELS[1]}),
        Found("S1", entry.at, token(7), "2026-01-31", "high", 0.75, 700, {"churn": MODELS[0]}),
    ]


def test_it_follows_the_record_and_can_be_made_anew(make):
    ledger, index = make()
    assert index.catch_up(ledger)
    assert index.find(Search()).rows == []
    for number in range(3):
        ledger.append([(f"S{number}", "score", make_score(number, 0.5))], NOON)
        assert index.catch_up(ledger)
        assert index.catch_up(ledger)
        assert len(index.find(Search()).rows) == number + 1
    append_batch(ledger, "B", [1, 2], NOON)
    ledger.append([("last", "score", make_score(5, 0.5))], NOON)
    assert not index.catch_up(ledger, within=0, entries=1)  # there is no time, and more to do
    assert not index.catch_up(ledger, within=0, entries=1)
    assert index.catch_up(ledger, within=0, entries=1)
    before = index.find(Search())
    index.clear()
    assert index.find(Search()).rows == []
    index.catch_up(ledger)
    assert index.find(Search()) == before


def test_a_report_s_rows_in_json_are_found_too(make):
    ledger, index = make()
    ledger.append_batch("calls", [make_score(1, 0.1), make_score(2, 0.9)], {}, NOON)
    index.catch_up(ledger)
    assert ids(index.find(Search(band="high")).rows) == ["calls/2"]


def test_bases_in_one_database_do_not_see_each_other_s(make):
    (ledger, index), (other, of_other) = make(), make()
    ledger.append([("S1", "score", make_score(1, 0.5))], NOON)
    other.append([("S2", "score", make_score(1, 0.5))], NOON)
    index.catch_up(ledger)
    of_other.catch_up(other)
    for search in (Search(), Search(customer=token(1))):
        assert ids(index.find(search).rows) == ["S1"]
        assert ids(of_other.find(search).rows) == ["S2"]


def test_who_is_forgotten_is_found_no_more_and_the_others_are(make):
    ledger, index = make()
    ledger.append([(f"S{n}", "score", make_score(n, 0.5)) for n in (1, 2)], NOON)
    append_batch(ledger, "B", [1, 2], NOON)
    append_batch(ledger, "C", [2, 3], NOON)
    index.catch_up(ledger)
    (rows_file, *_) = ledger.folder.glob("B.parquet")
    held = pq.read_table(rows_file)
    kept = held.set_column(0, "customer", pa.array(["", token(2)]))
    pq.write_table(kept.cast(LAYOUT.schema), rows_file)
    assert index.forget([token(1)]) == 2
    assert index.find(Search(customer=token(1))).rows == []
    assert ids(index.find(Search()).rows) == ["C/2", "C/1", "B/2", "S2"]
    there = [file for file in rows_file.parent.parent.rglob("*") if file.is_file()]
    mentioned = [f.name for f in there if bytes.fromhex(token(1)) in f.read_bytes()]
    assert mentioned == []


def test_a_batch_whose_file_is_gone_is_named_and_hides_no_other_score(make):
    ledger, index = make()
    ledger.append([("S1", "score", make_score(1, 0.5))], NOON)
    append_batch(ledger, "B", [1, 2], NOON)
    ledger.append_batch("calls", [make_score(1, 0.1)], {}, NOON)
    (ledger.folder / "calls.parquet").unlink()
    index.catch_up(ledger)
    (ledger.folder / "B.parquet").unlink()
    page = index.find(Search(customer=token(1)))
    assert ids(page.rows) == ["S1"]
    assert page.unread == ("B",)


def test_what_time_let_go_is_found_no_more_and_is_no_lost_file(make):
    ledger, index = make()
    ledger.append([("S1", "score", make_score(1, 0.5))], NOON)
    append_batch(ledger, "B", [1, 2], NOON)
    ledger.append([("S2", "score", make_score(1, 0.5))], NOON + timedelta(days=9))
    index.catch_up(ledger)
    retire(ledger, NOON + timedelta(days=1), NOON + timedelta(days=10))
    index.clear()
    index.catch_up(ledger)
    page = index.find(Search())
    assert (ids(page.rows), page.unread) == (["S2"], ())


@pytest.mark.parametrize(
    ("search", "said"),
    [
        (Search(customer="anna"), "customer: is no token"),
        (Search(band="purple"), "band: is one of low, middle, high, got 'purple'"),
        (Search(after="bogus"), "after: is none of this search's pages"),
        (Search(limit=0), "limit: must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_sought_is_said(tmp_path, search, said):
    with pytest.raises(SearchError, match=said):
        Index(tmp_path / "ledger.db", "shop").find(search)


@settings(max_examples=20)
@given(st.lists(st.integers(0, 5), max_size=30), st.integers(1, 4))
def test_a_customer_s_rows_of_a_batch_are_those_that_a_walk_finds(tmp_path_factory, held, sought):
    folder = tmp_path_factory.mktemp("batch")
    ledger, index = Ledger(folder / "ledger.db", "shop"), Index(folder / "ledger.db", "shop")
    append_batch(ledger, "B", held, NOON)
    index.catch_up(ledger)
    due = [f"B/{row}" for row, customer in enumerate(held, 1) if customer == sought]
    assert ids(index.find(Search(customer=token(sought))).rows) == due[::-1]
    assert len(index.find(Search()).rows) == len(held)
    ledger.close()
    index.close()


def test_a_service_s_index_follows_by_itself(tmp_path):
    ledger, index = Ledger(tmp_path / "ledger.db", "shop"), Index(tmp_path / "ledger.db", "shop")
    ledger.append([(f"S{n}", "score", make_score(n, 0.5)) for n in range(120)], NOON)
    with following("shop", tmp_path):
        deadline = time.monotonic() + 30
        while index.count() < 120 and time.monotonic() < deadline:
            time.sleep(0.01)
    assert index.count() == 120
    ledger.close()
    index.close()
