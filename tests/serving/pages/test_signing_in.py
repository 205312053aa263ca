"""Signing in at a browser: a key once, then a cookie that ends with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse

from serving.guard import key_changes, sessions
from serving.guard.door import Guard
from serving.guard.keys import FILE, KeyStore
from serving.guard.sessions import COOKIE, LASTS, Sessions
from serving.pages import signing_in
from serving.routes.route import ScopedRoute
from serving.settings import Settings
from tests.factories import make_config

NOW = datetime.now(UTC)
BROWSER = {"Accept": "text/html,application/xhtml+xml"}


async def secret_page(request) -> PlainTextResponse:
    return PlainTextResponse(f"key {getattr(request.scope['key'], 'name', None)}")


ROUTES = [
    *signing_in.ROUTES,
    ScopedRoute("/audit", "GET", "audit", secret_page),
    ScopedRoute("/v1/score", "GET", "score", secret_page),
]


class Door:
    """A guarded application, asked by one browser."""

    def __init__(self, folder) -> None:
        self.config = make_config(folder)
        self.app = Starlette(routes=ROUTES)
        # All that the shell asks of the application is whose customers these are.
        self.app.state.served = type("Served", (), {"online": type("Online", (), {})})
        self.app.state.served.online.config = self.config
        self.guard = Guard(self.app, self.app, lambda: Settings(self.config.var, self.config, {}))
        self.cookies = httpx.Cookies()

    def ask(self, method, path, client=("127.0.0.1", 4711), **more) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.guard, client=client)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost", cookies=self.cookies
            ) as held:
                answer = await held.request(method, path, **{"headers": BROWSER, **more})
                self.cookies = held.cookies
                return answer

        return asyncio.run(once())

    def key(self, *scopes, **more) -> str:
        return key_changes.add(self.config, scopes[0], list(scopes), NOW, **more)[1]


@pytest.fixture
def door(tmp_path) -> Door:
    return Door(tmp_path)


def test_where_there_are_no_keys_this_machine_needs_none_and_others_get_nothing(door):
    assert door.ask("GET", "/audit").text == "key None"
    assert door.ask("GET", "/audit/sign-in").headers["location"] == "/audit"
    assert door.ask("GET", "/audit", client=("203.0.113.7", 1)).status_code == 401


def test_a_browser_is_led_to_sign_in_and_back_to_the_page_it_asked_for(door):
    key = door.key("audit")
    led = door.ask("GET", "/audit?band=high&lang=da")
    assert led.status_code == 303
    form = door.ask("GET", led.headers["location"])
    assert form.status_code == 200
    assert door.config.name not in form.text.lower()  # whose customers, a stranger is not told
    signed = door.ask("POST", led.headers["location"], data={"key": f" {key} "})
    assert (signed.status_code, signed.headers["location"]) == (303, "/audit?band=high&lang=da")
    cookie = signed.headers["set-cookie"].lower()
    assert all(held in cookie for held in ("httponly", "samesite=strict", "path=/audit"))
    assert key not in cookie
    assert door.ask("GET", "/audit").text == "key audit"
    assert door.ask("POST", "/audit/sign-out").status_code == 303
    assert door.ask("GET", "/audit").status_code == 303


def test_a_program_is_told_that_a_key_is_needed_and_may_send_one(door):
    key = door.key("audit")
    assert door.ask("GET", "/audit", headers={"Accept": "*/*"}).status_code == 401
    assert door.ask("POST", "/audit/sign-out").status_code == 401
    sent = {"Authorization": f"Bearer {key}"}
    assert door.ask("GET", "/audit", headers=sent).text == "key audit"


def test_only_a_valid_key_for_these_pages_signs_in(door):
    admin = door.key("admin")
    past = NOW - timedelta(hours=1)
    expired = key_changes.add(door.config, "old", ["audit"], past - timedelta(1), past)[1]
    for wrong in (door.key("score"), expired, "sk_nothing", "", "<script>alert(1)</script>"):
        answer = door.ask("POST", "/audit/sign-in", data={"key": wrong})
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
        assert "alert(1)" not in answer.text
    assert door.ask("POST", "/audit/sign-in", data={"key": admin}).status_code == 303


def test_a_session_opens_no_call_beyond_the_pages(door):
    key = door.key("audit", "score")
    door.ask("POST", "/audit/sign-in", data={"key": key})
    sent = {"Cookie": f"{COOKIE}={door.cookies[COOKIE]}"}
    assert door.ask("GET", "/audit", headers=sent).status_code == 200
    assert door.ask("GET", "/v1/score", headers=sent).status_code == 401


@pytest.mark.parametrize(
    "place",
    ["https://evil.example", "//evil.example", "/v1/score", "/auditor", "/audit\r\nX: 1", ""],
)
def test_signing_in_leads_to_no_place_but_a_page(door, place):
    answer = door.ask(
        "POST", "/audit/sign-in", params={"next": place}, data={"key": door.key("audit")}
    )
    assert answer.headers["location"] == "/audit"


def test_a_session_ends_with_its_time_and_with_its_key(door):
    key, text = key_changes.add(door.config, "auditor", ["audit"], NOW)
    held = Sessions(KeyStore(door.config.var / FILE))
    cookie = {b"cookie": f"a=b; {COOKIE}={held.begin(text, NOW)}".encode()}
    assert held.find(cookie, NOW + LASTS - timedelta(seconds=1)).id == key.id
    assert held.find(cookie, NOW + LASTS) is None
    key_changes.revoke(door.config, key.id, NOW)
    assert held.find(cookie, NOW + timedelta(seconds=1)) is None


@pytest.mark.parametrize("sent", [b"", b"\xff=1", f"{COOKIE}=guessed".encode(), b"=;;=" * 99])
def test_a_cookie_that_is_no_session_is_none(door, sent):
    key_changes.add(door.config, "auditor", ["audit"], NOW)
    held = Sessions(KeyStore(door.config.var / FILE))
    assert held.find({b"cookie": sent}, NOW) is None


def test_of_too_many_sessions_the_oldest_ends(door, monkeypatch):
    monkeypatch.setattr(sessions, "_MOST", 2)
    text = door.key("audit")
    held = Sessions(KeyStore(door.config.var / FILE))
    cookies = [{b"cookie": f"{COOKIE}={held.begin(text, NOW)}".encode()} for _ in range(3)]
    assert [held.find(each, NOW) is not None for each in cookies] == [False, True, True]
