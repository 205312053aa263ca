"""Champions are moved on record, never past the gate, and a move that was cut is finished."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from configs.schema import Config
from serving.releases.promotion import PromotionError, RefusedError, champions, promote, rollback
from serving.releases.release import current
from serving.settings import open_ledger
from tests.factories import make_bundles, make_config
from tests.serving.shelf import Shelf, Version

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return make_config(tmp_path)


@pytest.fixture(scope="module")
def versions(tmp_path_factory) -> list[Version]:
    """Versions 1 and 2 passed the gate, 3 did not."""
    folder = tmp_path_factory.mktemp("versions")
    config = make_config(folder)
    return [
        Version(n, make_bundles(folder / str(n), config, seed=n)["churn"], n < 3) for n in (1, 2, 3)
    ]


@pytest.fixture
def shelf(versions: list[Version]) -> Shelf:
    return Shelf(versions)


def served(config: Config) -> str:
    return current(config.var).digests["churn"]


def test_the_latest_that_passed_is_promoted_served_and_on_record(config, shelf):
    chosen = promote(config, shelf, "churn", at=NOW)
    assert (chosen.number, shelf.champion) == (2, 2)
    assert served(config) == chosen.digest
    (entry,) = open_ledger(config.name, config.var).entries("promotion")
    assert (entry.body["version"], entry.body["passed"], entry.body["forced"]) == (2, True, None)


def test_a_refused_version_needs_a_reason_which_is_recorded(config, shelf):
    with pytest.raises(RefusedError, match="did not pass the gate"):
        promote(config, shelf, "churn", at=NOW, number=3)
    assert promote(config, shelf, "churn", at=NOW, force="the shop asked").number == 3
    (entry,) = open_ledger(config.name, config.var).entries("promotion")
    assert (entry.body["passed"], entry.body["forced"]) == (False, "the shop asked")


def test_a_rollback_goes_back_by_one_and_no_further_than_the_first(config, shelf):
    for number in (1, 2):
        promote(config, shelf, "churn", at=NOW, number=number)
    assert rollback(config, shelf, "churn", at=NOW).number == 1
    assert served(config) == shelf.versions[0].digest
    with pytest.raises(PromotionError, match="none to go back to"):
        rollback(config, shelf, "churn", at=NOW)


def test_a_rollback_that_was_cut_after_its_entry_is_finished_not_repeated(config, shelf):
    for number in (1, 2, 3):
        promote(config, shelf, "churn", at=NOW, number=number, force="to test")
    ledger = open_ledger(config.name, config.var)
    body = {"task": "churn", "version": 2, "bundle": shelf.versions[1].digest}
    ledger.append([("cut", "rollback", body)], NOW)  # and the machine stopped here
    assert served(config) == shelf.versions[2].digest
    assert rollback(config, shelf, "churn", at=NOW).number == 2
    assert served(config) == shelf.versions[1].digest
    assert champions(ledger, "churn") == [v.digest for v in shelf.versions[:2]]
