"""What somebody who can write to the database does to the record shows, and where."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from serving.record import checkpoint as checkpoints
from serving.record import head as heads
from serving.record.head import Head
from serving.record.ledger import Ledger
from serving.record.merkle import leaf_hash
from serving.record.note import signer
from serving.record.table import BLOCKS, HEADS, LEDGER
from serving.record.tree import BLOCK

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

Rows = list[dict]


@dataclass(frozen=True)
class Tampered:
    """A record in somebody's hands."""

    ledger: Ledger

    def run(self, *statements: str, **given) -> None:
        with self.ledger.database.writing() as connection:
            for statement in statements:
                text = sa.text(f"{statement} AND base = '{self.ledger.base}'")
                connection.execute(text, {k: v for k, v in given.items() if f":{k}" in statement})

    def rows(self) -> Rows:
        mine = sa.select(LEDGER).where(LEDGER.c.base == self.ledger.base).order_by(LEDGER.c.seq)
        with self.ledger.database.reading() as connection:
            return [dict(row) for row in connection.execute(mine).mappings()]

    def put(self, rows: Rows) -> None:
        """Put other entries in the place of all there are."""
        with self.ledger.database.writing() as connection:
            connection.execute(sa.delete(LEDGER).where(LEDGER.c.base == self.ledger.base))
            connection.execute(sa.insert(LEDGER), rows)

    def put_anew(self, rows: Rows) -> None:
        """Do so, and make all hashes anew, the head and the blocks as well."""
        head, chains, blocks = Head().after([leaf_hash(row["entry"]) for row in rows])
        self.put(
            [
                {**row, "seq": n + 1, "leaf_hash": leaf_hash(row["entry"]), "chain_hash": chains[n]}
                for n, row in enumerate(rows)
            ]
        )
        with self.ledger.database.writing() as connection:
            for table in (HEADS, BLOCKS):
                connection.execute(sa.delete(table).where(table.c.base == self.ledger.base))
            heads.begin(connection, self.ledger.base)
            heads.replace(connection, self.ledger.base, head, blocks)


def changed(row: dict) -> dict:
    """Return an entry that says something else."""
    return {**row, "entry": row["entry"].replace(b'"n":', b'"m":')}


def a_byte(held: Tampered) -> None:
    held.run("UPDATE ledger SET entry = :to WHERE seq = 3", to=changed(held.rows()[2])["entry"])


def a_byte_and_its_hash(held: Tampered) -> None:
    to = changed(held.rows()[2])["entry"]
    held.run(
        "UPDATE ledger SET entry = :to, leaf_hash = :leaf WHERE seq = 3", to=to, leaf=leaf_hash(to)
    )


def a_byte_and_both_hashes(held: Tampered) -> None:
    rows = held.rows()
    to = changed(rows[2])["entry"]
    chain = heads.chain_hash(rows[1]["chain_hash"], leaf_hash(to))
    told = "UPDATE ledger SET entry = :to, leaf_hash = :leaf, chain_hash = :chain WHERE seq = 3"
    held.run(told, to=to, leaf=leaf_hash(to), chain=chain)


def a_byte_and_all_hashes_of_entries(held: Tampered) -> None:
    rows = held.rows()
    rows[2] = changed(rows[2])
    _, chains, _ = Head().after([leaf_hash(row["entry"]) for row in rows])
    held.put(
        [
            {**row, "leaf_hash": leaf_hash(row["entry"]), "chain_hash": chain}
            for row, chain in zip(rows, chains, strict=True)
        ]
    )


def its_id(held: Tampered) -> None:
    held.run("UPDATE ledger SET id = 'other' WHERE seq = 3")


def its_kind(held: Tampered) -> None:
    held.run("UPDATE ledger SET kind = 'promotion' WHERE seq = 3")


def its_time(held: Tampered) -> None:
    held.run("UPDATE ledger SET at = '2026-01-30T12:00:00.000000Z' WHERE seq = 3")


