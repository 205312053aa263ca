"""Champions: which version of a task is served, moved on record and never past the gate."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from configs.errors import StamkundeError
from configs.schema import Config
from serving.record.ledger import Ledger
from serving.releases.release import current, is_promoted, publish
from serving.settings import open_ledger
from training.bundle import load
from training.model import Task

PROMOTION, ROLLBACK = "promotion", "rollback"


class PromotionError(StamkundeError):
    """A version that may not be promoted, or none to go back to."""


class RefusedError(PromotionError):
    """The gate refused the version."""


class Version(Protocol):
    """A registered bundle."""

    @property
    def number(self) -> int:
        """Its number in the registry."""

    @property
    def digest(self) -> str:
        """Of the bundle."""

    @property
    def passed(self) -> bool:
        """The gate's verdict."""

    @property
    def run_id(self) -> str:
        """The run that made it."""


class Registry(Protocol):
    """What holds versions, and the champion's alias."""

    def choose(self, task: str, number: int | None = None, refused_too: bool = False) -> Any:
        """Return a version by number, or the latest that passed (or the latest of all)."""

    def by_digest(self, task: str, digest: str) -> Any:
        """Return the version of a bundle."""

    def bundle_folder(self, version: Any) -> Path:
        """Return the folder of a version's bundle."""

    def make_champion(self, version: Any) -> None:
        """Point the alias at a version."""


def promote(
    config: Config,
    registry: Registry,
    task: Task,
    *,
    at: datetime,
    number: int | None = None,
    force: str | None = None,
) -> Any:
    """Make a version the champion of its task, and return it.

    Parameters
    ----------
    config : Config
    registry : Registry
    task : {"churn", "clv", "segments"}
    at : datetime
        When this is done, for the record.
    number : int, optional
        The latest version that passed unless given; with `force`, the latest of all.
    force : str, optional
        Why a version is promoted against the gate's verdict; the reason is recorded.

    Raises
    ------
    RefusedError
        If the gate refused the version and no reason is given.
    """
    version = registry.choose(task, number, refused_too=bool(force))
    if not version.passed and not (force and force.strip()):
        raise RefusedError(
            f"{config.name}.{task} version {version.number} did not pass the gate; train again, "
            'name another --version, or say why it should be served all the same: --force "WHY"'
        )
    forced = None if version.passed else force
    _move(config, registry, PROMOTION, task, version, at, forced)
    return version


def rollback(config: Config, registry: Registry, task: Task, *, at: datetime) -> Any:
    """Make the champion before the present one the champion again, and return it.

    Raises
    ------
    PromotionError
        If there was none before.
    """
    past = champions(open_ledger(config.name, config.var), task)
    if past and _served(config, task) != past[-1]:
        # A rollback was cut after it went on record: finish that one, do not begin another.
        version = registry.by_digest(task, past[-1])
        _serve(config, registry, task, version)
        return version
    if len(past) < 2:
        raise PromotionError(
            f"{config.name}.{task} has had {len(past) or 'no'} champion{'s' * (not past)} so far: "
            "there is none to go back to; "
            "see: stamkunde models"
        )
    version = registry.by_digest(task, past[-2])
    _move(config, registry, ROLLBACK, task, version, at, None)
    return version


def champions(ledger: Ledger, task: Task) -> list[str]:
    """Return the bundles of a task's champions, the present one last, as the record has them.

    A rollback takes the last one away.
    """
    found: list[str] = []
    moves = [*ledger.entries(PROMOTION), *ledger.entries(ROLLBACK)]
    for entry in sorted(moves, key=lambda entry: entry.seq):
        body = entry.body
        if body["task"] != task:
            continue
        if entry.kind == ROLLBACK:
            found.pop()
        elif not found or found[-1] != body["bundle"]:
            found.append(body["bundle"])
    return found


def _move(
    config: Config,
    registry: Registry,
    kind: str,
    task: Task,
    version: Version,
    at: datetime,
    forced: str | None,
) -> None:
    """Put the move on record, then carry it out; one that was cut in between can be done again."""
    _bundle_of(registry, version)
    body = {
        "task": task,
        "version": version.number,
        "bundle": version.digest,
        "run": version.run_id,
        "passed": version.passed,
        "forced": forced,
    }
    open_ledger(config.name, config.var).append([(uuid4().hex, kind, body)], at)
    _serve(config, registry, task, version)


def _serve(config: Config, registry: Registry, task: Task, version: Version) -> None:
    """Publish the release with a version in it, and point the alias at it."""
    publish(config.var, config.name, {task: _bundle_of(registry, version)})
    registry.make_champion(version)


def _served(config: Config, task: Task) -> str | None:
    """Return the bundle that a task is served with."""
    return current(config.var).digests.get(task) if is_promoted(config.var) else None


def _bundle_of(registry: Registry, version: Version) -> Path:
    """Return the folder of a version's bundle, which must be the one that was registered."""
    folder = registry.bundle_folder(version)
    digest = load(folder).digest
    if digest != version.digest:
        raise PromotionError(
            f"{folder}: is the bundle {digest[:12]}…, but version {version.number} was registered "
            f"with {version.digest[:12]}…; train again"
        )
    return folder
