"""Scores as CSV: UTF-8, texts quoted, nothing for null, JSON arrays for lists.

A text that a spreadsheet would run as a formula has an apostrophe before it, ids included; how to
take it away again is in `features.formulas`. ``.csv.gz`` is the same, compressed.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc

from features.formulas import SOMEWHERE, neutral, restored
from serving.destinations.cells import flat, flat_schema, mapped

_LEVEL = 3  # of gzip: twice as fast as its usual 6, for files a tenth larger


class CsvWriter:
    """A CSV file, written table by table.

    Parameters
    ----------
    path : Path
        Where it is written.
    schema : pyarrow.Schema
        Its columns.
    compressed : bool
        Whether as gzip; the same scores give the same bytes.
    """

    def __init__(self, path: Path, schema: pa.Schema, compressed: bool) -> None:
        self._files: list[Any] = [path.open("wb")]
        if compressed:
            raw = self._files[0]
            self._files.append(gzip.GzipFile("", "wb", _LEVEL, raw, mtime=0))
        self._writer = pc.CSVWriter(self._files[-1], flat_schema(schema))

    def write_table(self, table: pa.Table) -> None:
        """Write rows."""
        self._writer.write_table(_changed(flat(table), neutral))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()
        for file in reversed(self._files):
            file.close()


@contextmanager
def reading(path: Path, schema: pa.Schema) -> Iterator[Iterator[pa.Table]]:
    """Give what stands in such a file, lists as JSON arrays; of the schema or as they look."""
    types = {field.name: field.type for field in flat_schema(schema)}
    convert = pc.ConvertOptions(
        column_types=types,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        auto_dict_encode=False,
    )
    parse = pc.ParseOptions(newlines_in_values=True)
    with pc.open_csv(path, parse_options=parse, convert_options=convert) as reader:
        yield (_changed(pa.Table.from_batches([batch]), restored) for batch in reader)


def _changed(table: pa.Table, change: Any) -> pa.Table:
    held = [
        mapped(column, SOMEWHERE, change) if pa.types.is_string(column.type) else column
        for column in table.columns
    ]
    return pa.table(held, schema=table.schema)
