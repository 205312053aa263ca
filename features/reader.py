"""Files as raw tables of an embedded DuckDB, one column a column of the file.

DuckDB's own reader lets a wrong header, an empty file or a NUL byte pass, so these are met here.
"""

from __future__ import annotations

import csv
import importlib.util
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

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
    found = importlib.util.find_spec(package)
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
    files = sorted(str(file) for file in located.parent.glob(located.name) if file.is_file())
    if not files:
        raise DataError.of_missing_file(path)
    return files


def format_of(path: str, given: Format | None) -> Format:
    """Return the format that a config gives, or that the file's ending tells."""
    if given is not None:
        return given
    return ParquetFormat() if path.endswith((".parquet", ".pq")) else CsvFormat()


def first_row(path: str, given: Format | None) -> int:
    """Return the line (or row) of a file that its first row of data stands in, from 1."""
    chosen = format_of(path, given)
    if isinstance(chosen, WhitespaceFormat):
        return 1 + int(chosen.header)
    return 2 if isinstance(chosen, CsvFormat) else 1


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
    if any(Path(file).stat().st_size == 0 for file in files):
        raise DataError(path, expected="rows", found="an empty file")
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
    header = _header(path, files[0], layout)
    for file in files[1:]:
        if _header(path, file, layout) != header:
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
        raise DataError(path, expected="a CSV file", found=_first_line(error)) from None
    first = connection.execute(
        "SELECT line, column_name, error_type, count(*) OVER () FROM reject_errors "
        "ORDER BY line LIMIT 1"
    ).fetchone()
    connection.execute("DROP TABLE reject_errors; DROP TABLE reject_scans")
    if first:
        line, column, kind, count = first
        more = f" (the first of {count} such rows)" if count > 1 else ""
        raise DataError(
            path,
            line=line,
            column=column,
            expected=_REJECTED.get(kind, "a row of the header's columns"),
            found=f"{kind.lower()}{more}",
        )


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _header(path: str, file: str, layout: CsvFormat) -> list[str]:
    try:
        with Path(file).open(encoding="utf-8-sig", newline="") as text:
            header = next(csv.reader(text, delimiter=layout.delimiter), [])
    except UnicodeDecodeError as error:
        found = f"the byte {error.object[error.start]:#04x}"
        raise DataError(path, expected="UTF-8 text", found=found) from None
    except csv.Error as error:
        raise DataError(path, line=1, expected="a header", found=str(error)) from None
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise DataError(path, line=1, column=twice[0], expected="it once", found="it twice")
    if len(header) < 2 or not all(header) or any("\0" in name for name in header):
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
        lines = Path(file).read_text("utf-8", errors="replace").splitlines()
        for number, line in enumerate(lines[int(layout.header) :], start=1 + int(layout.header)):
            values = line.split()
            if values and len(values) != len(layout.names):
                expected = f"{len(layout.names)} values with white space between them"
                raise DataError(path, line=number, expected=expected, found=str(len(values)))
            if values:
                rows.append(values)
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
