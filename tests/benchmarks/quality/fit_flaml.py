"""Run by FLAML's own environment: rows in, predictions out.

``python fit_flaml.py IN.npz OUT.npy SETTINGS``, the settings as JSON.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from flaml import AutoML


class Once:
    """The one split that FLAML tunes on, in the form of scikit-learn's splitters."""

    def __init__(self, train: np.ndarray, validation: np.ndarray) -> None:
        self.train, self.validation = train, validation

    def get_n_splits(self) -> int:
        return 1

    def split(self, rows: pd.DataFrame) -> Iterator[tuple[np.ndarray, np.ndarray]]:  # noqa: ARG002
        yield self.train, self.validation


def frame(matrix: np.ndarray, names: np.ndarray, is_category: np.ndarray) -> pd.DataFrame:
    """Return the rows with categories as pandas has them; their numbers are their names."""
    held = pd.DataFrame(matrix, columns=names)
    for name in names[is_category]:
        codes = held[name].fillna(-1).astype(int)
        categories = [f"c{number}" for number in range(1000)][: codes.max() + 1]
        held[name] = pd.Categorical.from_codes(codes, categories)
    return held


def main(given: Path, out: Path, settings: dict[str, object]) -> None:
    held = np.load(given)
    rows = frame(
        np.concatenate([held["matrix"], held["asked"]]), held["names"], held["is_category"]
    )
    fit, asked = rows.iloc[: len(held["matrix"])], rows.iloc[len(held["matrix"]) :]
    asked = asked.reset_index(drop=True)
    if len(held["train"]):
        once = Once(held["train"], held["validation"])
        settings |= {"eval_method": "cv", "split_type": once}
    found = AutoML()
    found.fit(X_train=fit, y_train=held["target"], verbose=1, **settings)
    logging.getLogger("flaml.automl.logger").info("%s", found.best_estimator)
    made = (
        found.predict_proba(asked)[:, 1]
        if settings["task"] == "classification"
        else found.predict(asked)
    )
    unfinished = out.with_suffix(".unfinished.npy")
    np.save(unfinished, np.asarray(made, dtype=float))
    unfinished.replace(out)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3]))