def its_leaf_hash(held: Tampered) -> None:
    held.run("UPDATE ledger SET leaf_hash = :to WHERE seq = 3", to=bytes(32))


def its_chain_hash(held: Tampered) -> None:
    held.run("UPDATE ledger SET chain_hash = :to WHERE seq = 3", to=bytes(32))


def removed(held: Tampered) -> None:
    held.run("DELETE FROM ledger WHERE seq = 3")


def the_first_removed(held: Tampered) -> None:
    held.run("DELETE FROM ledger WHERE seq = 1")


def removed_and_closed_up(held: Tampered) -> None:
    held.run(
        "DELETE FROM ledger WHERE seq = 3",
        *(f"UPDATE ledger SET seq = {n - 1} WHERE seq = {n}" for n in range(4, 7)),
    )


def put_in(held: Tampered) -> None:
    rows = held.rows()
    data = rows[1]["entry"].replace(b"S2", b"S9")
    new = {**rows[1], "id": "S9", "entry": data, "leaf_hash": leaf_hash(data)}
    moved = [{**row, "seq": row["seq"] + 1} for row in rows[2:]]
    held.put([*rows[:2], {**new, "seq": 3}, *moved])


def put_at_no_place(held: Tampered) -> None:
    rows = held.rows()
    held.put([{**rows[1], "seq": -7, "id": "S9"}, *rows])


def put_at_the_end(held: Tampered) -> None:
    rows = held.rows()
    data = rows[-1]["entry"].replace(b"S6", b"S7")
    leaf = leaf_hash(data)
    chain = heads.chain_hash(rows[-1]["chain_hash"], leaf)
    new = {"seq": 7, "id": "S7", "entry": data, "leaf_hash": leaf, "chain_hash": chain}
    held.put([*rows, {**rows[-1], **new}])


def swapped(held: Tampered) -> None:
    rows = held.rows()
    rows[2], rows[3] = {**rows[3], "seq": 3}, {**rows[2], "seq": 4}
    held.put(rows)


def cut_off(held: Tampered) -> None:
    held.run("DELETE FROM ledger WHERE seq > 4")


def all_cut_off(held: Tampered) -> None:
    held.run("DELETE FROM ledger WHERE seq > 0")


def the_head(held: Tampered) -> None:
    held.run("UPDATE heads SET frontier = :to WHERE size = 6", to=bytes(64))


def the_head_removed(held: Tampered) -> None:
    held.run("DELETE FROM heads WHERE size = 6")


def given_to_another_base(held: Tampered) -> None:
    held.run("UPDATE ledger SET base = 'elsewhere' WHERE seq = 3")


SHOWN: dict[Callable[[Tampered], None], str] = {
    a_byte: r"seq 3 \(S3\): its bytes are not those recorded",
    a_byte_and_its_hash: r"seq 3 \(S3\): does not follow",
    a_byte_and_both_hashes: r"seq 4 \(S4\): does not follow",
    a_byte_and_all_hashes_of_entries: r"seq 1 to 4: not those over which the record's tree was",
    its_id: r"seq 3 \(other\): its bytes say id 'S3', the record 'other'",
    its_kind: r"seq 3 \(S3\): its bytes say kind 'score', the record 'promotion'",
    its_time: r"seq 3 \(S3\): its bytes say at '2026-01-31",
    its_leaf_hash: r"seq 3 \(S3\): its bytes are not those recorded",
    its_chain_hash: r"seq 3 \(S3\): does not follow",
    removed: r"seq 4 \(S4\): stands where seq 3 is due",
    the_first_removed: r"seq 2 \(S2\): stands where seq 1 is due",
    removed_and_closed_up: r"seq 3 \(S4\): does not follow",
    put_in: r"seq 3 \(S9\): does not follow",
    put_at_no_place: r"seq -7 \(S9\): its bytes say id 'S2'",
    put_at_the_end: r"seq 7 to 7: stand behind the record's head",
    swapped: r"seq 3 \(S4\): does not follow",
    cut_off: r"seq 5 to 6: removed from the end",
    all_cut_off: r"seq 1 to 6: removed from the end",
    the_head: r"seq 1 to 4: not those over which the record's tree was made",
    the_head_removed: r"the record of .* has lost its head",
    given_to_another_base: r"seq 4 \(S4\): stands where seq 3 is due",
}


