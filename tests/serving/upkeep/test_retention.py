"""What is older than the record is kept for is gone, and the record is whole as before."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from serving.record.batch_layout import Layout
from serving.record.ledger import Ledger
from serving.record.retired import KIND
from serving.record.seal import ErasedError
from serving.upkeep.retention import retire

THEN = datetime(2021, 1, 31, 12, tzinfo=UTC)
NOW = THEN + timedelta(days=2_000)
LAYOUT = Layout({"n": 1}, ())
SECRET = "a score that nobody is to read again"


def made(place: str | Path, folder: Path) -> Ledger:
    """Three scores and a batch of long ago, one score of now."""
    ledger = Ledger(place, "shop", folder)
    ledger.append([(f"old-{n}", "score", {"said": SECRET, "n": n}) for n in range(3)], THEN)
    ledger.append_batch("b-old", [{"said": SECRET, "n": n} for n in range(3)], {}, THEN)
    rows = pa.table({"customer": [SECRET], "n": [1.0]}, schema=LAYOUT.schema)
    ledger.write([ledger.call("c-old", LAYOUT, rows, {}, THEN)])
    ledger.append([("new", "score", {"n": 1})], NOW)
    return ledger


class RetentionContract:
    def place(self, folder: Path) -> str | Path:
        raise NotImplementedError

    def test_takes_what_is_older_and_leaves_the_record_whole(self, tmp_path: Path) -> None:
        ledger = made(self.place(tmp_path), tmp_path / "batches")
        head = ledger.head()
        found = retire(ledger, NOW - timedelta(days=1), NOW)
        assert (found.through, found.scores, found.batches) == (5, 3, ["b-old"])
        assert found.calls == ["c-old"]
        assert ledger.verify().faults == ()
        assert ledger.head().size == head.size + 1
        with pytest.raises(ErasedError, match="old-1: what it said was let go"):
            _ = ledger.get("old-1").body
        for row in ("b-old/1", "c-old/1"):
            with pytest.raises(ErasedError, match=f"{row}: what it said was let go"):
                ledger.get(row)
        assert ledger.get("new").body == {"n": 1}
        assert not list((tmp_path / "batches").iterdir())
        again = retire(ledger, NOW - timedelta(days=1), NOW)
        assert (again.scores, again.batches, ledger.head().size) == (0, [], head.size + 1)

    def test_goes_on_where_it_was_ended_after_its_entry(self, tmp_path: Path) -> None:
        ledger = made(self.place(tmp_path), tmp_path / "batches")
        ledger.append([("r", KIND, {"through": 5})], NOW)
        assert ledger.verify().whole
        assert retire(ledger, THEN, NOW).scores == 3
        assert ledger.verify().whole


class TestInSqlite(RetentionContract):
    def place(self, folder: Path) -> Path:
        return folder / "ledger.db"

    def test_leaves_no_byte_of_it(self, tmp_path: Path) -> None:
        ledger = made(self.place(tmp_path), tmp_path / "batches")
        assert any(SECRET.encode() in path.read_bytes() for path in tmp_path.glob("ledger.db*"))
        retire(ledger, NOW, NOW)
        assert not any(SECRET.encode() in path.read_bytes() for path in tmp_path.glob("*.db*"))

    @pytest.mark.parametrize("name", ["old-1", "new"])
    def test_excuses_nobody_who_empties_an_entry(self, tmp_path: Path, name: str) -> None:
        ledger = made(self.place(tmp_path), tmp_path / "batches")
        if name == "new":
            retire(ledger, NOW - timedelta(days=1), NOW)
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            connection.execute("UPDATE ledger SET entry = x'' WHERE id = ?", (name,))
        (fault,) = {fault.partition(":")[0] for fault in ledger.verify().faults}
        assert name in fault

    def test_excuses_no_hash_that_was_changed(self, tmp_path: Path) -> None:
        ledger = made(self.place(tmp_path), tmp_path / "batches")
        retire(ledger, NOW - timedelta(days=1), NOW)
        with sqlite3.connect(tmp_path / "ledger.db") as connection:
            connection.execute("UPDATE ledger SET leaf_hash = zeroblob(32) WHERE id = 'old-1'")
        assert any("old-1" in fault for fault in ledger.verify().faults)


class TestInPostgresql(RetentionContract):
    @pytest.fixture(autouse=True)
    def _place(self, new_database: Callable[[], str]) -> None:
        self.url = new_database()

    def place(self, folder: Path) -> str:
        assert folder.exists()
        return self.url
