"""How keys are made, renewed and ended: each change under a lock, and on record."""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from configs.schema import Config
from serving.guard.keys import FILE, SCOPES, Key, KeysError, Secret, hashed, read, told, written
from serving.record.merkle import put, sync, temporary_beside
from serving.settings import open_ledger

KIND = "keys"
"""Of the record's entries about keys: what was changed, and never a secret."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


def add(
    config: Config,
    name: str,
    scopes: Sequence[str],
    at: datetime,
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """Make a key; return it, and what a caller sends, which is kept nowhere.

    Raises
    ------
    KeysError
        If the name or a scope cannot be one, or the time to expire is past.
    """
    if not _NAME.fullmatch(name):
        raise KeysError(
            "a key's name is letters, digits, blanks and . _ -, at most 64, beginning with a "
            f"letter or digit; got {name!r}"
        )
    wanted = tuple(scope for scope in SCOPES if scope in scopes)
    if not wanted or set(scopes) - set(wanted):
        raise KeysError(f"a key is for one or more of {', '.join(SCOPES)}; got {', '.join(scopes)}")
    _require_future(expires_at, at)
    key_id = secrets.token_hex(6)
    text = _new_text(key_id)
    key = Key(key_id, name, wanted, at, expires_at, secrets=(Secret(hashed(text)),))
    with _changing(config.var) as keys:
        _record(config, "add", key, at)
        _write(config.var, {**keys, key_id: key})
    return key, text


def rotate(
    config: Config,
    key_id: str,
    at: datetime,
    overlap: timedelta = timedelta(0),
    expires_at: datetime | None = None,
) -> tuple[Key, str]:
    """Give a key a new secret; those before it end after the overlap.

    Parameters
    ----------
    config : Config
    key_id : str
    at : datetime
    overlap : timedelta, optional
        For how long the secret before is still taken.
    expires_at : datetime, optional
        When the key now expires; as before unless given.

    Raises
    ------
    KeysError
        If there is no such key, or it is revoked or expired.
    """
    _require_future(expires_at, at)
    with _changing(config.var) as keys:
        key = _known(keys, key_id)
        if not key.is_valid(at):
            raise KeysError(f"the key {key_id} is revoked or expired; make another: keys add")
        text = _new_text(key_id)
        ends = at + overlap
        before = tuple(
            replace(held, until=min(held.until or ends, ends))
            for held in key.secrets
            if overlap and (held.until is None or at < held.until)
        )
        key = replace(
            key,
            rotated_at=at,
            expires_at=expires_at or key.expires_at,
            secrets=(*before, Secret(hashed(text))),
        )
        _record(config, "rotate", key, at)
        _write(config.var, {**keys, key_id: key})
    return key, text


def revoke(config: Config, key_id: str, at: datetime) -> Key:
    """End a key now; to do it again changes nothing.

    Raises
    ------
    KeysError
        If there is no such key.
    """
    with _changing(config.var) as keys:
        key = _known(keys, key_id)
        if key.revoked_at is not None:
            return key
        key = replace(key, revoked_at=at, secrets=())
        # Unlike the others it is done before it is on record: a key that leaked must end even
        # where the record cannot be written.
        _write(config.var, {**keys, key_id: key})
        _record(config, "revoke", key, at)
    return key


def _new_text(key_id: str) -> str:
    return f"sk_{key_id}_{secrets.token_hex(32)}"  # 256 bits


def _known(keys: Mapping[str, Key], key_id: str) -> Key:
    if key_id not in keys:
        raise KeysError(f"no key {key_id!r}; see their ids: stamkunde keys list")
    return keys[key_id]


def _require_future(expires_at: datetime | None, at: datetime) -> None:
    if expires_at is not None and expires_at <= at:
        raise KeysError(f"a key expires in the future, not at {expires_at.isoformat()}")


def _record(config: Config, change: str, key: Key, at: datetime) -> None:
    ledger = open_ledger(config.name, config.var)
    ledger.append([(uuid4().hex, KIND, {"change": change, **told(key)})], at)
    ledger.close()


def _write(var: Path, keys: Mapping[str, Key]) -> None:
    with temporary_beside(var / FILE) as temporary:  # which is the owner's alone, mode 600
        temporary.write_bytes(written(keys))
        sync(temporary)
        put(temporary, var / FILE)


@contextmanager
def _changing(var: Path) -> Iterator[dict[str, Key]]:
    """Give the keys to who alone may change them."""
    var.mkdir(parents=True, exist_ok=True)
    with (var / ".keys.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield read(var / FILE)
