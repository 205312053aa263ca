"""Commitments: one spelling for a value, the hashes over it, and what shows a change."""

import builtins
import json
import os
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import rfc8785

from features.contract import StamkundeError
from serving.record.seal import ErasedError, Seals, is_sealed, let_go, opened

START = bytes(32)  # what the first link of a chain hangs on
SCORE = "score"  # the kind of an entry that is one customer's score
ROW = "row"  # the kind of a batch's row
_PREFIX, _SUFFIX = ".stamkunde-", ".part"  # of a file that is to become another
_DAY_S = 86_400
SAFE = 2**53 - 1  # the largest integer RFC 8785 allows, as doubles hold all up to it


class SpellingError(StamkundeError, ValueError):
    """A value that JSON cannot hold exactly."""


class RowsError(StamkundeError):
    """A file of rows that cannot be read."""


@dataclass(frozen=True)
class Entry:
    """An entry of the record, or one row of a batch (kind `row`, in its batch's place).

    `bytes` is what was recorded as it stands, canonical JSON unless `said` tells what it says.
    `seals` opens a body that is sealed with a customer's key.
    """

    seq: int
    id: str
    kind: str
    at: str
    bytes: builtins.bytes
    leaf_hash: builtins.bytes
    chain_hash: builtins.bytes
    said: Mapping[str, Any] | None = field(default=None, compare=False)
    seals: Seals | None = field(default=None, compare=False, repr=False)

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that was recorded, as it stands: a sealed body is sealed.

        Raises
        ------
        ErasedError
            If it was let go at the end of its time.
        """
        if self.said is None and not self.bytes:
            raise ErasedError(let_go(self.id))
        return dict(parsed(self.bytes) if self.said is None else self.said)

    @cached_property
    def _opened(self) -> dict[str, Any]:
        held = self.content["body"]
        if self.seals is None or not is_sealed(held):
            return dict(held)
        return dict(parsed(opened(self.seals, held)))

    @property
    def body(self) -> dict[str, Any]:
        """What was recorded, out of the entry's frame and its seal.

        Raises
        ------
        ErasedError
            If it is about a customer who is erased.
        """
        return self.content if self.kind == ROW else dict(self._opened)


def canonical(value: Any) -> bytes:
    """Spell a value as canonical JSON (RFC 8785): equal values give equal bytes.

    Numbers are IEEE doubles, so 1.0 and 1 are one number and -0.0 is 0.

    Raises
    ------
    SpellingError
        If there is NaN, an infinity, an integer past 2**53 - 1, half a surrogate pair, a key
        that is no text, or a thing that is none of JSON's.
    """
    try:
        return _spelt(value)
    except (ValueError, RecursionError) as error:
        raise SpellingError(
            f"{_place(value) or 'the value'} cannot be put on record: {error}; "
            "give finite numbers, text, true, false or null"
        ) from error


def _spelt(value: Any) -> bytes:
    """Spell a value as RFC 8785 does, by a library a hundred times as fast as it is in Python.

    What the two would spell otherwise is told to it: numbers with an exponent or without
    decimals, and the order of names that are not in ASCII.
    """
    try:
        return orjson.dumps(_plain(value), option=orjson.OPT_SORT_KEYS)
    except _OtherwiseError:
        return rfc8785.dumps(value)
    except orjson.JSONEncodeError as error:  # half a surrogate pair
        raise ValueError(str(error)) from None


class _OtherwiseError(Exception):
    """A value that only the slow way spells, or refuses, as it must."""


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return _number_spelt(value)
    if kind is str or value is None or kind is bool:
        return value
    if kind is dict:
        if not _is_ascii(value):
            raise _OtherwiseError
        return {name: _plain(part) for name, part in value.items()}
    if kind is list or kind is tuple:
        # Most are doubles with decimals, for each of which a call would take the most time.
        return [
            part
            if type(part) is float and part % 1.0 and 1e-5 <= abs(part) < 1e15
            else _plain(part)
            for part in value
        ]
    if kind is int and -SAFE <= value <= SAFE:
        return value
    raise _OtherwiseError


def _is_ascii(names: Iterable[Any]) -> bool:
    try:
        return "".join(names).isascii()
    except TypeError:  # a name that is no text
        return False


def _number_spelt(value: float) -> Any:
    if 1e-5 <= value < 1e15 or -1e15 < value <= -1e-5:
        whole = int(value)
        return whole if whole == value else value
    return 0 if value == 0.0 else orjson.Fragment(rfc8785.dumps(value))


def _place(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = dict(enumerate(value))
    for key, part in value.items() if isinstance(value, dict) else ():
        try:
            rfc8785.dumps(part)
        except RecursionError:
            return f".{key}"
        except ValueError:
            return f".{key}{_place(part)}"
    return ""


def parsed(data: bytes) -> Any:
    """Read canonical JSON back, so that `canonical` of it gives the same bytes."""
    return json.loads(data, parse_int=_number)


def _number(digits: str) -> int | float:
    number = int(digits)
    return number if abs(number) <= SAFE else float(digits)


def leaf_hash(data: bytes) -> bytes:
    """Hash the bytes of one entry or row (RFC 6962's leaf: never equal to an inner node)."""
    return sha256(b"\x00" + data).digest()


def chain_hash(previous: bytes, leaf: bytes) -> bytes:
    """Hang an entry on all those before it."""
    return sha256(previous + leaf).digest()


@contextmanager
def temporary_beside(lasting: Path) -> Iterator[Path]:
    """Give an empty file of the owner's alone, in the folder of what it is to become."""
    lasting.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=lasting.parent, prefix=_PREFIX, suffix=_SUFFIX)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove the files that `temporary_beside` made and a process that was killed left there.

    What nobody has written to for a day is nobody's.
    """
    for left in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(FileNotFoundError):  # another sweeps too
            if time.time() - left.stat().st_mtime > _DAY_S:
                left.unlink()


def put(temporary: Path, lasting: Path) -> None:
    """Let a file take its lasting name, on disk when this returns."""
    temporary.replace(lasting)
    sync(lasting.parent)


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of names, is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
