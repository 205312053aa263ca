"""The keys of customers, under which the record seals what is about them.

A key is made with a customer's first entry, in the same write, and lies in the record's database.
Once it is destroyed nobody can open the entries: their bytes are AES-256-GCM (NIST SP 800-38D), and
the token by which they could be found is within the seal. Keys are read anew each time, so that no
process goes on with one that another has destroyed.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from configs.errors import StamkundeError
from features.database import Database, Prepared
from serving.record.seal import ErasedError
from serving.record.table import PEOPLE

_NONCE = 12
_BITS = 256
_ASKED = 500  # customers a statement looks up
_FEW = 32  # customers that are sooner looked up one by one: such a statement is made anew each time

_OF_TOKEN = Prepared(
    sa.select(PEOPLE.c.token, PEOPLE.c.key_id, PEOPLE.c.key).where(
        PEOPLE.c.base == sa.bindparam("base"), PEOPLE.c.token == sa.bindparam("token")
    )
)
_OF_ID = Prepared(
    sa.select(PEOPLE.c.key).where(
        PEOPLE.c.base == sa.bindparam("base"), PEOPLE.c.key_id == sa.bindparam("key_id")
    )
)
_INSERT = Prepared(
    sa.insert(PEOPLE).values({held.name: sa.bindparam(held.name) for held in PEOPLE.columns})
)

Key = tuple[str, bytes]
"""A key's id, which says nothing of anybody, and the key."""


class SealError(StamkundeError):
    """Sealed bytes that their key does not open."""


class Keyring:
    """The keys of one base's customers.

    Parameters
    ----------
    place : str or Path
        The record's: a file's path (SQLite), or a database's URL.
    base : str
    """

    def __init__(self, place: str | Path, base: str) -> None:
        self._database = Database(place, PEOPLE)
        self._base = base

    def seal(
        self, connection: sa.Connection, plain: Sequence[tuple[str, bytes]]
    ) -> list[tuple[str, bytes]]:
        """Seal bytes about customers, each named by token, in a write to the record.

        Returns
        -------
        list of (str, bytes)
            Of each the id of its key, and the nonce with the sealed bytes.
        """
        keys = self._keys(connection, dict.fromkeys(token for token, _ in plain))
        return [(keys[token][0], _sealed(keys[token][1], data)) for token, data in plain]

    def open(self, key_id: str, blob: bytes) -> bytes:
        """Open what a key sealed.

        Raises
        ------
        ErasedError
            If the key is destroyed.
        SealError
            If the bytes are not those that were sealed.
        """
        found = self._database.first(_OF_ID, {"base": self._base, "key_id": key_id})
        if found is None:
            raise ErasedError(
                "this is about a customer who is erased: what it said cannot be read any more"
            )
        try:
            return AESGCM(bytes(found[0])).decrypt(blob[:_NONCE], blob[_NONCE:], None)
        except InvalidTag:
            raise SealError(
                "a sealed entry is not as it was, or its key is not; stamkunde audit verify tells"
            ) from None

    def destroy(self, connection: sa.Connection, token: str) -> bool:
        """Destroy a customer's key in a write to the record; say whether there was one."""
        mine = (PEOPLE.c.base == self._base, PEOPLE.c.token == token)
        return connection.execute(sa.delete(PEOPLE).where(*mine)).rowcount > 0

    def has(self, token: str) -> bool:
        """Say whether a customer has a key."""
        return self._database.first(_OF_TOKEN, {"base": self._base, "token": token}) is not None

    def close(self) -> None:
        """Give the database's connections back."""
        self._database.close()

    def _keys(self, connection: sa.Connection, tokens: Iterable[str]) -> dict[str, Key]:
        """Return customers' keys; those that are not there yet are made."""
        asked = list(tokens)
        keys = self._known(connection, asked)
        made = [
            {
                "base": self._base,
                "token": token,
                "key_id": secrets.token_hex(16),
                "key": AESGCM.generate_key(_BITS),
            }
            for token in asked
            if token not in keys
        ]
        if made:
            _INSERT(connection, *made)
        return keys | {str(new["token"]): (str(new["key_id"]), bytes(new["key"])) for new in made}  # type: ignore[arg-type]

    def _known(self, connection: sa.Connection, tokens: Sequence[str]) -> dict[str, Key]:
        if len(tokens) <= _FEW:
            each = ({"base": self._base, "token": token} for token in tokens)
            rows: list[Any] = [row for asked in each for row in _OF_TOKEN(connection, asked)]
            return {token: (key_id, bytes(key)) for token, key_id, key in rows}
        sought = sa.select(PEOPLE.c.token, PEOPLE.c.key_id, PEOPLE.c.key)
        found: dict[str, Key] = {}
        left = iter(tokens)
        while chunk := list(islice(left, _ASKED)):
            mine = sought.where(PEOPLE.c.base == self._base, PEOPLE.c.token.in_(chunk))
            for token, key_id, key in connection.execute(mine):
                found[token] = (key_id, bytes(key))
        return found


def _sealed(key: bytes, data: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(key).encrypt(nonce, data, None)
