"""What is on record of a customer opens with their key alone, and with nothing once it is gone."""

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from serving.people.keyring import Keyring, SealError
from serving.record.ledger import Ledger
from serving.record.seal import ErasedError, is_sealed
from serving.record.table import PEOPLE

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
ANNA, BO = "a" * 32, "b" * 32


class KeyringContract:
    """Each database's own test class inherits this, and has a fixture `place`."""

    @pytest.fixture
    def keyring(self, place, base):
        held = Keyring(place, base)
        yield held
        held.close()

    @pytest.fixture
    def ledger(self, place, base, keyring, tmp_path):
        held = Ledger(place, base, tmp_path / "batches", keyring)
        yield held
        held.close()

    def test_what_is_about_a_customer_is_sealed_and_read_all_the_same(self, ledger):
        ledger.append([("S1", "score", body(ANNA)), ("P1", "promotion", {"to": 2})], AT)
        entry = ledger.get("S1")
        assert entry.body == body(ANNA)
        assert is_sealed(entry.content["body"])
        assert ANNA.encode() not in entry.bytes
        assert b"secret" not in entry.bytes
        assert ledger.get("P1").content["body"] == {"to": 2}
        assert ledger.verify().whole

    def test_each_customer_has_one_key_and_no_other_ones(self, ledger, keyring, base):
        for n in range(3):
            ledger.append([(f"S{n}", "score", body(ANNA)), (f"T{n}", "score", body(BO))], AT)
        ledger.append([("S3", "score", body(ANNA))], AT)
        under = [entry.content["body"]["under"] for entry in ledger.entries("score")]
        assert len(set(under)) == 2
        assert under[0] == under[2] == under[4] == under[6]
        with keyring._database.reading() as connection:
            mine = sa.select(PEOPLE.c.key).where(PEOPLE.c.base == base)
            assert len(set(connection.scalars(mine))) == 2

    def test_the_same_words_are_never_sealed_alike(self, ledger):
        ledger.append([(f"S{n}", "score", body(ANNA)) for n in range(3)], AT)
        assert len({entry.content["body"]["sealed"] for entry in ledger.entries()}) == 3

    def test_once_a_key_is_gone_its_entries_are_and_no_others(self, ledger, keyring):
        ledger.append([("S1", "score", body(ANNA)), ("S2", "score", body(BO))], AT)
        assert keyring.has(ANNA)
        with ledger._database.writing() as connection:
            assert keyring.destroy(connection, ANNA)
            assert not keyring.destroy(connection, ANNA)
        assert not keyring.has(ANNA)
        with pytest.raises(ErasedError, match="cannot be read any more"):
            _ = ledger.get("S1").body
        assert ledger.get("S2").body == body(BO)
        assert ledger.verify().whole

    def test_another_process_that_held_the_key_goes_on_with_a_new_one(
        self, ledger, keyring, place, base, tmp_path
    ):
        other = Ledger(place, base, tmp_path / "batches", Keyring(place, base))
        other.append([("S1", "score", body(ANNA))], AT)
        with ledger._database.writing() as connection:
            keyring.destroy(connection, ANNA)
        other.append([("S2", "score", body(ANNA))], AT)
        with pytest.raises(ErasedError):
            _ = other.get("S1").body
        assert other.get("S2").body == ledger.get("S2").body == body(ANNA)
        other.close()

    def test_a_write_that_fails_leaves_no_key(self, ledger, keyring):
        ledger.append([("S1", "score", body(BO))], AT)
        with pytest.raises(Exception, match="already in the record"):
            ledger.append([("S1", "score", body(ANNA))], AT)
        assert not keyring.has(ANNA)

    def test_a_thousand_customers_of_one_write(self, ledger):
        ledger.append([(f"S{n}", "score", body(f"{n:032x}")) for n in range(1_000)], AT)
        ledger.append([(f"T{n}", "score", body(f"{n:032x}")) for n in range(0, 1_000, 7)], AT)
        assert ledger.get("T994").body == body(f"{994:032x}")
        assert (
            ledger.get("T994").content["body"]["under"]
            == (ledger.get("S994").content["body"]["under"])
        )

    def test_bytes_that_were_not_sealed_so_are_refused(self, ledger, keyring):
        with ledger._database.writing() as connection:
            ((key_id, blob),) = keyring.seal(connection, [(ANNA, b"{}")])
        assert keyring.open(key_id, blob) == b"{}"
        with pytest.raises(SealError, match="not as it was"):
            keyring.open(key_id, blob[:-1] + bytes([blob[-1] ^ 1]))


def body(customer):
    return {"customer": customer, "features": {"d": ["secret", 1.5]}}


class TestSqliteKeyring(KeyringContract):
    @pytest.fixture
    def place(self, tmp_path):
        return tmp_path / "ledger.db"

    @pytest.fixture
    def base(self):
        return "shop"


class TestPostgresqlKeyring(KeyringContract):
    @pytest.fixture
    def place(self, postgres):
        return postgres.replace("postgresql:", "postgresql+psycopg:")

    @pytest.fixture
    def base(self, request):
        return request.node.name.replace("_", "-")[:60]
