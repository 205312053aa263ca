"""Where a config's path leads: files, folders, globs, packages' data, databases' URLs."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from configs.sources import CsvFormat, DuckDbFormat, Format, Located, ParquetFormat, PostgresFormat
from configs.values import without_password
from features.contract import DataError

_PARQUET = (".parquet", ".pq")
_TEXT = (".csv", ".csv.gz")


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
    """Return the files that a config's path names, sorted.

    A folder is all the CSV or Parquet files in it; the path's last part may be a glob.

    Raises
    ------
    DataError
        If there is none, or it cannot be looked for.
    """
    located = Path(locate(path))
    try:
        files = sorted(str(file) for file in _candidates(located) if file.is_file())
    except (OSError, ValueError) as error:  # as pathlib has it for data/**.csv
        said = getattr(error, "strerror", None) or error
        expected, step = "a file, a folder or a glob", "mend the path in the config"
        raise DataError(path, expected=expected, found=f"none ({said})", step=step) from None
    if not files:
        raise DataError.of_missing_file(path)
    return files


def _candidates(located: Path) -> Iterable[Path]:
    if located.is_file():
        return [located]
    if located.is_dir():
        return [file for file in located.rglob("*") if file.name.endswith(_PARQUET + _TEXT)]
    return located.parent.glob(located.name) if located.name else []


def format_of(located: Located) -> Format:
    """Return the format that a config gives, or that the files' ending tells."""
    if located.format is not None:
        return located.format
    is_folder = os.path.isdir(locate(located.path))  # noqa: PTH112 - false where it cannot be seen
    name = files_at(located.path)[0] if is_folder else located.path
    return ParquetFormat() if name.endswith(_PARQUET) else CsvFormat()


def named(path: str, files: Sequence[str], file: str) -> str:
    """Return a file as the config names it, or by its own name where that names many."""
    return path if len(files) == 1 else file


def is_database(located: Located) -> bool:
    """Say whether rows lie in a database's table, or are what a query gives."""
    return isinstance(located.format, DuckDbFormat | PostgresFormat)


def told(located: Located) -> str:
    """Return where rows lie as a user may be told: no password, and which table of a database."""
    path, layout = without_password(located.path), located.format
    if isinstance(layout, DuckDbFormat | PostgresFormat):
        return f"{path} ({layout.table or 'query'})"
    return path
