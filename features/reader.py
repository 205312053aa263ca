"""The user's tables as raw ones of an embedded DuckDB, one column a column of the file.

DuckDB's own reader lets a wrong header, an empty file or a NUL byte pass, so these are met here.
"""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count, islice
from pathlib import Path

import duckdb
import pyarrow as pa

from configs.sources import (
    CsvFormat,
    DuckDbFormat,
    Located,
    ParquetFormat,
    PostgresFormat,
    WhitespaceFormat,
)
from features import parquet, records
from features.contract import DataError, quote_names, quote_value
from features.location import files_at, format_of, named, told
from features.query import read_duckdb, read_postgres
from features.records import Text
from features.rejects import Reject, Rejects
from features.sql import identifier, literal, paths

_GZIP = b"\x1f\x8b"
_CHUNK = 1 << 16

ROW = "row of the file"
"""The column that numbers raw rows from 0, where they are told apart."""

Place = tuple[str, int]
"""A file as the user is told it, and the line of it or the row, from 1."""


@dataclass(frozen=True)
class Raw:
    """A table as it lies, and where each of its rows does.

    Parameters
    ----------
    relation : str
        Its name in DuckDB; ``is_view`` where its rows are in the file still.
    told : str
        Its name to the user.
    types : mapping of str to str
        DuckDB's type of each column.
    rows : int
        How many there are.
    places : callable
        Gives each row's place, in the order of the rows.
    """

    relation: str
    told: str
    types: Mapping[str, str]
    rows: int
    places: Callable[[], Iterator[Place]]
    is_view: bool = False

    @property
    def numbered(self) -> str:
        """The table with its rows numbered from 0, as SQL."""
        return f"(SELECT *, row_number() OVER () - 1 AS {identifier(ROW)} FROM {self.relation})"

    @property
    def dropping(self) -> str:
        """The statement that drops it."""
        return f"DROP {'VIEW' if self.is_view else 'TABLE'} {self.relation}"

    def place_of(self, row: int) -> tuple[str, int | None]:
        """Return the place of a row, counted from 0."""
        return next(islice(self.places(), row, None), (self.told, None))

    def without(self, relation: str, rows: set[int]) -> Raw:
        """Return what another relation holds: all but some rows of this one."""
        places = self.places

        def kept() -> Iterator[Place]:
            return (place for row, place in enumerate(places()) if row not in rows)

        return replace(
            self, relation=relation, places=kept, rows=self.rows - len(rows), is_view=False
        )


