"""Which destination a place is: told by its ending, or by its URL."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from configs.values import without_password
from serving.destinations.backends import Backend, Postgresql, Sqlite
from serving.destinations.csv import CsvWriter
from serving.destinations.database import DatabaseDestination
from serving.destinations.destination import Destination, DestinationError
from serving.destinations.file import FileDestination
from serving.destinations.stamp import Stamp

TABLE = "scores"  # unless told

_WRITERS = {
    ".parquet": partial(pq.ParquetWriter, compression="zstd"),
    ".csv": partial(CsvWriter, compressed=False),
    ".csv.gz": partial(CsvWriter, compressed=True),
}
_BACKENDS: dict[str, Backend] = {
    "postgresql": Postgresql(),
    "postgres": Postgresql(),
    "sqlite": Sqlite(),
}
_TABLE = re.compile(r"([A-Za-z_]\w*\.)?[A-Za-z_]\w*", re.ASCII)
_PLACES = "name a .parquet, .csv or .csv.gz file, or sqlite:///FILE or postgresql://USER@HOST/NAME"


def destination_of(
    place: str,
    stamp: Stamp,
    table: str | None = None,
    changed_only: bool = False,
    since: Path | None = None,
    prune: bool = False,
) -> Destination:
    """Return the destination at a place.

    Parameters
    ----------
    place : str
        A file's path or a database's URL.
    stamp : Stamp
        What every row is to carry.
    table : str, optional
        A database's table; ``scores`` unless told.
    changed_only : bool
        Whether only rows are written whose answer is not as it was, or whose time runs out.
    since : Path, optional
        The file of scores to compare with, where the place is a file.
    prune : bool
        Whether to remove rows of customers no longer scored, where the place is a database.

    Raises
    ------
    DestinationError
        If it is none, or cannot do what is asked.
    """
    if since is not None and not changed_only:
        raise DestinationError("--since FILE says what to compare with; add --changed-only")
    if "://" in place:
        if since is not None:
            raise DestinationError("--since is for files: a table is compared with itself")
        url, backend = _database(place)
        return DatabaseDestination(
            url, backend, _checked(table or TABLE), stamp, changed_only, prune
        )
    if table is not None or prune:
        asked = "--prune" if table is None else "--table"
        raise DestinationError(f"{asked} is for databases, and {place} is a file; {_PLACES}")
    name = Path(place).name.lower()
    for ending, opened in _WRITERS.items():
        if name.endswith(ending) and name != ending:
            return FileDestination(Path(place), stamp, opened, changed_only, since)
    raise DestinationError(f"{place}: scores cannot be written there; {_PLACES}")


def _database(place: str) -> tuple[URL, Backend]:
    try:
        url = make_url(place)
    except (ArgumentError, ValueError):
        raise DestinationError(
            f"{without_password(place)}: is no URL of a database; {_PLACES}"
        ) from None
    name = url.drivername.partition("+")[0]
    if name not in _BACKENDS or not url.database:
        raise DestinationError(
            f"{without_password(place)}: scores cannot be written there; {_PLACES}"
        )
    return url, _BACKENDS[name]


def _checked(table: str) -> str:
    if not _TABLE.fullmatch(table):
        raise DestinationError(
            f"--table {table!r}: must be letters, digits and _, with a schema before a dot if any"
        )
    return table