def anew(rows: Rows) -> Rows:
    return [{**row, "entry": row["entry"].replace(b'"n":', b'"m":')} for row in rows]


class Tampering:
    """What holds wherever the record lies."""

    @pytest.fixture
    def place(self) -> str | Path:
        raise NotImplementedError

    @pytest.fixture
    def held(self, place: str | Path, tmp_path: Path) -> Iterator[Tampered]:
        ledger = Ledger(place, f"shop-{uuid4().hex}", tmp_path / "batches")
        ledger.append([(f"S{n}", "score", {"n": n}) for n in range(1, 7)], NOON)
        yield Tampered(ledger)
        ledger.close()

    @pytest.mark.parametrize("what", SHOWN, ids=lambda what: what.__name__)
    def test_shows_by_the_entry(self, held: Tampered, what: Callable[[Tampered], None]) -> None:
        assert held.ledger.verify().whole
        what(held)
        faults = held.ledger.verify().faults
        assert re.match(SHOWN[what], faults[0]), faults

    @pytest.mark.parametrize(
        ("rewritten", "shown"),
        [
            (anew, "from the first entry on to 4: written anew since "),
            (lambda rows: [*rows[:4], *anew(rows[4:])], "seq 5 to 6: written anew since "),
            (lambda rows: [*rows[:2], rows[3], rows[2], *rows[4:]], "from the first entry on to 4"),
            (lambda rows: rows[:5], "seq 6 to 6: removed since "),
            (lambda rows: rows[1:], "from the first entry on to 4: written anew"),
        ],
        ids=["all", "the end", "swapped", "cut off", "without the first"],
    )
    def test_what_was_written_anew_with_every_hash_shows_from_a_checkpoint(
        self, held: Tampered, tmp_path: Path, rewritten: Callable[[Rows], Rows], shown: str
    ) -> None:
        ledger = held.ledger
        key = signer(tmp_path / "checkpoint.key", checkpoints.name(ledger.base))
        rows = held.rows()
        held.put_anew(rows[:4])
        made = [checkpoints.made(ledger.base, ledger.head(), key, NOON)]
        held.put_anew(rows)
        made.append(checkpoints.made(ledger.base, ledger.head(), key, NOON))
        assert ledger.verify(checkpoints=made).whole
        held.put_anew(rewritten(rows))
        assert ledger.verify().whole
        faults = ledger.verify(checkpoints=made).faults
        assert faults[0].startswith(shown), faults

    def test_a_changed_block_of_the_tree_shows(self, held: Tampered) -> None:
        records = [(f"T{n}", "score", {}) for n in range(2 * BLOCK)]
        held.ledger.append(records, NOON)
        held.run("UPDATE blocks SET hash = :to WHERE number = 1", to=bytes(32))
        (fault,) = held.ledger.verify().faults
        assert fault.startswith("seq 1025 to 2048: not those over which the record's tree was made")

    def test_a_batchs_changed_row_shows(self, held: Tampered) -> None:
        held.ledger.append_batch("B1", [{"p": n / 7} for n in range(5)], {}, NOON)
        file = held.ledger.folder / "B1.parquet"
        rows = pq.read_table(file)
        pq.write_table(rows.take([0, 1, 3, 2, 4]).cast(rows.schema), file)
        (fault,) = held.ledger.verify().faults
        assert fault.startswith("seq 7 (B1): its 5 rows in ")


class TestSqlite(Tampering):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "ledger.db"


class TestPostgresql(Tampering):
    @pytest.fixture
    def place(self, postgres: str) -> str:
        return postgres.replace("postgresql://", "postgresql+psycopg://")