@dataclass
class Reader:
    """Reads tables of any format.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        Where they come to lie.
    folder : Path
        For what must be uncompressed or tidied first.
    """

    connection: duckdb.DuckDBPyConnection
    folder: Path
    _written: Iterator[int] = field(default_factory=count)

    def read(self, table: str, located: Located, rejects: Rejects | None = None) -> Raw:
        """Read a table, its rows in the file's order; faulty text is set aside where it may be.

        Raises
        ------
        DataError
            If there is none, or it is empty or not of its format.
        """
        layout = format_of(located)
        if isinstance(layout, ParquetFormat):
            places = self._read_parquet(table, located)
        elif isinstance(layout, CsvFormat):
            places = self._read_csv(table, located, layout, rejects)
        elif isinstance(layout, WhitespaceFormat):
            places = self._read_whitespace(table, located, layout)
        else:
            places = self._read_database(table, located, layout)
        columns = self.connection.execute(f"DESCRIBE {table}").fetchall()
        (rows,) = self.connection.execute(f"SELECT count(*) FROM {table}").fetchone() or (0,)
        if not rows:
            expected = "a row that is right" if rejects and rejects.count else "rows"
            raise DataError(told(located), expected=expected, found="none")
        types = {name: held for name, held, *_ in columns}
        is_view = isinstance(layout, ParquetFormat)
        return Raw(table, told(located), types, int(rows), places, is_view)

    def _read_parquet(self, table: str, located: Located) -> Callable[[], Iterator[Place]]:
        files = files_at(located.path)
        counts = parquet.rows_of(located.path, files)
        relation = f"read_parquet([{paths(files)}], hive_partitioning = false)"
        parquet.refuse_other_columns(self.connection, located.path, files)
        self.connection.execute(f"CREATE VIEW {table} AS SELECT * FROM {relation}")
        names = [named(located.path, files, file) for file in files]
        return lambda: (
            (name, row + 1) for name, rows in zip(names, counts, strict=True) for row in range(rows)
        )

    def _read_database(
        self, table: str, located: Located, layout: DuckDbFormat | PostgresFormat
    ) -> Callable[[], Iterator[Place]]:
        if isinstance(layout, DuckDbFormat):
            if len(files := files_at(located.path)) > 1:
                raise DataError(
                    located.path, expected="one DuckDB file", found=quote_names(files, 3)
                )
            read_duckdb(self.connection, table, located, layout)
        else:
            read_postgres(self.connection, table, located, layout)
        return lambda: ((told(located), row) for row in count(1))

    # Text

    def _texts(self, path: str) -> list[Text]:
        """Return the text files of a path, uncompressed."""
        files = files_at(path)
        texts = [self._uncompressed(named(path, files, file), file) for file in files]
        for text in texts:
            if Path(text.file).stat().st_size == 0:
                raise DataError(text.name, expected="rows", found="an empty file")
        return texts

    def _uncompressed(self, name: str, file: str) -> Text:
        with Path(file).open("rb") as raw:
            is_gzip = raw.read(2) == _GZIP
        if is_gzip != file.endswith(".gz") and Path(file).stat().st_size:
            found, step = ("gzip", f"call it {Path(file).name}.gz") if is_gzip else ("another", "")
            expected = "text" if is_gzip else "a file compressed by gzip"
            raise DataError(name, line=1, expected=expected, found=found, step=step)
        if not is_gzip:
            return Text(name, file)
        plain, line = self._new_file(), 1
        try:
            with gzip.open(file) as packed, plain.open("wb") as out:
                while chunk := packed.read(_CHUNK):
                    out.write(chunk)
                    line += chunk.count(b"\n")
        except (OSError, EOFError, zlib.error) as error:
            found = f"it broken from about here on ({error})"
            raise DataError(name, line=line, expected="whole gzip", found=found) from None
        return Text(name, str(plain))

    def _new_file(self) -> Path:
        return self.folder / f"{next(self._written)}.csv"

    def _read_csv(
        self, table: str, located: Located, layout: CsvFormat, rejects: Rejects | None
    ) -> Callable[[], Iterator[Place]]:
        """Read text strictly: a short row, a long row or an open quote is refused or set aside."""
        texts = self._texts(located.path)
        header = _header(texts[0], layout)
        for text in texts[1:]:
            if _header(text, layout) != header:
                expected = f"the header of {texts[0].name}"
                raise DataError(text.name, line=1, expected=expected, found="another")
        said = self._load_csv(table, texts, header, layout)
        if said is None:
            return lambda: _lines(texts, layout)
        if rejects is None:
            raise _first_fault(texts, header, layout, said)
        texts, places = self._tidied(texts, header, layout, rejects)
        if said := self._load_csv(table, texts, header, layout):
            raise _first_fault(texts, header, layout, said)
        return lambda: iter(places)

    def _load_csv(
        self, table: str, texts: Sequence[Text], header: Sequence[str], layout: CsvFormat
    ) -> str | None:
        """Let DuckDB read text; return what it refuses, if anything."""
        for text in texts:
            if odd := records.odd_bytes(text):
                return odd.found
        columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
        listed = paths(text.file for text in texts)
        try:
            self.connection.execute(
                f"CREATE TABLE {table} AS SELECT * FROM read_csv([{listed}], header = true, "
                f"auto_detect = false, columns = {{{columns}}}, quote = '\"', escape = '\"', "
                f"delim = {literal(layout.delimiter)}, strict_mode = true, store_rejects = true)"
            )
        except duckdb.Error as error:
            return str(error).splitlines()[0]
        said = self.connection.execute("SELECT error_type FROM reject_errors LIMIT 1").fetchone()
        self.connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
        if said:
            self.connection.execute(f"DROP TABLE {table}")
        return str(said[0]).lower() if said else None

    def _tidied(
        self, texts: Sequence[Text], header: Sequence[str], layout: CsvFormat, rejects: Rejects
    ) -> tuple[list[Text], list[Place]]:
        """Set the faulty records of text aside; return the others as text, and their places."""
        tidied, places = [], []
        for text in texts:
            tidy = Text(text.name, str(self._new_file()))
            with Path(tidy.file).open("wb") as out:
                for number, record in enumerate(records.records(text, layout, len(header))):
                    if record.fault:
                        error = records.told(record, text, header)
                        rejects.add(Reject.of(error, record.raw.decode(errors="replace")))
                    elif record.raw:
                        out.write(record.raw + b"\n")
                        if number:
                            places.append((text.name, record.line))
            tidied.append(tidy)
        return tidied, places

    def _read_whitespace(
        self, table: str, located: Located, layout: WhitespaceFormat
    ) -> Callable[[], Iterator[Place]]:
        texts = self._texts(located.path)
        rows: list[list[str]] = []
        for text in texts:
            if odd := records.odd_bytes(text):
                raise odd
            for line, values in _split(text, layout):
                if len(values) != len(layout.names):
                    expected = f"{len(layout.names)} values with white space between them"
                    found = str(len(values))
                    raise DataError(text.name, line=line, expected=expected, found=found)
                rows.append(values)
        columns = zip(*rows, strict=True) if rows else [()] * len(layout.names)
        arrays = [pa.array(values, pa.string()) for values in columns]
        self.connection.register("spaced", pa.table(arrays, names=list(layout.names)))
        self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM spaced")
        self.connection.unregister("spaced")
        return lambda: ((t.name, line) for t in texts for line, _ in _split(t, layout))


