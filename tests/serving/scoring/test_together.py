"""Calls that come at the same time: scored together, each is told what it alone is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from serving.api.asked import ScoreRequest
from serving.record.recorder import Recorder
from serving.scoring.assessment import Assessments
from serving.scoring.online import Call, Online
from serving.scoring.together import Together
from tests.serving.parity import AT
from tests.serving.scoring.test_many import asked, calls, online, rows  # noqa: F401


def named(call: int) -> Callable[[int], str]:
    return lambda place: f"call-{call}-{place}"


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_calls_together_are_told_what_each_alone_is(
    online: Online,  # noqa: F811
    rows: list[dict[str, Any]],  # noqa: F811
    data: st.DataObject,
) -> None:
    given_calls = [
        Call(ScoreRequest.model_validate(data.draw(calls(rows))), AT, "k1", "da", named(number))
        for number in range(data.draw(st.integers(1, 4)))
    ]
    together = online.together(given_calls)
    for held, call in zip(together, given_calls, strict=True):
        alone = online.prepare(call.request, AT, "k1", "da", call.name, many=10**9)
        assert held.content == alone.content
        assert held.drafts(online.ledger, AT) == alone.drafts(online.ledger, AT)


class Counting:
    """Stands where the counts of drift are kept: what is told to it is looked at."""

    def __init__(self) -> None:
        self.customers: list[str] = []

    def note(self, assessed: Assessments | None, _: object) -> None:
        self.customers += assessed.customer_ids if assessed else []


def at_once(
    online: Online,  # noqa: F811
    requests: Sequence[ScoreRequest],
    leave: Sequence[int] = (),
) -> tuple[list[Any], list[str]]:
    """Make calls in one turn of a loop, some of which leave; return what came, and was counted."""
    counting = Counting()

    async def make() -> list[Any]:
        recorder = Recorder(online.ledger)
        recorder.start()
        together = Together(recorder, counting)  # type: ignore[arg-type]

        async def one(request: ScoreRequest) -> bytes:
            prepared, written = await together.begin(online, Call(request, AT))
            await written
            return prepared.content

        tasks = [asyncio.ensure_future(one(request)) for request in requests]
        await asyncio.sleep(0)
        for place in leave:
            tasks[place].cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        recorder.stop()
        return found

    return asyncio.run(make()), counting.customers


def test_each_of_them_is_on_record_and_counted_once(online: Online) -> None:  # noqa: F811
    before = online.ledger.head().size
    ids = ["001", "002", "003"]
    found, counted = at_once(online, [asked({"customer_id": name}) for name in ids])
    assert [
        f'"customer_id":"{name}"'.encode() in held for name, held in zip(ids, found, strict=True)
    ]
    assert online.ledger.head().size == before + 3
    assert sorted(counted) == ids


def test_who_leaves_keeps_nobody_else_waiting(online: Online) -> None:  # noqa: F811
    requests = [asked({"customer_id": name}) for name in ("001", "002", "003")]
    found, _ = at_once(online, requests, leave=[0, 2])
    assert [type(held) for held in found] == [
        asyncio.CancelledError,
        bytes,
        asyncio.CancelledError,
    ]


def test_what_fails_one_call_fails_no_other(
    online: Online,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lookup = online.lookup

    class Failing:
        def found(self, customers: Any, at: Any) -> Any:
            if any(each.customer_id == "002" for each in customers):
                raise RuntimeError("of the second alone")
            return lookup.found(customers, at)

    odd = replace(online)
    monkeypatch.setitem(odd.__dict__, "lookup", Failing())
    requests = [asked({"customer_id": name}) for name in ("001", "002", "003")]
    found, counted = at_once(odd, requests)
    assert [type(held) for held in found] == [bytes, RuntimeError, bytes]
    assert sorted(counted) == ["001", "003"]
