"""Where files and tables about customers were put, so that an erasure reaches them there too.

``written.json`` in the base's run-time folder names each place once; it tells no password.
"""

from __future__ import annotations

import fcntl
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from configs.values import without_password
from serving.record.merkle import put, sync, temporary_beside

FILE = "written.json"
Kind = Literal["scores", "features", "report"]

_TABLE = re.compile(r"(?P<url>.+://.+) \((?P<table>[\w.]+)\)")


@dataclass(frozen=True, order=True)
class Place:
    """A place that was written to.

    Parameters
    ----------
    kind : {"scores", "features", "report"}
    place : str
        A file's path, or a database's URL with its table in brackets behind it.
    """

    kind: Kind
    place: str

    @property
    def table(self) -> tuple[str, str] | None:
        """The URL and the table; None of a file."""
        found = _TABLE.fullmatch(self.place)
        return (found["url"], found["table"]) if found else None


def note(var: Path, kind: Kind, place: str) -> None:
    """Note that a place is written to, on disk when this returns."""
    told = without_password(place) if "://" in place else str(Path(place).absolute())
    with _only_writer(var):
        there = noted(var)
        this = Place(kind, told)
        if this in there:
            return
        with temporary_beside(var / FILE) as part:
            part.write_text(json.dumps([asdict(held) for held in sorted([*there, this])], indent=1))
            sync(part)
            put(part, var / FILE)


def noted(var: Path) -> list[Place]:
    """Return the places that were written to, sorted."""
    try:
        return [Place(**held) for held in json.loads((var / FILE).read_bytes())]
    except FileNotFoundError:
        return []


@contextmanager
def _only_writer(var: Path) -> Iterator[None]:
    var.mkdir(parents=True, exist_ok=True)
    with (var / ".written.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
