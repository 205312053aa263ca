"""The real service among strangers: every route and key, raw bytes, marks, more than it can do."""

import asyncio
import json
import re
import socket
import sys
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import httpx
import pytest

from features.source import load_tables
from serving import server, settings
from serving.api.problems import Problem
from serving.app import application
from serving.batch.fill import fill_store
from serving.guard import key_changes
from serving.guard.keys import SCOPES
from serving.guard.places import LIVE, PROBES
from serving.releases.release import publish
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
                process=process,
                url=url,
                port=port,
                keys=keys,
            )
    finally:
        process.terminate()
        process.wait(30)


def routes() -> list[tuple[str, str, str]]:
    """Every route of the application and every probe but those that are open to all."""
    found = {
        (method, re.sub(r"\{[^}]*\}", "1", route.path), getattr(route, "scope", "admin"))
        for route in application(lambda _: None).routes
        if not route.is_open
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


def raw(key: str) -> dict[str, bytes]:
    """Bytes that no honest caller sends, beside some that one may."""
    return {
        "nothing": b"\r\n\r\n",
        "no HTTP": b"\x00\xff\xfe rubbish\r\n\r\n",
        "no version": b"GET /\r\n\r\n",
        "HTTP/9.9": head(key=key, line="POST /v1/score HTTP/9.9"),
        "TLS": bytes.fromhex("160301020001000100fc0303") + bytes(64),
        "a bad path": head(key=key, line=f"GET /{MARK}\x00 HTTP/1.1"),
        "a path of escapes": head(key=key, line=f"GET /%ff%00%2e%2e/{MARK} HTTP/1.1"),
        "a long path": head(key=key, line=f"GET /{MARK * 10_000} HTTP/1.1"),
        "a proxy's line": head(key=key, line=f"GET http://{MARK}/ HTTP/1.1"),
        "CONNECT": head(key=key, line=f"CONNECT {MARK}:443 HTTP/1.1"),
        "a strange method": head(key=key, line=f"{MARK} /v1/score HTTP/1.1"),
        "a huge header": head(f"X-Mark: {MARK * 20_000}", key=key),
        "many headers": head(*[f"X-{i}: {MARK}" for i in range(4_000)], key=key),
        "a header with NUL": head(f"X-Mark: {MARK}\x00", key=key),
        "a header of two lines": head("X-Mark: a\r\n b", key=key),
        "no host": b"GET /v1/models HTTP/1.1\r\n\r\n",
        "two lengths": head("Content-Length: 2", "Content-Length: 3", key=key) + b"{}",
        "a negative length": head("Content-Length: -1", key=key),
        "a length of letters": head("Content-Length: two", key=key),
        "a length of 19 digits": head("Content-Length: " + "9" * 19, key=key) + b"{}",
        "a length too small": head("Content-Length: 1", key=key) + BODY,
        "a length and chunks": (
            head("Content-Length: 2", "Transfer-Encoding: chunked", key=key) + b"0\r\n\r\n"
        ),
        "chunks that lie": head("Transfer-Encoding: chunked", key=key) + b"5\r\n{}\r\n",
        "chunks of letters": head("Transfer-Encoding: chunked", key=key) + b"zz\r\n{}",
        "an unknown encoding": head("Transfer-Encoding: gzip", key=key) + b"{}",
        "a compressed body": (head("Content-Encoding: gzip", "Content-Length: 2", key=key) + b"{}"),
        "a websocket": head(
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            key=key,
            line="GET /v1/score HTTP/1.1",
        ),
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "NUL": sized(b"\x00" * 10, key),
        "bad UTF-8": sized(b'{"customers": "\xff' + MARK.encode() + b'"}', key),
        "UTF-16": sized(MARK.encode("utf-16"), key),
        "a byte order mark": sized(b"\xef\xbb\xbf" + BODY, key),
        "NaN": sized(customer("NaN"), key),
        "1e999": sized(customer("1e999"), key),
        "a huge integer": sized(customer("9" * 5_000), key),
        "a surrogate": sized(customer('"\\ud800"'), key),
        "17 deep": sized(customer("[" * 14 + "]" * 14), key),
        "deep": sized(b"[" * 200_000 + b"]" * 200_000, key),
        "two at once": sized(BODY, key) + sized(b"{}", key),
        "a key of bytes": head("Content-Length: 0", key="\xff\x80" * 100),
    }


TOLD = {
    "bad UTF-8": [b"400"],
    "UTF-16": [b"400"],
    "NUL": [b"400"],
    "a byte order mark": [b"400"],
    "NaN": [b"400"],
    "1e999": [b"400"],
    "a huge integer": [b"400"],
    "a surrogate": [b"400"],
    "17 deep": [b"400"],
    "deep": [b"400"],
    "a compressed body": [b"415"],
    "a length of 19 digits": [b"413"],
    "a key of bytes": [b"401"],
    "two at once": [b"200", b"422"],
}
OTHERS = {b"200", b"400", b"401", b"403", b"404", b"405", b"408", b"413", b"415", b"422"}


def exchanged(port: int, sent: bytes, answers: int = 0) -> bytes:
    """What comes back for bytes: so many answers, or all till nothing more comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10 if answers else 0.3) as held:
        received = b""
        try:
            held.sendall(sent)
            while not answers or len(re.findall(rb'"status": 4|"results"', received)) < answers:
                if not (part := held.recv(65_536)):
                    return received
                received += part
        except TimeoutError:
            held.shutdown(socket.SHUT_WR)
            held.settimeout(5)
            while part := held.recv(65_536):
                received += part
        except OSError:  # it is closed on who sends what nobody reads
            pass
    return received


@pytest.mark.parametrize("name", raw(""))
def test_raw_bytes_are_answered_as_the_senders_fault_or_not_at_all(shop, name):
    due = TOLD.get(name, [])
    received = exchanged(shop.port, raw(shop.keys["score"])[name], len(due))
    statuses = re.findall(rb"HTTP/1\.1 (\d{3}) ", received)
    assert statuses == due if due else set(statuses) <= OTHERS
    assert not received or received.startswith(b"HTTP/1.1 ")
    if len(due) == 1:
        problem = Problem.model_validate_json(received.partition(b"\r\n\r\n")[2])
        assert problem.status == int(due[0])
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


def test_an_answer_comes_in_one_piece(shop):
    head = (
        "POST /v1/score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {shop.keys['score']}\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", shop.port), timeout=10) as caller:
        caller.sendall(head.encode() + BODY)
        answer = caller.recv(65_536)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.partition(b"\r\n\r\n")[2].startswith(b'{"results":')


def test_who_never_ends_a_head_or_begins_none_loses_the_connection(shop):
    silent, slow, kept = (
        socket.create_connection(("127.0.0.1", shop.port), timeout=5) for _ in range(3)
    )
    with silent, slow, kept:
        begun = time.monotonic()
        slow.sendall(b"POST /v1/score HTTP/1.1\r\n")
        kept.sendall(head("Content-Length: 0", line="GET /livez HTTP/1.1"))
        answer = b""
        while not answer.endswith(b"\r\n\r\n\n"):
            more = kept.recv(65_536)
            assert more
            answer += more
        kept.sendall(b"GET /livez HTTP/1.1\r\n")  # the next head, begun and never ended
        for _ in range(6):
            time.sleep(0.2)
            slow.sendall(b"X-More: 1\r\n")  # what trickles puts nothing off
        assert [connection.recv(65_536) for connection in (silent, slow, kept)] == [b""] * 3
        assert 1.5 < time.monotonic() - begun < 4  # the time-out of this service is 2 s
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


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_no_service_is_left_behind_when_bentoml_is_killed(shop):
    # The last test: it ends the service. That it ends with who started it, the demo's test shows.
    shop.process.kill()
    shop.process.wait(30)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{shop.url}{LIVE}", timeout=1)
        except httpx.TransportError:
            break
        time.sleep(0.1)
    else:
        pytest.fail("the service still answers")
