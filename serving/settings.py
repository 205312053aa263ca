"""What a service is told when it starts: whose scores it gives, and the state it opens for that.

``STAMKUNDE_VAR`` names the base's run-time folder. What to serve is in ``settings.json``: beside
this file within a Bento, else in that folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from configs.errors import StamkundeError
from configs.load import dump
from configs.schema import Config, DuckDbEngine
from features.marks import Marks
from features.posted import canonical
from features.store import FeatureStore
from serving.idempotency.remembered import Remembered
from serving.people.keyring import Keyring
from serving.people.permission import Permission
from serving.place import record_place, store_place
from serving.record.checkpoint import name
from serving.record.checkpointing import Checkpointing
from serving.record.index import Index
from serving.record.ledger import Ledger
from serving.record.note import PublicKey, Signer, public_key, signer
from serving.record.tokens import secret
from serving.watching.seen import Seen

VARIABLE = "STAMKUNDE_VAR"
FILE = "settings.json"
CHECKPOINT_KEY = "checkpoint.key"


class SettingsError(StamkundeError):
    """A service that was not told what it is to serve."""


@dataclass(frozen=True)
class Settings:
    """What is served, and from where.

    Parameters
    ----------
    var : Path
        The base's run-time folder: ledger, secret, feature store.
    config : Config
        The base's, as `written` keeps it.
    models : dict of task to str
        BentoML's tags of the bundles; the current release of `var` is served if empty.
    """

    var: Path
    config: Config
    models: dict[str, str]


def open_ledger(base: str, var: Path) -> Ledger:
    """Open a base's record, whose batches have their rows beside it."""
    return Ledger(record_place(var), base, var / "batches", open_keyring(base, var))


def open_keyring(base: str, var: Path) -> Keyring:
    """Open the keys of a base's customers, which lie with the record."""
    return Keyring(record_place(var), base)


def open_seen(base: str, var: Path) -> Seen:
    """Open the counts of a base's scores, which lie with the record."""
    return Seen(record_place(var), base)


def open_index(base: str, var: Path) -> Index:
    """Open the index of a base's record."""
    return Index(record_place(var), base, var / "batches")


def open_store(var: Path) -> FeatureStore:
    """Open a base's feature store."""
    return FeatureStore(store_place(var))


def open_remembered(config: Config, var: Path) -> Remembered:
    """Open the answers to calls with an Idempotency-Key, which lie with the record."""
    return Remembered(
        record_place(var),
        config.name,
        kept=timedelta(days=config.serving.remembered_for),
        patience=timedelta(seconds=config.serving.timeout),
    )


def permission(config: Config, var: Path, store: FeatureStore) -> Permission:
    """Return of whom scores may be given, by the marks and the consents that are stored."""
    purpose = config.serving.purpose
    return Permission(
        Marks(var, config.name),
        purpose,
        lambda customers: store.consenting(config.name, purpose or "", customers),
    )


def open_signer(base: str, var: Path) -> Signer:
    """Read the key that signs a base's checkpoints, or make it with its public one beside it."""
    return signer(var / CHECKPOINT_KEY, name(base))


def open_checkpointing(config: Config, var: Path, ledger: Ledger) -> Checkpointing | None:
    """Return what writes checkpoints of a base's record by itself, if the config has it so."""
    told = config.serving.checkpoints
    if told is None:
        return None
    key = open_signer(config.name, var)
    time = timedelta(minutes=told.every_minutes)
    return Checkpointing(ledger, key, var / told.folder, told.every_entries, time)


def checkpoint_key(var: Path) -> PublicKey:
    """Read the public key of a base's checkpoints."""
    return public_key((var / CHECKPOINT_KEY).with_suffix(".pub"))


def open_secret(var: Path) -> bytes:
    """Read the key under which a base's record names customers, or make it."""
    return secret(var / "secret")


@cache
def read() -> Settings:
    """Return this process's settings.

    Raises
    ------
    SettingsError
        If the variable or the file is missing.
    """
    folder = os.environ.get(VARIABLE)
    if not folder:
        raise SettingsError(
            f"the environment variable {VARIABLE} must name the base's run-time folder, such as "
            "var/shop; set it, or start the service with: stamkunde serve"
        )
    packed, beside = Path(__file__).with_name(FILE), Path(folder) / FILE
    file = packed if packed.exists() else beside
    try:
        held = json.loads(file.read_bytes())
        config = Config.model_validate(held["config"])
        return Settings(Path(folder).absolute(), config, held["models"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise SettingsError(
            f"{file}: cannot be read ({error}); start the service with: stamkunde serve"
        ) from None


def written(config: Config, models: dict[str, str]) -> bytes:
    """Return the content of a settings file.

    Of the config it holds what a service needs: not where tables lie, which may tell a password.
    """
    held: dict[str, Any] = {"config": dump(_without_places(config)), "models": models}
    return json.dumps(held, indent=1, sort_keys=True).encode()


def _without_places(config: Config) -> Config:
    """Return a config whose tables have the canonical columns, and lie nowhere."""
    sources = {
        table: tuple(canonical(source).model_copy(update={"path": table}) for source in held)
        for table, held in config.sources.given.items()
    }
    one = {table: held if table == "events" else held[0] for table, held in sources.items()}
    return config.model_copy(
        update={"sources": config.sources.model_copy(update=one), "engine": DuckDbEngine()}
    )
