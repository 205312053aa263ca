"""What a service is told when it starts: whose scores it gives, and where its state lies.

``STAMKUNDE_VAR`` names the base's run-time folder. What to serve is in ``settings.json``: beside
this file within a Bento, else in that folder.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from configs.errors import StamkundeError
from configs.schema import Config, Serving
from features.store import FeatureStore
from serving.ledger import Ledger, secret

VARIABLE = "STAMKUNDE_VAR"
FILE = "settings.json"


class SettingsError(StamkundeError):
    """A service that was not told what it is to serve."""


@dataclass(frozen=True)
class Settings:
    """What is served, and from where.

    Parameters
    ----------
    base : str
        The customer base.
    var : Path
        The base's run-time folder: ledger, secret, feature store.
    serving : Serving
        The config's section.
    models : dict of task to str
        BentoML's tags of the bundles; the current release of `var` is served if empty.
    """

    base: str
    var: Path
    serving: Serving
    models: dict[str, str]


def open_ledger(base: str, var: Path) -> Ledger:
    """Open a base's record, whose batches have their rows beside it."""
    return Ledger(var / "ledger.db", base, var / "batches")


def open_store(var: Path) -> FeatureStore:
    """Open a base's feature store."""
    return FeatureStore(var / "store.db")


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
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{file}: cannot be read ({error}); start the service with: stamkunde serve"
        ) from None
    serving = Serving.model_validate(held["serving"])
    return Settings(held["base"], Path(folder).absolute(), serving, held["models"])


def written(config: Config, models: dict[str, str]) -> bytes:
    """Return the content of a settings file."""
    held: dict[str, Any] = {
        "base": config.name,
        "serving": config.serving.model_dump(mode="json"),
        "models": models,
    }
    return json.dumps(held, indent=1, sort_keys=True).encode()
