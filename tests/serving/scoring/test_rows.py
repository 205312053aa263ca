"""Customers given by their own rows: the batch's features, scores and reasons, to the last bit."""

import json
import threading
from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pandas as pd
import pytest

from features import own_rows
from features.source import load_tables
from serving.problem import ProblemError, read_request
from serving.record.merkle import canonical
from serving.releases.release import bundle_by_digest
from serving.scoring.online import Online
from serving.scoring.score import replay
from tests.factories import AS_OF, make_config, make_posted, make_transactions
from tests.serving.parity import AT, asked, assert_parity, opened, recorded

DAY = str(AS_OF)
PURCHASE = {"occurred_at": "2024-05-20T10:30:00", "amount": 129.95, "category": "toys"}
SOURCES = {
    "transactions": {
        "timezone": "Europe/Copenhagen",
        "columns": {
            "customer_id": "customer",
            "occurred_at": "when",
            "amount": "paid",
            "known_at": "known",
            "order_id": "order",
            "category": "department",
            "channel": "channel",
            "discount": "discount",
        },
    },
    "events": {
        "columns": {
            "customer_id": "customer",
            "occurred_at": "when",
            "kind": "what",
            "value": "stars",
        },
        "kinds": {
            "mail": {"role": "contact"},
            "click": {"role": "response", "value": "clicked"},
            "review": {"role": "score"},
        },
    },
    "subscriptions": {
        "columns": {
            "customer_id": "customer",
            "started_at": "start",
            "ended_at": "end",
            "plan": "plan",
            "mrr": "mrr",
        },
    },
    "customers": {
        "timezone": "America/New_York",
        "columns": {"customer_id": "customer", "signed_up_at": "since", "valid_from": "from"},
        "attributes": {
            "income": {"kind": "category"},
            "newsletter": {"kind": "flag"},
            "children": {"kind": "number"},
            "born": {"kind": "date"},
        },
    },
}


def make_full(folder):
    """A base of every kind of table, on hours that clocks leave out or show twice among others."""
    rng = np.random.default_rng(11)
    lines = make_transactions(30)
    odd = ["2024-03-31T02:30:00", "2023-10-29T02:30:00", "2024-06-02T23:59:59.999999", DAY]
    lines.loc[lines.index[: len(odd)], "when"] = odd
    when = pd.to_datetime(lines["when"], format="ISO8601")
    lines["known"] = [
        str(stamp + pd.Timedelta(days=n % 9)) if n % 5 else "" for n, stamp in enumerate(when)
    ]
    lines["order"] = [f"{n // 2}" if n % 4 else "" for n in range(len(lines))]
    lines["paid"] = [f"{paid:.5f}" for paid in lines["paid"] / 3]
    lines["channel"] = rng.choice(["web", "shop"], len(lines))
    lines["discount"] = rng.choice(["0.1", "2", ""], len(lines))
    people = [f"{number:03}" for number in range(33)]
    days = [
        str(pd.Timestamp("2024-01-10") + pd.Timedelta(days=int(n)))
        for n in rng.integers(0, 170, 90)
    ]
    tables = {
        "transactions": lines,
        "events": pd.DataFrame(
            {
                "customer": rng.choice(people, 90),
                "when": days,
                "what": rng.choice(["mail", "clicked", "review"], 90),
                "stars": rng.choice(["4.5", "1", ""], 90),
            }
        ),
        "subscriptions": pd.DataFrame(
            {
                "customer": rng.choice(people, 40),
                "start": days[:40],
                "end": ["" if n % 3 else "2024-07-15" for n in range(40)],
                "plan": rng.choice(["basic", "plus"], 40),
                "mrr": rng.choice(["9.95", "19.95"], 40),
            }
        ),
        "customers": pd.DataFrame(
            {
                "customer": [each for each in people[::2] for _ in range(2)],
                "since": "2023-11-05T01:30:00",
                "from": ["2024-01-01", "2024-05-01T12:00:00+02:00"] * len(people[::2]),
                "income": rng.choice(["high", "low"], 2 * len(people[::2])),
                "newsletter": rng.choice(["yes", "no", ""], 2 * len(people[::2])),
                "children": rng.choice(["0", "2.25", "0.1"], 2 * len(people[::2])),
                "born": "1980-02-29",
            }
        ),
    }
    sources = {
        name: {**held, "path": str(folder / f"{name}.csv")} for name, held in SOURCES.items()
    }
    config = make_config(folder, sources=sources)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return config


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows") / "shop"
    return opened(folder, make_config(folder))


