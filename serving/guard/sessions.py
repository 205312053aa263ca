"""Who signed in at a browser: a random cookie stands for a key until it ends."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookies import CookieError, SimpleCookie

from serving.guard.keys import Key, KeyStore, hashed

COOKIE = "stamkunde_audit"
LASTS = timedelta(hours=8)

_MOST = 1_000  # sessions in memory; the oldest gives way


@dataclass(frozen=True)
class _Session:
    key_id: str
    until: datetime


class Sessions:
    """The sessions of this process, none of which outlives it.

    Of a cookie only its hash is held. A session ends with its time, with its key, or when the
    person signs out; what the key may do is asked anew at each call.

    Parameters
    ----------
    keys : KeyStore
    """

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys
        self._held: dict[bytes, _Session] = {}

    def needs_key(self, now: datetime) -> bool:
        """Say whether there are keys at all: without, this machine's own callers need none."""
        return bool(self._keys.keys(now))

    def begin(self, sent: str, now: datetime) -> str | None:
        """Begin a session by a key as it was made; None if it is not valid for these pages."""
        key = self._keys.find(sent, now)
        if key is None or not key.allows("audit"):
            return None
        self._held = {name: held for name, held in self._held.items() if now < held.until}
        while len(self._held) >= _MOST:
            del self._held[next(iter(self._held))]
        text = secrets.token_urlsafe(32)
        self._held[hashed(text)] = _Session(key.id, now + LASTS)
        return text

    def find(self, headers: Mapping[bytes, bytes], now: datetime) -> Key | None:
        """Return the key that a call's cookie stands for, if the session and the key last."""
        sent = _cookie(headers)
        held = None if sent is None else self._held.get(hashed(sent))
        if held is None or now >= held.until:
            return None
        key = self._keys.keys(now).get(held.key_id)
        return key if key is not None and key.is_valid(now) and key.allows("audit") else None

    def end(self, headers: Mapping[bytes, bytes]) -> None:
        """End the session of a call's cookie."""
        if (sent := _cookie(headers)) is not None:
            self._held.pop(hashed(sent), None)


def _cookie(headers: Mapping[bytes, bytes]) -> str | None:
    sent = headers.get(b"cookie")
    if sent is None:
        return None
    try:
        held = SimpleCookie(sent.decode("latin-1")).get(COOKIE)
    except CookieError:
        return None
    return None if held is None else held.value
