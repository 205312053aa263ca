"""A record had again from a backup."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from features.database import Database
from serving.record.ledger import Ledger
from serving.record.verifying import Verification
from serving.upkeep import copied
from serving.upkeep.backup import PAPERS, RECORD, TO_FIND_BY, Backup, BackupError, read

KIND = "restore"
"""Of the entry that says that a record was restored, and from when."""


@dataclass(frozen=True)
class Restored:
    """What was had again.

    Parameters
    ----------
    backup : Backup
    found : Verification
        Of the restored record.
    """

    backup: Backup
    found: Verification


def restore(ledger: Ledger, folder: Path, var: Path, at: datetime) -> Restored:
    """Bring a backup of a base's record to where the base has none, and put that on record.

    Parameters
    ----------
    ledger : Ledger
        Where the record is to lie, of the base.
    folder : Path
        The backup's.
    var : Path
        The base's run-time folder.
    at : datetime

    Raises
    ------
    BackupError
        If the backup is not as it was made, or there is a record already: nothing is changed.
    DatabaseError
        If the record cannot be written.
    """
    backup = read(folder, ledger.base)
    present = ledger.head().size
    if present:
        raise BackupError(
            f"{var}: there is a record of {present:,} entries; a backup is restored where there is "
            "none: move that one aside first, it may know of erasures that the backup does not"
        )
    _restore_files(backup, folder, var)
    _restore_tables(ledger.database, ledger.base, folder / RECORD)
    found = ledger.verify()
    said = {"made_at": backup.at, "whole": found.whole, "faults": list(found.faults)}
    ledger.append([(uuid4().hex, KIND, said)], at)
    return Restored(backup, found)


def _restore_files(backup: Backup, folder: Path, var: Path) -> None:
    """Copy the files that are not there; what is there may know more, of marks and keys say."""
    names = [name for name in backup.files if name not in (RECORD, PAPERS)]
    for name in TO_FIND_BY:
        held, kept = var / name, folder / name
        if held.exists() and kept.exists() and held.read_bytes() != kept.read_bytes():
            raise BackupError(
                f"{held}: is another than the backup's; move it aside, as the record's customers "
                "can be found by its own secrets alone"
            )
    for name in names:
        if not (var / name).exists():
            (var / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(folder / name, var / name)


def _restore_tables(database: Database, base: str, path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
    try:
        with engine.connect() as source, database.writing() as target:
            for table in copied.tables(source):
                copied.copy(source, target, table, base)
    finally:
        engine.dispose()
