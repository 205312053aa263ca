"""Who calls: the key that a call carries, or that it comes from this machine."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from serving.guard.keys import Key, KeyStore
from serving.guard.refusal import RefusalError

Headers = Mapping[bytes, bytes]

_LONGEST_NAME = 255  # of a host (RFC 1035); what is kept of callers in memory is bounded
_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def known(call: Mapping[str, Any], headers: Headers, keys: KeyStore, now: datetime) -> Key | None:
    """Return the key of a call; None where there are no keys and the call is of this machine.

    Raises
    ------
    RefusalError
        401 if it has no key that is valid now, or comes from beyond while there are none.
    """
    if not keys.keys(now):
        _require_loopback(call, headers)
        return None
    sent = _sent(headers)
    if sent is None:
        said = "a key is needed: send Authorization: Bearer KEY"
    elif (key := keys.find(sent, now)) is not None:
        return key
    else:
        said = "no key is known by this secret, or it is expired or revoked"
    raise RefusalError(401, "key", said, _CHALLENGE)


def _sent(headers: Headers) -> str | None:
    kind, _, rest = headers.get(b"authorization", b"").partition(b" ")
    if kind.lower() == b"bearer":
        return rest.strip().decode("latin-1")
    held = headers.get(b"x-api-key")
    return None if held is None else held.strip().decode("latin-1")


def _require_loopback(call: Mapping[str, Any], headers: Headers) -> None:
    client = call.get("client")
    # A page of a stranger's may have its own name point at this machine, and so call from within
    # it: only the name that is asked for gives it away. Or it has a browser send what browsers
    # send without asking, a POST that has no body: then only the page's origin does.
    if (
        client is None
        or not is_loopback(client[0])
        or not is_loopback(_name(headers.get(b"host", b"")))
        or not _is_of_loopback(headers.get(b"origin"))
    ):
        raise RefusalError(
            401,
            "key",
            "this service has no keys, so it answers calls to and from its own machine alone; "
            "make one with: stamkunde keys add",
            _CHALLENGE,
        )


def _is_of_loopback(origin: bytes | None) -> bool:
    """Say whether a page is of this machine; true of a call that no page makes."""
    if origin is None:
        return True
    _, _, host = origin.partition(b"://")
    return is_loopback(_name(host))


def _name(host: bytes) -> str:
    text = host.decode("latin-1")
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def is_loopback(host: str) -> bool:
    """Say whether a name or address is of this machine's loopback; no name is looked up."""
    return len(host) <= _LONGEST_NAME and _is_loopback(host)


@lru_cache(64)
def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        return False
    within = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (within or address).is_loopback


def listens_on_loopback(host: str) -> bool:
    """Say whether whoever listens on a host is reached from this machine alone."""
    try:
        found = socket.getaddrinfo(host or "0.0.0.0", None)
    except (OSError, UnicodeError):
        return False  # what cannot be looked up may be anywhere
    return all(is_loopback(str(address[0])) for *_, address in found)
