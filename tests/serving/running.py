"""A promoted base with a filled store, its real service running: for tests, and for the fuzz."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.schema import Config
from features.source import Tables, load_tables
from serving import server, settings
from serving.batch.fill import fill_store
from serving.demo import free_port
from serving.releases.release import Release, publish
from tests.factories import AS_OF, make_bundles, make_config
from training.model import Task


@dataclass(frozen=True)
class Running:
    """A service and what it serves."""

    config: Config
    release: Release
    tables: Tables
    url: str
    log: Path


@contextmanager
def running(
    folder: Path,
    cards: Mapping[str, Any] | None = None,
    before: Callable[[Config, Mapping[Task, Path]], None] = lambda _, __: None,
    **changes: Any,
) -> Iterator[Running]:
    """Start a service over a made base in a folder; it ends with the block.

    Before it starts, something may be done with the base and its bundles.
    """
    config = make_config(folder, **changes)
    made = make_bundles(folder / "made", config, cards=cards)
    release = publish(config.var, config.name, made)
    before(config, made)
    tables = load_tables(config)
    store = settings.open_store(config.var)
    fill_store(config, tables, release, AS_OF, store)
    store.close()
    port = free_port()
    held = Running(config, release, tables, f"http://127.0.0.1:{port}", folder / "service.log")
    with held.log.open("wb") as output:
        process = server.start(config, port=port, log=output)
        try:
            server.wait_until_ready(held.url, process)
            yield held
        finally:
            process.terminate()
            process.wait(30)
