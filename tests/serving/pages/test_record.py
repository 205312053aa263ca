"""The page of the record: how much is in it, what was done, and whether it is whole."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from serving.guard import key_changes
from serving.pages.record_checked import FOLDER, checked
from serving.record import checkpoint
from serving.record.ledger import Ledger
from serving.record.tree import BLOCK
from serving.settings import open_signer
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


def test_checkpoints_in_the_folder_are_told_and_one_of_another_hand_is_named(shop):
    ledger = shop.online.ledger
    folder, signer = shop.config.var / FOLDER, open_signer("shop", shop.config.var)
    file = checkpoint.write(checkpoint.made("shop", ledger.head(), signer, NOW), folder)
    said = shop.client.get("/audit/record?lang=en&verify=1").text
    assert "Whole." in said
    assert ledger.head().root.hex() in said
    file.write_text(file.read_text().replace("2024", "2025"))
    assert file.name in shop.client.get("/audit/record?lang=en").text


def test_a_record_written_anew_is_found_out_by_its_checkpoint(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", "shop")
    ledger.append([("S1", "score", {"p": 1})], NOW)
    held = checkpoint.made("shop", ledger.head(), open_signer("shop", tmp_path), NOW)
    assert checked(ledger, [held]).whole
    assert not checked(ledger, [replace(held, root=bytes(32))]).whole


def test_of_a_long_record_the_latest_part_is_verified(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db", "shop")
    for start in range(0, 3 * BLOCK, BLOCK):
        ledger.append([(f"S{start + n}", "score", {"p": n}) for n in range(BLOCK)], NOW)
    found = checked(ledger, [], most=BLOCK + 7)
    assert (found.entries, found.all, found.whole) == (2 * BLOCK, False, True)
    with sqlite3.connect(tmp_path / "ledger.db") as connection:
        connection.execute(f"update ledger set kind = 'odd' where seq = {3 * BLOCK - 1}")
    connection.close()
    assert not checked(ledger, [], most=BLOCK + 7).whole
