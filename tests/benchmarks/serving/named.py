"""The bundle as an MLflow model that takes features by name, as Stamkunde and other peers do.

What training logs with MLflow takes numbers alone, encoded beforehand; it is a peer of its own.
"""

from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd

from training.bundle import load
from training.model import Model


class Named:
    """A model that is asked by a table of features."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Return the chance that each row's customer leaves."""
        return self._model.predict(self._model.complete(self._model.inputs.encode(frame)))


def _load_pyfunc(path: str) -> Named:
    (manifest,) = Path(path).glob("**/manifest.json")
    return Named(load(manifest.parent).model)


def saved(bundle: Path, folder: Path) -> Path:
    """Save a bundle so, unless it is there already; return the MLflow model's folder."""
    if not folder.exists():
        mlflow.pyfunc.save_model(
            str(folder), loader_module=__name__, data_path=str(bundle), pip_requirements=["mlflow"]
        )
    return folder
