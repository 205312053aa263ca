"""Rows of batches that are erased: emptied in their file, their leaf hashes kept beside it.

The batch's root commits to what the rows were, so it still holds: of an erased row the hash of what
it was stands in for the row, and says nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from serving.record.batch_layout import CUSTOMER, Layout
from serving.record.merkle import RowsError, parsed, put, sync, temporary_beside
from serving.record.table import LEDGER, OTHERS

KIND = "erasure"
"""Of the entries that say whose rows were emptied; not who it was."""

_ERASED = b"erased"

SAID = "this row was about a customer who is erased: nothing is left of it"

NOBODY = ""
"""Whom an erased row of columns is of."""


def on_record(connection: sa.Connection, base: str) -> dict[str, set[int]]:
    """Return which rows of which batches and calls were emptied, as erasures on record say."""
    mine = (LEDGER.c.base == base, LEDGER.c.kind == KIND, OTHERS)
    found: dict[str, set[int]] = {}
    for data in connection.execute(sa.select(LEDGER.c.entry).where(*mine)).scalars():
        try:
            said = {name: set(numbers) for name, numbers in parsed(data)["body"]["rows"].items()}
        except (ValueError, LookupError, TypeError, AttributeError):
            continue  # it was changed, which is a fault of its own
        for name, numbers in said.items():
            found.setdefault(name, set()).update(numbers)
    return found


def faults(emptied: Iterable[int], said: Collection[int]) -> list[str]:
    """Say which rows are emptied though no erasure on record says so."""
    return [
        f"its row {number} is emptied, and no erasure on record says so (if one was broken off, "
        "run it again)"
        for number in sorted(set(emptied) - set(said))
    ]


def beside(path: Path) -> Path:
    """Return the file that keeps the leaf hashes of a batch's erased rows."""
    return path.with_suffix(".erased.json")


def kept(path: Path) -> dict[int, bytes]:
    """Return the leaf hash of each erased row of a batch's file, by its number from 1.

    Raises
    ------
    RowsError
        If they cannot be read.
    """
    file = beside(path)
    try:
        held = json.loads(file.read_bytes())
        return {int(number): bytes.fromhex(leaf) for number, leaf in held.items()}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise RowsError(f"{file}: cannot be read ({type(error).__name__})") from None


def keep(path: Path, leaves: Mapping[int, bytes]) -> None:
    """Keep the leaf hashes of rows that are about to be erased; on disk when this returns."""
    file = beside(path)
    held = {str(number): leaf.hex() for number, leaf in sorted(leaves.items())}
    with temporary_beside(file) as part:
        part.write_text(json.dumps(held, indent=0))
        sync(part)
        put(part, file)


def marked(rows: pa.Table, leaves: Mapping[int, bytes]) -> pa.Table:
    """Return rows that bear the leaf hashes of erased ones among them, as those of a call do."""
    held = json.dumps({str(number): leaf.hex() for number, leaf in sorted(leaves.items())})
    return rows.replace_schema_metadata({_ERASED: held})


def borne(schema: pa.Schema) -> dict[int, bytes]:
    """Return what `marked` put to rows of a schema; nothing where none is erased.

    Raises
    ------
    RowsError
        If that is not as it was put.
    """
    held = (schema.metadata or {}).get(_ERASED, b"{}")
    try:
        return {int(number): bytes.fromhex(leaf) for number, leaf in json.loads(held).items()}
    except (ValueError, AttributeError, TypeError):
        raise RowsError("the hashes of erased rows cannot be read") from None


def numbers_of(rows: pa.Table, layout: Layout | None, customer: str, first: int) -> list[int]:
    """Return the numbers of a customer's rows among some of a batch, the first of which is given.

    Parameters
    ----------
    rows : Table
    layout : Layout, optional
        None of rows that are spelt as JSON.
    customer : str
        Their token.
    first : int
    """
    if layout is not None:
        mine = pc.equal(rows.column(CUSTOMER), customer).to_numpy()
        return [first + int(place) for place in np.flatnonzero(mine)]
    spelt, mark = rows.column("row").to_pylist(), customer.encode()
    return [
        first + place
        for place, row in enumerate(spelt)
        if mark in row and parsed(row).get(CUSTOMER) == customer
    ]


def restored(
    leaves: list[bytes], rows: pa.Table, first: int, gone: Mapping[int, bytes]
) -> list[bytes]:
    """Return the leaf hashes of some rows, those of erased ones as they were."""
    within = [number for number in gone if first <= number < first + rows.num_rows]
    for number in within:
        if is_empty(rows, number - first):
            leaves[number - first] = gone[number]
    return leaves


def is_empty(rows: pa.Table, place: int) -> bool:
    """Say whether a row is erased."""
    return not rows.column(0)[place].as_py()


def emptied(rows: pa.Table, layout: Layout | None, places: Iterable[int]) -> pa.Table:
    """Return rows of which some say nothing any more."""
    gone = np.zeros(rows.num_rows, dtype=bool)
    gone[list(places)] = True
    held = [_without(rows.column(field.name), gone, field.type) for field in rows.schema]
    return pa.table(held, schema=rows.schema if layout is None else layout.schema)


def _without(column: pa.ChunkedArray, gone: np.ndarray, kind: pa.DataType) -> Any:
    if pa.types.is_fixed_size_list(kind):
        held = column.combine_chunks()
        values = held.flatten().to_numpy(zero_copy_only=False).copy()
        values[np.repeat(gone, kind.list_size)] = np.nan
        return pa.FixedSizeListArray.from_arrays(pa.array(values), type=kind)
    mask = pa.array(gone)
    if pa.types.is_floating(kind):
        return pc.if_else(mask, pa.scalar(np.nan, kind), column)
    if pa.types.is_binary(kind):
        return pc.if_else(mask, pa.scalar(b"", kind), column)
    if pa.types.is_dictionary(kind):
        # Encoded anew: what only an erased row said must not stay in the dictionary.
        texts = pc.if_else(mask, pa.scalar(None, kind.value_type), column.cast(kind.value_type))
        return texts.combine_chunks().dictionary_encode()
    return pc.if_else(mask, pa.scalar(NOBODY, kind), column)
