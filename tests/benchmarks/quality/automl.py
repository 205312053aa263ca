"""FLAML in an environment of its own: what it is handed, and what it hands back."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.benchmarks.measure import FOLDER
from tests.benchmarks.quality.rows import Case

REQUIREMENTS = Path(__file__).with_name("flaml.txt")
SCRIPT = Path(__file__).with_name("fit_flaml.py")
KEPT = FOLDER / "quality" / "flaml"


def flaml(case: Case, minutes: float, is_purged: bool = False) -> np.ndarray:
    """Return the predictions of the test rows by what FLAML finds in so many minutes.

    It sees the features that Stamkunde sees. As it comes it splits the training rows by itself;
    purged, it tunes by the last training cut-off on those whose label windows end by it, and in
    the end fits on all. What the same rows, budget and release once gave is kept.
    """
    split = case.split
    train, validation = (case.purged if is_purged else None) or (np.empty(0, int), np.empty(0, int))
    given = {
        "matrix": split.fit.matrix,
        "target": split.fit.target,
        "asked": split.test.matrix,
        "names": np.array(split.schema.names),
        "is_category": np.array([column.kind == "category" for column in split.schema.columns]),
        "train": train,
        "validation": validation,
    }
    settings = {
        "task": "classification" if case.row.task == "churn" else "regression",
        "metric": "log_loss" if case.row.task == "churn" else "rmse",
        "time_budget": 60 * minutes,
        "n_jobs": 2,
        "seed": case.config.seed,
    }
    python = environment()
    out = KEPT / case.row.name / f"{_digest(given, settings)}.npy"
    if not out.exists():
        out.parent.mkdir(parents=True, exist_ok=True)
        asked = out.with_suffix(".npz")
        np.savez(asked, **given)
        subprocess.run(
            [python, "-I", SCRIPT, asked, out, json.dumps(settings)], check=True, stdout=sys.stderr
        )
        asked.unlink()
    return np.load(out)


def environment() -> Path:
    """Make FLAML's environment, unless it stands; return its Python."""
    place = (FOLDER / "peers").resolve()
    python, stamp, wanted = place / "bin" / "python", place / "made-from", REQUIREMENTS.read_text()
    if stamp.exists() and stamp.read_text() == wanted:
        return python
    _uv("venv", "--clear", "--python", sys.executable, place)
    checked = ("--require-hashes", "--only-binary", ":all:", "-r", REQUIREMENTS)
    _uv("pip", "install", "--python", python, *checked)
    stamp.write_text(wanted)
    return python


def _uv(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "uv", "--quiet", *words], check=True)


def _digest(given: dict[str, np.ndarray], settings: dict[str, object]) -> str:
    whole = hashlib.sha256(json.dumps(settings).encode())
    whole.update(REQUIREMENTS.read_bytes() + SCRIPT.read_bytes())
    for name, held in given.items():
        whole.update(f"{name}{held.shape}{held.dtype}".encode())
        whole.update(np.ascontiguousarray(held).tobytes())
    return whole.hexdigest()
