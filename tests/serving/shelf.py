"""A registry of bundles that lie in folders, for promotions without MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from training import bundle


@dataclass(frozen=True)
class Version:
    number: int
    folder: Path
    passed: bool
    run_id: str = "run"

    @property
    def digest(self) -> str:
        return bundle.load(self.folder).digest


class Shelf:
    """Versions of the churn model."""

    def __init__(self, versions: list[Version]) -> None:
        self.champion = 0
        self.versions = versions

    def choose(self, task: str, number: int | None = None, refused_too: bool = False) -> Version:
        assert task == "churn"
        held = [v for v in self.versions if number in (None, v.number)]
        return [v for v in held if v.passed or refused_too or number][-1]

    def by_digest(self, task: str, digest: str) -> Version:
        assert task == "churn"
        return next(v for v in self.versions if v.digest == digest)

    def bundle_folder(self, version: Version) -> Path:
        return version.folder

    def make_champion(self, version: Version) -> None:
        self.champion = version.number
