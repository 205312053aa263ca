"""The customers of one batch, in a file that is quick to search: a million rows in 40 MB.

A batch's rows stay in its Parquet file. Beside the index lie, of each row, the customer's token,
the band, the chance of leaving and the value; and the rows' numbers in the order of the tokens, for
a binary search. The file is mapped into memory, and made anew once the batch's own has changed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.record.batch_layout import CUSTOMER
from serving.record.merkle import put, sync, temporary_beside

BANDS = ("low", "middle", "high", "")
_GONE = 255  # the band of a row whose customer was erased
_TOKEN = 16
_OPEN = 512  # rosters kept mapped into memory
_CHUNK = 1 << 16
_SERVED = {"probability": "churn.served", "value": "clv.served"}
_MADE_OF = b"made of"


@dataclass(frozen=True)
class Roster:
    """The rows of a batch, from 0.

    Parameters
    ----------
    made_of : bytes
        Which writing of the batch's file this is of.
    tokens : ndarray of uint8, shape (rows, 16)
    order : ndarray of uint32
        The rows in the order of their tokens.
    bands : ndarray of uint8
        Places in `BANDS`.
    probability, value : ndarray of float
        NaN where there is none.
    """

    made_of: bytes
    tokens: np.ndarray
    order: np.ndarray
    bands: np.ndarray
    probability: np.ndarray
    value: np.ndarray

    def find(self, customer: bytes) -> list[int]:
        """Return the rows of a customer, the last first."""
        first, found = bisect_left(range(len(self.order)), customer, key=self._token), []
        for place in range(first, len(self.order)):
            if self._token(place) != customer:
                break
            found.append(int(self.order[place]))
        return sorted((row for row in found if self.bands[row] != _GONE), reverse=True)

    def newest(self, band: str | None, before: int, limit: int) -> list[int]:
        """Return the last rows before a row, of a band or of all; the last first."""
        found: list[int] = []
        while before > 0 and len(found) < limit:
            first = max(0, before - _CHUNK)
            held = self.bands[first:before]
            chosen = held != _GONE if band is None else held == BANDS.index(band)
            rows = np.flatnonzero(chosen)[::-1][: limit - len(found)] + first
            found += rows.tolist()
            before = first
        return found

    def _token(self, place: int) -> bytes:
        return bytes(self.tokens[self.order[place]])


class Rosters:
    """The rosters of a base's batches, each made where it is missing or old, and kept open.

    Parameters
    ----------
    batches : Path
        Where the batches' files lie; the rosters lie in a folder there.
    """

    def __init__(self, batches: Path) -> None:
        self._batches, self._folder = batches, batches / "index"
        self._held: OrderedDict[str, Roster] = OrderedDict()
        self._lock = Lock()

    def get(self, batch_id: str, bands: str) -> Roster | None:
        """Return a batch's roster; None if the batch's file cannot be read.

        Parameters
        ----------
        batch_id : str
        bands : str
            The chances at which bands begin, with commas between.
        """
        batch, file = self._batches / f"{batch_id}.parquet", self._folder / f"{batch_id}.arrow"
        try:
            due = _written(batch)
            with self._lock:
                held = self._held.get(batch_id)
                if (held is None or held.made_of != due) and file.exists():
                    held = _read(file)
                if held is None or held.made_of != due:
                    held = _make(file, batch, [float(edge) for edge in bands.split(",") if edge])
                self._held[batch_id] = held
                self._held.move_to_end(batch_id)
                if len(self._held) > _OPEN:
                    self._held.popitem(last=False)
                return held
        except (OSError, pa.ArrowException):
            return None

    def forget(self, customers: Sequence[bytes]) -> int:
        """Delete the rosters that hold customers; return how many rows they had there."""
        count = 0
        with self._lock:
            for file in sorted(self._folder.glob("*.arrow")):
                held = _read(file)
                if rows := sum(len(held.find(customer)) for customer in customers):
                    self._held.pop(file.stem, None)
                    file.unlink()
                    count += rows
        return count

    def clear(self) -> None:
        """Delete all rosters."""
        with self._lock:
            self._held.clear()
            for file in self._folder.glob("*.arrow"):
                file.unlink()


def _written(batch: Path) -> bytes:
    """Name a writing of a batch's file."""
    held = batch.stat()
    return f"{held.st_ino} {held.st_size} {held.st_mtime_ns}".encode()


def _read(file: Path) -> Roster:
    with pa.memory_map(str(file)) as mapped:
        table = pa.ipc.open_file(mapped).read_all()
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    tokens = columns.pop("tokens")
    numbers = {name: held.to_numpy() for name, held in columns.items()}
    raw = np.frombuffer(tokens.buffers()[1] or b"", dtype=np.uint8)[: len(tokens) * _TOKEN]
    return Roster(
        table.schema.metadata[_MADE_OF], tokens=raw.reshape(len(tokens), _TOKEN), **numbers
    )


def _make(file: Path, batch: Path, bands: Sequence[float]) -> Roster:
    due = _written(batch)
    with pq.ParquetFile(batch) as held:
        present = [name for name in _SERVED.values() if name in held.schema_arrow.names]
        rows = held.read(columns=[CUSTOMER, *present])
    tokens, there = _tokens(rows.column(CUSTOMER))
    columns: dict[str, Any] = {
        name: rows.column(column).to_numpy() if column in present else np.full(len(rows), np.nan)
        for name, column in _SERVED.items()
    }
    columns["bands"] = np.where(there, _bands(columns["probability"], bands), _GONE)
    columns["order"] = np.lexsort(tokens.view(">u8").astype(np.uint64).T[::-1])
    kept = pa.table(
        {
            "tokens": pa.FixedSizeBinaryArray.from_buffers(
                pa.binary(_TOKEN), len(tokens), [None, pa.py_buffer(tokens.tobytes())]
            ),
            "order": columns["order"].astype(np.uint32),
            "bands": columns["bands"].astype(np.uint8),
            "probability": columns["probability"],
            "value": columns["value"],
        }
    ).replace_schema_metadata({_MADE_OF: due})
    with temporary_beside(file) as temporary:
        with pa.ipc.new_file(str(temporary), kept.schema) as writer:
            writer.write_table(kept)
        sync(temporary)
        put(temporary, file)
    return _read(file)


def _tokens(column: pa.ChunkedArray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tokens of rows as bytes, and which rows have one."""
    held = pc.fill_null(column, "")
    there = pc.match_substring_regex(held, f"^[0-9a-f]{{{2 * _TOKEN}}}$")
    filled = pc.if_else(there, held, "0" * 2 * _TOKEN).combine_chunks()
    if isinstance(filled, pa.ChunkedArray):
        filled = pa.concat_arrays(filled.chunks) if filled.num_chunks else pa.array([], pa.string())
    wide = 2 * _TOKEN  # of each, so that their texts lie side by side
    text = np.frombuffer(filled.buffers()[2] or b"", dtype=np.uint8)
    digits = text[filled.offset * wide :][: len(filled) * wide].reshape(-1, wide)
    halves = np.where(digits >= ord("a"), digits - ord("a") + 10, digits - ord("0"))
    packed = np.ascontiguousarray((halves[:, ::2] << 4) | halves[:, 1::2]).astype(np.uint8)
    return packed, there.to_numpy()


def _bands(probability: np.ndarray, bands: Sequence[float]) -> np.ndarray:
    """Return each chance's place in `BANDS`."""
    none = len(BANDS) - 1
    if not bands:
        return np.full(len(probability), none)
    return np.where(
        np.isnan(probability), none, np.searchsorted(np.array(bands), probability, side="right")
    )
