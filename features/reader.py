"""Files as raw tables of an embedded DuckDB, one column a column of the file.

DuckDB's own reader lets a wrong header, an empty file or a NUL byte pass, so these are met here.
"""

from __future__ import annotations

import csv
import importlib.util
import mmap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import CsvFormat, Format, ParquetFormat, WhitespaceFormat
from features.contract import DataError, quote_value

_REJECTED = {
    "MISSING COLUMNS": "as many values as the header has names",
    "TOO MANY COLUMNS": "as many values as the header has names",
    "UNQUOTED VALUE": "a closing quote",
    "INVALID ENCODING": "UTF-8 text",
    "LINE SIZE OVER MAXIMUM": "a line of less than 2 MB",
}


def identifier(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def locate(path: str) -> str:
    """Return the file that a config's path names; ``package:NAME/FILE`` lies in a package.

    The package is found, not imported: only its data are wanted.
    """
    if not path.startswith("package:"):
        return path
    package, _, inner = path.removeprefix("package:").partition("/")
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None or found.origin is None:
        raise DataError(
            path,
            expected=f"the installed package {package}",
            found="none",
            step=f"install it with: .venv/bin/python -m pip install {package.replace('_', '-')}",
        )
    return str(Path(found.origin).parent / inner)


def files_at(path: str) -> list[str]:
    """Return the files that a config's path names, sorted; its last part may be a glob.

    Raises
    ------
    DataError
        If there is none.
    """
    located = Path(locate(path))
    if located.is_file():
        return [str(located)]
    found = located.parent.glob(located.name) if located.name else ()
    files = sorted(str(file) for file in found if file.is_file())
    if not files:
        raise DataError.of_missing_file(path)
    return files


def format_of(path: str, given: Format | None) -> Format:
    """Return the format that a config gives, or that the file's ending tells."""
    if given is not None:
        return given
    return ParquetFormat() if path.endswith((".parquet", ".pq")) else CsvFormat()


def place_of(path: str, given: Format | None, row: int) -> tuple[str, int | None]:
    """Return the file, and its line (or row) from 1, that a row of the raw table stands in.

    A row is not a line: a quoted value may go over several, and blank ones hold no row.
    """
    files, chosen = files_at(path), format_of(path, given)
    places = (
        (_named(path, files, file), line) for file in files for line in _lines_of_rows(file, chosen)
    )
    return next(islice(places, row, None), (path, None))


def _named(path: str, files: Sequence[str], file: str) -> str:
    """Return a file as the config names it, or by its own name where that is a glob."""
    return path if len(files) == 1 else file


def _lines_of_rows(file: str, layout: Format) -> Iterable[int]:
    if isinstance(layout, ParquetFormat):
        return range(1, pq.read_metadata(file).num_rows + 1)
    if isinstance(layout, WhitespaceFormat):
        return (line for line, _ in _split(file, layout))
    return (line for line, values in islice(_records(file, layout), 1, None) if values)


def _records(file: str, layout: CsvFormat) -> Iterator[tuple[int, list[str]]]:
    """Give each record of a CSV file, blank ones too, with the line that it begins in."""
    line = 1
    with Path(file).open(encoding="utf-8-sig", errors="replace", newline="") as text:
        reader = csv.reader(text, delimiter=layout.delimiter)
        with suppress(csv.Error):  # a value too long for it: the line is then not told
            for values in reader:
                yield line, values
                line = reader.line_num + 1


def read(
    connection: duckdb.DuckDBPyConnection, table: str, path: str, given: Format | None
) -> None:
    """Read a file or a glob of files into a raw table, its rows in the file's order.

    Raises
    ------
    DataError
        If there is no file, or it is empty or not of its format.
    """
    files = files_at(path)
    for file in files:
        if Path(file).stat().st_size == 0:
            raise DataError(_named(path, files, file), expected="rows", found="an empty file")
    chosen = format_of(path, given)
    if isinstance(chosen, ParquetFormat):
        _read_parquet(connection, table, path, files)
    elif isinstance(chosen, CsvFormat):
        _read_csv(connection, table, path, files, chosen)
    else:
        _read_whitespace(connection, table, path, files, chosen)
    if not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
        raise DataError(path, expected="rows", found="none")


def _read_parquet(
    connection: duckdb.DuckDBPyConnection, table: str, path: str, files: Sequence[str]
) -> None:
    listed = ", ".join(literal(file) for file in files)
    try:
        connection.execute(f"CREATE TABLE {table} AS SELECT * FROM read_parquet([{listed}])")
    except duckdb.Error:
        raise DataError(path, expected="a Parquet file", found="something else") from None


def _read_csv(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    path: str,
    files: Sequence[str],
    layout: CsvFormat,
) -> None:
    """Read text strictly: a short row, a long row or an open quote is refused."""
    for file in files:
        _refuse_nul(_named(path, files, file), file)
    header = _header(_named(path, files, files[0]), files[0], layout)
    for file in files[1:]:
        if _header(file, file, layout) != header:
            raise DataError(file, line=1, expected=f"the header of {files[0]}", found="another")
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in header)
    listed = ", ".join(literal(file) for file in files)
    try:
        connection.execute(
            f"CREATE TABLE {table} AS SELECT * FROM read_csv([{listed}], header = true, "
            f"auto_detect = false, columns = {{{columns}}}, delim = {literal(layout.delimiter)}, "
            "quote = '\"', escape = '\"', strict_mode = true, store_rejects = true)"
        )
    except duckdb.Error as error:
        expected = "a CSV file, its quotes closed and its line ends of one kind"
        raise DataError(path, expected=expected, found=_first_line(error)) from None
    _refuse_rejected(connection, path, files, layout)


