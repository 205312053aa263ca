"""What is kept of the calls on which a release is tried."""

from serving.api.asked import ScoreRequest
from serving.releases.shadow import CALLS, Recent


def call(*customers: dict, **more) -> ScoreRequest:
    return ScoreRequest.model_validate({"customers": list(customers), **more})


def kept(recent: Recent) -> list[str]:
    return [asked.customer_id for held in recent.calls() for asked in held.customers]


def test_the_latest_calls_are_kept_and_of_a_large_one_the_first_customers():
    recent = Recent()
    for number in range(CALLS + 1):
        recent.note(call({"customer_id": f"{number}"}))
    assert kept(recent) == [f"{number}" for number in range(1, CALLS + 1)]
    recent.note(call(*({"customer_id": name} for name in "abcdef")))
    assert kept(recent)[-3:] == [f"{CALLS}", "a", "b"]


def test_calls_that_ask_alike_are_tried_together():
    recent = Recent()
    recent.note(call({"customer_id": "a"}, language="da"))
    recent.note(call({"customer_id": "b"}))
    recent.note(call({"customer_id": "c"}, language="da"))
    held = {each.language: [one.customer_id for one in each.customers] for each in recent.calls()}
    assert held == {"da": ["a", "c"], None: ["b"]}


def test_what_memory_holds_of_a_customer_is_bounded():
    recent = Recent()
    day = "2024-06-03"
    recent.note(call({"customer_id": "long text", "features": {"a": "x" * 201}}))
    recent.note(call({"customer_id": "nested", "features": {"a": [1]}}))
    recent.note(call({"customer_id": "names", "features": {str(n): 1 for n in range(1001)}}))
    recent.note(call({"customer_id": "long name", "features": {"x" * 201: 1}}))
    rows = {"transactions": [{"amount": 1}] * 101}
    recent.note(call({"customer_id": "rows", "rows": rows, "as_of": day}))
    assert kept(recent) == []
    rows = {"transactions": [{"amount": 1}] * 99, "customer": {"income": "x" * 200}}
    recent.note(call({"customer_id": "short", "rows": rows, "as_of": day}))
    assert kept(recent) == ["short"]