def _header(text: Text, layout: CsvFormat) -> list[str]:
    first = next(records.records(text, layout), None)
    if first is None:
        raise DataError(text.name, expected="rows", found="a byte order mark alone")
    if first.fault:
        raise records.told(replace(first, fault=replace(first.fault, index=None)), text, ())
    written = io.StringIO(first.raw.decode(), newline="")
    header = next(csv.reader(written, delimiter=layout.delimiter, skipinitialspace=True), [])
    lowered = [name.lower() for name in header]
    twice = next((name for name in header if lowered.count(name.lower()) > 1), None)
    if twice is not None:
        step = "names that differ in capitals alone are one"
        raise DataError(
            text.name, line=1, column=twice, expected="it once", found="it twice", step=step
        )
    if len(header) < 2 or not all(header):
        raise DataError(
            text.name,
            line=1,
            expected=f"a header of names with {layout.delimiter!r} between them",
            found=quote_value(layout.delimiter.join(header)),
            step="name another delimiter under format, or mend the header",
        )
    return header


def _lines(texts: Sequence[Text], layout: CsvFormat) -> Iterator[Place]:
    """Give the line that each row begins in; a row may go over several, and a blank one is none."""
    for text in texts:
        for record in islice(records.records(text, layout), 1, None):
            if record.raw:
                yield text.name, record.line


def _first_fault(
    texts: Sequence[Text], header: Sequence[str], layout: CsvFormat, said: str
) -> DataError:
    """Return the error that tells the first faulty record, or what DuckDB said if none is."""
    for text in texts:
        for record in records.records(text, layout, len(header)):
            if record.fault:
                return records.told(record, text, header)
    return DataError(texts[0].name, expected="a CSV file as RFC 4180 has it", found=said)


def _split(text: Text, layout: WhitespaceFormat) -> Iterator[tuple[int, list[str]]]:
    """Give the values of each line of data that is not blank, with its number."""
    with Path(text.file).open("rb") as raw:
        for number, line in enumerate(raw, start=1):
            try:
                values = line.decode("utf-8-sig" if number == 1 else "utf-8").split()
            except UnicodeDecodeError as error:
                found = f"the byte {error.object[error.start]:#04x}"
                raise DataError(
                    text.name, line=number, expected="UTF-8 text", found=found
                ) from None
            if values and number > int(layout.header):
                yield number, values
