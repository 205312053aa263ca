"""Commitments: one spelling for a value, the hashes over it, and what shows a change."""

import builtins
import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import rfc8785

from features.contract import StamkundeError

_quoted = json.encoder.encode_basestring

START = bytes(32)  # what the first link of a chain hangs on
ROW = "row"  # the kind of a batch's row
SAFE = 2**53 - 1  # the largest integer RFC 8785 allows, as doubles hold all up to it
ROWS = pa.schema([pa.field("row", pa.binary(), nullable=False)])
CHUNK = 10_000  # rows held at once


class SpellingError(StamkundeError, ValueError):
    """A value that JSON cannot hold exactly."""


class RowsError(StamkundeError):
    """A file of rows that cannot be read."""


@dataclass(frozen=True)
class Entry:
    """An entry of the record, or one row of a batch (kind `row`, in its batch's place).

    `bytes` is what was recorded, canonical JSON, as it stands.
    """

    seq: int
    id: str
    kind: str
    at: str
    bytes: builtins.bytes
    leaf_hash: builtins.bytes
    chain_hash: builtins.bytes

    @cached_property
    def content(self) -> dict[str, Any]:
        """All that was recorded."""
        return dict(parsed(self.bytes))

    @property
    def body(self) -> dict[str, Any]:
        """What was recorded, out of the entry's frame."""
        return self.content if self.kind == ROW else dict(self.content["body"])


@dataclass(frozen=True)
class Verification:
    """What a walk over the whole record found: how much there is, and each fault by its place."""

    entries: int
    batches_rows: int
    faults: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether no fault was found."""
        return not self.faults


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
        return _spelt(value).encode()
    except (ValueError, RecursionError) as error:
        raise SpellingError(
            f"{_place(value) or 'the value'} cannot be put on record: {error}; "
            "give finite numbers, text, true, false or null"
        ) from error


def _spelt(value: Any) -> str:
    """Spell a value as RFC 8785 does: a record is mostly doubles, and this is ten times as fast."""
    kind = type(value)
    if kind is float:
        return _number_spelt(value)
    if kind is str:
        return _quoted(value)
    if kind is dict:
        try:
            names = sorted(value, key=None if all(map(str.isascii, value)) else _utf16)
        except TypeError:  # a name that is no text
            return rfc8785.dumps(value).decode()
        return "{" + ",".join([f"{_quoted(name)}:{_spelt(value[name])}" for name in names]) + "}"
    if kind is list or kind is tuple:
        return "[" + ",".join([_spelt(part) for part in value]) + "]"
    if value is None:
        return "null"
    return rfc8785.dumps(value).decode()  # true, false, whole numbers, and what is none of JSON's


def _number_spelt(value: float) -> str:
    told = float.__repr__(value)
    if "e" in told or "n" in told:  # exponents begin elsewhere in ECMAScript; inf and nan are none
        return rfc8785.dumps(value).decode()
    return (told[:-2] if told != "-0.0" else "0") if told.endswith(".0") else told


def _utf16(name: str) -> bytes:
    return name.encode("utf-16be")


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


def merkle_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Commit to leaf hashes and their order (RFC 6962, section 2.1).

    Takes them one by one and keeps a hash a level, so a million need no room.
    """
    full: list[tuple[int, bytes]] = []  # complete subtrees from the left: level, hash
    for leaf in leaf_hashes:
        level, node = 0, leaf
        while full and full[-1][0] == level:
            node = _inner(full.pop()[1], node)
            level += 1
        full.append((level, node))
    if not full:
        return sha256(b"").digest()
    root = full.pop()[1]
    while full:
        root = _inner(full.pop()[1], root)
    return root


def _inner(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any] | bytes]) -> tuple[int, bytes]:
    """Write rows, values or their canonical bytes, to disk; give their number and Merkle root."""
    spelt = (row if isinstance(row, bytes) else canonical(row) for row in rows)
    with pq.ParquetWriter(path, ROWS, compression="zstd", use_dictionary=False) as writer:
        root = merkle_root(_written(spelt, writer))
    sync(path)
    return pq.read_metadata(path).num_rows, root


def _written(rows: Iterator[bytes], writer: Any) -> Iterator[bytes]:
    while chunk := list(islice(rows, CHUNK)):
        writer.write_table(pa.table({"row": chunk}, schema=ROWS))
        yield from map(leaf_hash, chunk)


def commitment(path: Path) -> tuple[int, bytes]:
    """Give the number and the Merkle root of the rows in a file."""
    with _reading_rows(path) as file:
        chunks = file.iter_batches(CHUNK, columns=["row"])
        rows = (row for chunk in chunks for row in chunk.column("row").to_pylist())
        return file.metadata.num_rows, merkle_root(map(leaf_hash, rows))


def read_row(path: Path, number: int) -> bytes | None:
    """Give one row of a file, the first being 1; None past its end."""
    with _reading_rows(path) as file:
        for group in range(file.num_row_groups):
            held = file.metadata.row_group(group).num_rows
            if number <= held:
                row: bytes = file.read_row_group(group, columns=["row"])["row"][number - 1].as_py()
                return row
            number -= held
    return None


@contextmanager
def _reading_rows(path: Path) -> Iterator[Any]:
    try:
        with pq.ParquetFile(path) as file:
            if not file.schema_arrow.equals(ROWS):
                raise RowsError(f"{path}: holds {file.schema_arrow.names}, not rows of a batch")
            yield file
    except (OSError, pa.ArrowException) as error:
        raise RowsError(f"{path}: {error}") from error


@contextmanager
def temporary_beside(lasting: Path) -> Iterator[Path]:
    """Give an empty file of the owner's alone, in the folder of what it is to become."""
    lasting.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=lasting.parent, prefix=".", suffix=".part")
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


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


def chain_faults(entry: Entry, seq: int, chain: bytes) -> Iterator[str]:
    """Say what shows that an entry is not the one recorded after that seq and chain hash."""
    if entry.seq != seq + 1:
        yield f"stands where seq {seq + 1} is due: entries were removed, added or moved"
    if leaf_hash(entry.bytes) != entry.leaf_hash:
        yield "its bytes are not those recorded"
    if chain_hash(chain, entry.leaf_hash) != entry.chain_hash:
        yield "does not follow from the entry before it: one was removed, added, changed or moved"


def frame_faults(entry: Entry, base: str) -> Iterator[str]:
    """Say where an entry's bytes and its columns disagree."""
    try:
        frame = {**entry.content, "body": type(entry.body).__name__}
    except (ValueError, TypeError, LookupError, RecursionError):
        yield "its bytes are no entry"
        return
    due = {"v": 1, "id": entry.id, "kind": entry.kind, "base": base, "at": entry.at, "body": "dict"}
    for name in sorted(due.keys() | frame.keys()):
        if frame.get(name) != due.get(name):
            yield f"its bytes say {name} {frame.get(name)!r}, the record {due.get(name)!r}"


def batch_faults(entry: Entry, folder: Path) -> tuple[int, list[str]]:
    """Count a batch's rows, and say what shows that they are not those recorded."""
    path = folder / f"{entry.id}.parquet"
    try:
        count, root = commitment(path)
    except RowsError as error:
        return 0, [f"its rows cannot be read: {error}"]
    recorded = entry.body.get("rows")
    if (count, root.hex()) != (recorded, entry.body.get("root")):
        return count, [f"its {count} rows in {path} are not the {recorded} recorded"]
    return count, []
