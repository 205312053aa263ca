"""Checkpoints that are kept elsewhere, and what they show of a record that was written anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.record import checkpoint as checkpoints
from serving.record.checkpointing import Checkpointing, checkpointing
from serving.record.ledger import Ledger
from serving.record.note import NoteError, PublicKey, Signer, public_key, signer
from serving.record.tree import BLOCK

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

# The example of Go's golang.org/x/mod/sumdb/note.
PUBLIC = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PRIVATE = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
SIGNED = (
    "\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)


def ledger_of(folder: Path, entries: int, name: str = "S") -> Ledger:
    ledger = Ledger(folder / "ledger.db", "shop")
    ledger.append([(f"{name}{n}", "score", {"n": n}) for n in range(1, entries + 1)], NOON)
    return ledger


def checkpoint(ledger: Ledger, key: Signer) -> checkpoints.Checkpoint:
    return checkpoints.made("shop", ledger.head(), key, NOON)


@pytest.fixture
def key(tmp_path) -> Signer:
    return signer(tmp_path / "keys" / "checkpoint.key", checkpoints.name("shop"))


class TestNotes:
    def test_the_published_example(self) -> None:
        assert Signer.parse(PRIVATE).sign(TEXT) == TEXT + SIGNED
        assert str(Signer.parse(PRIVATE).public) == PUBLIC
        assert PublicKey.parse(PUBLIC).open(TEXT + SIGNED) == TEXT

    @pytest.mark.parametrize(
        "note", ["", TEXT, TEXT.replace("you", "we") + SIGNED, TEXT + SIGNED.replace("x08", "x09")]
    )
    def test_what_it_did_not_sign(self, note: str) -> None:
        with pytest.raises(NoteError, match="is not signed by the key"):
            PublicKey.parse(PUBLIC).open(note)

    @pytest.mark.parametrize("wrong", ["", "a", PUBLIC[:-4], PUBLIC.replace("c7", "c8"), PRIVATE])
    def test_what_is_no_key(self, wrong: str) -> None:
        with pytest.raises(NoteError):
            PublicKey.parse(wrong)

    def test_a_key_is_made_once_for_its_owner(self, tmp_path: Path) -> None:
        path = tmp_path / "checkpoint.key"
        made = signer(path, "stamkunde/shop")
        assert signer(path, "stamkunde/shop") == made
        assert path.stat().st_mode & 0o777 == 0o600
        assert public_key(tmp_path / "checkpoint.pub") == made.public


class TestHolding:
    def test_a_record_that_only_grew_is_as_every_checkpoint_has_it(self, tmp_path, key) -> None:
        ledger, made = ledger_of(tmp_path, 0), []
        for more in (0, 1, 5, BLOCK - 6, 1, BLOCK + 3):
            size = ledger.head().size
            ledger.append([(f"T{size + n}", "score", {}) for n in range(more)], NOON)
            made.append(checkpoint(ledger, key))
        assert ledger.verify(checkpoints=made).faults == ()

    def test_a_record_written_wholly_anew_is_told_from_the_first_entry_on(
        self, tmp_path, key
    ) -> None:
        held = checkpoint(ledger_of(tmp_path / "real", 7), key)
        other = ledger_of(tmp_path / "other", 9, "X")
        assert other.verify().whole
        (fault,) = other.verify(checkpoints=[held]).faults
        assert fault.startswith("from the first entry on to 7: written anew since ")

    def test_a_record_written_anew_from_a_place_is_told_between_two(self, tmp_path, key) -> None:
        real, other = ledger_of(tmp_path / "real", 4), ledger_of(tmp_path / "other", 4)
        held = [checkpoint(real, key)]
        for ledger, name in ((real, "a"), (other, "b")):
            ledger.append([(name, "score", {}), ("c", "score", {})], NOON)
        held.append(checkpoint(real, key))
        (fault,) = other.verify(checkpoints=held).faults
        assert fault.startswith("seq 5 to 6: written anew since the checkpoint of 2026-01-31T12:00")

    def test_entries_cut_off_heads_and_all(self, tmp_path, key) -> None:
        held = checkpoint(ledger_of(tmp_path / "real", 7), key)
        other = ledger_of(tmp_path / "other", 5)
        (fault,) = other.verify(checkpoints=[held]).faults
        assert fault.startswith("seq 6 to 7: removed since the checkpoint of ")

    def test_one_of_another_key_or_base_is_not_trusted(self, tmp_path, key) -> None:
        made = checkpoint(ledger_of(tmp_path, 2), key)
        folder = tmp_path / "elsewhere"
        file = checkpoints.write(made, folder)
        assert file.name == "shop-000000000002.checkpoint"
        notes = checkpoints.read(folder, "shop")
        assert checkpoints.trusted(notes, "shop", key.public) == ([made], [])
        stranger = signer(tmp_path / "other.key", key.name).public
        for base, public in (("shop", stranger), ("club", key.public)):
            found, (fault,) = checkpoints.trusted(notes, base, public)
            assert found == []
            assert str(file) in fault
        file.write_text(made.note.replace("\n2\n", "\n3\n"))
        found, (fault,) = checkpoints.trusted(checkpoints.read(file, "shop"), "shop", key.public)
        assert (found, "is not signed" in fault) == ([], True)
        with pytest.raises(NoteError, match="holds no checkpoint of club"):
            checkpoints.read(folder, "club")


class TestByItself:
    def test_one_is_written_once_enough_was_recorded_or_enough_time_has_passed(
        self, tmp_path, key
    ) -> None:
        ledger = ledger_of(tmp_path, 3)
        work = Checkpointing(ledger, key, tmp_path / "elsewhere", 10, timedelta(minutes=30))
        first = work.look(NOON)
        assert first.name == "shop-000000000003.checkpoint"
        ledger.append([(f"T{n}", "score", {}) for n in range(9)], NOON)
        assert work.look(NOON + timedelta(minutes=29)) is None
        assert work.look(NOON + timedelta(minutes=30)).name == "shop-000000000012.checkpoint"
        assert work.look(NOON + timedelta(days=1)) is None  # nothing was recorded since
        ledger.append([(f"U{n}", "score", {}) for n in range(10)], NOON)
        work.look(NOON + timedelta(minutes=31))
        made, faults = checkpoints.trusted(
            checkpoints.read(tmp_path / "elsewhere", "shop"), "shop", key.public
        )
        assert ([held.size for held in made], faults) == ([3, 12, 22], [])
        assert ledger.verify(checkpoints=made).whole

    def test_a_folder_that_cannot_be_written_to_stops_nothing(self, tmp_path, key) -> None:
        (tmp_path / "file").write_text("in the way")
        work = Checkpointing(
            ledger_of(tmp_path, 1), key, tmp_path / "file" / "in", 1, timedelta(minutes=1)
        )
        with checkpointing(work):
            assert work.ledger.verify().whole
