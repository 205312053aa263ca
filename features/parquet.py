"""Parquet files: whether they are whole, and what columns they hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from features.contract import DataError
from features.location import named
from features.sql import paths

_MAGIC = b"PAR1"


def rows_of(path: str, files: Sequence[str]) -> list[int]:
    """Return how many rows each file says that it holds.

    Raises
    ------
    DataError
        If one is no Parquet file, or not a whole one.
    """
    return [_rows(named(path, files, file), file) for file in files]


def _rows(name: str, file: str) -> int:
    with Path(file).open("rb") as raw:
        begins = raw.read(len(_MAGIC))
        raw.seek(-min(len(_MAGIC), Path(file).stat().st_size), 2)
        ends = raw.read()
    if begins != _MAGIC:
        found = "another" if begins else "an empty file"
        raise DataError(name, expected="a Parquet file", found=found)
    if ends != _MAGIC:
        step = "it is cut short: write or copy it once more"
        raise DataError(name, expected="a Parquet file with a footer", found="none", step=step)
    try:
        return int(pq.read_metadata(file).num_rows)
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            name, expected="a Parquet file with a footer that can be read", found=_said(error)
        ) from None


def refuse_other_columns(
    connection: duckdb.DuckDBPyConnection, path: str, files: Sequence[str]
) -> None:
    """Refuse a file whose columns are not those of the first one, by name and type."""
    first, *others = files
    schema = {field.name: field.type for field in pq.read_schema(first)}
    for file in others:
        other = {field.name: field.type for field in pq.read_schema(file)}
        if other == schema or _types(connection, file) == _types(connection, first):
            continue
        missing = [name for name in schema if name not in other]
        odd, *_ = missing or [name for name in other if other[name] != schema.get(name)]
        raise DataError(
            named(path, files, file),
            column=odd,
            expected=f"it as in {first} ({schema.get(odd, 'not there')})",
            found=str(other.get(odd, "none")),
        )


def _types(connection: duckdb.DuckDBPyConnection, file: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM read_parquet({paths([file])})").fetchall()
    return {name: held for name, held, *_ in rows}


def broken_part(path: str, files: Sequence[str]) -> DataError | None:
    """Return where the first part stands that cannot be decoded, if one cannot."""
    for file in files:
        name, begins = named(path, files, file), 1
        with pq.ParquetFile(file) as held:
            for group in range(held.num_row_groups):
                rows = held.metadata.row_group(group).num_rows
                for column in dict.fromkeys(held.schema_arrow.names):
                    try:
                        held.read_row_group(group, columns=[column]).validate(full=True)
                    except (pa.ArrowException, OSError) as error:
                        found = f"rows {begins} to {begins + rows - 1} broken: {_said(error)}"
                        return DataError(
                            name,
                            line=begins,
                            column=column,
                            expected="values that can be decoded",
                            found=found,
                        )
                begins += rows
    return None


def _said(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
