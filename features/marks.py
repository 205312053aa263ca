"""Marks of those who asked to be forgotten: enough to know them again by, not to say who they are.

A mark is a MAC (BLAKE2b with a key, RFC 7693) of a customer's id. The key is ``marks.key``, beside
the marks and of use for nothing else: without it, a mark says nothing of anybody. Who is marked is
left out of whatever is loaded, so that no file of the user's brings them back.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

from features.contract import StamkundeError
from features.sql import identifier, literals

if TYPE_CHECKING:
    from features.source import Tables

KEY, FILE = "marks.key", "marks"
WIDE = 16
"""Bytes of a mark: two customers share one never."""

_KEY_WIDE = 32


class MarksError(StamkundeError):
    """Marks, or their key, that are not as they were written."""


class Marks:
    """The marks of a customer base.

    Parameters
    ----------
    var : Path
        The base's run-time folder.
    base : str
    """

    def __init__(self, var: Path, base: str) -> None:
        self._var, self._base = var, base
        self._file = var / FILE  # which every call looks at

    def among(self, customer_ids: Iterable[str]) -> frozenset[str]:
        """Return who of some customers is marked; quick where nobody is.

        Raises
        ------
        MarksError
            If there are marks and no key to them.
        """
        there = self._there()
        if not there:
            return frozenset()
        begun = self._begun(self._key())
        return frozenset(held for held in customer_ids if _mark(begun, held) in there)

    def of(self, customer_ids: Iterable[str]) -> list[bytes]:
        """Return the mark that each customer has, or would have; the key is made if need be."""
        begun = self._begun(self._made_key())
        return [_mark(begun, held) for held in customer_ids]

    def add(self, customer_id: str) -> bool:
        """Mark a customer, on disk when this returns; say whether they were not marked before."""
        (mark,) = self.of([customer_id])
        with self._only_writer():
            there = self._there()
            if mark in there:
                return False
            _replace(self._file, b"".join(sorted({*there, mark})))
        return True

    def _begun(self, key: bytes) -> blake2b:
        """Return what every mark of the base begins with; the rest costs a microsecond."""
        return blake2b(f"{self._base}\0".encode(), digest_size=WIDE, key=key)

    def _there(self) -> frozenset[bytes]:
        try:
            return _read(self._file, _state(self._file))
        except FileNotFoundError:
            return frozenset()

    def _key(self) -> bytes:
        file = self._var / KEY
        try:
            key = _bytes(file, _state(file))
        except FileNotFoundError:
            raise MarksError(
                f"{file}: is missing, and without it nobody can tell who asked to be forgotten; "
                "restore it from the backup that has the marks beside it"
            ) from None
        if len(key) != _KEY_WIDE:
            raise MarksError(f"{file}: a key is {_KEY_WIDE} bytes, found {len(key)}; restore it")
        return key

    def _made_key(self) -> bytes:
        file = self._var / KEY
        if not file.exists() and not self._there():
            # A link gives way to the one another process made meanwhile; a rename would not.
            part = _written(file, secrets.token_bytes(_KEY_WIDE))
            with part as new, suppress(FileExistsError):
                os.link(new, file)
        return self._key()

    @contextmanager
    def _only_writer(self) -> Iterator[None]:
        with (self._var / ".marks.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def without_marked(tables: Tables, marks: Marks) -> Tables:
    """Return tables that lack whom the marks name; the tables themselves where nobody is there."""
    held = {
        name: rows
        for name in ("transactions", "events", "subscriptions", "customers", "snapshot")
        if (rows := getattr(tables, name)) is not None
    }
    if not marks._there():
        return tables
    connection = tables.backend.con
    ids: set[str] = set()
    for name in held:
        ids |= {row[0] for row in connection.execute(_IDS.format(identifier(name))).fetchall()}
    marked = sorted(marks.among(ids))
    if not marked:
        return tables
    for name in held:
        whole = f"{name}_of_all"
        kind = connection.execute(_KIND, [name]).fetchone()[0]
        connection.execute(f"ALTER {kind} {identifier(name)} RENAME TO {identifier(whole)}")
        # A guest's rows bear no id, and stay.
        connection.execute(
            f"CREATE VIEW {identifier(name)} AS FROM {identifier(whole)} "
            f"WHERE (customer_id IN ({literals(marked)})) IS NOT TRUE"
        )
    return replace(tables, **{name: tables.backend.table(name) for name in held})


_IDS = "SELECT DISTINCT customer_id FROM {} WHERE customer_id IS NOT NULL"
_KIND = (
    "SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END "
    "FROM information_schema.tables WHERE table_name = ?"
)


def spelt(marks: Sequence[bytes]) -> bytes:
    """Return marks as a file holds them: sorted, each once."""
    return b"".join(sorted(set(marks)))


def _mark(begun: blake2b, customer_id: str) -> bytes:
    whole = begun.copy()
    whole.update(customer_id.encode())
    return whole.digest()


def _state(file: Path) -> tuple[int, ...]:
    """Return what is another once a file is."""
    said = file.stat()
    return said.st_ino, said.st_mtime_ns, said.st_size


@lru_cache(maxsize=8)
def _bytes(file: Path, _: tuple[int, ...]) -> bytes:
    return file.read_bytes()


@lru_cache(maxsize=4)
def _read(file: Path, _: tuple[int, ...]) -> frozenset[bytes]:
    held = file.read_bytes()
    if len(held) % WIDE:
        raise MarksError(f"{file}: is no file of marks; restore it from a backup")
    return frozenset(held[start : start + WIDE] for start in range(0, len(held), WIDE))


def _replace(file: Path, content: bytes) -> None:
    with _written(file, content) as part:
        part.replace(file)
        _sync(file.parent)


@contextmanager
def _written(file: Path, content: bytes) -> Iterator[Path]:
    """Give a file of the owner's alone, on disk, beside the one that it is to become."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as part:
            part.write(content)
            part.flush()
            os.fsync(part.fileno())
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
