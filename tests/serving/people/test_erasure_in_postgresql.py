"""Where replicas share one PostgreSQL, an erasure leaves nothing of a person there either."""

import uuid

import psycopg
import pytest

from serving.people.erasure import erase
from serving.people.subject import subject
from serving.place import DATABASE
from serving.record.audit import replays_alike
from tests.factories import make_bundles, make_config
from tests.serving.people.everywhere import AT, SOURCES, Held
from tests.serving.people.persons import ANNA, TRACES, traces


@pytest.fixture
def database(postgres, monkeypatch):
    """A database of its own, in which the record, the features and the answers lie."""
    name = f"people_{uuid.uuid4().hex}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = postgres.replace("/postgres?", f"/{name}?")
    monkeypatch.setenv(DATABASE, url.replace("postgresql:", "postgresql+psycopg:"))
    return url


def test_a_dump_names_her_no_more_and_the_record_is_whole(tmp_path, database):
    held = Held(tmp_path, make_bundles(tmp_path / "made", make_config(tmp_path / "plain")))
    assert any(trace in dumped(database) for trace in TRACES)
    assert set(subject(held.config, ANNA)["held"]) >= {"feature store", "scores on record"}
    receipt = erase(held.config, ANNA, AT)
    assert receipt.removed["remembered answers"] == 1
    assert receipt.removed["rows of batches and large calls on record"] == 4
    assert [trace for trace in TRACES if trace in dumped(database)] == []
    assert [found for found in traces(held.var) if not found.startswith(SOURCES)] == []
    assert subject(held.config, ANNA)["held"] == {}
    ledger = held.ledger()
    assert ledger.verify().faults == ()
    assert replays_alike(held.config, held.scores[1])
    ledger.close()


def dumped(url: str) -> str:
    """All rows of all tables, as text."""
    told = []
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        for (table,) in tables.fetchall():
            told += connection.execute(f'SELECT * FROM "{table}"').fetchall()
    return repr(told)
