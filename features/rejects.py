"""Bad rows set aside, each with its place and what was wrong with it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path

from configs.sources import Source
from features.contract import DataError
from features.formulas import neutral


@dataclass(frozen=True)
class Reject:
    """A bad row: where it stands, what was expected and found, and the row as it was read."""

    file: str
    line: int | None
    column: str | None
    expected: str
    found: str
    row: str

    @classmethod
    def of(cls, error: DataError, row: str) -> Reject:
        """Return the row that an error is about."""
        return cls(error.file, error.line, error.column, error.expected, error.found, row)


@dataclass
class Rejects:
    """The bad rows of one source, at most as many as its config lets pass.

    Parameters
    ----------
    source : Source
        The user's.
    held : list of Reject
        Where they are put; those of other sources may lie there too.
    count : int
        How many are this source's.
    """

    source: Source
    held: list[Reject] = field(default_factory=list)
    count: int = field(default=0, init=False)

    @property
    def room(self) -> int:
        """How many more may be set aside."""
        return self.source.max_rejects - self.count

    def add(self, reject: Reject) -> None:
        """Set a row aside.

        Raises
        ------
        DataError
            If it is one too many.
        """
        self.held.append(reject)
        self.count += 1
        most = self.source.max_rejects
        if self.room < 0:
            raise DataError(
                reject.file,
                line=reject.line,
                column=reject.column,
                expected=f"at most {most} bad rows (max_rejects)",
                found=f"one more: expected {reject.expected}, found {reject.found}",
                step="mend the file, or raise max_rejects in the config",
            )


def as_line(values: Iterable[object]) -> str:
    """Return the values of a row as one record of CSV."""
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow(values)
    return out.getvalue()


def write_rejects(path: Path, aside: Iterable[Rejects]) -> None:
    """Write bad rows to a CSV file with a header; no spreadsheet runs what stands in them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(each.name for each in fields(Reject))
        writer.writerows(map(_cells, (reject for rejects in aside for reject in rejects.held)))


def _cells(reject: Reject) -> list[object]:
    return [neutral(value) if isinstance(value, str) else value for value in astuple(reject)]
