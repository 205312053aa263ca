"""What is recorded is there afterwards, whoever is killed; what is changed afterwards shows."""

import json
import re
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from features.contract import StamkundeError
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.merkle import (
    SAFE,
    RowsError,
    SpellingError,
    canonical,
    chain_hash,
    leaf_hash,
    parsed,
)
from serving.record.seal import ErasedError
from serving.record.tokens import customer_token, secret
from serving.record.tree import BLOCK, merkle_root
from serving.record.verifying import Verification

ROOT = Path(__file__).parents[3]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def make_ledger(folder: Path, scores: int = 0) -> Ledger:
    ledger = Ledger(folder / "ledger.db", "shop")
    if scores:
        records = [
            (f"S{n}", "score", {"customer": f"c{n}", "p": n / 7}) for n in range(1, scores + 1)
        ]
        ledger.append(records, NOON)
    return ledger


def tamper(ledger: Ledger, *statements: str) -> tuple[str, ...]:
    """Do to the file what someone with an editor for SQLite could; give the faults found."""
    with sqlite3.connect(ledger._database.path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()
    return ledger.verify().faults


class TestSpelling:
    # The samples of RFC 8785, appendix B.
    @pytest.mark.parametrize(
        ("bits", "spelt"),
        [
            ("0000000000000000", "0"),
            ("8000000000000000", "0"),
            ("0000000000000001", "5e-324"),
            ("8000000000000001", "-5e-324"),
            ("7fefffffffffffff", "1.7976931348623157e+308"),
            ("ffefffffffffffff", "-1.7976931348623157e+308"),
            ("4340000000000000", "9007199254740992"),
            ("c340000000000000", "-9007199254740992"),
            ("4430000000000000", "295147905179352830000"),
            ("44b52d02c7e14af5", "9.999999999999997e+22"),
            ("44b52d02c7e14af6", "1e+23"),
            ("44b52d02c7e14af7", "1.0000000000000001e+23"),
            ("444b1ae4d6e2ef4e", "999999999999999700000"),
            ("444b1ae4d6e2ef4f", "999999999999999900000"),
            ("444b1ae4d6e2ef50", "1e+21"),
            ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
            ("3eb0c6f7a0b5ed8d", "0.000001"),
            ("41b3de4355555553", "333333333.3333332"),
            ("41b3de4355555554", "333333333.33333325"),
            ("41b3de4355555555", "333333333.3333333"),
            ("41b3de4355555556", "333333333.3333334"),
            ("41b3de4355555557", "333333333.33333343"),
            ("becbf647612f3696", "-0.0000033333333333333333"),
            ("43143ff3c1cb0959", "1424953923781206.2"),
        ],
    )
    def test_numbers_of_the_rfc(self, bits: str, spelt: str) -> None:
        (number,) = struct.unpack(">d", bytes.fromhex(bits))
        assert canonical(number) == spelt.encode()

    def test_keys_of_the_rfc_are_in_utf16_order(self) -> None:
        keys = ["€", "\r", "\ufb33", "1", "😀", "\x80", "ö"]
        spelt = canonical(dict.fromkeys(keys, 0))
        assert list(json.loads(spelt)) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]

    def test_strings_and_literals_of_the_rfc(self) -> None:
        value = {
            "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
            "string": '€$\x0f\nA\'B"\\\\"/',
            "literals": [None, True, False],
        }
        assert (
            canonical(value)
            == (
                '{"literals":[null,true,false],'
                '"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
                '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
            ).encode()
        )

    json_values = st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-SAFE, SAFE)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
        max_leaves=12,
    )

    @given(st.dictionaries(st.text(), json_values), st.randoms())
    def test_equal_values_have_one_spelling_and_it_reads_back(self, value: dict, random) -> None:
        shuffled = list(value.items())
        random.shuffle(shuffled)
        assert canonical(dict(shuffled)) == canonical(value) == rfc8785.dumps(value)
        assert parsed(canonical(value)) == value
        assert canonical(parsed(canonical(value))) == canonical(value)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_a_double_comes_back_bit_for_bit_but_for_the_sign_of_zero(self, number: float) -> None:
        assert struct.pack(">d", float(parsed(canonical(number)))) == struct.pack(
            ">d", number + 0.0
        )

    @pytest.mark.parametrize(
        "wrong",
        [
            float("nan"),
            float("inf"),
            -float("inf"),
            2**53,
            "\ud800",
            {1: 2},
            {"\udc00": 1},
            {2, 3},
            b"x",
        ],
    )
    def test_what_json_cannot_hold_is_refused_by_its_place(self, wrong: object) -> None:
        with pytest.raises(SpellingError, match=r"^\.scores\.1 cannot be put on record"):
            canonical({"a": 1, "scores": [0.5, wrong]})

    def test_too_deep_a_value_is_refused(self) -> None:
        deep: list = []
        for _ in range(100_000):
            deep = [deep]
        with pytest.raises(SpellingError):
            canonical({"deep": deep})


