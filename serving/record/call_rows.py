"""The rows of a call of many customers: in columns as a batch's, in a table beside the entries.

They are put there in the same write as the call's entry, which commits to their Merkle root.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from serving.record import redaction
from serving.record.batch_layout import Layout, LayoutError, leaves
from serving.record.batch_rows import Commitment, row_said
from serving.record.merkle import ROW, Entry, RowsError, leaf_hash
from serving.record.seal import ErasedError
from serving.record.table import ROWS
from serving.record.tree import Tree

CALL = "call"

_CODEC = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)  # a call waits for it


def packed(rows: pa.Table) -> bytes:
    """Return rows as they lie in the table: a stream of Arrow's."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_CODEC) as writer:
        writer.write_table(rows)
    held: bytes = sink.getvalue().to_pybytes()
    return held


def unpacked(entry: Entry, held: bytes | None) -> pa.Table:
    """Return the rows of a call.

    Raises
    ------
    RowsError
        If they are missing, cannot be read, or have other columns than the entry says.
    """
    if held is None:
        raise RowsError(f"{entry.id}: the record has lost the rows of this call")
    try:
        layout = Layout.from_dict(entry.body["layout"])
        with pa.ipc.open_stream(held) as stream:
            rows = stream.read_all()
    except (KeyError, TypeError, ValueError, OSError, pa.ArrowException) as error:
        raise RowsError(f"{entry.id}: the rows of this call: {error}") from error
    if not rows.schema.equals(layout.schema):
        raise RowsError(f"{entry.id}: holds {rows.schema.names}, not the rows of the call")
    return rows


def committed(layout: Layout, rows: pa.Table) -> Commitment:
    """Return the number and the Merkle root of rows."""
    tree = Tree()
    tree.add(redaction.restored(leaves(layout, rows), rows, 1, redaction.borne(rows.schema)))
    return tree.count, tree.root


def without(layout: Layout, rows: pa.Table, numbers: Collection[int]) -> pa.Table:
    """Return a call's rows of which some are erased, by number from 1: their hashes stay."""
    gone = redaction.borne(rows.schema)
    there = redaction.restored(leaves(layout, rows), rows, 1, gone)
    gone |= {number: there[number - 1] for number in numbers}
    left = redaction.emptied(rows, layout, [number - 1 for number in numbers])
    return redaction.marked(left, gone)


def replace_rows(connection: sa.Connection, call: Entry, base: str, rows: pa.Table) -> None:
    """Put rows in the place of a call's."""
    mine = (ROWS.c.base == base, ROWS.c.id == call.id)
    connection.execute(sa.update(ROWS).where(*mine).values(bytes=packed(rows)))


def emptied(held: bytes) -> Collection[int]:
    """Return the numbers of the rows of a call that are erased, of how it lies."""
    with pa.ipc.open_stream(held) as stream:
        return redaction.borne(stream.schema).keys()


def held_of(connection: sa.Connection, entry: Entry, base: str) -> bytes | None:
    """Read the rows of a call as they lie; None if there are none."""
    sought = sa.select(ROWS.c.bytes).where(ROWS.c.base == base, ROWS.c.id == entry.id)
    found = connection.scalar(sought)
    return found if found is None or isinstance(found, bytes) else str(found).encode()


def entries_of(call: Entry, rows: pa.Table) -> Iterator[Entry]:
    """Yield rows of a call as entries, in its place; but for those that are erased."""
    layout = Layout.from_dict(call.body["layout"])
    for place in range(rows.num_rows):
        if not redaction.is_empty(rows, place):
            yield entry_of(call, layout, rows, place)


def entry_of(call: Entry, layout: Layout, rows: pa.Table, place: int) -> Entry:
    """Return one row of a call, the first being 0, as an entry.

    Raises
    ------
    ErasedError
        If it was about a customer who is erased.
    """
    if redaction.is_empty(rows, place):
        raise ErasedError(redaction.SAID)
    data, said = row_said(call.body, layout, rows.slice(place, 1))
    name = f"{call.id}/{place + 1}"
    return replace(call, id=name, kind=ROW, bytes=data, leaf_hash=leaf_hash(data), said=said)


def call_faults(call: Entry, held: bytes | None) -> tuple[int, list[str]]:
    """Count a call's rows, and say what shows that they are not those recorded."""
    body: Mapping[str, Any] = call.body
    try:
        count, root = committed(Layout.from_dict(body["layout"]), unpacked(call, held))
    except (RowsError, LayoutError, KeyError, UnicodeDecodeError) as error:
        return 0, [f"its rows cannot be read: {error}"]
    if (count, root.hex()) != (body.get("rows"), body.get("root")):
        return count, [f"its {count} rows are not the {body.get('rows')} recorded"]
    return count, []
