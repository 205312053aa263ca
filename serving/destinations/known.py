"""Which answers the reader of a file has, so that only those that changed are written.

Beside ``changes.csv`` lies ``changes.csv.known``, a Parquet file: of each customer whose scores
were ever written there, and who was in the last batch, a fingerprint of the answer and until when
it may be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from hashlib import blake2b
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.destinations import csv
from serving.destinations.cells import flat
from serving.destinations.destination import DestinationError, Written
from serving.destinations.stamp import Stamp, answer_columns

_KNOWN = pa.schema(
    [
        pa.field("customer_id", pa.string(), nullable=False),
        pa.field("answer", pa.binary(16), nullable=False),
        pa.field("valid_until", pa.date32(), nullable=False),
    ]
)
_BATCH = 10_000  # rows read at once


class Known:
    """What a reader has, compared with a batch as it comes.

    Parameters
    ----------
    stamp : Stamp
        The batch's.
    held : mapping of customer to answer and valid_until
        What the reader has; customers are taken out as the batch names them.
    """

    def __init__(self, stamp: Stamp, held: dict[str, tuple[bytes, date]]) -> None:
        self._stamp, self._held = stamp, held
        self._now: list[pa.Table] = []
        self._new = self._renewed = self._changed = self._unchanged = 0

    def changes(self, table: pa.Table) -> pa.Table:
        """Return which rows of a stamped table the reader lacks, or has for too short a time."""
        ids = table["customer_id"].to_pylist()
        answers = _fingerprints(flat(table))
        until = [self._until(*row) for row in zip(ids, answers, strict=True)]
        new = [each or self._stamp.valid_until for each in until]
        self._now.append(pa.table([ids, answers, new], schema=_KNOWN))
        return table.filter(pa.array([each is None for each in until], pa.bool_()))

    def _until(self, customer: str, answer: bytes) -> date | None:
        """Return until when the reader may use the answer that it has; None if it needs the row."""
        had, until = self._held.pop(customer, (None, date.min))
        if had == answer and until > self._stamp.renewed_until:
            self._unchanged += 1
            return until
        self._new += had is None
        self._renewed += had == answer
        self._changed += had not in (None, answer)
        return None

    def save(self, path: Path) -> None:
        """Write what the reader has once it has this batch's changes."""
        pq.write_table(pa.concat_tables(self._now or [_KNOWN.empty_table()]), path)

    @property
    def written(self) -> Written:
        """What the batch did."""
        rows = self._new + self._renewed + self._changed
        return Written(rows, self._new, len(self._held), self._renewed, self._unchanged)


def beside(out: Path) -> Path:
    """Return where it is kept what the reader of a file has."""
    return out.with_name(f"{out.name}.known")


def read(path: Path, schema: pa.Schema, stamp: Stamp) -> Known:
    """Return what the reader of a file of scores has; the file may also be one of `Known.save`.

    Raises
    ------
    DestinationError
        If it is neither.
    """
    held: dict[str, tuple[bytes, date]] = {}
    try:
        with _reading(path, schema) as tables:
            for table in tables:
                held.update(_told(table))
    except (pa.ArrowException, KeyError, OSError, UnicodeDecodeError) as error:
        said = str(error).splitlines()[0]
        raise DestinationError(
            f"{path}: cannot be compared with, as it is no file of scores ({said}); "
            "name one by --since, or move it away and write the whole base"
        ) from None
    return Known(stamp, held)


@contextmanager
def _reading(path: Path, schema: pa.Schema) -> Iterator[Iterable[pa.Table]]:
    if path.name.lower().endswith((".csv", ".csv.gz")):
        with csv.reading(path, schema) as tables:
            yield tables
    else:
        with pq.ParquetFile(path) as file:
            yield (pa.Table.from_batches([batch]) for batch in file.iter_batches(_BATCH))


def _told(table: pa.Table) -> Iterator[tuple[str, tuple[bytes, date]]]:
    ids = table["customer_id"].to_pylist()
    known = table.schema.equals(_KNOWN)
    answers = table["answer"].to_pylist() if known else _fingerprints(flat(table))
    timed = "valid_until" in table.column_names
    until = table["valid_until"].to_pylist() if timed else [date.min] * len(ids)
    return zip(ids, zip(answers, until, strict=True), strict=True)


def _fingerprints(table: pa.Table) -> list[bytes]:
    """Return 16 bytes of each row, the same for the same answer under the same columns."""
    names = answer_columns(table.column_names)
    texts = [table[name].cast(pa.string()) for name in names]
    rows = pc.binary_join_element_wise(
        *texts, "\x1f", null_handling="replace", null_replacement="\x00"
    )
    begins = blake2b("\x1f".join(names).encode(), digest_size=16)
    return [_digest(begins.copy(), row) for row in rows.cast(pa.binary()).to_pylist()]


def _digest(begun: blake2b, row: bytes) -> bytes:
    begun.update(row)
    return begun.digest()
