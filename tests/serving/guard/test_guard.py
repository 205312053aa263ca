"""The guard around an application: who may call, how much, how long, and what is told of it."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse

from serving import server
from serving.guard import call as calls
from serving.guard import key_changes
from serving.guard.caller import is_loopback
from serving.guard.door import Guard
from serving.guard.keys import FILE
from serving.guard.places import NOWHERE, Places
from serving.guard.rate import Rate
from serving.guard.refusal import RefusalError
from serving.nesting import is_deeper, members
from serving.routes.route import ScopedRoute
from serving.settings import Settings
from tests.factories import make_config

NOW = datetime.now(UTC)
STRANGER = ("203.0.113.7", 4711)
HERE = ("127.0.0.1", 4711)


async def echo(request) -> JSONResponse:
    body = await request.body()
    key = request.scope["key"]
    return JSONResponse({"bytes": len(body), "key": key and key.id})


ROUTES = [
    ScopedRoute("/v1/score", "POST", "score", echo),
    ScopedRoute("/v1/scores/{score_id}", "GET", "read", echo),
    ScopedRoute("/v1/jobs", "GET", "read", echo),
    ScopedRoute("/v1/jobs", "POST", "admin", echo),
]


async def probes(scope, receive, send) -> None:
    await PlainTextResponse("\n")(scope, receive, send)


def make_guard(folder, routes=ROUTES, **serving) -> SimpleNamespace:
    config = make_config(folder)
    told = config.serving.model_copy(update=serving)
    config = config.model_copy(update={"serving": told})
    guard = Guard(Starlette(routes=routes), probes, lambda: Settings(config.var, config, {}))
    return SimpleNamespace(guard=guard, config=config)


def asking(guard, client=HERE, url="http://localhost") -> httpx.AsyncClient:
    transport = httpx.ASGITransport(guard, raise_app_exceptions=False, client=client)
    return httpx.AsyncClient(transport=transport, base_url=url)


def ask(guard, method="POST", path="/v1/score", client=HERE, url="http://localhost", **more):
    async def once() -> httpx.Response:
        async with asking(guard, client, url) as held:
            return await held.request(method, path, **more)

    return asyncio.run(once())


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_without_keys_only_this_machine_is_answered(tmp_path):
    guard = make_guard(tmp_path).guard
    assert ask(guard).json() == {"bytes": 0, "key": None}
    assert ask(guard, client=("::1", 1), url="http://[::1]:3000").status_code == 200
    for answer in (
        ask(guard, client=STRANGER),
        ask(guard, client=None),
        # A stranger's page whose own name was made to point at this machine.
        ask(guard, url="http://evil.example:3000"),
    ):
        assert answer.status_code == 401
        assert "no keys" in answer.json()["detail"]
    assert ask(guard, "GET", "/livez", client=STRANGER).status_code == 200
    assert ask(guard, "GET", "/metrics", client=STRANGER).status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://[::1]:3000"}, 200),
        ({"Origin": "https://example.com"}, 401),
        ({"Origin": "http://localhost.example.com"}, 401),
        ({"Origin": "null"}, 401),
    ],
)
def test_without_keys_a_strangers_page_may_not_call_by_a_browser_of_this_machine(
    tmp_path, headers, status
):
    """A POST without a body is sent by browsers to any place without asking it first."""
    guard = make_guard(tmp_path).guard
    assert ask(guard, path="/v1/jobs", headers=headers).status_code == status


def test_without_keys_all_addresses_of_this_machine_are_one_caller(tmp_path):
    guard = make_guard(tmp_path, calls_per_minute=2).guard
    found = [ask(guard, client=(f"127.0.0.{last}", 1)).status_code for last in (1, 2, 3)]
    assert found == [200, 200, 429]


def test_with_keys_a_call_needs_one_of_the_routes_scope(tmp_path):
    held = make_guard(tmp_path)
    key, score = key_changes.add(held.config, "crm", ["score"], NOW)
    _, admin = key_changes.add(held.config, "me", ["admin"], NOW)
    guard = held.guard
    refused = ask(guard)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert refused.headers["content-type"] == "application/problem+json"
    assert ask(guard, headers=bearer(score), client=STRANGER).json()["key"] == key.id
    assert ask(guard, headers={"X-API-Key": score}).status_code == 200
    assert ask(guard, headers={"Authorization": f"bearer  {score}"}).status_code == 200
    assert ask(guard, headers={"Authorization": f"Basic {score}"}).status_code == 401
    assert ask(guard, headers={"Authorization": b"Bearer \xff"}).status_code == 401
    wrong = ask(guard, "GET", "/v1/scores/1", headers=bearer(score))
    assert (wrong.status_code, wrong.json()["detail"]) == (
        403,
        "this needs a key of the scope read",
    )
    assert ask(guard, "GET", "/v1/jobs", headers=bearer(score)).status_code == 403
    assert ask(guard, "GET", "/v1/scores/1", headers=bearer(admin)).status_code == 200
    assert ask(guard, "POST", "/v1/jobs", headers=bearer(admin)).status_code == 200
    assert ask(guard, "GET", "/metrics", headers=bearer(score)).status_code == 403


def test_who_has_no_key_is_not_told_what_there_is(tmp_path):
    held = make_guard(tmp_path)
    key, text = key_changes.add(held.config, "crm", ["score"], NOW)
    for method, path in (("GET", "/nothing"), ("PUT", "/v1/score"), ("GET", "/readyz")):
        assert ask(held.guard, method, path).status_code == 401
    assert ask(held.guard, "GET", "/nothing", headers=bearer(text)).status_code == 404
    refused = ask(held.guard, "PUT", headers=bearer(text))
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    # A key that is revoked leaves the service closed, not open as it was before there was any.
    key_changes.revoke(held.config, key.id, NOW)
    (held.config.var / FILE).touch()
    assert ask(make_guard(tmp_path).guard).status_code == 401


def test_a_file_of_keys_that_cannot_be_read_lets_nobody_in(tmp_path):
    held = make_guard(tmp_path)
    held.config.var.mkdir(parents=True, exist_ok=True)
    (held.config.var / FILE).write_bytes(b"{")
    assert ask(held.guard).status_code == 503


def test_a_body_is_bounded_and_read_as_it_is(tmp_path):
    guard = make_guard(tmp_path, max_body_mb=0.001).guard
    assert ask(guard, content=b"x" * 1_000).json()["bytes"] == 1_000
    assert ask(guard, content=b"x" * 1_001).status_code == 413
    assert ask(guard, content=b"x", headers={"Content-Encoding": "gzip"}).status_code == 415
    assert ask(guard, content=b"x", headers={"Content-Encoding": "identity"}).status_code == 200
    assert ask(guard, headers={"Content-Length": "9" * 5_000}).status_code == 413


def test_a_caller_has_so_many_calls_a_minute_and_others_theirs(tmp_path):
    held = make_guard(tmp_path, calls_per_minute=3)
    _, one = key_changes.add(held.config, "one", ["score"], NOW)
    _, other = key_changes.add(held.config, "other", ["score"], NOW)
    answers = [ask(held.guard, headers=bearer(one)) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [429] * 2
    told = answers[-1].headers
    assert 1 <= int(told["retry-after"]) <= 80  # a third of a minute after this one, at most
    assert told["ratelimit-policy"] == '"calls";q=3;w=60'
    assert told["ratelimit"] == f'"calls";r=0;t={told["retry-after"]}'
    assert ask(held.guard, headers=bearer(other)).status_code == 200
    assert ask(held.guard, "GET", "/livez").status_code == 200


def refused_for(rate: Rate, now: float) -> str | None:
    """For how many seconds a call is refused; None if it is taken."""
    try:
        return rate.take("crm", now)
    except RefusalError as refusal:
        return refusal.headers["Retry-After"]


def test_the_minute_moves_so_that_its_turn_gives_no_second_allowance():
    rate = Rate(60)
    # 60 in the first minute's second half, and then none.
    assert [refused_for(rate, 30.0) for _ in range(60)] == [None] * 60
    # At the turn all 60 are in the window; a second later 60 × 59/60 = 59: one more may be.
    assert refused_for(rate, 59.0) == "2"
    assert refused_for(rate, 60.0) == "1"
    assert [refused_for(rate, 61.0) for _ in range(2)] == [None, "1"]
    # At 90 s it is half of them and the one: 30 + 1, so 29 more may be.
    assert [refused_for(rate, 90.0) for _ in range(30)] == [None] * 29 + ["1"]
    # A minute without calls, and all is forgotten.
    assert [refused_for(rate, 240.0) for _ in range(61)] == [None] * 60 + ["61"]


def slow_routes(release: asyncio.Event) -> list[ScopedRoute]:
    async def slow(_) -> JSONResponse:
        await release.wait()
        return JSONResponse({})

    return [ScopedRoute("/v1/score", "POST", "score", slow)]


def test_more_calls_than_may_wait_are_refused_and_later_ones_taken_again(tmp_path):
    async def run() -> list[int]:
        release = asyncio.Event()
        guard = make_guard(tmp_path, slow_routes(release), max_waiting=2).guard
        async with asking(guard) as client:
            taken = [asyncio.create_task(client.post("/v1/score")) for _ in range(2)]
            await asyncio.sleep(0.01)
            refused = await client.post("/v1/score")
            assert refused.headers["retry-after"] == "1"
            assert "connection" not in refused.headers  # which is good for the next call
            release.set()
            answers = [refused, *await asyncio.gather(*taken), await client.post("/v1/score")]
        return [answer.status_code for answer in answers]

    assert asyncio.run(run()) == [429, 200, 200, 200]


def test_a_late_call_is_answered_in_time_and_in_hand_until_its_work_ends(tmp_path):
    async def run() -> list[int]:
        release = asyncio.Event()
        guard = make_guard(tmp_path, slow_routes(release), max_waiting=1, timeout=0.05).guard
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message):
            sent.append(message.get("status"))

        scope = {"type": "http", "method": "POST", "path": "/v1/score", "client": HERE}
        scope |= {"headers": [(b"host", b"localhost")], "query_string": b"", "root_path": ""}
        late = asyncio.create_task(guard(scope, receive, send))
        await asyncio.sleep(0.15)
        async with asking(guard) as client:
            during = await client.post("/v1/score")
            release.set()
            await late
            after = await client.post("/v1/score")
        # The late answer was given once, and what the application said later is thrown away.
        return [*sent, during.status_code, after.status_code]

    assert asyncio.run(run()) == [504, None, 429, 200]


def test_a_body_that_does_not_come_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(calls, "BODY_SECONDS", 0.05)

    async def run() -> httpx.Response:
        async def content():
            yield b"{"
            await asyncio.sleep(0.2)
            yield b"}"

        async with asking(make_guard(tmp_path).guard) as client:
            return await client.post("/v1/score", content=content())

    answer = asyncio.run(run())
    assert (answer.status_code, answer.headers["connection"]) == (408, "close")


def test_every_answer_has_the_headers_and_an_id_of_ours(tmp_path):
    guard = make_guard(tmp_path).guard
    ids = set()
    for path in ("/v1/score", "/nothing", "/livez"):
        answer = ask(guard, "GET", path, headers={"X-Request-Id": "PRIVATE"})
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "server" not in answer.headers
        assert "strict-transport-security" not in answer.headers
        ids.add(answer.headers["x-request-id"])
    assert len(ids) == 3
    assert "PRIVATE" not in ids
    by_tls = ask(guard, url="https://localhost")
    assert by_tls.headers["strict-transport-security"] == "max-age=31536000"


def test_a_page_may_have_a_policy_of_its_own(tmp_path):
    policy = "default-src 'none'; style-src 'nonce-1'"

    async def page(_) -> PlainTextResponse:
        return PlainTextResponse("", headers={"Content-Security-Policy": policy})

    guard = make_guard(tmp_path, [ScopedRoute("/audit", "GET", "audit", page)]).guard
    answer = ask(guard, "GET", "/audit")
    assert answer.headers.get_list("content-security-policy") == [policy]


def test_places_are_told_by_template_and_method():
    places = Places(ROUTES)
    assert places.find("/v1/scores/abc").label == "/v1/scores/{score_id}"
    assert places.find("/v1/jobs").scopes == {"GET": "read", "HEAD": "read", "POST": "admin"}
    for path in ("/v1/scores/", "/v1/scores/a/b", "/v1/score/", "//v1/score", ""):
        assert places.find(path) is NOWHERE


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
    ],
)
def test_loopback_is_what_this_machine_alone_reaches(host, loopback):
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "", "no-such-name.invalid"])
def test_serve_listens_beyond_this_machine_only_with_a_valid_key(tmp_path, host):
    config = make_config(tmp_path)
    refused = "has no valid key of a caller; make one: stamkunde keys add"
    with pytest.raises(server.ServerError, match=refused):
        server.start(config, host)
    past = NOW - timedelta(days=2)
    key_changes.add(config, "old", ["score"], past, past + timedelta(days=1))
    revoked, _ = key_changes.add(config, "gone", ["score"], NOW)
    key_changes.revoke(config, revoked.id, NOW)
    with pytest.raises(server.ServerError, match=refused):
        server.start(config, host)
    key_changes.add(config, "new", ["score"], NOW)
    with pytest.raises(Exception, match="nothing is promoted"):
        server.start(config, host)


NESTED = st.recursive(
    st.none() | st.text('[]{}"\\,:a'),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('[]{}"\\'), inner),
    max_leaves=30,
)


def depth(value) -> int:
    if not isinstance(value, list | dict):
        return 0
    return 1 + max(map(depth, value.values() if isinstance(value, dict) else value), default=0)


@given(NESTED, st.integers(1, 8))
def test_nesting_is_told_before_parsing_as_after_it(value, most):
    assert is_deeper(json.dumps(value).encode(), most) == (depth(value) > most)
    assert members(json.dumps(value).encode()) == count(value)


def count(value) -> int:
    """Count the names in a value's objects."""
    if isinstance(value, dict):
        return len(value) + sum(map(count, value.values()))
    return sum(map(count, value)) if isinstance(value, list) else 0
