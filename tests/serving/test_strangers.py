"""The real service among strangers: every route and key, raw bytes, marks, more than it can do."""

import asyncio
import json
import re
import socket
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from features.source import load_tables
from serving import key_changes, server, settings
from serving.api import Problem
from serving.batch import fill_store
from serving.guard.places import LIVE, PROBES
from serving.keys import SCOPES
from serving.release import publish
from serving.service import app
from tests.factories import AS_OF, make_bundles, make_config

MARK = "PRIVATE-7d1f"
NOW = datetime.now(UTC)
MOST = 4  # calls in hand
BODY = json.dumps({"customers": [{"customer_id": "001"}]}).encode()


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A promoted base with keys of all kinds, and its service."""
    folder = tmp_path_factory.mktemp("strangers")
    config = make_config(folder)
    told = config.serving.model_copy(
        update={"max_waiting": MOST, "timeout": 2.0, "calls_per_minute": 1_000_000}
    )
    config = config.model_copy(update={"serving": told})
    release = publish(config.var, config.name, make_bundles(folder / "made", config))
    store = settings.open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    store.close()
    keys = {scope: key_changes.add(config, scope, [scope], NOW)[1] for scope in SCOPES}
    past = NOW - timedelta(days=2)
    keys["expired"] = key_changes.add(config, "expired", ["admin"], past, past + timedelta(1))[1]
    revoked, keys["revoked"] = key_changes.add(config, "revoked", ["admin"], NOW)
    key_changes.revoke(config, revoked.id, NOW)
    keys["wrong"] = keys["admin"][:-4] + "0000"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, log = f"http://127.0.0.1:{port}", folder / "service.log"
    with log.open("wb") as output:
        process = server.start(config, port=port, log=output)
    try:
        server.wait_until_ready(url, process)
        with httpx.Client(base_url=url, timeout=30) as client:
            yield SimpleNamespace(
                config=config,
                client=client,
                log=log,
                url=url,
                port=port,
                keys=keys,
                process=process,
            )
    finally:
        process.terminate()
        process.wait(30)


def routes() -> list[tuple[str, str, str]]:
    """Every route of the application and every probe but the one that is open to all."""
    found = {
        (method, re.sub(r"\{[^}]*\}", "1", route.path), getattr(route, "scope", "admin"))
        for route in app.routes
        for method in route.methods - {"HEAD"}
    }
    return sorted(found | {("GET", path, "read") for path in PROBES if path != LIVE})


def call(shop, method, path, key=None, **more) -> httpx.Response:
    headers = {"Content-Type": "application/json", **more.pop("headers", {})}
    if key is not None:
        headers["Authorization"] = f"Bearer {shop.keys[key]}"
    return shop.client.request(method, path, headers=headers, **more)


def is_well(shop) -> bool:
    answer = call(shop, "POST", "/v1/score", "score", content=BODY)
    return answer.status_code == 200 and "segments" in answer.json()["results"][0]


@pytest.mark.parametrize(("method", "path", "scope"), routes())
def test_every_route_is_closed_but_to_a_key_of_its_scope(shop, method, path, scope):
    for key in (None, "wrong", "expired", "revoked"):
        answer = call(shop, method, path, key, content=b"{}" if method == "POST" else None)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert Problem.model_validate_json(answer.content).status == 401
    for key in SCOPES:
        answer = call(shop, method, path, key, content=b"{}" if method == "POST" else None)
        assert (answer.status_code == 403) == (key not in (scope, "admin"))
        assert answer.status_code != 401
        if answer.status_code == 403:
            assert scope in Problem.model_validate_json(answer.content).detail


def test_liveness_alone_is_open_and_what_is_not_there_is_not(shop):
    assert call(shop, "GET", LIVE).status_code == 200
    for path in ("/", "/docs.json", "/schema.json", "/static_content/x", f"/{MARK}"):
        assert call(shop, "GET", path).status_code == 401
        assert call(shop, "GET", path, "admin").status_code == 404


def test_keys_made_and_revoked_reach_a_running_service(shop):
    key, text = key_changes.add(shop.config, "later", ["score"], NOW)
    shop.keys["later"] = text
    time.sleep(0.3)
    assert call(shop, "POST", "/v1/score", "later", content=BODY).status_code == 200
    key_changes.revoke(shop.config, key.id, datetime.now(UTC))
    time.sleep(0.3)
    assert call(shop, "POST", "/v1/score", "later", content=BODY).status_code == 401


def head(*lines: str, key: str = "", line: str = "POST /v1/score HTTP/1.1") -> bytes:
    given = [line, "Host: localhost", "Content-Type: application/json", *lines]
    return "\r\n".join([*given, f"Authorization: Bearer {key}", "", ""]).encode("latin-1")


def sized(body: bytes, key: str) -> bytes:
    return head(f"Content-Length: {len(body)}", key=key) + body


def customer(value: str) -> bytes:
    return b'{"customers": [{"customer_id": "1", "features": {"tenure": %b}}]}' % value.encode()


RAW = {
    "nothing": lambda key: b"\r\n\r\n",
    "no HTTP": lambda key: b"\x00\xff\xfe rubbish\r\n\r\n",
    "no version": lambda key: b"GET /\r\n\r\n",
    "HTTP/9.9": lambda key: head(key=key, line="POST /v1/score HTTP/9.9"),
    "TLS": lambda key: bytes.fromhex("160301020001000100fc0303") + bytes(64),
    "a bad path": lambda key: head(key=key, line=f"GET /{MARK}\x00 HTTP/1.1"),
    "a path of escapes": lambda key: head(key=key, line=f"GET /%ff%00%2e%2e/{MARK} HTTP/1.1"),
    "a long path": lambda key: head(key=key, line=f"GET /{MARK * 10_000} HTTP/1.1"),
    "a proxy's line": lambda key: head(key=key, line=f"GET http://{MARK}/ HTTP/1.1"),
    "CONNECT": lambda key: head(key=key, line=f"CONNECT {MARK}:443 HTTP/1.1"),
    "a strange method": lambda key: head(key=key, line=f"{MARK} /v1/score HTTP/1.1"),
    "a huge header": lambda key: head(f"X-Mark: {MARK * 20_000}", key=key),
    "many headers": lambda key: head(*[f"X-{i}: {MARK}" for i in range(4_000)], key=key),
    "a header with NUL": lambda key: head(f"X-Mark: {MARK}\x00", key=key),
    "a header of two lines": lambda key: head("X-Mark: a\r\n b", key=key),
    "no host": lambda key: b"GET /v1/models HTTP/1.1\r\n\r\n",
    "two lengths": lambda key: head("Content-Length: 2", "Content-Length: 3", key=key) + b"{}",
    "a negative length": lambda key: head("Content-Length: -1", key=key),
    "a length of letters": lambda key: head("Content-Length: two", key=key),
    "a length of 30 digits": lambda key: head("Content-Length: " + "9" * 30, key=key) + b"{}",
    "a length too small": lambda key: head("Content-Length: 1", key=key) + BODY,
    "a length and chunks": lambda key: (
        head("Content-Length: 2", "Transfer-Encoding: chunked", key=key) + b"0\r\n\r\n"
    ),
    "chunks that lie": lambda key: head("Transfer-Encoding: chunked", key=key) + b"5\r\n{}\r\n",
    "chunks of letters": lambda key: head("Transfer-Encoding: chunked", key=key) + b"zz\r\n{}",
    "an unknown encoding": lambda key: head("Transfer-Encoding: gzip", key=key) + b"{}",
    "a compressed body": lambda key: (
        head("Content-Encoding: gzip", "Content-Length: 2", key=key) + b"{}"
    ),
    "a websocket": lambda key: head(
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        key=key,
        line="GET /v1/score HTTP/1.1",
    ),
    "HTTP/2": lambda key: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "NUL": lambda key: sized(b"\x00" * 10, key),
    "bad UTF-8": lambda key: sized(b'{"customers": "\xff' + MARK.encode() + b'"}', key),
    "UTF-16": lambda key: sized(MARK.encode("utf-16"), key),
    "a byte order mark": lambda key: sized(b"\xef\xbb\xbf" + BODY, key),
    "NaN": lambda key: sized(customer("NaN"), key),
    "1e999": lambda key: sized(customer("1e999"), key),
    "a huge integer": lambda key: sized(customer("9" * 5_000), key),
    "a surrogate": lambda key: sized(customer('"\\ud800"'), key),
    "17 deep": lambda key: sized(customer("[" * 14 + "]" * 14), key),
    "deep": lambda key: sized(b"[" * 200_000 + b"]" * 200_000, key),
    "two at once": lambda key: sized(BODY, key) + sized(b"{}", key),
    "a key of bytes": lambda key: head("Content-Length: 0", key="\xff\x80" * 100),
}


def exchanged(port: int, sent: bytes, wait: float = 5.0) -> bytes:
    """What comes back for bytes over a connection of their own, which then sends no more."""
    with socket.create_connection(("127.0.0.1", port), timeout=wait) as held:
        received = b""
        try:
            held.sendall(sent)
            held.shutdown(socket.SHUT_WR)
            while part := held.recv(65_536):
                received += part
        except OSError:  # it is closed on who sends what nobody reads
            pass
    return received


@pytest.mark.parametrize("name", RAW)
def test_raw_bytes_are_answered_as_the_senders_fault_or_not_at_all(shop, name):
    received = exchanged(shop.port, RAW[name](shop.keys["score"]))
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", received)
    assert all(
        status in b"200 400 403 401 404 405 408 413 415 422 426".split() for status in statuses
    )
    assert not received or received.startswith(b"HTTP/1.1 ")
    if name in ("NaN", "1e999", "a huge integer", "a surrogate", "17 deep", "deep", "bad UTF-8"):
        assert statuses == [b"400"]
        assert Problem.model_validate_json(received.partition(b"\r\n\r\n")[2]).status == 400
    if name == "two at once":
        assert statuses == [b"200", b"422"]
    assert is_well(shop)


def test_who_sends_half_and_waits_is_answered_and_takes_no_place_for_long(shop):
    key = shop.keys["score"]
    held = [socket.create_connection(("127.0.0.1", shop.port), timeout=8) for _ in range(MOST)]
    for connection in held:
        connection.sendall(head("Content-Length: 100", key=key) + b"{")
    time.sleep(0.2)
    assert call(shop, "POST", "/v1/score", "score", content=BODY).status_code == 429
    begun = time.monotonic()
    answers = [connection.recv(65_536) for connection in held]
    assert time.monotonic() - begun < 4
    for connection, answer in zip(held, answers, strict=True):
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer
        connection.close()
    assert is_well(shop)


def test_nothing_of_what_callers_send_is_logged_or_counted(shop):
    key, headers = shop.keys["score"], {f"X-{MARK}": MARK, "User-Agent": MARK, "X-API-Key": MARK}
    for path in (f"/{MARK}", f"/v1/score?{MARK}={MARK}", f"/v1/score/{MARK}", f"/livez?{MARK}"):
        for method in ("GET", "POST", MARK):
            call(shop, method, path, headers=headers)
            call(shop, method, path, "admin", headers=headers, content=MARK.encode())
    for body in (
        {"customers": [{"customer_id": MARK}]},
        {"customers": [{"customer_id": MARK, "features": {MARK: MARK}}], MARK: MARK},
        {"customers": [{"customer_id": MARK, "as_of": "2024-06-03", "rows": {MARK: [MARK]}}]},
    ):
        call(shop, "POST", "/v1/score", "score", content=json.dumps(body))
    exchanged(shop.port, head(f"Host: {MARK}", key=f"sk_{MARK}", line=f"GET /{MARK} HTTP/1.1"))
    told = call(shop, "GET", "/metrics", "read").text
    log = shop.log.read_text()
    assert "stamkunde_refused_total" in told
    assert "stamkunde_scores_total" in told
    for text in (told, log):
        for secret in (MARK, key, key.rpartition("_")[2], "Traceback"):
            assert secret not in text
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    allowed = {"event", "level", "timestamp", "method", "route", "status", "ms", "id", "key"}
    assert set().union(*lines) <= allowed


async def offered(shop, a_second: float, seconds: float) -> list[tuple[int, float]]:
    """Ask at a steady pace, whether or not there are answers; give each status and its seconds."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    headers = {"Authorization": f"Bearer {shop.keys['score']}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=shop.url, limits=limits, timeout=20) as client:

        async def once() -> tuple[int, float]:
            begun = time.perf_counter()
            answer = await client.post("/v1/score", content=BODY, headers=headers)
            return answer.status_code, time.perf_counter() - begun

        begun, tasks = time.perf_counter(), []
        for number in range(int(a_second * seconds)):
            await asyncio.sleep(max(0.0, begun + number / a_second - time.perf_counter()))
            tasks.append(asyncio.create_task(once()))
        return await asyncio.gather(*tasks)


def test_under_more_than_it_can_do_it_serves_or_refuses_and_nothing_else(shop):
    begun = time.perf_counter()
    for _ in range(20):
        assert is_well(shop)
    carried = 20 / (time.perf_counter() - begun)
    found = asyncio.run(offered(shop, 3 * carried, 2.0))
    statuses = [status for status, _ in found]
    assert set(statuses) <= {200, 429}
    assert statuses.count(200) > 0.2 * carried * 2.0  # it goes on serving what it can
    assert is_well(shop)
