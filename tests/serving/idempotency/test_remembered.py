"""The same call twice: one answer, one record, whoever asks at once and whatever dies between."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.idempotency.remembered import (
    Answer,
    Call,
    Note,
    OtherRequestError,
    Remembered,
    UnderWayError,
)
from serving.scoring.online import Online
from tests.factories import make_bundles, make_config
from tests.serving.shop import opened

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
KEPT, PATIENCE = timedelta(days=1), timedelta(seconds=30)
CALL = Call.of("key-1", "abc", b"POST", b"/v1/score", b"", b"{}")
ANSWER = Answer(200, {"content-type": "application/json"}, b'{"results":[]}')


def instant(**later: float) -> datetime:
    return AT + timedelta(**later)


@pytest.fixture(params=["sqlite", "postgresql"])
def remembered(request, tmp_path):
    """The same with both databases; with PostgreSQL each test is a base of its own."""
    if request.param == "sqlite":
        held = Remembered(tmp_path / "ledger.db", "shop", KEPT, PATIENCE)
    else:
        url = request.getfixturevalue("postgres").replace("postgresql:", "postgresql+psycopg:")
        held = Remembered(url, tmp_path.name.replace("[", "").replace("]", ""), KEPT, PATIENCE)
    yield held
    held.close()


def test_an_answer_is_given_again_until_it_expires(remembered):
    note = remembered.begin(CALL, AT)
    assert (note.at, note.again) == ("2024-06-03T09:00:00.000000Z", False)
    assert remembered.keep(note, ANSWER) == ANSWER
    assert remembered.begin(CALL, instant(hours=23, minutes=59)) == ANSWER
    later = remembered.begin(CALL, instant(days=1))
    assert isinstance(later, Note)
    assert (later.again, later.at) == (False, "2024-06-04T09:00:00.000000Z")
    assert later.name(b"s", "shop", 0) != note.name(b"s", "shop", 0)


def test_a_key_is_of_one_request_and_of_one_caller(remembered):
    remembered.keep(remembered.begin(CALL, AT), ANSWER)
    with pytest.raises(OtherRequestError):
        remembered.begin(Call.of("key-1", "abc", b"POST", b"/v1/score", b"", b"[]"), AT)
    other = remembered.begin(Call.of("key-2", "abc", b"POST", b"/v1/score", b"", b"{}"), AT)
    assert isinstance(other, Note)


def test_a_call_under_way_is_waited_for_until_it_is_taken_for_lost(remembered):
    first = remembered.begin(CALL, AT)
    with pytest.raises(UnderWayError):
        remembered.begin(CALL, instant(seconds=29))
    second = remembered.begin(CALL, instant(seconds=30))
    assert (second.again, second.at) == (True, first.at)
    assert second.name(b"s", "shop", 3) == first.name(b"s", "shop", 3)
    # The first was not lost but slow: whichever ends first has answered for both.
    assert remembered.keep(second, ANSWER) == ANSWER
    assert remembered.keep(first, Answer(200, {}, b"other")) == ANSWER


def test_a_call_that_came_to_nothing_is_free_again(remembered):
    remembered.forget(remembered.begin(CALL, AT))
    note = remembered.begin(CALL, AT)
    assert not note.again
    remembered.release(note)
    assert remembered.begin(CALL, AT) == Note(CALL, note.at, again=True)
    remembered.keep(note, ANSWER)
    remembered.forget(note)  # too late: there is an answer
    assert remembered.begin(CALL, AT) == ANSWER


def test_what_has_expired_is_removed(remembered):
    for number in range(5):
        call = Call.of("", str(number), b"")
        remembered.keep(remembered.begin(call, instant(hours=number)), ANSWER)
    assert remembered.count() == 5
    # At 11:30 of the next day, the calls of 9, 10 and 11 o'clock have expired.
    remembered.begin(Call.of("", "new", b""), instant(days=1, hours=2, minutes=30))
    assert remembered.count() == 5 - 3 + 1


def test_the_database_holds_no_key_in_clear(tmp_path):
    held = Remembered(tmp_path / "ledger.db", "shop", KEPT, PATIENCE)
    held.begin(Call.of("", "anna@example.org", b""), AT)
    held.close()
    (row,) = sqlite3.connect(tmp_path / "ledger.db").execute("SELECT * FROM remembered").fetchall()
    assert "anna" not in str(row)


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_other_parts_are_another_request(some, other):
    alike = Call.of("", "k", *some).request == Call.of("", "k", *other).request
    assert alike == (some == other)


# By the application


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    config = make_config(folder)
    with opened(config, make_bundles(folder / "made", config)) as shop:
        yield shop


BODY = {"customers": [{"customer_id": "001"}, {"customer_id": "nobody"}, {"customer_id": "002"}]}


def score(shop, key, body=BODY, **headers):
    named = {} if key is None else {"Idempotency-Key": key}
    return shop.client.post("/v1/score", json=body, headers={**named, **headers})


def on_record(shop) -> int:
    return shop.online.ledger.head().size


def test_a_call_made_twice_has_the_same_bytes_and_one_record(shop):
    before = on_record(shop)
    first, second = score(shop, "twice"), score(shop, "twice")
    assert first.status_code == 200
    assert second.content == first.content
    assert second.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert on_record(shop) == before + 2
    other = score(shop, "another")
    assert [result.get("id") for result in other.json()["results"]] != [
        result.get("id") for result in first.json()["results"]
    ]
    assert score(shop, None).json()["results"][0]["churn"] == first.json()["results"][0]["churn"]


def test_a_call_of_many_made_twice_is_one_entry_of_which_each_score_is_told_again(shop):
    before = on_record(shop)
    named = [{"customer_id": f"{number:03}"} for number in range(1, 10)]
    body = {"customers": [*named, {"customer_id": "nobody"}]}
    first, second = score(shop, "many-twice", body), score(shop, "many-twice", body)
    assert second.content == first.content
    assert on_record(shop) == before + 1
    for result in first.json()["results"]:
        if "id" in result:
            again = shop.client.get(f"/v1/scores/{result['id']}").json()
            assert again["replayed"]
            assert {**again, **result} == {**again, "customer_id": result["customer_id"]}
    call = shop.online.ledger.last().id
    assert shop.client.get(f"/v1/scores/{call}").status_code == 404
    assert shop.client.get(f"/v1/scores/{call}/99").status_code == 404


def test_a_key_with_another_request_is_refused(shop):
    score(shop, "one")
    before = on_record(shop)
    assert score(shop, "one", {**BODY, "reasons": 1}).status_code == 422
    assert score(shop, "one", **{"Accept-Language": "da"}).status_code == 422
    assert on_record(shop) == before


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "æ".encode(), "\x7f"])
def test_what_cannot_be_a_key_is_refused(shop, key):
    answer = score(shop, key)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert score(shop, "x" * 255).status_code == 200


def test_a_call_that_was_refused_may_be_put_right(shop):
    assert score(shop, "wrong", {"customers": []}).status_code == 422
    assert score(shop, "wrong").status_code == 200


def test_two_at_once_are_one(shop, monkeypatch):
    begun, go = threading.Event(), threading.Event()
    held = Online.score

    def slow(*given, **more):
        begun.set()
        assert go.wait(20)
        return held(*given, **more)

    before = on_record(shop)
    monkeypatch.setattr(Online, "score", slow)
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(score, shop, "at-once")
        assert begun.wait(20)
        second = score(shop, "at-once")
        go.set()
    assert (second.status_code, second.headers["retry-after"]) == (409, "1")
    assert second.headers["content-type"] == "application/problem+json"
    assert score(shop, "at-once").content == first.result().content
    assert on_record(shop) == before + 2


def test_many_at_once_are_one(shop):
    before = on_record(shop)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: score(shop, "many"), range(6)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert on_record(shop) == before + 2


def test_a_call_that_failed_may_be_made_again_at_once(shop, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Online, "score", lambda *_, **__: 1 / 0)
        assert score(shop, "fails").status_code == 500
    assert score(shop, "fails").status_code == 200


# What a process does that takes a call, and is killed as soon as its scores are on record.
KILLED = """
import os, signal, sys
sys.modules["sklearn"] = None  # as in the service: XGBoost loads it for a second, for nothing
from datetime import UTC, datetime, timedelta
from serving import settings
from serving.app import opened
from serving.scoring.online import Online
from serving.releases.release import current
from serving.routes import scores
from serving.idempotency import once
from serving.idempotency.remembered import Call, Remembered
from serving.releases.shadow import Recent
from serving.watching.note import Watch
from functools import partial

