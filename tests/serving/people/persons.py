"""A base in which one customer stands out, and what is found of her below a folder."""

from __future__ import annotations

import gzip
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from configs.schema import Config
from tests.factories import make_config

ANNA = "anna.jensen@example.com"
AMOUNT = 7341.77
INCOME = "annas-own-income"
TRACES = (ANNA, str(AMOUNT), INCOME)


def make_base(folder: Path) -> Config:
    """A small shop of which one customer has an address for an id, and buys for a sum of hers."""
    config = make_config(folder)
    rows = pd.read_csv(folder / "transactions.csv", dtype=str).replace({"customer": {"007": ANNA}})
    mine = rows["customer"] == ANNA
    rows.loc[mine.idxmax(), ["paid", "when"]] = [str(AMOUNT), "2024-05-20T10:00:00"]
    rows.to_csv(folder / "transactions.csv", index=False)
    people = pd.read_csv(folder / "customers.csv", dtype=str).replace({"customer": {"007": ANNA}})
    people.loc[people["customer"] == ANNA, "income"] = INCOME
    people.to_csv(folder / "customers.csv", index=False)
    return config


def traces(folder: Path, *more: str) -> list[str]:
    """Where below a folder the person is told of: in bytes as they lie, or unpacked."""
    needles = [held.encode() for held in (*TRACES, *more)]
    return sorted(
        {
            f"{path.relative_to(folder)}: {needle.decode()}"
            for path in folder.rglob("*")
            if path.is_file()
            for content in _contents(path)
            for needle in needles
            if needle in content
        }
    )


def _contents(path: Path) -> Iterator[bytes]:
    yield path.read_bytes()
    if path.suffix == ".gz":
        yield gzip.decompress(path.read_bytes())
    if path.suffix == ".parquet":
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield from _values(file.read_row_group(group))
    if path.suffix == ".db":
        with closing(sqlite3.connect(path)) as connection:
            for blob in _blobs(connection):
                with suppress(zlib.error):
                    yield zlib.decompress(blob)
                with suppress(pa.ArrowException, OSError), pa.ipc.open_stream(blob) as stream:
                    yield from _values(stream.read_all())


def _values(table: pa.Table) -> Iterator[bytes]:
    for column in table.columns:
        for chunk in column.chunks:
            yield repr(chunk.to_pylist()).encode()
            if pa.types.is_dictionary(chunk.type):  # in which a text may lie that no row has
                yield repr(chunk.dictionary.to_pylist()).encode()


def _blobs(connection: sqlite3.Connection) -> Iterator[bytes]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (name,) in tables:
        for row in connection.execute(f'SELECT * FROM "{name}"'):
            yield from (cell for cell in row if isinstance(cell, bytes))
