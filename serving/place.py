"""Where the state of a base lies: in files of its run-time folder, or in a PostgreSQL.

``STAMKUNDE_DATABASE`` may name a database, in which the record, the features and the remembered
answers lie instead of in files of the folder.
"""

from __future__ import annotations

import os
from pathlib import Path

from configs.errors import StamkundeError
from features.database import Database
from serving.record.table import LEDGER

DATABASE = "STAMKUNDE_DATABASE"


class PlaceError(StamkundeError):
    """State that was begun in another place than the environment names."""


def record_place(var: Path) -> str | Path:
    """Return where the record of a base lies, and what lies with it.

    Raises
    ------
    PlaceError
        If it was begun in another place than the environment names.
    """
    return _place(var, var / "ledger.db")


def store_place(var: Path) -> str | Path:
    """Return where a base's features lie.

    Raises
    ------
    PlaceError
        As `record_place`.
    """
    return _place(var, var / "store.db")


def _place(var: Path, file: Path) -> str | Path:
    """Return a file, or the URL of the database that the environment names for all of them.

    Its password is in the environment alone. Where the record was begun is noted, without it: a
    command that is not told of the database must not begin another record beside it.
    """
    url, noted = os.environ.get(DATABASE), var / "database.txt"
    if url is None:
        if noted.exists():
            raise PlaceError(
                f"{var}: the record lies in {noted.read_text().strip()}; "
                f"give its URL in the environment variable {DATABASE}"
            )
        return file
    place = Database(url, LEDGER).url.set(password=None).render_as_string()
    if not noted.exists():
        if file.exists():
            raise PlaceError(
                f"{file}: is here already, and {DATABASE} names a database; move it there with "
                "stamkunde backup and restore, or unset the variable"
            )
        var.mkdir(parents=True, exist_ok=True)
        noted.write_text(f"{place}\n")
    elif noted.read_text().strip() != place:
        raise PlaceError(
            f"{var}: the record lies in {noted.read_text().strip()}, and {DATABASE} names {place}; "
            "name the first"
        )
    return url
