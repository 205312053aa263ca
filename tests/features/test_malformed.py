"""Malformed files: each is refused with its place and its fault, or loaded by a rule."""

import csv
import gzip
from pathlib import Path

import pandas as pd
import pytest

from configs.schema import Config
from features.contract import DataError
from features.source import load_tables
from tests.factories import make_shop
from tests.features import corpus

ALL_PLACES = pytest.mark.parametrize("place", corpus.PLACES)


def shop(folder: Path, content: bytes, name: str = "shop.csv", **source) -> Config:
    (folder / name).write_bytes(content)
    told = {"path": str(folder / name), "columns": corpus.COLUMNS, "guests": "refuse", **source}
    return make_shop(folder / "unused", pd.DataFrame(), sources={"transactions": told})


def refusal(config: Config) -> DataError:
    with pytest.raises(DataError) as caught:
        load_tables(config)
    assert "\n" not in str(caught.value)
    return caught.value


def line_at(place: str) -> int:
    return corpus.PLACES[place] + 2


@ALL_PLACES
@pytest.mark.parametrize("what", corpus.WRONG_ROWS)
def test_a_wrong_row_is_refused_with_its_line_and_column(tmp_path, what, place):
    wrong = corpus.WRONG_ROWS[what]
    error = refusal(shop(tmp_path, corpus.text(wrong.line, place)))
    assert (error.file, error.line) == (str(tmp_path / "shop.csv"), line_at(place)), str(error)
    assert error.column == wrong.column, str(error)
    assert wrong.expected in error.expected
    assert wrong.found in error.found


@pytest.mark.parametrize("what", corpus.WRONG_ROWS)
def test_wrong_rows_are_set_aside_and_no_others(tmp_path, what):
    wrong = corpus.WRONG_ROWS[what]
    config = shop(tmp_path, corpus.text(wrong.line, *corpus.PLACES), max_rejects=3)
    tables = load_tables(config, rejects=tmp_path / "rejects.csv")
    assert tables.intake["transactions"].rejects == 3
    assert tables.need("transactions").count().execute() == corpus.ROWS
    with (tmp_path / "rejects.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert [int(each["line"]) - before for before, each in enumerate(rejects)] == [
        line_at(place) for place in corpus.PLACES
    ]
    for each in rejects:
        assert (each["file"], each["column"]) == (str(tmp_path / "shop.csv"), wrong.column or "")
        assert wrong.found in each["found"]


@ALL_PLACES
@pytest.mark.parametrize("what", corpus.RIGHT_ROWS)
def test_an_odd_row_is_loaded_by_a_rule(tmp_path, what, place):
    odd, customer = corpus.RIGHT_ROWS[what]
    config = shop(tmp_path, corpus.text(odd, place))
    held = load_tables(config).need("transactions").customer_id.to_pyarrow().to_pylist()
    expected = {f"{number:03}" for number in range(corpus.ROWS)}
    assert set(held) - expected == ({customer} - expected if customer else set())
    assert len(held) == corpus.ROWS + (customer is not None)


@pytest.mark.parametrize("what", corpus.HEADERS)
def test_a_wrong_header_is_refused(tmp_path, what):
    header, line, column, said = corpus.HEADERS[what]
    content = (header if isinstance(header, bytes) else header.encode()) + corpus.text(
        "", "end"
    ).split(b"\n", 1)[1]
    error = refusal(shop(tmp_path, content))
    assert (error.line, error.column) == (line, column), str(error)
    assert said in str(error)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_one_kind_of_line_end_and_a_mark_at_the_start_are_fine(tmp_path, end, mark):
    content = mark + corpus.text("", "end").replace(b"\n", end.encode())
    tables = load_tables(shop(tmp_path, content))
    assert tables.need("transactions").count().execute() == corpus.ROWS


# Compressed by gzip


@pytest.mark.parametrize("what", corpus.WRONG_ROWS)
def test_a_wrong_row_is_told_by_its_line_though_compressed(tmp_path, what):
    wrong = corpus.WRONG_ROWS[what]
    content = gzip.compress(corpus.text(wrong.line, "end"))
    error = refusal(shop(tmp_path, content, "shop.csv.gz"))
    assert (error.file, error.line) == (str(tmp_path / "shop.csv.gz"), line_at("end"))
    assert error.column == wrong.column


@pytest.mark.parametrize("broken", [corpus.cut, corpus.zeroed, corpus.flipped])
@pytest.mark.parametrize("share", [0.001, 0.5, 0.99])
def test_broken_gzip_is_refused_with_about_its_line(tmp_path, broken, share):
    whole = corpus.packed()
    content = broken(whole, max(12, int(len(whole) * share)))
    error = refusal(shop(tmp_path, content, "shop.csv.gz"))
    assert error.expected == "whole gzip"
    assert 1 <= error.line <= 400 * (corpus.ROWS + 1) + 1


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("shop.csv.gz", b"\x00\x01rubbish", "expected a file compressed by gzip"),
        ("shop.csv.gz", corpus.text("", "end"), "expected a file compressed by gzip"),
        ("shop.csv.gz", corpus.packed() + b"rubbish", "expected whole gzip"),
        ("shop.csv.gz", gzip.compress(b"", mtime=0), "found an empty file"),
        ("shop.csv.gz", b"", "found an empty file"),
        ("shop.csv", corpus.packed(), "call it shop.csv.gz"),
        ("shop.csv", b"", "found an empty file"),
        ("shop.csv", b"\xef\xbb\xbf", "expected rows"),
        ("shop.csv", b"PAR1" + bytes(40), "expected text, found a NUL byte"),
    ],
)
def test_what_is_not_what_its_name_says_is_refused(tmp_path, name, content, said):
    assert said in str(refusal(shop(tmp_path, content, name)))


