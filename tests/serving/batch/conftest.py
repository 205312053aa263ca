"""A base with a promoted release, for batches of it."""

import pytest

from serving.releases.release import Release, publish
from tests.factories import make_bundles, make_config


@pytest.fixture
def config(tmp_path):
    return make_config(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return make_bundles(folder, make_config(folder))


@pytest.fixture
def release(config, made) -> Release:
    return publish(config.var, config.name, made)
