"""Who asked to be forgotten is known again by a mark, and left out of whatever is loaded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.marks import FILE, KEY, WIDE, Marks, MarksError
from features.source import load_tables
from tests.factories import make_config


def test_who_is_marked_is_known_again_and_nobody_else(tmp_path):
    marks = Marks(tmp_path, "shop")
    assert marks.among(["a", "b"]) == frozenset()
    assert marks.add("a")
    assert not marks.add("a")
    assert Marks(tmp_path, "shop").among(["a", "b", "A", "a "]) == {"a"}
    assert Marks(tmp_path, "club").among(["a"]) == frozenset()


def test_a_mark_says_nobodys_name_and_is_for_its_owners_eyes(tmp_path):
    marks = Marks(tmp_path, "shop")
    for name in ("customer-0001", "customer-0002"):
        marks.add(name)
    held = (tmp_path / FILE).read_bytes()
    assert len(held) == 2 * WIDE
    assert b"customer" not in held
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in (FILE, KEY)} == {0o600}
    other = Marks(tmp_path / "other", "shop")
    assert other.of(["customer-0001"]) != marks.of(["customer-0001"])


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True))
def test_any_id_can_be_marked(tmp_path_factory, ids):
    marks = Marks(tmp_path_factory.mktemp("marks"), "shop")
    for held in ids[::2]:
        marks.add(held)
    assert marks.among(ids) == set(ids[::2])


def test_without_their_key_marks_are_not_passed_over(tmp_path):
    marks = Marks(tmp_path, "shop")
    marks.add("a")
    (tmp_path / KEY).unlink()
    for asks in (lambda: marks.among(["a"]), lambda: marks.add("b"), lambda: marks.of(["b"])):
        with pytest.raises(MarksError, match="restore it from the backup"):
            asks()
    (tmp_path / KEY).write_bytes(b"short")
    with pytest.raises(MarksError, match="32 bytes, found 5"):
        marks.among(["a"])


def test_a_file_that_is_cut_is_refused(tmp_path):
    marks = Marks(tmp_path, "shop")
    marks.add("a")
    (tmp_path / FILE).write_bytes(b"half")
    with pytest.raises(MarksError, match="no file of marks"):
        marks.among(["a"])


def test_the_next_load_leaves_them_out_of_every_table(tmp_path):
    config = make_config(tmp_path)
    before = {name: _ids(load_tables(config), name) for name in ("transactions", "customers")}
    Marks(config.var, config.name).add("007")
    Marks(config.var, config.name).add("nobody")
    after = {name: _ids(load_tables(config), name) for name in ("transactions", "customers")}
    for name, ids in before.items():
        assert ids.count("007")
        assert after[name] == [held for held in ids if held != "007"]


def _ids(tables, name):
    rows = getattr(tables, name)
    return sorted(tables.backend.to_pyarrow(rows.select("customer_id"))["customer_id"].to_pylist())
