"""Files with a row a customer: what they hold of one, and how they are written without one."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from features.formulas import neutral
from serving.people.holding import Holding, Person, PersonError
from serving.record.merkle import put, sync, temporary_beside

ID = "customer_id"
_CSV = (".csv", ".csv.gz")


def of(name: str, path: Path) -> Holding:
    """Return what a file of rows is to an erasure, told by its ending."""
    return CsvRows(name, path) if path.name.lower().endswith(_CSV) else ParquetRows(name, path)


@dataclass(frozen=True)
class ParquetRows:
    """A Parquet file with a column ``customer_id``."""

    name: str
    path: Path

    def held(self, person: Person) -> list[Any]:
        """Return the person's rows."""
        rows: list[Any] = []
        for table in self._tables():
            rows += table.filter(pc.equal(table[ID], person.id)).to_pylist()
        return rows

    def remove(self, person: Person) -> None:
        """Write the file anew without the person, and take its name."""
        if not any(person.id in table[ID].to_pylist() for table in self._tables()):
            return
        with temporary_beside(self.path) as part:
            with pq.ParquetFile(self.path) as file:
                schema = file.schema_arrow
            with pq.ParquetWriter(part, schema, compression="zstd") as writer:
                for table in self._tables():
                    left = table.filter(pc.not_equal(table[ID], person.id))
                    writer.write_table(pa.table(list(map(_anew, left.columns)), schema=schema))
            _swap(part, self.path)

    def _tables(self) -> Iterator[pa.Table]:
        try:
            with pq.ParquetFile(self.path) as file:
                if ID in file.schema_arrow.names:
                    for group in range(file.num_row_groups):
                        yield file.read_row_group(group)
        except FileNotFoundError:
            return
        except (OSError, pa.ArrowException) as error:
            raise _unreadable(self.path, error) from None


@dataclass(frozen=True)
class CsvRows:
    """A CSV file with a column ``customer_id``, compressed or not; its bytes stay as they are."""

    name: str
    path: Path

    def held(self, person: Person) -> list[Any]:
        """Return the person's rows."""
        records = self._records()
        header = next(records, None)
        if header is None or ID not in _cells(header):
            return []
        names = _cells(header)
        rows = (dict(zip(names, _cells(record), strict=False)) for record in records)
        return [row for row in rows if row[ID] in _spellings(person)]

    def remove(self, person: Person) -> None:
        """Write the file anew without the person, and take its name."""
        if not self.held(person):
            return
        records = self._records()
        header = next(records)
        place = _cells(header).index(ID)
        with temporary_beside(self.path) as part:
            with self._writing(part) as out:
                out.write(header.encode())
                for record in records:
                    if _cells(record)[place] not in _spellings(person):
                        out.write(record.encode())
            _swap(part, self.path)

    def _records(self) -> Iterator[str]:
        """Give the file's records, a quoted text's own line ends within them."""
        try:
            with self._reading() as content:
                whole = ""
                for line in io.TextIOWrapper(content, "utf-8", newline=""):
                    whole += line
                    if whole.count('"') % 2 == 0:
                        yield whole
                        whole = ""
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError, EOFError) as error:
            raise _unreadable(self.path, error) from None

    def _reading(self) -> IO[bytes]:
        packed = self.path.name.lower().endswith(".gz")
        return gzip.open(self.path) if packed else self.path.open("rb")  # type: ignore[return-value]

    def _writing(self, part: Path) -> IO[bytes]:
        if self.path.name.lower().endswith(".gz"):
            return gzip.GzipFile(part, "wb", mtime=0)  # type: ignore[return-value]
        return part.open("wb")


@dataclass(frozen=True)
class ReportPages:
    """A report of retention that lists whom to call first: page and figures beside it."""

    name: str
    page: Path

    def held(self, person: Person) -> list[Any]:
        """Return the lines of the list that are about the person."""
        try:
            told = json.loads(self.page.with_suffix(".json").read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValueError) as error:
            raise _unreadable(self.page.with_suffix(".json"), error) from None
        return [call for call in told.get("calls") or () if str(call.get(ID)) == person.id]

    def remove(self, person: Person) -> None:
        """Remove the report, which ``stamkunde report`` writes again, without the person."""
        if self.held(person):
            for file in (self.page, self.page.with_suffix(".json")):
                file.unlink(missing_ok=True)
            sync(self.page.parent)


def _swap(part: Path, path: Path) -> None:
    part.chmod(path.stat().st_mode)
    sync(part)
    put(part, path)


def _anew(column: pa.ChunkedArray) -> Any:
    """Return a column whose dictionary holds no text that none of its rows has."""
    if not pa.types.is_dictionary(column.type):
        return column
    texts = column.cast(column.type.value_type)
    return texts.dictionary_encode().cast(column.type)


def _cells(record: str) -> list[str]:
    return next(csv.reader([record]), [])


def _spellings(person: Person) -> tuple[str, str]:
    """Return how a file may spell a customer's id: what begins as a formula is made harmless."""
    return person.id, neutral(person.id)


def _unreadable(path: Path, error: Exception) -> PersonError:
    return PersonError(
        f"{path}: cannot be read ({type(error).__name__}), and may hold the person; mend or remove "
        "it, then run this again"
    )
