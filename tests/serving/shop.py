"""The service's application in this process, over a base whose store is filled."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

from configs.schema import Config
from features.source import load_tables
from serving import settings
from serving.app import application
from serving.batch.fill import fill_store
from serving.releases.release import Release, publish
from serving.scoring.online import Online
from serving.settings import Settings
from serving.watching.note import Watch
from tests.factories import AS_OF


@dataclass(frozen=True)
class Client:
    """Asks the application; any number of threads may at once."""

    asks: httpx.AsyncClient
    portal: BlockingPortal
    online: Online
    watch: Watch

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.portal.call(partial(self.asks.request, method, path, **more))

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.request("GET", path, **more)

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.request("POST", path, **more)


@dataclass(frozen=True)
class Shop:
    """A base that is served."""

    config: Config
    release: Release
    client: Client

    @property
    def online(self) -> Online:
        return self.client.online


@contextmanager
def opened(config: Config, made: Mapping[Any, Path]) -> Iterator[Shop]:
    """Publish bundles, fill the store, and give the base, served."""
    release = publish(config.var, config.name, made)
    store = settings.open_store(config.var)
    fill_store(config, load_tables(config), release, AS_OF, store)
    store.close()
    with client_of(config, release) as client:
        yield Shop(config, release, client)


@contextmanager
def client_of(config: Config, release: Release) -> Iterator[Client]:
    """Serve a release of a base; the processes of its jobs read the same settings."""
    (config.var / settings.FILE).write_bytes(settings.written(config, {}))
    with pytest.MonkeyPatch.context() as patch, start_blocking_portal() as portal:
        patch.setattr(settings, "read", lambda: Settings(config.var, config, {}))
        app = application(lambda _: release)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        asks = httpx.AsyncClient(transport=transport, base_url="http://service", timeout=60)
        with (
            portal.wrap_async_context_manager(app.router.lifespan_context(app)),
            portal.wrap_async_context_manager(asks),
        ):
            yield Client(asks, portal, app.state.served.online, app.state.watch)