def _refuse_rejected(
    connection: duckdb.DuckDBPyConnection, path: str, files: Sequence[str], layout: CsvFormat
) -> None:
    """Refuse the first row that DuckDB could not read."""
    first = connection.execute(
        "SELECT file_path, line, column_name, error_type, "
        "(SELECT count(DISTINCT (file_id, line)) FROM reject_errors) "
        "FROM reject_errors JOIN reject_scans USING (scan_id, file_id) "
        "ORDER BY file_id, line, column_idx LIMIT 1"
    ).fetchone()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    if first:
        file, record, column, kind, count = first
        lines = islice(_records(file, layout), record - 1, None)
        more = f" (the first of {count} such rows)" if count > 1 else ""
        raise DataError(
            _named(path, files, file),
            line=next((line for line, _ in lines), record),
            column=column,
            expected=_REJECTED.get(kind, "a row of the header's columns"),
            found=f"{kind.lower()}{more}",
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _refuse_nul(path: str, file: str) -> None:
    """Refuse a text file that holds a NUL byte, which DuckDB would take for a letter."""
    with Path(file).open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as held:
        at = held.find(b"\0")
        if at >= 0:
            line = held[:at].count(b"\n") + 1
            raise DataError(path, line=line, expected="text", found="a NUL byte")


def _not_utf8(path: str, file: str) -> DataError:
    """Say where the first byte stands that is not UTF-8."""
    with Path(file).open("rb") as raw:
        for number, line in enumerate(raw, start=1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                found = f"the byte {error.object[error.start]:#04x}"
                return DataError(path, line=number, expected="UTF-8 text", found=found)
    return DataError(path, expected="UTF-8 text", found="something else")


def _header(path: str, file: str, layout: CsvFormat) -> list[str]:
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text, delimiter=layout.delimiter), [])
    except UnicodeDecodeError:
        raise _not_utf8(path, file) from None
    except csv.Error as error:
        raise DataError(path, line=1, expected="a header", found=str(error)) from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(path, line=1, column=twice[0], expected="it once", found="it twice")
    if len(header) < 2 or not all(header):
        raise DataError(
            path,
            line=1,
            expected=f"a header of names with {layout.delimiter!r} between them",
            found=quote_value(layout.delimiter.join(header)),
            step="name another delimiter under format, or mend the header",
        )
    return header


def _read_whitespace(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    path: str,
    files: Sequence[str],
    layout: WhitespaceFormat,
) -> None:
    rows: list[list[str]] = []
    for file in files:
        named = _named(path, files, file)
        _refuse_nul(named, file)
        try:
            for line, values in _split(file, layout):
                if len(values) != len(layout.names):
                    expected = f"{len(layout.names)} values with white space between them"
                    raise DataError(named, line=line, expected=expected, found=str(len(values)))
                rows.append(values)
        except UnicodeDecodeError:
            raise _not_utf8(named, file) from None
    columns = zip(*rows, strict=True) if rows else [()] * len(layout.names)
    arrow = pa.table(
        {
            name: pa.array(values, pa.string())
            for name, values in zip(layout.names, columns, strict=True)
        }
    )
    connection.register("whitespace", arrow)
    connection.execute(f"CREATE TABLE {table} AS SELECT * FROM whitespace")
    connection.unregister("whitespace")


def _split(file: str, layout: WhitespaceFormat) -> Iterator[tuple[int, list[str]]]:
    """Give the values of each line of data that is not blank, with its number."""
    with Path(file).open(encoding="utf-8-sig") as text:
        for number, line in enumerate(text, start=1):
            values = line.split()
            if values and number > int(layout.header):
                yield number, values
