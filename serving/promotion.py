"""Champions: which version of a task is served, moved on record and never past the gate."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

from configs.errors import StamkundeError
from configs.schema import Config
from serving.ledger import Ledger
from serving.release import Release, publish
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

    def choose(self, task: str, number: int | None = None) -> Any:
        """Return a version by number, or the latest that passed."""

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
        The latest version that passed unless given.
    force : str, optional
        Why a version is promoted against the gate's verdict; the reason is recorded.

    Raises
    ------
    RefusedError
        If the gate refused the version and no reason is given.
    """
    version = registry.choose(task, number)
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
) -> Release:
    """Record the move, publish the release, point the alias; whatever is cut can be done again."""
    folder = registry.bundle_folder(version)
    digest = load(folder).digest
    if digest != version.digest:
        raise PromotionError(
            f"{folder}: is the bundle {digest[:12]}…, but version {version.number} was registered "
            f"with {version.digest[:12]}…; train again"
        )
    body = {
        "task": task,
        "version": version.number,
        "bundle": version.digest,
        "run": version.run_id,
        "passed": version.passed,
        "forced": forced,
    }
    open_ledger(config.name, config.var).append([(uuid4().hex, kind, body)], at)
    release = publish(config.var, config.name, {task: folder})
    registry.make_champion(version)
    return release
