"""A record that is backed up is had again, entry by entry; a backup that was changed is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from serving.record.ledger import Ledger
from serving.upkeep.backup import RECORD, BackupError, back_up
from serving.upkeep.restore import KIND, restore

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


class BackupContract:
    """What holds of a backup wherever the record lies, and wherever it is restored."""

    def place(self, folder: Path) -> str | Path:
        raise NotImplementedError

    def made(self, place: str | Path, var: Path, base: str = "shop") -> Ledger:
        """A record of five entries and a batch, with a secret beside it."""
        var.mkdir(exist_ok=True)
        (var / "secret").write_bytes(b"s" * 32)
        ledger = Ledger(place, base, var / "batches")
        ledger.append([(f"{base}-{n}", "score", {"n": n / 7}) for n in range(5)], NOON)
        ledger.append_batch("b1", [{"n": n} for n in range(3)], {}, NOON)
        return ledger

    def test_gives_the_record_again_and_goes_on(self, tmp_path: Path) -> None:
        place = self.place(tmp_path / "a")
        ledger = self.made(place, tmp_path / "a")
        self.made(place, tmp_path / "other", "other")  # whose entries are none of the shop's
        made = back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "copy", NOON)
        assert made.rows["ledger"] == 6
        ledger.append([("late", "score", {})], NOON)
        again = Ledger(self.place(tmp_path / "b"), "shop", tmp_path / "b" / "batches")
        restored = restore(again, tmp_path / "copy", tmp_path / "b", NOON)
        assert (restored.found.entries, restored.found.batches_rows) == (6, 3)
        assert restored.found.whole
        assert list(again.entries())[:6] == list(ledger.entries())[:6]
        assert [entry.kind for entry in again.entries()][6:] == [KIND]
        assert again.get("b1/2").body == {"n": 1}
        assert (tmp_path / "b" / "secret").read_bytes() == b"s" * 32
        assert again.append([("more", "score", {})], NOON)[0].seq == 8
        assert again.verify().whole

    def test_takes_no_record_s_place(self, tmp_path: Path) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "copy", NOON)
        with pytest.raises(BackupError, match="there is a record of 6 entries"):
            restore(ledger, tmp_path / "copy", tmp_path / "a", NOON)
        assert ledger.head().size == 6


class TestInSqlite(BackupContract):
    def place(self, folder: Path) -> Path:
        return folder / "ledger.db"

    def test_of_one_record_twice_is_the_same_file(self, tmp_path: Path) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        kept = [
            back_up(ledger.database, "shop", tmp_path / "a", tmp_path / name, NOON).files[RECORD]
            for name in ("one", "two")
        ]
        assert kept[0] == kept[1]

    @pytest.mark.parametrize("name", [RECORD, "secret", "batches/b1.parquet", "backup.json"])
    def test_that_was_changed_or_cut_is_refused(self, tmp_path: Path, name: str) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "copy", NOON)
        file = tmp_path / "copy" / name
        held = file.read_bytes()
        fresh = Ledger(self.place(tmp_path / "b"), "shop")
        file.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
        with pytest.raises(BackupError, match=Path(name).name):
            restore(fresh, tmp_path / "copy", tmp_path / "b", NOON)
        file.unlink()
        with pytest.raises(BackupError, match=Path(name).name):
            restore(fresh, tmp_path / "copy", tmp_path / "b", NOON)
        assert fresh.head().size == 0
        assert not (tmp_path / "b" / "secret").exists()

    def test_goes_into_no_folder_that_holds_something(self, tmp_path: Path) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        with pytest.raises(BackupError, match="is not empty"):
            back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "a", NOON)

    def test_of_another_base_or_beside_another_secret_is_refused(self, tmp_path: Path) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "copy", NOON)
        with pytest.raises(BackupError, match="is of the base 'shop', not 'store'"):
            restore(Ledger(tmp_path / "b.db", "store"), tmp_path / "copy", tmp_path / "b", NOON)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "secret").write_bytes(b"t" * 32)
        with pytest.raises(BackupError, match="is another than the backup's"):
            restore(Ledger(tmp_path / "c.db", "shop"), tmp_path / "copy", tmp_path / "b", NOON)

    def test_leaves_the_marks_that_came_since(self, tmp_path: Path) -> None:
        ledger = self.made(self.place(tmp_path / "a"), tmp_path / "a")
        (tmp_path / "a" / "marks").write_bytes(b"a" * 16)
        back_up(ledger.database, "shop", tmp_path / "a", tmp_path / "copy", NOON)
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "marks").write_bytes(b"a" * 16 + b"b" * 16)
        restore(Ledger(self.place(tmp_path / "b"), "shop"), tmp_path / "copy", tmp_path / "b", NOON)
        assert (tmp_path / "b" / "marks").read_bytes() == b"a" * 16 + b"b" * 16


class TestInPostgresql(BackupContract):
    @pytest.fixture(autouse=True)
    def _server(self, new_database: Callable[[], str]) -> None:
        self.new = new_database
        self.made_for: dict[Path, str] = {}

    def place(self, folder: Path) -> str:
        """A database of its own for each folder."""
        if folder not in self.made_for:
            self.made_for[folder] = self.new()
        return self.made_for[folder]
