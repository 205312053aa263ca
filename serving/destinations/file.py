"""Scores in a file, which has its name only once it is whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa

from serving.destinations import known
from serving.destinations.destination import DestinationError, Written
from serving.destinations.known import Known
from serving.destinations.stamp import Stamp
from serving.record.merkle import put, sweep, sync, temporary_beside


class FileDestination:
    """A file that is replaced by a batch's scores, or by those that changed.

    Parameters
    ----------
    path : Path
        The file.
    stamp : Stamp
        The batch's.
    opened : callable
        Gives a writer of tables to a path: `write_table`, `close`.
    changed_only : bool
        Whether a row whose answer is as it was is left out.
    since : Path, optional
        The file to compare with; what is known of this one's reader unless told.
    """

    def __init__(
        self,
        path: Path,
        stamp: Stamp,
        opened: Callable[[Path, pa.Schema], Any],
        changed_only: bool = False,
        since: Path | None = None,
    ) -> None:
        self._path, self._stamp, self._opened = path, stamp, opened
        self._changed_only, self._since = changed_only, since
        self._known: Known | None = None
        self._rows = 0
        self._begun = ExitStack()

    @property
    def told(self) -> str:
        """The file's path."""
        return str(self._path)

    def begin(self, schema: pa.Schema) -> None:
        """Open a file beside the one it is to become."""
        stamped = self._stamp.schema(schema)
        if self._changed_only:
            self._known = self._read(stamped)
        sweep(self._path.parent)
        self._part = self._begun.enter_context(temporary_beside(self._path))
        self._writer = self._opened(self._part, stamped)

    def write(self, table: pa.Table) -> None:
        """Write the rows that are asked for."""
        stamped = self._stamp.table(table)
        if self._known is not None:
            stamped = self._known.changes(stamped)
        self._rows += len(stamped)
        if len(stamped):
            self._writer.write_table(stamped)

    def commit(self) -> Written:
        """Let the file take its name.

        What its reader knows is written after it: a crash in between gives changes twice, and
        loses none.
        """
        self._writer.close()
        sync(self._part)
        put(self._part, self._path)
        beside = known.beside(self._path)
        if self._known is None:
            beside.unlink(missing_ok=True)
            self.abort()
            return Written(self._rows)
        with temporary_beside(beside) as part:
            self._known.save(part)
            sync(part)
            put(part, beside)
        self.abort()
        return self._known.written

    def abort(self) -> None:
        """Remove the file that has no name yet."""
        self._begun.close()

    def _read(self, schema: pa.Schema) -> Known:
        if self._since is not None and not self._since.is_file():
            raise DestinationError(f"{self._since}: no such file to compare with; check --since")
        for path in (self._since, known.beside(self._path), self._path):
            if path is not None and path.is_file():
                return known.read(path, schema, self._stamp)
        return Known(self._stamp, {})
