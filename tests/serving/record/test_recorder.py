"""Calls that are put on record together."""

import asyncio
import itertools
import sqlite3
import threading
from datetime import UTC, datetime

import pytest

from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.recorder import Recorder

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path):
    held = Ledger(tmp_path / "ledger.db", "shop")
    yield held
    held.close()


def put_together(ledger, calls) -> list[BaseException | None]:
    """Put calls on record at once, each a list of ids; return what came of each."""

    async def all_of_them():
        recorder = Recorder(ledger)
        drafts = [ledger.drafts([(name, "score", {}) for name in ids], AT) for ids in calls]
        waiting = [asyncio.ensure_future(recorder.put(held)) for held in drafts]
        await asyncio.sleep(0)  # all of them wait by the time it begins
        recorder.start()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        recorder.stop()
        return found

    return asyncio.run(all_of_them())


def test_calls_that_wait_share_a_commit(ledger, monkeypatch):
    commits, write = [], ledger.write
    monkeypatch.setattr(
        Ledger, "write", lambda _, drafts: commits.append(len(drafts)) or write(drafts)
    )
    assert put_together(ledger, [["a", "b"], ["c"], [], ["d"]]) == [None] * 4
    assert commits == [4]
    assert [entry.id for entry in ledger.entries()] == ["a", "b", "c", "d"]
    assert ledger.verify().whole


def test_an_id_on_record_is_its_own_calls_fault(ledger):
    ledger.append([("b", "score", {"first": True})], AT)
    found = put_together(ledger, [["a"], ["b", "x"], ["c"]])
    assert [type(each) for each in found] == [type(None), LedgerError, type(None)]
    assert {entry.id for entry in ledger.entries()} == {"a", "b", "c"}
    assert ledger.get("b").body == {"first": True}
    assert ledger.verify().whole


def test_what_cannot_be_written_fails_every_call_that_waits(tmp_path):
    blocked = tmp_path / "no-folder"
    blocked.write_text("a file where the folder should be")
    broken = Ledger(blocked / "ledger.db", "shop")
    found = put_together(broken, [["a"], ["b"]])
    assert all("the database cannot be used" in str(each) for each in found)


def test_a_caller_who_left_keeps_nobody_else_waiting(ledger):
    async def one_leaves():
        recorder = Recorder(ledger)
        gone, stays = (
            asyncio.ensure_future(recorder.put(ledger.drafts([(name, "score", {})], AT)))
            for name in ("gone", "stays")
        )
        await asyncio.sleep(0)
        gone.cancel()
        recorder.start()
        await stays
        recorder.stop()

    asyncio.run(one_leaves())
    # It was handed over before the caller left: on record without an answer is no lie.
    assert {entry.id for entry in ledger.entries()} == {"gone", "stays"}


def test_the_writer_ends_once_all_is_written(ledger):
    put_together(ledger, [["a"]])
    for thread in threading.enumerate():
        if thread.name == "recorder":
            thread.join(5)
    assert not [each for each in threading.enumerate() if each.name == "recorder"]


def test_a_call_after_the_writer_ended_is_refused_and_not_left_waiting(ledger):
    async def late():
        recorder = Recorder(ledger)
        recorder.start()
        recorder.stop()
        await recorder.put(ledger.drafts([("first", "score", {})], AT))

    async def soon():
        await asyncio.wait_for(late(), 5)

    with pytest.raises(LedgerError, match="no longer written"):
        asyncio.run(soon())
    assert list(ledger.entries()) == []


def test_a_writer_that_breaks_down_fails_its_calls_and_those_after(ledger, monkeypatch):
    class Breakdown(BaseException):
        """What no writer foresees."""

    def breaks_down(_, __):
        raise Breakdown

    monkeypatch.setattr(Ledger, "write", breaks_down)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)

    async def one_after_another():
        recorder = Recorder(ledger)
        recorder.start()
        for name in ("a", "b"):
            put = recorder.put(ledger.drafts([(name, "score", {})], AT))
            with pytest.raises(LedgerError, match="no longer written"):
                await asyncio.wait_for(put, 5)

    asyncio.run(one_after_another())


