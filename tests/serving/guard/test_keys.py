"""Keys of callers: made once, kept hashed, rotated, ended, and each change on record."""

import json
import stat
import threading
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

import stamkunde
from configs.load import dump
from serving.guard import key_changes
from serving.guard.keys import FILE, KeysError, KeyStore, told
from serving.settings import open_ledger
from tests.factories import make_config

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def config(tmp_path):
    return make_config(tmp_path)


def store(config) -> KeyStore:
    return KeyStore(config.var / FILE)


def changes(config) -> list[dict]:
    ledger = open_ledger(config.name, config.var)
    assert ledger.verify().whole
    return [entry.body for entry in ledger.entries(key_changes.KIND)]


def test_a_key_is_known_by_what_was_printed_once_and_by_nothing_else(config):
    key, text = key_changes.add(config, "crm", ["read", "score"], NOW, NOW + DAY)
    assert text.startswith(f"sk_{key.id}_")
    assert len(text) == len("sk_") + 12 + len("_") + 64  # 64 hexadecimal digits are 256 bits
    assert store(config).find(text, NOW) == key
    wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    for other in (
        wrong,
        text[:-1],
        text + "0",
        text.upper(),
        "",
        "sk_",
        f"sk_{'0' * 12}_" + "0" * 64,
    ):
        assert store(config).find(other, NOW) is None
    assert key.scopes == ("score", "read")
    assert key.allows("score")
    assert not key.allows("audit")


def test_neither_the_file_nor_the_record_holds_a_secret(config):
    key, text = key_changes.add(config, "crm", ["score"], NOW)
    key, later = key_changes.rotate(config, key.id, NOW, DAY)
    file = config.var / FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    kept = file.read_text() + json.dumps(changes(config)) + json.dumps(told(key))
    for secret in (text, later):
        assert secret not in kept
        assert secret.rpartition("_")[2] not in kept


def test_a_key_ends_when_it_expires_and_when_it_is_revoked(config):
    key, text = key_changes.add(config, "crm", ["score"], NOW, NOW + DAY)
    assert store(config).find(text, NOW + DAY - timedelta(seconds=1))
    assert store(config).find(text, NOW + DAY) is None
    key_changes.revoke(config, key.id, NOW)
    again = key_changes.revoke(config, key.id, NOW + DAY)
    assert again.revoked_at == NOW
    assert store(config).find(text, NOW) is None
    with pytest.raises(KeysError, match="revoked or expired"):
        key_changes.rotate(config, key.id, NOW)


def test_rotation_keeps_the_key_and_ends_the_secret_before_after_the_overlap(config):
    key, first = key_changes.add(config, "crm", ["score"], NOW, NOW + 30 * DAY)
    rotated, second = key_changes.rotate(config, key.id, NOW, 7 * DAY, NOW + 60 * DAY)
    assert (rotated.id, rotated.scopes, rotated.rotated_at) == (key.id, key.scopes, NOW)
    at = NOW + 7 * DAY
    assert store(config).find(first, at - DAY).id == store(config).find(second, at - DAY).id
    assert store(config).find(first, at) is None
    assert store(config).find(second, NOW + 59 * DAY)
    _, third = key_changes.rotate(config, key.id, NOW)  # at once: both before it end
    assert [bool(store(config).find(text, NOW)) for text in (first, second, third)] == [
        False,
        False,
        True,
    ]


def test_a_running_store_sees_each_change_within_a_fifth_of_a_second(config):
    held = store(config)
    assert held.keys(NOW) == {}
    key, text = key_changes.add(config, "crm", ["score"], NOW)
    assert held.find(text, NOW + timedelta(seconds=0.1)) is None  # it has just looked
    assert held.find(text, NOW + timedelta(seconds=0.2)) is not None
    key_changes.revoke(config, key.id, NOW)
    assert held.find(text, NOW + timedelta(seconds=0.4)) is None
    assert held.keys(NOW - DAY)  # a clock set back is no reason to look no more


def test_every_change_is_on_record(config):
    key, _ = key_changes.add(config, "crm", ["score"], NOW, NOW + DAY)
    key_changes.rotate(config, key.id, NOW, DAY)
    key_changes.revoke(config, key.id, NOW)
    found = changes(config)
    assert [(body["change"], body["id"], body["name"]) for body in found] == [
        (change, key.id, "crm") for change in ("add", "rotate", "revoke")
    ]
    assert found[0]["expires_at"] == "2026-03-02T12:00:00+00:00"


def test_keys_made_side_by_side_are_all_kept(config):
    threads = [
        threading.Thread(target=key_changes.add, args=(config, f"n{i}", ["read"], NOW))
        for i in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {key.name for key in store(config).keys(NOW).values()}
    assert names == {f"n{i}" for i in range(8)}


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda config: key_changes.add(config, "", ["score"], NOW), "a key's name"),
        (lambda config: key_changes.add(config, "a\nb", ["score"], NOW), "a key's name"),
        (lambda config: key_changes.add(config, "a", [], NOW), "score, read, audit, admin"),
        (lambda config: key_changes.add(config, "a", ["score", "all"], NOW), "got score, all"),
        (lambda config: key_changes.add(config, "a", ["score"], NOW, NOW), "in the future"),
        (lambda config: key_changes.revoke(config, "nobody", NOW), "no key 'nobody'"),
        (lambda config: key_changes.rotate(config, "nobody", NOW), "no key 'nobody'"),
    ],
)
def test_what_cannot_be_is_told_and_changes_nothing(config, call, said):
    with pytest.raises(KeysError, match=said):
        call(config)
    assert not store(config).keys(NOW)
    assert not changes(config)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"keys": [{}]}',
        b'{"keys": [{"id": "1", "name": "a", "scopes": ["all"], "made_at": null}]}',
        b'{"keys": [{"id": "1", "name": "a", "scopes": [], "made_at": "2026-01-01"}]}',
    ],
)
def test_a_file_that_is_none_of_keys_lets_nobody_in(config, content):
    config.var.mkdir(parents=True)
    (config.var / FILE).write_bytes(content)
    held = store(config)
    for _ in range(2):  # nor the second time
        with pytest.raises(KeysError, match="restore it, or delete it"):
            held.keys(NOW)


def test_the_command_line_prints_a_key_once_and_lists_what_became_of_each(tmp_path):
    file = tmp_path / "shop.yaml"
    file.write_text(json.dumps(dump(make_config(tmp_path))))

    def run(*words: str) -> str:
        done = CliRunner().invoke(stamkunde.app, ["keys", *words, "--config", str(file)])
        assert done.exit_code == 0, done.exception
        return done.stdout

    assert "no keys" in run("list")
    made = json.loads(run("add", "crm", "--scope", "score", "--expires", "90d", "--json"))
    listed = run("list", "--json")
    assert made["key"] not in listed
    (told,) = json.loads(listed)
    lasts = datetime.fromisoformat(told["expires_at"]) - datetime.fromisoformat(told["made_at"])
    assert (told["valid"], lasts) == (True, 90 * DAY)
    # A date is its first instant in the base's zone, Copenhagen: an hour before midnight UTC.
    rotated = json.loads(run("rotate", made["id"], "--expires", "2099-01-01", "--json"))
    assert rotated["expires_at"] == "2098-12-31T23:00:00+00:00"
    assert rotated["key"] != made["key"]
    run("revoke", made["id"])
    assert json.loads(run("list", "--json"))[0]["valid"] is False
    assert "NOT valid" in run("list")
