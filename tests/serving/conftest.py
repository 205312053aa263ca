"""One running service for all tests that ask one as it is, and change nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.serving.running import Running, running


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A promoted base with a filled store, its service running: seven seconds of work."""
    with running(tmp_path_factory.mktemp("service")) as held:
        yield held