told = settings.read()
online = opened(told, current(told.var))
held = Online.score

def killed(*given, **more):
    held(*given, **more)
    os.kill(os.getpid(), signal.SIGKILL)

Online.score = killed
body = sys.stdin.buffer.read()
call = Call.of("", "killed", b"POST", b"/v1/score", b"", body)
watch = Watch(settings.open_seen(told.config.name, told.var), told.config.timezone)
asked = scores._Asked(online, Recent(), watch, body, datetime.now(UTC), None, None)
work = partial(asked.once, told.var)
# With no patience, so that the test need not wait until the call is taken for lost.
kept = Remembered(told.var / "ledger.db", told.config.name, timedelta(days=1), timedelta(0))
once._remembered(kept, call, work)
"""


def test_after_a_kill_the_scores_on_record_are_told_and_none_is_made_again(shop):
    body = json.dumps(BODY).encode()
    before = on_record(shop)
    root = Path(__file__).parents[3]
    found = subprocess.run(
        [sys.executable, "-c", KILLED],
        input=body,
        cwd=root,
        env={**os.environ, "STAMKUNDE_VAR": str(shop.config.var), "PYTHONPATH": str(root)},
        capture_output=True,
        check=False,
    )
    assert found.returncode == -signal.SIGKILL, found.stderr.decode()
    assert on_record(shop) == before + 2
    recorded = [entry.id for entry in shop.online.ledger.entries(last=2)]
    headers = {"Idempotency-Key": "killed", "Content-Type": "application/json"}
    answer = shop.client.post("/v1/score", content=body, headers=headers)
    results = answer.json()["results"]
    assert [result.get("id") for result in results] == [recorded[0], None, recorded[1]]
    assert results[1]["error"]["code"] == "unknown_customer"
    assert on_record(shop) == before + 2
    fresh = score(shop, None).json()["results"]
    assert [{**result, "id": ""} for result in results if "id" in result] == [
        {**result, "id": ""} for result in fresh if "id" in result
    ]
    assert shop.client.post("/v1/score", content=body, headers=headers).content == answer.content
