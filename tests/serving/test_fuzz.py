"""The real service asked what nobody would ask: its answers stay within its document."""

import json

import httpx
import pytest

from tests.fuzz import KNOWN, NEAR, SCORE, fuzz

CASES = 120
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def document(service):
    return httpx.get(service.url + "/v1/openapi.json").json()


def test_no_answer_lies_outside_the_document_and_none_is_a_failure(service, document):
    found = fuzz(service, CASES)
    assert found.faults == []
    # And it was asked of everything, and not only for what it refuses.
    asked = {label for label, _, _ in found.counts}
    described = {f"{m.upper()} {path}" for path, held in document["paths"].items() for m in held}
    assert asked == described
    assert {200, 422} <= found.statuses(SCORE, NEAR)
    assert 400 in found.statuses(SCORE, "negative") | found.statuses(SCORE, NEAR)
    log = service.log.read_text()
    assert '"status":5' not in log
    assert "Traceback" not in log


REACHED = {
    200: {"content": json.dumps({"customers": [{"customer_id": KNOWN[0]}]})},
    400: {"content": b'{"customers": NaN}'},
    405: {"method": "GET"},
    413: {"content": b" " * 1_100_000},
    415: {"content": b"{}", "headers": {"Content-Type": "text/plain"}},
    422: {"content": b"{}"},
}
"""Calls for scores that each end with a status; the others need a service that is ill or busy."""


@pytest.mark.parametrize("status", REACHED)
def test_a_status_of_the_document_is_reached(service, document, status):
    told = {"method": "POST", "headers": {"Content-Type": "application/json"}, **REACHED[status]}
    answer = httpx.request(url=service.url + "/v1/score", **told)
    assert answer.status_code == status
    responses = document["paths"]["/v1/score"]["post"]["responses"]
    assert str(status) in responses
    if status >= 400:
        assert answer.headers["content-type"] == PROBLEM
    if status == 405:
        assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("path", ["/livez", "/healthz", "/readyz", "/metrics", "/v1/openapi.json"])
def test_what_takes_nothing_answers(service, document, path):
    answer = httpx.get(service.url + path)
    assert answer.status_code == 200
    (kind,) = document["paths"][path]["get"]["responses"]["200"]["content"]
    assert answer.headers["content-type"].startswith(kind)
