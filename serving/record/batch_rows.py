"""The file of a batch's rows: Parquet, in columns, or of rows spelt as canonical JSON."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from serving.record import redaction
from serving.record.batch_layout import Layout, LayoutError, leaves, row_of, spelt
from serving.record.merkle import (
    ROW,
    Entry,
    RowsError,
    canonical,
    leaf_hash,
    put,
    sync,
    temporary_beside,
)
from serving.record.seal import ErasedError
from serving.record.tree import Tree

ROWS = pa.schema([pa.field("row", pa.binary(), nullable=False)])
BATCH = "batch"
CHUNK = 10_000  # rows held at once

Commitment = tuple[int, bytes]
"""How many rows there are, and their Merkle root."""


@dataclass(frozen=True)
class Part:
    """Some rows of a batch in columns, with their leaf hashes."""

    rows: pa.Table
    leaves: list[bytes]


def write_columns(path: Path, layout: Layout, parts: Iterable[Part]) -> Commitment:
    """Write rows in columns to disk."""
    tree = Tree()
    with _writer(path, layout) as writer:
        for part in parts:
            writer.write_table(part.rows, row_group_size=part.rows.num_rows or None)
            tree.add(part.leaves)
    sync(path)
    return tree.count, tree.root


def write_rows(path: Path, rows: Iterable[Mapping[str, Any] | bytes]) -> Commitment:
    """Write rows, values or their canonical bytes, to disk."""
    all_spelt = (row if isinstance(row, bytes) else canonical(row) for row in rows)
    tree = Tree()
    with _writer(path, None) as writer:
        while chunk := list(islice(all_spelt, CHUNK)):
            writer.write_table(pa.table({"row": chunk}, schema=ROWS))
            tree.add([leaf_hash(row) for row in chunk])
    sync(path)
    return tree.count, tree.root


def _writer(path: Path, layout: Layout | None) -> Any:
    if layout is None:
        return pq.ParquetWriter(path, ROWS, compression="zstd", use_dictionary=False)
    return pq.ParquetWriter(
        path,
        layout.schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=list(layout.texts),
    )


def of_customer(path: Path, body: Mapping[str, Any], customer: str) -> list[int]:
    """Return the numbers of a customer's rows in a file, as a batch's entry lays them.

    Raises
    ------
    RowsError
        If it cannot be read, or holds other columns.
    """
    layout, found, first = _layout(body), list[int](), 1
    with _reading(path, body) as (file, _):
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            found += redaction.numbers_of(rows, layout, customer, first)
            first += rows.num_rows
    return found


def erase(path: Path, body: Mapping[str, Any], numbers: Collection[int]) -> None:
    """Empty some rows of a file; the batch's root goes on to commit to what they were.

    Their leaf hashes are on disk before they are gone, so that a crash in between loses nothing.

    Raises
    ------
    RowsError
        If it cannot be read, or holds other columns.
    """
    layout, asked = _layout(body), frozenset(numbers)
    gone, first = redaction.kept(path), 1
    with _reading(path, body) as (file, hashed), temporary_beside(path) as part:
        with _writer(part, layout) as writer:
            for group in range(file.num_row_groups):
                rows = file.read_row_group(group)
                places = [place for place in range(rows.num_rows) if first + place in asked]
                if places:
                    leaves = redaction.restored(hashed(rows), rows, first, gone)
                    gone |= {first + place: leaves[place] for place in places}
                    rows = redaction.emptied(rows, layout, places)
                writer.write_table(rows, row_group_size=rows.num_rows or None)
                first += rows.num_rows
        sync(part)
        redaction.keep(path, gone)
        put(part, path)


def commitment(path: Path, body: Mapping[str, Any]) -> Commitment:
    """Return the number and the Merkle root of the rows in a file, as a batch's entry lays them.

    Raises
    ------
    RowsError
        If it cannot be read, or holds other columns.
    """
    tree = Tree()
    for part in leaf_hashes(path, body):
        tree.add(part)
    return tree.count, tree.root


def leaf_hashes(path: Path, body: Mapping[str, Any]) -> Iterator[list[bytes]]:
    """Compute the leaf hashes of the rows in a file, some at a time.

    Raises
    ------
    RowsError
        As `commitment`.
    """
    done, gone = 0, redaction.kept(path)
    with _reading(path, body) as (file, hashed):
        for group in range(file.num_row_groups):
            rows = file.read_row_group(group)
            yield redaction.restored(hashed(rows), rows, done + 1, gone)
            done += rows.num_rows


def read_row(
    path: Path, batch: Entry, number: int
) -> tuple[bytes, Mapping[str, Any] | None] | None:
    """Return one row of a batch, the first being 1: its bytes, and what they say.

    What they say is None where the bytes are JSON, which says it; there is nothing past the end.

    Raises
    ------
    RowsError
        If the file cannot be read, or holds other columns.
    ErasedError
        If it was about a customer who is erased.
    """
    for _, held in read_rows(path, batch, [number]):
        if held is None:
            raise ErasedError(redaction.SAID)
        return held
    return None


def read_rows(
    path: Path, batch: Entry, numbers: Collection[int]
) -> Iterator[tuple[int, tuple[bytes, Mapping[str, Any] | None] | None]]:
    """Yield rows of a batch by their numbers, in the file's order; None of an erased one.

    Raises
    ------
    RowsError
        If the file cannot be read, or holds other columns.
    """
    body, first = batch.body, 1
    with _reading(path, body) as (file, _):
        for group in range(file.num_row_groups):
            after = first + file.metadata.row_group(group).num_rows
            if within := sorted(number for number in numbers if first <= number < after):
                rows = file.read_row_group(group)
                for number in within:
                    row = rows.slice(number - first, 1)
                    yield number, None if redaction.is_empty(row, 0) else _row(body, row)
            first = after


def entry_of(batch: Entry, number: int, data: bytes, said: Mapping[str, Any] | None) -> Entry:
    """Return a row of a batch, as `read_row` gave it, as an entry in its place."""
    name = f"{batch.id}/{number}"
    return replace(batch, id=name, kind=ROW, bytes=data, leaf_hash=leaf_hash(data), said=said)


def _row(body: Mapping[str, Any], row: pa.Table) -> tuple[bytes, Mapping[str, Any] | None]:
    if "layout" not in body:
        return row.column("row")[0].as_py(), None
    return row_said(body, Layout.from_dict(body["layout"]), row)


def row_said(
    body: Mapping[str, Any], layout: Layout, row: pa.Table
) -> tuple[bytes, Mapping[str, Any]]:
    """Return the bytes of a row in columns, and what they say beside the body of its entry."""
    # What a row says takes the models' words, which take two seconds to load: who only appends to
    # the record needs none of them.
    from serving.record.batch_row import body_of

    return spelt(layout, row)[0], body_of(body, *row_of(layout, row, 0))


def _layout(body: Mapping[str, Any]) -> Layout | None:
    return Layout.from_dict(body["layout"]) if "layout" in body else None


@contextmanager
def _reading(
    path: Path, body: Mapping[str, Any]
) -> Iterator[tuple[Any, Callable[[pa.Table], list[bytes]]]]:
    """Open a file of rows; give it, and what hashes some of them."""
    try:
        layout = _layout(body)
        due = layout.schema if layout else ROWS
        with pq.ParquetFile(path, read_dictionary=list(layout.texts) if layout else None) as file:
            if not file.schema_arrow.equals(due):
                raise RowsError(f"{path}: holds {file.schema_arrow.names}, not rows of the batch")
            yield file, _leaves if layout is None else lambda rows: leaves(layout, rows)
    except (OSError, pa.ArrowException, LayoutError, UnicodeDecodeError) as error:
        raise RowsError(f"{path}: {error}") from error


def _leaves(rows: pa.Table) -> list[bytes]:
    return [leaf_hash(row) for row in rows.column("row").to_pylist()]


def batch_faults(entry: Entry, folder: Path) -> tuple[int, list[str]]:
    """Count a batch's rows, and say what shows that they are not those recorded."""
    path = folder / f"{entry.id}.parquet"
    try:
        count, root = commitment(path, entry.body)
    except RowsError as error:
        return 0, [f"its rows cannot be read: {error}"]
    recorded = entry.body.get("rows")
    if (count, root.hex()) != (recorded, entry.body.get("root")):
        return count, [f"its {count} rows in {path} are not the {recorded} recorded"]
    return count, []
