"""How a batch's rows lie in columns, and the bytes of one that its leaf hash is over.

A row's bytes are its customer, then its numbers, then its other texts, in the order of the layout:
a text as its length in bytes, 32 bits, and its UTF-8, where a length of all ones stands for none; a
number as an IEEE double, of which NaN stands for none. All of it is little-endian.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

CUSTOMER = "customer"
_ENCODING = "columns/1"
_BYTES = pa.large_binary()
_NONE = 0xFFFFFFFF.to_bytes(4, "little")


class LayoutError(ValueError):
    """A layout that is not known here."""


@dataclass(frozen=True)
class Layout:
    """The columns of a batch's rows, beside that of the customer.

    Parameters
    ----------
    numbers : mapping of str to int
        The columns of numbers in their order, each with how many it has a row.
    texts : tuple of str
    """

    numbers: Mapping[str, int]
    texts: tuple[str, ...]

    @cached_property
    def schema(self) -> pa.Schema:
        """The columns as Arrow has them."""
        numbers = [
            pa.field(name, _DOUBLE if width == 1 else pa.list_(_VALUE, width), nullable=False)
            for name, width in self.numbers.items()
        ]
        texts = [pa.field(name, _TEXT) for name in self.texts]
        return pa.schema([pa.field(CUSTOMER, pa.string(), nullable=False), *numbers, *texts])

    @cached_property
    def places(self) -> dict[str, slice]:
        """Where each column's numbers stand among all numbers of a row."""
        ends = accumulate(self.numbers.values())
        return {
            name: slice(end - width, end)
            for (name, width), end in zip(self.numbers.items(), ends, strict=True)
        }

    @property
    def width(self) -> int:
        """How many numbers a row has."""
        return sum(self.numbers.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the layout as JSON can hold it."""
        numbers = [[name, width] for name, width in self.numbers.items()]
        return {"encoding": _ENCODING, "numbers": numbers, "texts": list(self.texts)}

    @classmethod
    def from_dict(cls, held: Mapping[str, Any]) -> Layout:
        """Read what `to_dict` returned.

        Raises
        ------
        LayoutError
            If the rows are spelt in a way that is not known here.
        """
        if held.get("encoding") != _ENCODING:
            raise LayoutError(f"rows spelt as {held.get('encoding')!r}, not {_ENCODING!r}")
        return cls(dict(held["numbers"]), tuple(held["texts"]))


_DOUBLE, _TEXT = pa.float64(), pa.dictionary(pa.int32(), pa.string())
_VALUE = pa.field("item", _DOUBLE, nullable=False)


def numbers_of(layout: Layout, rows: pa.Table) -> np.ndarray:
    """Return all numbers of rows, shape (rows, numbers), NaN for none."""
    found = np.empty((rows.num_rows, layout.width))
    for name, place in layout.places.items():
        held = rows.column(name).combine_chunks()
        if pa.types.is_fixed_size_list(held.type):
            values = held.flatten().to_numpy(zero_copy_only=False)
            found[:, place] = values.reshape(len(held), layout.numbers[name])
        else:
            found[:, place.start] = held.to_numpy(zero_copy_only=False)
    found[np.isnan(found)] = np.nan  # which has many spellings
    return found


def leaves(layout: Layout, rows: pa.Table) -> list[bytes]:
    """Return the leaf hash (RFC 6962) of each row."""
    if not rows.num_rows:
        return []
    spelt_out = _spelt(layout, rows, b"\x00")
    _, ends, content = spelt_out.buffers()
    held = memoryview(content)
    places = np.frombuffer(ends, dtype=np.int64)[: len(spelt_out) + 1].tolist()
    return [sha256(held[start:end]).digest() for start, end in pairwise(places)]


def spelt(layout: Layout, rows: pa.Table) -> list[bytes]:
    """Return the bytes of each row."""
    held: list[bytes] = _spelt(layout, rows).to_pylist()
    return held


def _spelt(layout: Layout, rows: pa.Table, before: bytes = b"") -> pa.LargeBinaryArray:
    """Return the bytes of each row, one behind the other: laid out while others may run."""
    names = rows.column(CUSTOMER).combine_chunks()
    wide = pc.binary_length(names).to_numpy(zero_copy_only=False).astype("<u4")
    numbers = numbers_of(layout, rows).astype("<f8", copy=False)
    parts = [
        pa.scalar(before, _BYTES),
        _fixed(wide.tobytes(), 4, len(names)),
        names.cast(_BYTES),
        _fixed(numbers, 8 * layout.width, len(names)),
        *(_encoded(rows.column(name)) for name in layout.texts),
    ]
    return pc.binary_join_element_wise(*parts, pa.scalar(b"", _BYTES))


def _fixed(content: Any, wide: int, count: int) -> pa.LargeBinaryArray:
    """Return bytes cut into so many parts of one width."""
    ends = np.arange(count + 1, dtype=np.int64) * wide
    return pa.LargeBinaryArray.from_buffers(
        _BYTES, count, [None, pa.py_buffer(ends), pa.py_buffer(content)]
    )


def _encoded(column: pa.ChunkedArray) -> pa.Array:
    """Return the bytes of each text of a column."""
    held = column.combine_chunks()
    if isinstance(held, pa.ChunkedArray):  # which it stays where dictionaries differ
        held = held.unify_dictionaries().combine_chunks()
    words = [_text(word) for word in held.dictionary.to_pylist()]
    places = held.indices.fill_null(len(words))
    return pa.array([*words, _NONE], _BYTES).take(places)


def _text(text: str | None) -> bytes:
    if text is None:
        return _NONE
    content = text.encode()
    return len(content).to_bytes(4, "little") + content


def row_of(
    layout: Layout, rows: pa.Table, place: int
) -> tuple[dict[str, Sequence[float]], dict[str, str | None]]:
    """Return one row's numbers and its texts, by column."""
    one = rows.slice(place, 1)
    values = numbers_of(layout, one)[0].tolist()
    texts = {name: one.column(name)[0].as_py() for name in (CUSTOMER, *layout.texts)}
    return {name: values[held] for name, held in layout.places.items()}, texts
