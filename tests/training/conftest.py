"""Small fits are not helped by more threads; MLflow's empty database is built only once."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from training import track


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session", autouse=True)
def _databases_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let each registry begin with a copy of one that `track` made: MLflow takes 5 s to make it."""
    make, template = track._make_database, tmp_path_factory.mktemp("mlflow") / "template.db"

    def copy(database: Path) -> None:
        if not template.exists():
            make(template)
        shutil.copyfile(template, database)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(track, "_make_database", copy)
        yield