# Parquet


@ALL_PLACES
@pytest.mark.parametrize("what", corpus.WRONG_VALUES)
def test_a_wrong_value_of_parquet_is_refused_with_its_row(tmp_path, what, place):
    wrong, column, expected, found = corpus.WRONG_VALUES[what]
    error = refusal(shop(tmp_path, corpus.parquet(wrong, column, place), "shop.parquet"))
    row = min(corpus.PLACES[place] + 1, corpus.ROWS)
    assert (error.line, error.column) == (row, column)
    assert expected in error.expected
    assert found in error.found


@pytest.mark.parametrize("what", corpus.WRONG_VALUES)
def test_a_wrong_value_of_parquet_is_set_aside(tmp_path, what):
    wrong, column, *_ = corpus.WRONG_VALUES[what]
    config = shop(tmp_path, corpus.parquet(wrong, column, "middle"), "shop.parquet")
    tables = load_tables(config, rejects=tmp_path / "rejects.csv")
    assert tables.intake["transactions"].rejects == 1
    assert tables.need("transactions").count().execute() == corpus.ROWS - 1


@pytest.mark.parametrize("share", [0.0005, 0.3, 0.5, 0.9, 0.9999])
def test_a_truncated_parquet_is_refused(tmp_path, share):
    whole = corpus.stored()
    error = refusal(shop(tmp_path, whole[: int(len(whole) * share)], "shop.parquet"))
    assert "Parquet file with a footer, found none; it is cut short" in str(error)


@pytest.mark.parametrize(("share", "first"), [(0.02, 1), (0.4, 10_001), (0.9, 20_001)])
@pytest.mark.parametrize("broken", [corpus.zeroed, corpus.flipped])
def test_a_broken_part_of_a_parquet_is_told_by_its_rows(tmp_path, share, first, broken):
    whole = corpus.stored()
    error = refusal(shop(tmp_path, broken(whole, int(len(whole) * share)), "shop.parquet"))
    assert error.line == first
    assert f"rows {first} to {first + 9999} broken" in error.found


def test_a_broken_footer_is_refused(tmp_path):
    whole = corpus.stored()
    begins = len(whole) - 8 - int.from_bytes(whole[-8:-4], "little")
    error = refusal(shop(tmp_path, corpus.zeroed(whole, begins + 8), "shop.parquet"))
    assert "a footer that can be read" in error.expected


# Rows set aside


def test_more_bad_rows_than_the_config_lets_pass_are_refused(tmp_path):
    content = corpus.text("007,soon,1,toys\n" * 3, "middle")
    config = shop(tmp_path, content, max_rejects=2)
    with pytest.raises(DataError, match=r"at most 2 bad rows \(max_rejects\)") as caught:
        load_tables(config, rejects=tmp_path / "rejects.csv")
    assert caught.value.line == line_at("middle") + 2
    assert len((tmp_path / "rejects.csv").read_text().splitlines()) == 4


def test_rows_are_set_aside_for_their_text_and_for_their_values_together(tmp_path):
    content = corpus.text(
        '007,soon,1,toys\n"open,2024-01-05,1,toys\n008,2024-01-05,x,toys\n', "end"
    )
    tables = load_tables(shop(tmp_path, content), rejects=tmp_path / "rejects.csv")
    held = pd.read_csv(tmp_path / "rejects.csv", dtype=str)
    lines = [corpus.ROWS + 3, corpus.ROWS + 2, corpus.ROWS + 4]
    assert held["line"].astype(int).tolist() == lines
    assert held["row"].tolist() == [
        '"open,2024-01-05,1,toys',
        "007,soon,1,toys",
        "008,2024-01-05,x,toys",
    ]
    assert tables.intake["transactions"].rows == corpus.ROWS


@pytest.mark.parametrize("line", ["007,soon,1,toys\n", "007,2024-01-05\n"])
def test_a_file_without_a_right_row_is_refused(tmp_path, line):
    config = shop(tmp_path, (corpus.HEADER + line).encode(), guests="drop")
    with pytest.raises(DataError, match="expected a row that is right, found none"):
        load_tables(config, rejects=tmp_path / "rejects.csv")


def test_nothing_to_set_aside_is_a_header_alone(tmp_path):
    tables = load_tables(shop(tmp_path, corpus.text("", "end")), rejects=tmp_path / "rejects.csv")
    assert tables.intake["transactions"].rejects == 0
    assert (tmp_path / "rejects.csv").read_text().split() == ["file,line,column,expected,found,row"]


@pytest.mark.parametrize(
    ("lines", "vips", "said"),
    [
        ("1,yes\n2,no\n1,no\n", [True, False], "'1' more than once"),
        ("1,perhaps\n2,no\n1,yes\n", [True, False], "perhaps"),
    ],
)
def test_the_second_right_row_of_a_customer_is_set_aside(tmp_path, lines, vips, said):
    (tmp_path / "people.csv").write_text(f"who,vip\n{lines}")
    people = {
        "path": str(tmp_path / "people.csv"),
        "columns": {"customer_id": "who"},
        "attributes": {"vip": {"kind": "flag"}},
    }
    config = shop(tmp_path, corpus.text("", "end"))
    sources = {"transactions": config.sources.transactions, "customers": people}
    config = make_shop(tmp_path / "unused", pd.DataFrame(), sources=sources)
    tables = load_tables(config, rejects=tmp_path / "rejects.csv")
    held = tables.need("customers").order_by("customer_id").vip.to_pyarrow().to_pylist()
    assert held == vips
    rejected = (tmp_path / "rejects.csv").read_text().splitlines()[1:]
    assert len(rejected) == 1
    assert said in rejected[0]
