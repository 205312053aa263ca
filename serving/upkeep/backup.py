"""A copy of the record from which all of it can be had again, and whether it is whole.

It holds the record's tables as one SQLite file whatever they lie in, the rows of batches, the
bundles that scores were made with, and the secrets without which nobody can be found in it: keep it
as safe as the record itself.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from configs.errors import StamkundeError
from features.database import Database
from serving.record.index_table import TABLES
from serving.record.merkle import sync
from serving.upkeep import copied

PAPERS = "backup.json"
RECORD = "record.db"
TO_FIND_BY = ("secret", "marks.key")
"""The secrets by which customers are found in the record, and known again once erased."""

BESIDE = (*TO_FIND_BY, "marks", "checkpoint.key", "checkpoint.pub", "keys.json")
FOLDERS = ("batches", "releases")
DERIVED = tuple(table.name for table in TABLES)  # the index, which is made again from the record


class BackupError(StamkundeError):
    """A backup that cannot be made, or is not as it was made."""


@dataclass(frozen=True)
class Kept:
    """A file of a backup.

    Parameters
    ----------
    bytes : int
    sha256 : str
    """

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Backup:
    """What a backup holds.

    Parameters
    ----------
    base : str
    at : str
        When it was made, UTC.
    rows : dict of str to int
        By table.
    files : dict of str to Kept
        By path within the folder.
    """

    base: str
    at: str
    rows: dict[str, int]
    files: dict[str, Kept]

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(held.bytes for held in self.files.values())


def back_up(database: Database, base: str, var: Path, folder: Path, at: datetime) -> Backup:
    """Copy a base's record into a new folder; it is on disk, whole, once its papers are.

    Entries may come meanwhile: the tables are copied as they stand at one instant.

    Raises
    ------
    BackupError
        If something lies in the folder.
    DatabaseError
        If the record cannot be read.
    """
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder}: is not empty; a backup takes a folder of its own")
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    rows = _copy_tables(database, base, folder / RECORD)
    for name in BESIDE:
        if (var / name).exists():
            shutil.copy2(var / name, folder / name)
    for name in FOLDERS:
        if (var / name).exists():
            shutil.copytree(var / name, folder / name, ignore=shutil.ignore_patterns("*.part"))
    files = {str(path.relative_to(folder)): _described(path) for path in _files(folder)}
    made = Backup(base, at.astimezone(UTC).isoformat(), rows, files)
    _write(folder / PAPERS, json.dumps(asdict(made), indent=1, sort_keys=True).encode())
    return made


def read(folder: Path, base: str) -> Backup:
    """Read a backup's papers, having held every file against them.

    Raises
    ------
    BackupError
        If they are missing, of another base, or a file is missing or is not as it was.
    """
    papers = folder / PAPERS
    try:
        held: dict[str, Any] = json.loads(papers.read_bytes())
        files = {name: Kept(**kept) for name, kept in held["files"].items()}
        made = Backup(held["base"], held["at"], held["rows"], files)
    except FileNotFoundError:
        raise BackupError(
            f"{papers}: is missing: this is no backup, or it was not finished"
        ) from None
    except (ValueError, LookupError, TypeError) as error:
        raise BackupError(f"{papers}: cannot be read ({error}); take another backup") from None
    if made.base != base:
        raise BackupError(f"{folder}: is of the base {made.base!r}, not {base!r}")
    for name, kept in sorted(files.items()):
        path = folder / name
        if not path.is_file():
            raise BackupError(f"{path}: is missing from the backup; take another one")
        if _described(path) != kept:
            raise BackupError(f"{path}: is not as it was backed up; take another backup")
    return made


def _copy_tables(database: Database, base: str, path: Path) -> dict[str, int]:
    path.touch(0o600)
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        with database.reading() as source, engine.begin() as target:
            return {
                table.name: copied.copy(source, target, table, base)
                for table in copied.tables(source, without=DERIVED)
            }
    finally:
        engine.dispose()
        sync(path)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _described(path: Path) -> Kept:
    with path.open("rb") as file:
        return Kept(os.fstat(file.fileno()).st_size, file_digest(file, "sha256").hexdigest())


def _write(path: Path, content: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(content)
    sync(path)
    sync(path.parent)