def one(online: Online, rows: Any, as_of: str = DAY) -> dict:
    (result,) = asked(online, [{"customer_id": "001", "as_of": as_of, "rows": rows}])
    return result


def test_every_customers_rows_give_what_the_batch_gives(tmp_path):
    config = make_full(tmp_path / "full")
    online = opened(tmp_path / "full", config)
    tables = load_tables(config)
    assert {"transactions", "events", "subscriptions", "customer"} == set(
        make_posted(tables)["000"]
    )
    assert assert_parity(online, tables, date(2024, 5, 1), at_once=50) > 20
    assert assert_parity(online, tables, AS_OF, at_once=9) > 25


def test_one_alone_and_many_under_threads_give_the_same_bits(shop):
    posted = [
        {"customer_id": customer, "as_of": DAY, "rows": rows}
        for customer, rows in make_posted(load_tables(shop.config)).items()
    ]
    together = [canonical(recorded(shop, result)) for result in asked(shop, posted)]
    alone: dict[int, bytes] = {}

    def score(number: int) -> None:
        (result,) = asked(shop, [posted[number]])
        alone[number] = canonical(recorded(shop, result))

    threads = [threading.Thread(target=score, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [alone[number] for number in range(12)] == together[:12]


def test_forms_and_days_may_be_mixed_in_one_call(shop):
    rows = {"transactions": [PURCHASE, {**PURCHASE, "occurred_at": "2024-04-01"}]}
    results = asked(
        shop,
        [
            {"customer_id": "a", "as_of": DAY, "rows": rows},
            {"customer_id": "nobody"},
            {"customer_id": "a", "as_of": "2024-05-01", "rows": rows},
            {"customer_id": "a", "features": {}},
            {"customer_id": "a", "as_of": DAY, "rows": {"transactions": [PURCHASE]}},
            {"customer_id": "b", "as_of": "2024-04-01", "rows": rows},
        ],
    )
    assert [result.get("error", {}).get("code") for result in results] == [
        None,
        "unknown_customer",
        None,
        "invalid_features",
        None,
        "unknown_customer",
    ]
    ever = [
        values[shop.schemas[digest].names.index("spend_ever")]
        for result in (results[0], results[2], results[4])
        for digest, values in recorded(shop, result).items()
    ]
    assert ever == [259.90, 129.95, 129.95]
    assert results[5]["error"]["message"] == "no row had happened and was known before 2024-04-01"


@pytest.mark.parametrize(
    ("written", "exact"),
    [
        ("1.00004999999999999999", 1.0),  # the nearest double is 1.00005, which rounds to 1.0001
        ('"1.00005"', 1.0001),
        ("1e2", 100.0),
        ("9999999999.9999", 9999999999.9999),
        ("7", 7.0),
    ],
)
def test_money_is_read_by_its_digits(shop, written, exact):
    body = (
        f'{{"customers": [{{"customer_id": "1", "as_of": "{DAY}", "rows": {{"transactions": '
        f'[{{"occurred_at": "2024-05-20", "amount": {written}}}]}}}}]}}'
    )
    (result,) = shop.score(read_request(body.encode(), 1), AT)["results"]
    (values,) = recorded(shop, result).values()
    (names,) = [schema.names for schema in shop.schemas.values()]
    assert values[names.index("spend_ever")] == exact


def test_what_happens_at_the_day_or_later_changes_nothing(shop):
    before = {"transactions": [PURCHASE]}
    # The base's zone is Copenhagen's, two hours ahead: its day has begun by 22:00 in UTC.
    later = [{**PURCHASE, "occurred_at": stamp} for stamp in (DAY, "2024-06-02T22:00:00Z")]
    known = recorded(shop, one(shop, before))
    assert recorded(shop, one(shop, {"transactions": [PURCHASE, *later]})) == known
    last = {**PURCHASE, "occurred_at": "2024-06-02T21:59:59Z"}
    assert recorded(shop, one(shop, {"transactions": [PURCHASE, last]})) != known


def test_a_stamp_that_names_no_zone_is_in_the_bases(shop):
    near = {"transactions": [{**PURCHASE, "occurred_at": "2024-05-20T00:30:00"}]}
    same = {"transactions": [{**PURCHASE, "occurred_at": "2024-05-19T22:30:00Z"}]}
    other = {"transactions": [{**PURCHASE, "occurred_at": "2024-05-20T00:30:00+09:00"}]}
    known = recorded(shop, one(shop, near))
    assert recorded(shop, one(shop, same)) == known
    assert recorded(shop, one(shop, other)) != known


def test_the_record_says_rows_keeps_their_digest_and_replays(shop):
    rows = {"transactions": [{**PURCHASE, "category": "a very private thing"}]}
    entry = shop.ledger.get(one(shop, rows)["id"])
    assert entry.body["from"] == "rows"
    assert entry.body["rows"] == sha256(canonical(rows)).hexdigest()
    assert b"private" not in entry.bytes
    again = replay(entry.body, lambda digest: bundle_by_digest(shop.config.var, digest))
    assert canonical(again) == canonical(entry.body)


BAD_ROWS = {
    "an unknown column": ({"transactions": [{**PURCHASE, "amuont": 3}]}, 1, "amuont", "'amount'"),
    "a table that the base has not": ({"events": [{}]}, None, None, "a table of the config"),
    "no amount": ({"transactions": [{"occurred_at": DAY}]}, 1, "amount", "an amount"),
    "no stamp": ({"transactions": [PURCHASE, {"amount": 3}]}, 2, "occurred_at", "a date or time"),
    "words for money": ({"transactions": [{**PURCHASE, "amount": "ten"}]}, 1, "amount", "amount"),
    "a decimal comma": ({"transactions": [{**PURCHASE, "amount": "1,5"}]}, 1, "amount", "a point"),
    "ten billion": ({"transactions": [{**PURCHASE, "amount": 1e10}]}, 1, "amount", "ten billion"),
    "true money": ({"transactions": [{**PURCHASE, "amount": True}]}, 1, "amount", "an amount"),
    "no such day": (
        {"transactions": [{**PURCHASE, "occurred_at": "2024-02-30"}]},
        1,
        "occurred_at",
        "a date or time",
    ),
    "a stamp as a number": (
        {"transactions": [{**PURCHASE, "occurred_at": 1716200000}]},
        1,
        "occurred_at",
        "a date or time",
    ),
    "a far future": (
        {"transactions": [{**PURCHASE, "occurred_at": "2999-01-01"}]},
        1,
        "occurred_at",
        "between 1900 and 2100",
    ),
    "a list for a value": (
        {"transactions": [{**PURCHASE, "amount": [1]}]},
        1,
        "amount",
        "one value",
    ),
    "an object for a value": ({"customer": {"income": {}}}, 1, "income", "one value"),
    "a customer_id": ({"transactions": [{**PURCHASE, "customer_id": "2"}]}, 1, "customer_id", "no"),
    "a long text": ({"customer": {"income": "x" * 201}}, 1, "income", "at most 200"),
    "a huge integer": ({"transactions": [{**PURCHASE, "category": 2**53}]}, 1, "category", "2^53"),
    "no flag": ({"customer": {"newsletter": "maybe"}}, 1, "newsletter", "yes or no"),
    "two of one customer": (
        {"customer": [{"income": "low"}] * 2},
        2,
        "customer_id",
        "each key once",
    ),
}


@pytest.fixture(scope="module")
def refusals(shop):
    """Every bad row in one call, with a good one after each."""
    good = {"customer_id": "good", "as_of": DAY, "rows": {"transactions": [PURCHASE]}}
    bad = [{**good, "customer_id": name, "rows": rows} for name, (rows, *_) in BAD_ROWS.items()]
    results = asked(
        shop, [each for pair in zip(bad, [good] * len(bad), strict=True) for each in pair]
    )
    assert all(result["churn"] for result in results[1::2])
    return dict(zip(BAD_ROWS, results[::2], strict=True))


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_row_is_told_by_table_number_and_column(refusals, name):
    rows, number, column, expected = BAD_ROWS[name]
    error = refusals[name]["error"]
    assert error["code"] == "invalid_rows"
    assert error["row"] == {
        "table": next(iter(rows)),
        "row": number,
        "column": column,
        "expected": error["row"]["expected"],
        "found": error["row"]["found"],
    }
    assert expected in error["row"]["expected"]
    place = ", ".join(filter(None, (next(iter(rows)), number and f"row {number}", column)))
    assert error["message"].startswith(f"{place}: expected ")


def test_rows_have_a_limit(tmp_path):
    serving = make_config(tmp_path / "made").serving.model_copy(update={"max_rows": 2})
    online = opened(tmp_path, make_config(tmp_path).model_copy(update={"serving": serving}))
    assert one(online, {"transactions": [PURCHASE] * 2})["segments"]["behaviour"]
    error = one(online, {"transactions": [PURCHASE] * 3})["error"]
    assert (error["code"], error["message"]) == (
        "invalid_rows",
        "3 rows are given, and at most 2 may be",
    )


BAD_BODIES = {
    "no day": ({"rows": {}}, "/customers/0"),
    "rows and features": ({"rows": {}, "features": {}, "as_of": DAY}, "/customers/0"),
    "a day before all": ({"rows": {}, "as_of": "1899-12-31"}, "/customers/0/as_of"),
    "an unknown table": ({"rows": {"orders": []}, "as_of": DAY}, "/customers/0/rows/orders"),
    "a list": ({"rows": [PURCHASE], "as_of": DAY}, "/customers/0/rows"),
    "a row for rows": (
        {"rows": {"transactions": PURCHASE}, "as_of": DAY},
        "/customers/0/rows/transactions",
    ),
    "text for a row": (
        {"rows": {"transactions": ["a"]}, "as_of": DAY},
        "/customers/0/rows/transactions/0",
    ),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_rows_of_no_right_shape_are_refused_whole(name):
    held, pointer = BAD_BODIES[name]
    with pytest.raises(ProblemError) as told:
        read_request(json.dumps({"customers": [{"customer_id": "1", **held}]}).encode(), 1000)
    assert told.value.status == 422
    assert pointer in [error["pointer"] for error in told.value.errors or []]


def test_one_call_may_not_ask_for_too_many_days():
    days = [f"2024-05-{day:02}" for day in range(1, 12)]
    customers = [{"customer_id": "1", "rows": {}, "as_of": day} for day in days]
    assert read_request(json.dumps({"customers": customers[:10]}).encode(), 1000)
    with pytest.raises(ProblemError, match="at most 10 days"):
        read_request(json.dumps({"customers": customers}).encode(), 1000)


def test_rows_are_not_served_to_a_model_of_other_features(tmp_path):
    config = make_config(tmp_path)
    online = opened(tmp_path, config)
    other = make_config(tmp_path, features={"windows": ["14d"]})
    changed = Online(online.release, online.store, online.ledger, online.secret, other)
    error = one(changed, {"transactions": [PURCHASE]})["error"]
    assert error["code"] == "rows_not_served"
    assert "is no longer built; train again" in error["message"]


def test_an_expression_is_compiled_once_a_day(shop, monkeypatch):
    compiled = []

    def counted(config, tables, as_of):
        compiled.append(as_of)
        return expression(config, tables, as_of)

    expression = own_rows.expression
    monkeypatch.setattr(own_rows, "expression", counted)
    built = own_rows.OwnRows(shop.config)
    for day in (AS_OF, date(2024, 5, 1), AS_OF):
        built.build([{"transactions": [PURCHASE]}], day)
    assert compiled == [AS_OF, date(2024, 5, 1)]
