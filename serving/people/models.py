"""Which models learned from a person: by the marks that each run keeps of whom it was fitted on."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from features.marks import WIDE

FILE = "learned_from.marks"


@dataclass(frozen=True)
class Model:
    """A model that a training run made.

    Parameters
    ----------
    run : str
    bundle : str
        Its digest.
    held : bool or None
        Whether it learned from the person; None where the run kept no marks.
    """

    run: str
    bundle: str
    held: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def learned_from(var: Path, mark: bytes) -> list[Model]:
    """Return the models that may hold what was learned from whom a mark is of, by their runs."""
    models = []
    for manifest in sorted((var / "runs").glob("*/bundle/manifest.json")):
        folder = manifest.parents[1]
        digest = hashlib.sha256(manifest.read_bytes()).hexdigest()
        models.append(Model(folder.name, digest, _held(folder / FILE, mark)))
    return [model for model in models if model.held is not False]


def _held(file: Path, mark: bytes) -> bool | None:
    try:
        marks = file.read_bytes()
    except FileNotFoundError:
        return None
    return any(marks[start : start + WIDE] == mark for start in range(0, len(marks), WIDE))