def test_a_loop_that_ended_takes_no_other_with_it(ledger):
    """Whoever waited there is gone; the next call is written all the same."""
    recorder = Recorder(ledger)

    async def leaves():
        put = recorder.put(ledger.drafts([("left", "score", {})], AT))
        waiting = asyncio.ensure_future(put)
        await asyncio.sleep(0)
        waiting.cancel()

    async def stays():
        await asyncio.wait_for(recorder.put(ledger.drafts([("stays", "score", {})], AT)), 5)

    asyncio.run(leaves())
    recorder.start()
    asyncio.run(stays())
    recorder.stop()
    assert {entry.id for entry in ledger.entries()} == {"left", "stays"}


def written_lightly(ledger, turns, **more) -> tuple[list[BaseException | None], list[tuple]]:
    """Put light calls on record, some a turn of the loop; return what came of each, and writes.

    A write is how many entries it had, and whether the loop itself made it.
    """
    writes, write = [], ledger.write

    def noted(drafts, wait=True):
        write(drafts, wait)
        writes.append((len(drafts), threading.current_thread() is threading.main_thread()))

    async def one_turn_after_another():
        recorder = Recorder(ledger, **more)
        recorder.start()
        found = []
        for ids in turns:
            drafts = [ledger.drafts([(name, "score", {})], AT) for name in ids]
            begun = [recorder.begin(held, light=True) for held in drafts]
            found += await asyncio.wait_for(asyncio.gather(*begun, return_exceptions=True), 10)
        recorder.stop()
        return found

    ledger.write = noted
    return asyncio.run(one_turn_after_another()), writes


def test_light_calls_of_one_turn_share_a_commit_of_the_loop(ledger):
    found, writes = written_lightly(ledger, [["a", "b", "c"], ["d"]])
    assert found == [None] * 4
    assert writes == [(3, True), (1, True)]
    assert [entry.id for entry in ledger.entries()] == ["a", "b", "c", "d"]
    assert ledger.verify().whole


def test_of_light_calls_too_an_id_on_record_is_its_own_calls_fault(ledger):
    ledger.append([("b", "score", {})], AT)
    found, _ = written_lightly(ledger, [["a", "b", "c"]])
    assert [type(each) for each in found] == [type(None), LedgerError, type(None)]
    assert [entry.id for entry in ledger.entries()] == ["b", "a", "c"]


def test_the_loop_waits_for_no_other_writer(ledger, tmp_path):
    ledger.append([("first", "score", {})], AT)
    other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.05, other.execute, ["COMMIT"]).start()
    found, writes = written_lightly(ledger, [["a", "b"], ["c"]])
    other.close()
    assert found == [None] * 3
    assert writes == [(2, False), (1, True)]


def test_the_loop_leaves_a_slow_disk_to_the_thread_for_a_second(ledger):
    # The clock is read before and after each commit of the loop, which so takes 12 ms.
    readings = itertools.accumulate(itertools.repeat(0.012))
    found, writes = written_lightly(
        ledger, ([str(number)] for number in range(120)), clock=lambda: next(readings)
    )
    assert found == [None] * 120
    by_loop = [by_loop for _, by_loop in writes]
    assert by_loop[:3] == [True, True, False]
    # Then one reading a call: 84 of them are a second. It tries again, and is slow as before.
    assert by_loop.index(True, 3) == 2 + 83
    assert by_loop[86:120] == [False] * 34


def test_what_the_loop_cannot_foresee_fails_the_calls_that_wait(ledger, monkeypatch):
    def breaks_down(*_, **__):
        raise RuntimeError("what no writer foresees")

    monkeypatch.setattr(Ledger, "write", breaks_down)
    found, _ = written_lightly(ledger, [["a", "b"]])
    assert [str(each) for each in found] == ["what no writer foresees"] * 2