class TestMerkle:
    # The known answers of certificate-transparency's own tests.
    LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657",
              "606162636465666768696a6b6c6d6e6f")  # fmt: skip
    ROOTS = (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )

    def test_no_leaves(self) -> None:
        assert merkle_root([]) == sha256(b"").digest()

    @pytest.mark.parametrize("size", range(1, 9))
    def test_known_roots(self, size: int) -> None:
        leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in self.LEAVES[:size]]
        assert merkle_root(iter(leaves)).hex() == self.ROOTS[size - 1]

    @given(st.lists(st.binary(min_size=1, max_size=2), max_size=70))
    def test_is_the_recursive_definition(self, rows: list[bytes]) -> None:
        def defined(leaves: list[bytes]) -> bytes:
            if len(leaves) <= 1:
                return leaves[0] if leaves else sha256(b"").digest()
            split = 1 << (len(leaves) - 1).bit_length() - 1
            return sha256(b"\x01" + defined(leaves[:split]) + defined(leaves[split:])).digest()

        leaves = [leaf_hash(row) for row in rows]
        assert merkle_root(leaves) == defined(leaves)


class TestAppending:
    def test_an_entry_holds_canonical_bytes_hung_on_those_before(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        first, second = ledger.append(
            [("S1", "score", {"p": 0.25, "ø": None}), ("P1", "promotion", {})],
            NOON.astimezone(timezone(timedelta(hours=2))),
        )
        assert (
            first.bytes
            == (
                '{"at":"2026-01-31T12:00:00.000000Z","base":"shop","body":{"p":0.25,"ø":null},'
                '"id":"S1","kind":"score","v":1}'
            ).encode()
        )
        assert first.leaf_hash == sha256(b"\x00" + first.bytes).digest()
        assert first.chain_hash == sha256(bytes(32) + first.leaf_hash).digest()
        assert second.chain_hash == sha256(first.chain_hash + second.leaf_hash).digest()
        assert (first.seq, second.seq) == (1, 2)
        assert first.body == {"p": 0.25, "ø": None}

    def test_another_opening_finds_the_same_bytes(self, tmp_path: Path) -> None:
        recorded = make_ledger(tmp_path, scores=3).append([("P1", "promotion", {"to": 2})], NOON)
        again = make_ledger(tmp_path)
        assert again.get("P1") == recorded[0] == again.last()
        assert again.verify() == Verification(entries=4, batches_rows=0, faults=())

    def test_entries_of_a_kind_and_the_last(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, scores=3)
        ledger.append([("P1", "promotion", {})], NOON)
        assert [entry.id for entry in ledger.entries()] == ["S1", "S2", "S3", "P1"]
        assert [entry.id for entry in ledger.entries(last=2)] == ["S3", "P1"]
        assert [entry.id for entry in ledger.entries("score", last=2)] == ["S2", "S3"]
        assert [entry.id for entry in ledger.entries(kind="promotion")] == ["P1"]

    def test_entries_are_counted_by_kind(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, scores=3)
        ledger.append([("K1", "keys", {}), ("K2", "keys", {}), ("P1", "promotion", {})], NOON)
        assert ledger.counts() == {"keys": 2, "promotion": 1, "score": 3}
        assert make_ledger(tmp_path / "none").counts() == {}

    def test_an_empty_record_is_whole(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path / "deep" / "down")
        assert ledger.append([], NOON) == []
        assert ledger.last() is None
        assert (ledger.verify().entries, ledger.verify().whole) == (0, True)

    def test_an_id_stands_once_and_a_refused_append_records_nothing(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, scores=1)
        with pytest.raises(LedgerError, match=r"^S1: already in the record of shop"):
            ledger.append([("S2", "score", {}), ("S1", "score", {})], NOON)
        with pytest.raises(LedgerError, match=r"^S3: already"):
            ledger.append([("S3", "score", {}), ("S3", "score", {})], NOON)
        with pytest.raises(SpellingError, match=r"\.body\.p "):
            ledger.append([("S4", "score", {}), ("S5", "score", {"p": float("nan")})], NOON)
        assert [entry.id for entry in ledger.entries()] == ["S1"]

    @pytest.mark.parametrize("wrong", ["", "a/1", "../a", ".a", "a b", "é", "a\n", "a" * 201])
    def test_what_is_no_id(self, tmp_path: Path, wrong: str) -> None:
        ledger = make_ledger(tmp_path)
        with pytest.raises(LedgerError, match="letters, digits"):
            ledger.append([(wrong, "score", {})], NOON)
        with pytest.raises(LedgerError, match="letters, digits"):
            ledger.append_batch(wrong, [], {}, NOON)

    def test_a_time_without_zone_and_a_kind_of_the_ledgers_own(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        with pytest.raises(LedgerError, match="zone"):
            ledger.append([("S1", "score", {})], NOON.replace(tzinfo=None))
        with pytest.raises(LedgerError, match="append_batch"):
            ledger.append([("S1", "batch", {})], NOON)

    def test_an_unknown_id(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, scores=1)
        for unknown in ("S2", "S1/1", "S1/", "", "s1", "' OR 1=1 --"):
            with pytest.raises(LedgerError, match=r"no entry .* in the record of shop"):
                ledger.get(unknown)

    def test_bases_in_one_database_have_chains_of_their_own(self, tmp_path: Path) -> None:
        shop, club = (Ledger(tmp_path / "ledger.db", base) for base in ("shop", "club"))
        shop.append([("S1", "score", {})], NOON)
        club.append([("S1", "score", {}), ("S2", "score", {})], NOON)
        assert (shop.verify().entries, club.verify().entries) == (1, 2)
        assert shop.verify().whole
        assert club.verify().whole

    def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        (tmp_path / "ledger.db").write_text("name,amount\n" * 1000)
        with pytest.raises(StamkundeError, match=r"ledger\.db: the database cannot be used"):
            make_ledger(tmp_path).head()


class TestBatches:
    ROWS = tuple({"customer": f"c{n}", "p": n / 3} for n in range(25_000))

    def make_batch(self, folder: Path) -> Ledger:
        ledger = make_ledger(folder, scores=1)
        ledger.append_batch("B1", iter(self.ROWS), {"model": "m1"}, NOON)
        ledger.append([("S2", "score", {})], NOON)
        return ledger

    def test_a_batch_is_one_entry_that_commits_to_its_rows(self, tmp_path: Path) -> None:
        ledger = self.make_batch(tmp_path)
        batch = ledger.get("B1")
        root = merkle_root(leaf_hash(canonical(row)) for row in self.ROWS)
        assert batch.seq == 2
        assert batch.body == {
            "model": "m1", "rows": 25_000, "root": root.hex(), "file": "B1.parquet"
        }  # fmt: skip
        verified = ledger.verify()
        assert (verified.entries, verified.batches_rows, verified.whole) == (3, 25_000, True)
        assert [path.name for path in ledger.folder.iterdir()] == ["B1.parquet"]

    @pytest.mark.parametrize("number", [1, 17, 10_000, 10_001, 25_000])
    def test_a_row_by_its_number(self, tmp_path: Path, number: int) -> None:
        row = self.make_batch(tmp_path).get(f"B1/{number}")
        assert row.body == row.content == self.ROWS[number - 1]
        assert row.bytes == canonical(self.ROWS[number - 1])
        assert (row.seq, row.id, row.kind) == (2, f"B1/{number}", "row")

    @pytest.mark.parametrize("number", ["0", "25001", "-1", "01", "x", "", "1/1", "9" * 5000])
    def test_no_such_row(self, tmp_path: Path, number: str) -> None:
        ledger = make_ledger(tmp_path)
        ledger.append_batch("B1", self.ROWS[:3], {}, NOON)
        with pytest.raises(LedgerError, match="no entry"):
            ledger.get(f"B1/{number}")

    def test_rows_given_as_bytes_and_no_rows(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        as_bytes = ledger.append_batch("B1", [canonical(row) for row in self.ROWS[:5]], {}, NOON)
        as_values = ledger.append_batch("B2", self.ROWS[:5], {}, NOON)
        assert as_bytes.body["root"] == as_values.body["root"]
        assert ledger.append_batch("B3", [], {}, NOON).body["root"] == sha256(b"").hexdigest()
        assert ledger.verify().whole

    def test_a_batch_on_record_keeps_its_rows(self, tmp_path: Path) -> None:
        ledger = self.make_batch(tmp_path)
        with pytest.raises(LedgerError, match=r"^B1: already"):
            ledger.append_batch("B1", [{"other": 1}], {}, NOON)
        with pytest.raises(LedgerError, match="root"):
            ledger.append_batch("B2", [], {"root": "00"}, NOON)
        assert ledger.verify().whole

    def test_a_row_that_fails_leaves_neither_entry_nor_file(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        with pytest.raises(SpellingError):
            ledger.append_batch("B1", [{"p": 1.0}, {"p": float("inf")}], {}, NOON)
        assert ledger.last() is None
        assert list(ledger.folder.iterdir()) == []

    def test_rows_left_by_a_crash_before_their_entry_are_replaced(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        ledger.folder.mkdir(parents=True)
        (ledger.folder / "B1.parquet").write_bytes(b"of a run that was killed")
        ledger.append_batch("B1", self.ROWS[:5], {}, NOON)
        assert ledger.verify().whole

    @pytest.mark.parametrize("how", ["changed", "short", "swapped", "gone", "cut", "other"])
    def test_a_changed_file_of_rows_shows(self, tmp_path: Path, how: str) -> None:
        ledger = self.make_batch(tmp_path)
        path = ledger.folder / "B1.parquet"
        rows = pq.read_table(path).column("row").to_pylist()
        if how == "changed":
            rows[20_000] = canonical({"customer": "c20000", "p": 0.1})
        elif how == "short":
            rows.pop()
        elif how == "swapped":
            rows[0], rows[1] = rows[1], rows[0]
        name = "other" if how == "other" else "row"
        pq.write_table(pa.table({name: pa.array(rows, pa.binary())}), path)
        if how == "gone":
            path.unlink()
        elif how == "cut":
            path.write_bytes(path.read_bytes()[:1000])
        (fault,) = ledger.verify().faults
        assert fault.startswith("seq 2 (B1): its ")
        if how in ("gone", "cut", "other"):
            with pytest.raises(RowsError):
                ledger.get("B1/1")


class TestTampering:
    @pytest.mark.parametrize("column", ["id", "kind", "at"])
    def test_a_changed_column(self, tmp_path: Path, column: str) -> None:
        faults = tamper(
            make_ledger(tmp_path, 5), f"UPDATE ledger SET {column} = 'other' WHERE seq = 3"
        )
        assert len(faults) == 1
        assert re.match(rf"seq 3 \(\w+\): its bytes say {column} ", faults[0])

    def test_changed_bytes(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 5)
        changed = ledger.get("S3").bytes.replace(b"c3", b"c4").hex()
        faults = tamper(ledger, f"UPDATE ledger SET entry = x'{changed}' WHERE seq = 3")
        assert faults == ("seq 3 (S3): its bytes are not those recorded",)

    def test_every_single_byte_counts(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 3)
        data = ledger.get("S2").bytes
        for place in range(len(data)):
            changed = data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]
            faults = tamper(ledger, f"UPDATE ledger SET entry = x'{changed.hex()}' WHERE seq = 2")
            assert "seq 2 (S2): its bytes are not those recorded" in faults

    def test_bytes_edited_as_text(self, tmp_path: Path) -> None:
        statement = "UPDATE ledger SET entry = replace(entry, 'c3', 'c4') WHERE seq = 3"
        faults = tamper(make_ledger(tmp_path, 5), statement)
        assert faults == ("seq 3 (S3): its bytes are not those recorded",)

    def test_changed_bytes_with_their_hash(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 5)
        changed = ledger.get("S3").bytes.replace(b"c3", b"c4")
        faults = tamper(
            ledger,
            f"UPDATE ledger SET entry = x'{changed.hex()}', "
            f"leaf_hash = x'{leaf_hash(changed).hex()}' WHERE seq = 3",
        )
        assert len(faults) == 1
        assert faults[0].startswith("seq 3 (S3): does not follow")

    def test_changed_bytes_with_both_hashes_show_at_the_next(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 5)
        changed = ledger.get("S3").bytes.replace(b"c3", b"c4")
        leaf = leaf_hash(changed)
        chain = chain_hash(ledger.get("S2").chain_hash, leaf)
        faults = tamper(
            ledger,
            f"UPDATE ledger SET entry = x'{changed.hex()}', leaf_hash = x'{leaf.hex()}', "
            f"chain_hash = x'{chain.hex()}' WHERE seq = 3",
        )
        assert len(faults) == 1
        assert faults[0].startswith("seq 4 (S4): does not follow")

    @pytest.mark.parametrize("column", ["leaf_hash", "chain_hash"])
    def test_a_changed_hash(self, tmp_path: Path, column: str) -> None:
        faults = tamper(
            make_ledger(tmp_path, 5), f"UPDATE ledger SET {column} = zeroblob(32) WHERE seq = 3"
        )
        assert any(fault.startswith("seq 3 (S3): ") for fault in faults)

    @pytest.mark.parametrize("removed", [1, 3])
    def test_a_removed_entry(self, tmp_path: Path, removed: int) -> None:
        faults = tamper(make_ledger(tmp_path, 5), f"DELETE FROM ledger WHERE seq = {removed}")
        following = removed + 1
        assert faults[0].startswith(
            f"seq {following} (S{following}): stands where seq {removed} is"
        )

    def test_a_removed_entry_with_the_gap_closed(self, tmp_path: Path) -> None:
        faults = tamper(
            make_ledger(tmp_path, 5),
            "DELETE FROM ledger WHERE seq = 3",
            "UPDATE ledger SET seq = 3 WHERE seq = 4",
            "UPDATE ledger SET seq = 4 WHERE seq = 5",
        )
        assert len(faults) == 1
        assert faults[0].startswith("seq 3 (S4): does not follow")

    def test_an_added_entry(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 3)
        data = ledger.get("S2").bytes.replace(b"S2", b"S9")
        faults = tamper(
            ledger,
            "UPDATE ledger SET seq = 4 WHERE seq = 3",
            "INSERT INTO ledger SELECT base, 3, 'S9', kind, at, "
            f"x'{data.hex()}', x'{leaf_hash(data).hex()}', chain_hash FROM ledger WHERE seq = 2",
        )
        assert len(faults) == 1
        assert faults[0].startswith("seq 3 (S9): does not follow")

    @pytest.mark.parametrize("seq", ["0", "-7", "2.5", "'two'"])
    def test_an_added_entry_at_no_proper_seq(self, tmp_path: Path, seq: str) -> None:
        faults = tamper(
            make_ledger(tmp_path, 3),
            f"INSERT INTO ledger SELECT base, {seq}, 'S9', kind, at, entry, leaf_hash, chain_hash "
            "FROM ledger WHERE seq = 2",
        )
        assert any("(S9): stands where" in fault for fault in faults)

    def test_swapped_entries(self, tmp_path: Path) -> None:
        faults = tamper(
            make_ledger(tmp_path, 5),
            "UPDATE ledger SET seq = 99 WHERE seq = 2",
            "UPDATE ledger SET seq = 2 WHERE seq = 3",
            "UPDATE ledger SET seq = 3 WHERE seq = 99",
        )
        assert [fault[:23] for fault in faults] == [
            "seq 2 (S3): does not fo",
            "seq 3 (S2): does not fo",
            "seq 4 (S4): does not fo",
        ]

    @pytest.mark.parametrize("bytes_", ["x''", "x'ff'", "'null'", "'[]'", "'{\"body\":1}'", "7"])
    def test_bytes_that_are_no_entry(self, tmp_path: Path, bytes_: str) -> None:
        faults = tamper(
            make_ledger(tmp_path, 3), f"UPDATE ledger SET entry = {bytes_} WHERE seq = 2"
        )
        assert "seq 2 (S2): its bytes are no entry" in faults

    def test_an_entry_of_another_base(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 3)
        faults = tamper(ledger, "UPDATE ledger SET base = 'club'")
        assert faults == ("seq 1 to 3: removed from the end",)
        (first, *_) = Ledger(tmp_path / "ledger.db", "club").verify().faults
        assert first == "seq 1 (S1): its bytes say base 'shop', the record 'club'"

    def test_text_that_cannot_be_read(self, tmp_path: Path) -> None:
        faults = tamper(
            make_ledger(tmp_path, 3), "UPDATE ledger SET at = CAST(x'ff' AS TEXT) WHERE seq = 2"
        )
        assert len(faults) == 1
        assert "cannot be read" in faults[0]

    def test_a_record_cut_short(self, tmp_path: Path) -> None:
        faults = tamper(make_ledger(tmp_path, 5), "DELETE FROM ledger WHERE seq > 3")
        assert faults == ("seq 4 to 5: removed from the end",)


class TestHead:
    def test_commits_to_all_entries_however_they_came(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, BLOCK - 1)
        for more in (1, 1, 3, 2 * BLOCK):
            size = ledger.head().size
            ledger.append([(f"T{size + n}", "score", {}) for n in range(more)], NOON)
            entries = list(ledger.entries())
            assert ledger.head().size == len(entries)
            assert ledger.head().root == merkle_root(entry.leaf_hash for entry in entries)
            assert ledger.head().chain == entries[-1].chain_hash

    def test_a_record_without_one_gets_it_when_it_is_opened(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 2 * BLOCK + 7)
        head, blocks = ledger.head(), stored(ledger, "blocks")
        assert [number for _, number, _ in blocks] == [0, 1]
        ledger.close()
        with sqlite3.connect(ledger._database.path) as connection:
            for table in ("heads", "blocks", "versions"):
                connection.execute(f"DROP TABLE {table}")
        again = make_ledger(tmp_path)
        assert again.migrate() == (1, 2)
        assert (again.head(), stored(again, "blocks")) == (head, blocks)
        assert again.verify().whole
        assert make_ledger(tmp_path).migrate() == (2, 2)

    def test_a_record_of_a_later_schema_is_left_alone(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 1)
        ledger.close()
        with sqlite3.connect(ledger._database.path) as connection:
            connection.execute("UPDATE versions SET version = 99")
        with pytest.raises(LedgerError, match="version 99 of its schema"):
            make_ledger(tmp_path, 1)

    def test_a_lost_or_a_turned_back_head_lets_nothing_be_appended(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 2)
        with sqlite3.connect(ledger._database.path) as connection:
            connection.execute("UPDATE heads SET size = 1")
        with pytest.raises(LedgerError, match="goes on behind its head"):
            ledger.append([("S3", "score", {})], NOON)
        with sqlite3.connect(ledger._database.path) as connection:
            connection.execute("DELETE FROM heads")
        with pytest.raises(LedgerError, match="has lost its head"):
            ledger.append([("S3", "score", {})], NOON)
        assert [entry.id for entry in ledger.entries()] == ["S1", "S2"]


def stored(ledger: Ledger, table: str) -> list[tuple]:
    with sqlite3.connect(ledger._database.path) as connection:
        return connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()


class Reversing:
    """Seals by turning bytes around, for customers who are not erased."""

    def __init__(self) -> None:
        self.erased: set[str] = set()

    def seal(self, connection, plain):
        assert connection.in_transaction()
        return [(f"key-{customer}", held[::-1]) for customer, held in plain]

    def open(self, key_id, blob):
        if key_id in self.erased:
            raise ErasedError(f"{key_id} is destroyed")
        return blob[::-1]


class TestSealing:
    def test_what_is_about_a_customer_is_sealed_and_opened_again(self, tmp_path: Path) -> None:
        seals = Reversing()
        ledger = Ledger(tmp_path / "ledger.db", "shop", seals=seals)
        said = {"customer": "token-7", "p": 0.5}
        (entry, move) = ledger.append([("S1", "score", said), ("P1", "promotion", {})], NOON)
        assert b"token-7" not in entry.bytes.replace(b"key-token-7", b"")
        assert set(entry.content["body"]) == {"sealed", "under"}
        assert (entry.body, move.body) == (said, {})
        assert canonical(entry.content) == entry.bytes
        assert ledger.get("S1").body == said
        assert [each.body for each in ledger.entries()] == [said, {}]
        seals.erased.add("key-token-7")
        with pytest.raises(ErasedError):
            ledger.get("S1").body  # noqa: B018
        assert ledger.get("S1").id == "S1"
        assert ledger.verify().whole


APPENDING = """
import sys
from datetime import UTC, datetime
from serving.record.ledger import Ledger
place, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
ledger = Ledger(place, "shop")
for n in range(count):
    records = [(f"{name}-{n}-{k}", "score", {"p": n / 7, "k": k}) for k in range(3)]
    print(*[entry.id for entry in ledger.append(records, datetime.now(UTC))], flush=True)
    if name == "batch":
        rows = ({"n": n, "k": k} for k in range(50))
        print(ledger.append_batch(f"B{n}", rows, {}, datetime.now(UTC)).id, flush=True)
"""


def start(place: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", APPENDING, str(place), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


class TestProcesses:
    @pytest.mark.parametrize("name", ["score", "batch"])
    def test_what_was_acknowledged_survives_a_kill(self, tmp_path: Path, name: str) -> None:
        acknowledged: list[str] = []
        for attempt in range(3):
            place = tmp_path / f"{attempt}.db"
            process = start(place, name, 1_000_000)
            assert process.stdout is not None
            acknowledged = process.stdout.readline().split()
            time.sleep(0.05 * (attempt + 1))
            process.send_signal(signal.SIGKILL)
            rest, _ = process.communicate()
            # The last line may be half printed, never half recorded.
            acknowledged += rest[: rest.rfind("\n") + 1].split()
            ledger = Ledger(place, "shop")
            recorded = {entry.id for entry in ledger.entries()}
            assert set(acknowledged) <= recorded
            assert sum(not entry.startswith("B") for entry in recorded) % 3 == 0
            assert ledger.verify().faults == ()
            ledger.append([("afterwards", "score", {})], NOON)
            assert ledger.verify().whole

    def test_processes_that_append_at_once_make_one_chain(self, tmp_path: Path) -> None:
        place = tmp_path / "new" / "ledger.db"
        processes = [start(place, f"p{n}", 40) for n in range(4)]
        ids = [word for process in processes for word in process.communicate()[0].split()]
        assert [process.returncode for process in processes] == [0] * 4
        ledger = Ledger(place, "shop")
        recorded = list(ledger.entries())
        assert [entry.seq for entry in recorded] == list(range(1, 4 * 40 * 3 + 1))
        assert {entry.id for entry in recorded} == set(ids)
        assert ledger.verify().whole

    def test_threads_that_append_at_once_make_one_chain(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path)
        with ThreadPoolExecutor(12) as pool:
            jobs = [pool.submit(ledger.append, [(f"S{n}", "score", {})], NOON) for n in range(120)]
            seqs = sorted(job.result()[0].seq for job in jobs)
        assert seqs == list(range(1, 121))
        assert ledger.verify().whole

    def test_a_walk_over_the_record_does_not_stop_who_appends(self, tmp_path: Path) -> None:
        ledger = make_ledger(tmp_path, 3)
        walk = ledger.entries()
        assert next(walk).id == "S1"
        ledger.append([("S4", "score", {})], NOON)
        assert [entry.id for entry in walk] == ["S2", "S3"]


class TestCustomerToken:
    def test_names_a_customer_of_a_base_under_a_secret(self) -> None:
        token = customer_token(b"k" * 32, "shop", "00123")
        assert len(token) == 32
        assert int(token, 16) >= 0
        assert token == customer_token(b"k" * 32, "shop", "00123")
        others = [
            customer_token(b"l" * 32, "shop", "00123"),
            customer_token(b"k" * 32, "club", "00123"),
            customer_token(b"k" * 32, "shop", "123"),
        ]
        assert len({token, *others}) == 4

    def test_the_secret_is_made_once_for_its_owner(self, tmp_path: Path) -> None:
        path = tmp_path / "keys" / "customer"
        with ThreadPoolExecutor(16) as pool:
            made = set(pool.map(secret, [path] * 64))
        assert made == {path.read_bytes()}
        assert len(secret(path)) == 32
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [file.name for file in path.parent.iterdir()] == ["customer"]

    def test_a_file_that_is_no_secret(self, tmp_path: Path) -> None:
        (tmp_path / "key").write_text("hunter2")
        with pytest.raises(LedgerError, match="a secret is 32 bytes, found 7"):
            secret(tmp_path / "key")
