"""The customers of the latest batch who are at risk, those with most at stake first."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from configs.errors import StamkundeError
from serving.record.ledger import Ledger

FILE = "latest.parquet"
SEGMENT = "segment_"
BANDS = ("low", "middle", "high")
_COLUMNS = ("customer_id", "score_id", "churn_probability", "band", "value_at_risk")
_CURSOR = re.compile(r"(?P<batch>[A-Za-z0-9][A-Za-z0-9._-]{0,199}):(?P<row>\d{1,12})")


class AtRiskError(StamkundeError):
    """A list that cannot be given as it was asked for."""


class CursorError(AtRiskError):
    """A place in the list of a batch that is no longer the latest."""


@dataclass(frozen=True)
class Latest:
    """The scores of the latest batch, as it left them: those with most at stake first.

    Parameters
    ----------
    batch_id : str
        Its entry in the record.
    as_of, release : str
        The day its features were known at, and what they were scored with.
    table : Table
        Whom, and what they have at stake; only those who have a risk.
    """

    batch_id: str
    as_of: str
    release: str
    table: pa.Table

    @cached_property
    def ways(self) -> dict[str, frozenset[int]]:
        """The segments that customers are in, by the way they are told apart by."""
        return {
            name.removeprefix(SEGMENT): frozenset(
                held for held in pc.unique(self.table[name]).to_pylist() if held is not None
            )
            for name in self.table.column_names
            if name.startswith(SEGMENT)
        }

    def page(
        self,
        limit: int,
        segments: Iterable[tuple[str, int]] = (),
        band: str | None = None,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Return a page of the list.

        Parameters
        ----------
        limit : int
            How many customers at most.
        segments : iterable of (way, id)
            A customer must be in all of them.
        band : str, optional
            ``low``, ``middle`` or ``high``.
        cursor : str, optional
            What the page before said of the next.

        Raises
        ------
        AtRiskError
            If a way is not known, or the cursor is none.
        CursorError
            If the cursor is of another batch.
        """
        first = self._first(cursor) if cursor else 0
        rows = np.flatnonzero(self._chosen(segments, band))
        total, rows = len(rows), rows[np.searchsorted(rows, first) :]
        there = rows[:limit]
        more = len(rows) > limit
        return {
            "as_of": self.as_of,
            "batch": self.batch_id,
            "release": self.release,
            "total": total,
            "items": [self._item(held) for held in self.table.take(there).to_pylist()],
            "next": _spelt(f"{self.batch_id}:{there[-1] + 1}") if more else None,
        }

    @cached_property
    def _numbers(self) -> dict[str, np.ndarray]:
        """The columns that are chosen by, as whole numbers; -1 where missing."""
        held = {name: self.table[name] for name in map(SEGMENT.__add__, self.ways)}
        held["band"] = pc.index_in(pc.cast(self.table["band"], pa.string()), pa.array(BANDS))
        return {name: pc.fill_null(column, -1).to_numpy() for name, column in held.items()}

    def _chosen(self, segments: Iterable[tuple[str, int]], band: str | None) -> np.ndarray:
        chosen = np.ones(len(self.table), dtype=bool)
        for way, number in segments:
            if way not in self.ways:
                known = ", ".join(sorted(self.ways)) or "none"
                raise AtRiskError(f"segment: the latest batch has no such way; it has {known}")
            chosen &= self._numbers[SEGMENT + way] == number
        if band is not None:
            chosen &= self._numbers["band"] == BANDS.index(band)
        return chosen

    def _first(self, cursor: str) -> int:
        found = _CURSOR.fullmatch(_read(cursor))
        if found is None:
            raise AtRiskError("cursor: is none of this list's; leave it out to begin")
        if found["batch"] != self.batch_id:
            raise CursorError(
                "cursor: a newer batch has come since the page before; leave it out to begin anew"
            )
        return int(found["row"])

    def _item(self, held: dict[str, Any]) -> dict[str, Any]:
        segments = {way: held[SEGMENT + way] for way in self.ways}
        return {**{name: held[name] for name in _COLUMNS}, "segments": segments}


class Latests:
    """Keeps the latest batch of a base at hand, and reads the next one once it is there.

    Parameters
    ----------
    path : Path
        The file that each batch leaves.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._lock = path, Lock()
        self._held: tuple[tuple[int, ...], Latest] | None = None

    def get(self, ledger: Ledger) -> Latest | None:
        """Return the latest batch; None if there is none yet.

        Raises
        ------
        AtRiskError
            If its file cannot be read.
        LedgerError, DatabaseError
            If the batch is not on record, or the record cannot be read.
        """
        try:
            mark = self._mark()
            with self._lock:
                if self._held is None or self._held[0] != mark:
                    # The old one goes first: a large base is not held twice.
                    self._held = None
                    self._held = mark, _loaded(self._path, ledger)
                return self._held[1]
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, LookupError) as error:
            raise AtRiskError(
                f"{self._path}: cannot be read ({type(error).__name__}); run the batch again"
            ) from error

    def _mark(self) -> tuple[int, ...]:
        said = self._path.stat()
        return said.st_ino, said.st_mtime_ns, said.st_size


def _loaded(path: Path, ledger: Ledger) -> Latest:
    with pq.ParquetFile(path) as file:
        ways = [name for name in file.schema_arrow.names if name.startswith(SEGMENT)]
        table = file.read(columns=[*_COLUMNS, *ways])
        batch_id = _batch(file, table)
    entry = ledger.get(batch_id).body
    table = table.filter(pc.is_valid(table["churn_probability"])).combine_chunks()
    return Latest(batch_id, entry["as_of"], entry["release"], table)


def _batch(file: pq.ParquetFile, table: pa.Table) -> str:
    """Return the batch that a file is of: each of its scores is named for it."""
    if len(table):
        return str(table["score_id"][0]).partition("/")[0]
    return (file.schema_arrow.metadata or {})[b"batch"].decode()


def _spelt(place: str) -> str:
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def _read(cursor: str) -> str:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except ValueError:
        return ""
