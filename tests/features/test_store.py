"""What a feature store must do, whatever database holds it."""

import math
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from features.contract import StamkundeError
from features.store import FeatureStore, StoreError

ROOT = Path(__file__).parents[2]
LATEST = "2026-01-31"
ODD_IDS = ["00123", "123", "Ærø", "O'Brien", 'say "hi"', "a;b--", " ", "1e5", "😀", "NA"]

values = st.lists(st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.text())


def same_bits(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return struct.pack(">d", one) == struct.pack(">d", other)
    return type(one) is type(other) and one == other


class FeatureStoreContract:
    """A store's own test class inherits this, and has a fixture `store` that is empty."""

    def test_gives_what_was_put(self, store: FeatureStore) -> None:
        store.replace("shop", "h1", LATEST, ["a", "b"], [[1.5, None, "web"], [0.1 + 0.2, 2.0, "æ"]])
        found = store.get("shop", "h1", ["b", "nobody", "a", "a"])
        assert found.keys() == {"a", "b"}
        assert found["a"].values == [1.5, None, "web"]
        assert found["b"].values == [0.30000000000000004, 2.0, "æ"]
        assert found["a"].as_of == LATEST

    @given(values)
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
    def test_values_come_back_bit_for_bit(self, store: FeatureStore, values: list) -> None:
        store.replace("shop", "h1", LATEST, ["a"], [values])
        found = store.get("shop", "h1", ["a"])["a"].values
        assert len(found) == len(values)
        assert all(map(same_bits, values, found))

    def test_extreme_doubles_come_back_bit_for_bit(self, store: FeatureStore) -> None:
        extremes = [-0.0, 5e-324, sys.float_info.max, sys.float_info.min, 1 / 3, 2**53 + 2.0]
        store.replace("shop", "h1", LATEST, ["a"], [extremes])
        assert all(map(same_bits, extremes, store.get("shop", "h1", ["a"])["a"].values))

    def test_an_id_is_text_to_the_letter(self, store: FeatureStore) -> None:
        store.replace("shop", "h1", LATEST, ODD_IDS, [[float(n)] for n in range(len(ODD_IDS))])
        found = store.get("shop", "h1", [*ODD_IDS, "0123", "ærø", "00123 ", "' OR 1=1 --"])
        assert {customer: stored.values for customer, stored in found.items()} == {
            customer: [float(n)] for n, customer in enumerate(ODD_IDS)
        }

    def test_replacing_swaps_the_whole_set_and_no_other(self, store: FeatureStore) -> None:
        store.replace("shop", "h1", "2026-01-01", ["a", "b"], [[1.0], [1.0]])
        store.replace("shop", "h2", "2026-01-01", ["a"], [[2.0]])
        store.replace("club", "h1", "2026-01-01", ["a"], [[3.0]])
        store.replace("shop", "h1", LATEST, ["b", "c"], [[4.0], [4.0]])
        assert store.get("shop", "h1", ["a", "b", "c"]).keys() == {"b", "c"}
        assert store.status("shop") == [("h1", LATEST, 2), ("h2", "2026-01-01", 1)]
        assert store.status("club") == [("h1", "2026-01-01", 1)]
        assert store.status("nobody") == []
        assert store.get("club", "h1", ["a"])["a"].values == [3.0]

    def test_several_sets_are_replaced_and_taken_away_at_one_instant(self, store) -> None:
        store.replace("shop", "h1", "2026-01-01", ["a"], [[1.0]])
        store.replace("shop", "h2", "2026-01-01", ["a"], [[2.0]])
        store.replace("club", "h1", "2026-01-01", ["a"], [[3.0]])
        with pytest.raises(StoreError):
            store.replace_sets("shop", LATEST, ["a"], {"h1": [[4.0]], "h3": []}, ["h2"])
        assert store.schemas("shop") == ["h1", "h2"]
        store.replace_sets(
            "shop", LATEST, ["b", "a"], {"h1": [[4.0]] * 2, "h3": [[5.0]] * 2}, ["h2"]
        )
        assert store.status("shop") == [("h1", LATEST, 2), ("h3", LATEST, 2)]
        assert store.schemas("shop") == ["h1", "h3"]
        assert store.schemas("club") == ["h1"]
        assert store.schemas("nobody") == []
        assert store.first("shop", "h1", 1) == [("a", LATEST)]
        assert store.first("shop", "h2", 1) == []

    def test_more_customers_than_a_statement_takes(self, store: FeatureStore) -> None:
        ids = [f"c{n:05}" for n in range(12_345)]
        store.replace("shop", "h1", LATEST, ids, ([float(n), None] for n in range(12_345)))
        found = store.get("shop", "h1", iter(ids))
        assert [found[customer].values[0] for customer in ids] == list(range(12_345))
        store.replace("shop", "h1", LATEST, [], [])
        assert store.get("shop", "h1", ids) == {}

    @pytest.mark.parametrize(
        ("ids", "rows", "told"),
        [
            (["a", "b"], [[1.0]], "no features for 'b'"),
            (["a"], [[1.0], [2.0]], "features for more"),
            (["a", "b", "a"], [[1.0], [2.0], [3.0]], "'a' comes more than once"),
            (["a"], [[math.nan]], "None for missing"),
            (["a"], [[math.inf]], "None for missing"),
            (["a"], [[b"x"]], "None for missing"),
        ],
    )
    def test_a_refused_set_leaves_the_old(
        self, store: FeatureStore, ids: list, rows: list, told: str
    ) -> None:
        store.replace("shop", "h1", "2026-01-01", ["old"], [[0.0]])
        with pytest.raises(StoreError, match=told):
            store.replace("shop", "h1", LATEST, ids, rows)
        assert store.status("shop") == [("h1", "2026-01-01", 1)]

    def test_a_reader_sees_whole_sets(self, store: FeatureStore) -> None:
        ids = [f"c{n}" for n in range(1_200)]
        store.replace("shop", "h1", "day 0", ids, [[0.0]] * 1_200)
        done = threading.Event()

        def rewrite() -> None:
            for day in range(1, 8):
                store.replace("shop", "h1", f"day {day}", ids, [[float(day)]] * 1_200)
            done.set()

        writer = threading.Thread(target=rewrite)
        writer.start()
        seen = []
        while not done.is_set():
            found = store.get("shop", "h1", ids)
            assert len(found) == 1_200
            (day,) = {(stored.as_of, stored.values[0]) for stored in found.values()}
            seen.append(day)
        writer.join()
        assert seen == sorted(seen)


class TestSqliteStore(FeatureStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> FeatureStore:
        return FeatureStore(tmp_path / "deep" / "features.db")

    def test_a_path_and_its_url_are_one_place(self, tmp_path: Path) -> None:
        FeatureStore(tmp_path / "a.db").replace("shop", "h1", LATEST, ["a"], [[1.0]])
        assert FeatureStore(f"sqlite:///{tmp_path}/a.db").status("shop") == [("h1", LATEST, 1)]

    @pytest.mark.parametrize("wrong", ["oracle9://x/y", "://", "postgresql+nothing://h/d"])
    def test_a_url_of_no_database(self, wrong: str) -> None:
        with pytest.raises(StamkundeError):
            FeatureStore(wrong).status("shop")

    def test_a_folder_is_no_database(self, tmp_path: Path) -> None:
        with pytest.raises(StamkundeError, match="the database cannot be used"):
            FeatureStore(tmp_path).status("shop")

    def test_a_kill_in_the_middle_leaves_the_old(self, tmp_path: Path) -> None:
        store = FeatureStore(tmp_path / "a.db")
        store.replace("shop", "h1", "2026-01-01", ["a"], [[1.0]])
        killed = """
import os, signal, sys
from features.store import FeatureStore
def rows():
    for n in range(20_000):
        if n == 15_000:
            os.kill(os.getpid(), signal.SIGKILL)
        yield [float(n)]
FeatureStore(sys.argv[1]).replace("shop", "h1", "later", [str(n) for n in range(20_000)], rows())
"""
        command = [sys.executable, "-c", killed, str(tmp_path / "a.db")]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
        assert store.status("shop") == [("h1", "2026-01-01", 1)]


def test_its_file_is_for_the_owners_eyes_alone(tmp_path: Path) -> None:
    """It names customers; SQLite gives the files beside it the same mode."""
    store = FeatureStore(tmp_path / "store.db")
    store.replace("shop", "h1", LATEST, ["a"], [[1.5]])
    modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    store.close()
    assert modes["store.db"] == 0o600
    assert set(modes.values()) == {0o600}
