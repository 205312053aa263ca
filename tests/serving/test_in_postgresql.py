"""The real application with its record, features and remembered answers in PostgreSQL."""

from datetime import UTC, datetime

import psycopg
import pytest
from sqlalchemy.engine import make_url

from features.source import load_tables
from serving import settings
from serving.batch.run import score_base
from serving.place import DATABASE, PlaceError
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.shop import opened

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture
def database(postgres):
    """A database of this test's own; the server takes any password."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE whole_service")
    url = make_url(postgres).set(database="whole_service", password="hunter2")
    return url.render_as_string(hide_password=False)


def test_the_service_and_the_batch_over_postgresql(tmp_path, database, monkeypatch):
    monkeypatch.setenv(DATABASE, database)
    config = make_config(tmp_path)
    made = make_bundles(tmp_path / "bundles", config)
    body = {"customers": [{"customer_id": "001"}, {"customer_id": "nobody"}]}
    with opened(config, made) as shop:
        first, second = (
            shop.client.post("/v1/score", json=body, headers={"Idempotency-Key": "k"})
            for _ in range(2)
        )
        assert first.status_code == 200
        assert first.content == second.content
        score, missing = first.json()["results"]
        assert missing["error"]["code"] == "unknown_customer"
        assert shop.client.get(f"/v1/scores/{score['id']}").json()["replayed"] is True
        batch = score_base(
            config, load_tables(config), shop.release, AS_OF, tmp_path / "s.parquet", AT, 3, "en"
        )
    ledger = settings.open_ledger(config.name, config.var)
    found = ledger.verify()
    assert found.whole
    assert found.batches_rows == batch.customers
    assert ledger.get(score["id"]).body["customer"]
    ledger.close()
    assert not list(config.var.rglob("*.db"))
    held = [path for path in config.var.rglob("*") if path.is_file()]
    assert [path for path in held if b"hunter2" in path.read_bytes()] == []
    monkeypatch.delenv(DATABASE)
    with pytest.raises(PlaceError, match=r"the record lies in postgresql\+psycopg://"):
        settings.open_ledger(config.name, config.var)


def test_a_record_in_a_file_is_not_left_behind_unseen(tmp_path, monkeypatch):
    settings.open_ledger("shop", tmp_path).append([("S1", "score", {})], AT)
    monkeypatch.setenv(DATABASE, "postgresql://u@127.0.0.1:1/shop")
    with pytest.raises(PlaceError, match=r"ledger\.db: is here already"):
        settings.open_ledger("shop", tmp_path)
