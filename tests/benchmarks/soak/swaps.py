"""Promotions and rollbacks while calls are made."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from serving.releases.promotion import promote, rollback
from serving.releases.release import current
from tests.benchmarks.processes import Service
from tests.benchmarks.soak.target import Target
from tests.serving.shelf import Shelf, Version
from tests.serving.swapping import Load, swap_under_load


def swapped(
    target: Target, service: Service, customers: list[str], moves: int, folder: Path
) -> Load:
    """Promote another churn model and roll it back, in turn, under load; say what was answered."""
    url = f"http://127.0.0.1:{service.port}"
    return swap_under_load(
        url, _moves(target, moves, folder), customers, headers=dict(target.headers)
    )


def _moves(target: Target, count: int, folder: Path) -> list[Callable[[], str]]:
    config = target.config
    served = current(config.var).bundles["churn"].path
    shelf = Shelf([Version(1, served, True), Version(2, _twin(served, folder), True)])
    promote(config, shelf, "churn", at=datetime.now(UTC), number=1)

    def onward() -> str:
        promote(config, shelf, "churn", at=datetime.now(UTC), number=2)
        return current(config.var).digest

    def back() -> str:
        rollback(config, shelf, "churn", at=datetime.now(UTC))
        return current(config.var).digest

    return [back if number % 2 else onward for number in range(count)]


def _twin(served: Path, folder: Path) -> Path:
    """Return a bundle of the same model that has another digest."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(served, folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["made_at"] = "2018-01-01T00:00:00+00:00"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder
