"""The page of the record: how much is in it, what was done, and whether it is whole."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime

import pytest

from serving.guard import key_changes
from tests.factories import make_bundles, make_config
from tests.serving.shop import opened

NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path):
    config = make_config(tmp_path)
    key, _ = key_changes.add(config, "crm", ["score"], NOW)
    key_changes.revoke(config, key.id, NOW)
    with opened(config, make_bundles(tmp_path / "made", config)) as held:
        answer = held.client.post("/v1/score", json={"customers": [{"customer_id": "001"}]})
        assert answer.status_code == 200
        yield held


def test_it_tells_what_is_in_it_and_what_was_done(shop):
    said = shop.client.get("/audit/record?lang=en").text
    assert "was made for “crm”: score" in said
    assert "of “crm” was ended" in said
    held = shop.client.get("/audit/record?format=json").json()
    assert held["record"]["kinds"] == {"keys": 2, "score": 1}
    assert held["record"]["entries"] == 3
    assert held["record"]["root"] == shop.online.ledger.head().root.hex()
    assert [each["kind"] for each in held["events"]] == ["keys", "keys"]


def test_it_is_verified_when_that_is_asked_and_a_changed_byte_is_named_by_its_entry(shop):
    assert "Whole." not in shop.client.get("/audit/record?lang=en").text
    assert "Intakt. Alle 3 poster" in shop.client.get("/audit/record?lang=da&verify=1").text
    with sqlite3.connect(shop.config.var / "ledger.db") as connection:
        connection.execute("update ledger set entry = replace(entry, 'crm', 'cms') where seq = 1")
    connection.close()
    said = shop.client.get("/audit/record?lang=en&verify=1").text
    assert "NOT whole" in said
    assert "seq 1 (" in said
    assert shop.client.get("/audit/record?verify=1&format=json").json()["verified"]["faults"]
