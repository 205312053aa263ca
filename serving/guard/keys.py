"""Keys of callers: what each may do, and the file that holds them, without their secrets."""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

from configs.errors import StamkundeError
from serving.routes.route import Scope

FILE = "keys.json"
SCOPES: tuple[Scope, ...] = get_args(Scope)

_SPELT = re.compile(r"sk_([0-9a-f]{12})_[0-9a-f]{64}")
_LOOK_EVERY = timedelta(seconds=0.2)
_NEVER = datetime.min.replace(tzinfo=UTC)


class KeysError(StamkundeError):
    """A key that there is none of, or a file of keys that cannot be read."""


@dataclass(frozen=True)
class Secret:
    """What a key is known by.

    Parameters
    ----------
    digest : bytes
        SHA-256 of the key as it is sent. A slow hash would only make each call slow: it is for
        passwords, which can be guessed, and nobody guesses 256 random bits.
    until : datetime, optional
        When it ends, having been rotated.
    """

    digest: bytes
    until: datetime | None = None


@dataclass(frozen=True)
class Key:
    """A caller's key.

    Parameters
    ----------
    id : str
        12 hexadecimal digits; what the log and the record say.
    name : str
        Who or what it was made for.
    scopes : tuple of {"score", "read", "audit", "admin"}
    made_at : datetime
    expires_at, rotated_at, revoked_at : datetime, optional
    secrets : tuple of Secret
        One, and for a while after a rotation the one before.
    """

    id: str
    name: str
    scopes: tuple[Scope, ...]
    made_at: datetime
    expires_at: datetime | None = None
    rotated_at: datetime | None = None
    revoked_at: datetime | None = None
    secrets: tuple[Secret, ...] = ()

    def allows(self, scope: Scope) -> bool:
        """Say whether the key is for a scope; ``admin`` is for all."""
        return scope in self.scopes or "admin" in self.scopes

    def is_valid(self, now: datetime) -> bool:
        """Say whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeyStore:
    """The keys of a base, as its file has them at present.

    Parameters
    ----------
    path : Path
        It need not exist: then there are no keys.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._keys: Mapping[str, Key] = {}
        self._stamp: tuple[int, ...] | None = None
        self._looked = _NEVER

    def keys(self, now: datetime) -> Mapping[str, Key]:
        """Return all keys by id, revoked and expired ones too; a change shows within 0.2 s.

        Raises
        ------
        KeysError
            If the file cannot be read.
        """
        if not timedelta(0) <= now - self._looked < _LOOK_EVERY:
            stamp = self._stamped()
            if stamp != self._stamp:
                self._keys = read(self.path)
                self._stamp = stamp
            self._looked = now
        return self._keys

    def find(self, text: str, now: datetime) -> Key | None:
        """Return the key that a caller sent, if it is one and valid.

        How long it takes tells nothing of how much of the secret was right.
        """
        keys = self.keys(now)
        spelt = _SPELT.fullmatch(text)
        if spelt is None:
            return None
        key = keys.get(spelt[1])
        secrets = key.secrets if key is not None else (Secret(bytes(32)),)
        digest = hashed(text)
        same = [
            hmac.compare_digest(digest, held.digest) and (held.until is None or now < held.until)
            for held in secrets
        ]
        return key if any(same) and key is not None and key.is_valid(now) else None

    def _stamped(self) -> tuple[int, ...] | None:
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.path, error) from None
        return (found.st_mtime_ns, found.st_ino, found.st_size)


def hashed(text: str) -> bytes:
    """Return what is kept of a key."""
    return sha256(text.encode()).digest()


def read(path: Path) -> dict[str, Key]:
    """Read a file of keys; none if there is no file.

    Raises
    ------
    KeysError
        If it cannot be read.
    """
    try:
        held = json.loads(path.read_bytes())
        return {each["id"]: _key(each) for each in held["keys"]}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise _unreadable(path, error) from None


def written(keys: Mapping[str, Key]) -> bytes:
    """Return the content of a file of keys, in the order in which they were made."""
    ordered = sorted(keys.values(), key=lambda key: (key.made_at, key.id))
    return json.dumps({"keys": [_spelt(key) for key in ordered]}, indent=1).encode()


def told(key: Key) -> dict[str, Any]:
    """Return what may be said of a key: all but what it is known by."""
    times = ("made_at", "expires_at", "rotated_at", "revoked_at")
    return {
        "id": key.id,
        "name": key.name,
        "scopes": list(key.scopes),
        **{name: _time(getattr(key, name)) for name in times},
    }


def _spelt(key: Key) -> dict[str, Any]:
    secrets = [{"sha256": held.digest.hex(), "until": _time(held.until)} for held in key.secrets]
    return {**told(key), "secrets": secrets}


def _key(held: Mapping[str, Any]) -> Key:
    if unknown := set(held["scopes"]) - set(SCOPES):
        raise ValueError(f"unknown scopes {sorted(unknown)}")
    return Key(
        str(held["id"]),
        str(held["name"]),
        tuple(held["scopes"]),
        _instant(held["made_at"]) or _NEVER,
        _instant(held["expires_at"]),
        _instant(held["rotated_at"]),
        _instant(held["revoked_at"]),
        tuple(
            Secret(bytes.fromhex(each["sha256"]), _instant(each["until"]))
            for each in held["secrets"]
        ),
    )


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds")


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no zone")
    return at


def _unreadable(path: Path, error: Exception) -> KeysError:
    return KeysError(
        f"{path}: cannot be read ({type(error).__name__}: {error}), so no caller is known; "
        "restore it, or delete it and make new keys with: stamkunde keys add"
    )
