"""The door: a file becomes a canonical table, or is refused with its file, line and column."""

import gzip
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from configs.schema import Config
from features.contract import DataError
from features.source import Tables, fingerprint, first_and_last_day, load_tables
from tests.factories import make_shop

HEADER = "who,when,paid\n"
ROW = "001,2024-01-05T10:00,9.95\n"
COLUMNS = {"customer_id": "who", "occurred_at": "when", "amount": "paid"}


def shop(folder: Path, content: str | bytes | pa.Table, name: str = "shop.csv", **source) -> Config:
    """A base whose transactions are this text, these bytes or this table, stamped in UTC."""
    put(folder / name, content)
    told = {"path": str(folder / name), "columns": COLUMNS, "timezone": "UTC", **source}
    return base(folder, {"transactions": told})


def test_stamps_without_a_zone_are_in_the_bases_unless_the_source_says(tmp_path):
    config = shop(tmp_path, "who,when,paid\n001,2024-01-05T23:30,1\n", timezone=None)
    assert rows(config, "local_day") == ["2024-01-05"]


def base(folder: Path, sources: dict, **changes) -> Config:
    return make_shop(folder / "unused", pd.DataFrame(), sources=sources, **changes)


def put(path: Path, content: str | bytes | pa.Table) -> Path:
    if isinstance(content, pa.Table):
        pq.write_table(content, path)
    else:
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(config: Config) -> DataError:
    with pytest.raises(DataError) as caught:
        load_tables(config)
    return caught.value


def rows(config: Config, *columns: str) -> list:
    """The loaded rows, by time: stamps in UTC, as text."""
    table = load_tables(config).need("transactions")
    held = table.order_by(["occurred_at", "customer_id", "amount"]).to_pandas()
    held["occurred_at"] = held["occurred_at"].dt.strftime("%Y-%m-%d %H:%M")
    held["local_day"] = held["local_day"].astype(str)
    if "known_at" in held:
        held["known_at"] = held["known_at"].dt.strftime("%Y-%m-%d %H:%M")
    held = held.astype(object).where(held.notna(), None)[list(columns)]
    return held[columns[0]].tolist() if len(columns) == 1 else held.to_numpy().tolist()


def line_of(wrong: str, before: int, after: int = 0) -> str:
    return HEADER + ROW * before + wrong + ROW * after


MALFORMED = {
    # what: (content, line, column, a part of what is said)
    "an empty file": ("", None, None, "found an empty file"),
    "a header alone": (HEADER, None, None, "expected rows, found none"),
    "blank lines alone": (HEADER + "\n\n", None, None, "expected rows, found none"),
    "no header": ("\n" + ROW, 1, None, "expected a header of names"),
    "another column": ("who,wen,paid\n" + ROW, 1, "when", "did you mean 'wen'?"),
    "another delimiter": ("who;when;paid\n001;2024-01-05;1\n", 1, None, "name another delimiter"),
    "a name twice": ("who,when,when\n" + ROW, 1, "when", "expected it once, found it twice"),
    "a name in capitals too": (
        "who,when,paid,PAID\n1,2024-01-05,1,2\n",
        1,
        "paid",
        "names that differ in capitals alone are one",
    ),
    "a short row": (line_of("001,2024-01-05\n", 2, 1), 4, "paid", "expected 3 values, found 2"),
    "a long row": (line_of("001,2024-01-05,1,2\n", 2, 1), 4, None, "expected 3 values, found 4"),
    "an open quote": (line_of('"001,2024-01-05,1\n', 1, 1), 3, "who", "a closing quote"),
    "text after a quote": (line_of('"001"x,2024-01-05,1\n', 1, 1), 3, "who", "a closing quote"),
    "bad UTF-8": (line_of("é,2024-01-05,1\n", 1).encode("latin-1"), 3, "who", "the byte 0xe9"),
    "bad UTF-8 far in": (
        line_of("é,2024-01-05,1\n", 3000, 5).encode("latin-1"),
        3002,
        "who",
        "expected UTF-8 text, found the byte 0xe9",
    ),
    "bad UTF-8 in the header": ("wh\xe9,when,paid\n".encode("latin-1"), 1, None, "the byte 0xe9"),
    "UTF-16": ((HEADER + ROW).encode("utf-16"), 1, None, "a NUL byte"),
    "a NUL byte": (line_of("0\0001,2024-01-05,1\n", 1, 2), 3, None, "expected text, found a NUL"),
    "a NUL byte in the header": ("wh\0o,when,paid\n" + ROW, 1, None, "found a NUL byte"),
    "a date that is none": (line_of("001,soon,1\n", 1), 3, "when", "found 'soon'"),
    "a day that is none": (line_of("001,2023-02-29,1\n", 1), 3, "when", "found '2023-02-29'"),
    "a word for a date": (line_of("001,epoch,1\n", 1), 3, "when", "found 'epoch'"),
    "a day before all": (line_of("001,1899-12-31,1\n", 1), 3, "when", "between 1900 and 2100"),
    "a day past all": (line_of("001,294247-01-10,1\n", 1), 3, "when", "between 1900 and 2100"),
    "an endless date": (line_of("001,infinity,1\n", 1), 3, "when", "found 'infinity'"),
    "an American date": (line_of("001,01/31/2024,1\n", 1), 3, "when", "unless date_format says"),
    "a zone that is none": (line_of("001,2024-01-05 10:00 Mars,1\n", 1), 3, "when", "10:00 Mars"),
    "an amount in words": (line_of("001,2024-01-05,abc\n", 1), 3, "paid", "found 'abc'"),
    "an endless amount": (line_of("001,2024-01-05,inf\n", 1), 3, "paid", "found 'inf'"),
    "no number": (line_of("001,2024-01-05,nan\n", 1), 3, "paid", "found 'nan'"),
    "an exponent past all": (line_of("001,2024-01-05,1e999\n", 1), 3, "paid", "found '1e999'"),
    "thousands apart": (line_of("001,2024-01-05,1 000\n", 1), 3, "paid", "found '1 000'"),
    "a decimal comma": (line_of('001,2024-01-05,"1,5"\n', 1), 3, "paid", "found '1,5'"),
    "twelve billion": (line_of("001,2024-01-05,12000000000\n", 1), 3, "paid", "below ten billion"),
    "minus ten billion": (line_of("001,2024-01-05,-1e10\n", 1), 3, "paid", "below ten billion"),
    "no amount": (line_of("001,2024-01-05,\n", 1), 3, "paid", "found nothing"),
    "no date": (line_of("001,,1\n", 1), 3, "when", "found nothing"),
    "no customer at all": (HEADER + ",2024-01-05,1\n", None, "who", "expected an id in some row"),
    "gzip's rubbish": (gzip.compress((HEADER + ROW).encode()), 1, None, "expected"),
    "a line without end": (
        line_of("001,2024-01-05,1" + " " * 3_000_000 + "\n", 1),
        3,
        None,
        "2 MB",
    ),
    "line ends of two kinds": (line_of("001,2024-01-05,1\r\n", 1, 1), 3, None, "of one kind"),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_text_is_refused_with_its_line_and_column(tmp_path, what):
    content, line, column, said = MALFORMED[what]
    error = refusal(shop(tmp_path, content))
    assert (error.file, error.line, error.column) == (str(tmp_path / "shop.csv"), line, column)
    assert said in str(error)
    assert "\n" not in str(error)


@given(st.binary(max_size=40))
@example(b'"')
@example(b"\r")
@example(b'a\n"\r\n\xff')
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_loaded_or_refused_never_more(tmp_path, rubbish):
    config = shop(tmp_path, (HEADER + ROW).encode() + rubbish)
    try:
        held = load_tables(config).need("transactions").count().execute()
    except DataError as error:
        held = error.file
    assert held in (1, 2, 3, str(tmp_path / "shop.csv"))


def test_a_missing_file_is_refused(tmp_path):
    config = shop(tmp_path, ROW)
    (tmp_path / "shop.csv").unlink()
    assert str(refusal(config)).endswith("expected a file, found none; mend the path in the config")


@pytest.mark.parametrize("name", ["none/**.csv", "x" * 300])
def test_a_path_that_cannot_be_looked_for_is_refused(tmp_path, name):
    error = refusal(shop(tmp_path, ROW, path=str(tmp_path / name)))
    assert "found none" in str(error)
    assert str(error).endswith("mend the path in the config")


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("mysql://root:s3cr3t@host/db", "mysql://root:…@host/db"),
        ("mysql://ro@ot:s3cr3t@host/db", "mysql://ro@ot:…@host/db"),
        ("jdbc:mysql://host/db;password=s3c r3t", "jdbc:mysql://host/db;password=…"),
        ("postgresql://host/db?password=… (sales)", "postgresql://host/db?password=… (sales)"),
    ],
)
def test_no_error_tells_a_password(file, told):
    error = DataError.of_missing_file(file)
    assert (error.file, str(error)[: len(told) + 1]) == (told, f"{told}:")


def test_a_missing_package_is_refused_with_the_way_to_install_it(tmp_path):
    config = shop(tmp_path, ROW, path="package:no_such_package/data.csv")
    assert "pip install no-such-package" in str(refusal(config))


@pytest.mark.parametrize(
    "content",
    [HEADER + ROW, b"PAR1", b"PAR1" + b"\0" * 100 + b"PAR1"],
    ids=["a text", "a beginning", "a hollow file"],
)
def test_a_file_that_is_no_parquet_is_refused(tmp_path, content):
    error = refusal(shop(tmp_path, content, name="shop.parquet"))
    assert "expected a Parquet file" in str(error)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_a_truncated_parquet_is_refused(tmp_path, kept):
    table = pa.table({"who": ["1"] * 500, "when": ["2024-01-05"] * 500, "paid": list(range(500))})
    whole = put(tmp_path / "whole", table).read_bytes()
    error = refusal(shop(tmp_path, whole[: int(len(whole) * kept)], name="shop.parquet"))
    assert "expected a Parquet file" in str(error)


def test_a_parquet_without_rows_is_refused(tmp_path):
    table = pa.table({"who": pa.array([], pa.string()), "when": [], "paid": []})
    assert "expected rows, found none" in str(refusal(shop(tmp_path, table, name="shop.parquet")))


@pytest.mark.parametrize(
    "values",
    [
        {"who": [[1], [2]], "paid": [{"a": 1}, {"a": 2}]},
        {"paid": [True, None]},
        {"paid": [1.0, float("nan")]},
        {"who": [True, False]},
        {"who": [b"a", b"b"]},
        {"who": [[1], [2]]},
        {"who": [{"a": 1}, {"a": 2}]},
        {"paid": [True, False]},
        {"paid": [[Decimal(1)], [Decimal(2)]]},
        {"when": [[1], [2]]},
        {"when": [1, 2]},
        {"when": pa.array([2**62, 2**62], pa.timestamp("us"))},
        {"when": pa.array([0, -(2**55)], pa.timestamp("us", "Europe/Paris"))},
        {"when": pa.array([0, None], pa.timestamp("us", "Europe/Paris"))},
    ],
)
def test_a_parquet_of_other_types_is_refused_by_row_and_column(tmp_path, values):
    good = {"who": ["1", "2"], "when": ["2024-01-05"] * 2, "paid": [1.0, 2.0]}
    table = pa.table({**good, **values})
    error = refusal(shop(tmp_path, table, name="shop.parquet", timezone="America/New_York"))
    assert error.column in values
    assert error.line in (1, 2)


# Lines


@pytest.mark.parametrize(("before", "after"), [(0, 20_000), (10_000, 10_000), (20_000, 0)])
def test_the_line_is_right_at_the_start_the_middle_and_the_end(tmp_path, before, after):
    error = refusal(shop(tmp_path, line_of("001,2024-01-05,abc\n", before, after)))
    assert error.line == before + 2


def test_the_first_wrong_line_is_told_and_how_many_there_are(tmp_path):
    wrong = "001,2024-01-05,abc\n"
    error = refusal(shop(tmp_path, line_of(wrong, 3, 1) + wrong * 2))
    assert error.line == 5
    assert "found 'abc' (and in 2 more rows)" in str(error)


QUOTED = HEADER.replace("\n", ",note\n") + '001,2024-01-05,1,"one\ntwo\nthree"\n'


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (QUOTED + "002,2024-01-05,abc,\n", 5),
        (QUOTED + QUOTED.split("\n", 1)[1] + "002,2024-01-05,abc,\n", 8),
        (QUOTED + "002,2024-01-05\n", 5),
        (QUOTED + '002,2024-01-05,1,"open\n', 5),
        ('who,when,paid,"a\nb"\n' + "002,2024-01-05,abc,\n", 3),
        (QUOTED.replace("two\n", "two\r\n") + "002,2024-01-05,abc,\n", 5),
    ],
)
def test_the_line_is_right_after_a_value_of_several_lines(tmp_path, text, line):
    assert refusal(shop(tmp_path, text)).line == line


@pytest.mark.parametrize("wrong", ["001,2024-01-05,abc\n", "001,2024-01-05\n"])
def test_the_line_is_right_after_blank_lines(tmp_path, wrong):
    assert refusal(shop(tmp_path, HEADER + "\n\n" + ROW + "\n" + wrong)).line == 6


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_the_line_is_right_whatever_ends_it(tmp_path, end):
    text = line_of("001,2024-01-05,abc\n", 2).replace("\n", end)
    assert refusal(shop(tmp_path, text)).line == 4


def test_the_line_is_that_of_the_file_though_duplicates_are_dropped(tmp_path):
    text = line_of("000,2024-01-05,abc\n", 3, 2)
    assert refusal(shop(tmp_path, text, duplicates="drop")).line == 5


def test_the_line_is_right_though_the_file_has_a_column_named_rowid(tmp_path):
    text = "rowid,who,when,paid\nZ9,001,2024-01-05,1\nA1,001,2024-01-05,abc\n"
    assert refusal(shop(tmp_path, text)).line == 3


def test_a_row_of_a_parquet_is_told_by_its_number(tmp_path):
    table = pa.table({"who": ["1", "2"], "when": ["2024-01-05", "soon"], "paid": [1, 2]})
    error = refusal(shop(tmp_path, table, name="shop.parquet"))
    assert (error.line, error.column) == (2, "when")


def test_a_wrong_line_of_a_glob_is_told_in_its_own_file(tmp_path):
    put(tmp_path / "shop_1.csv", HEADER + ROW * 3)
    put(tmp_path / "shop_2.csv", line_of("001,2024-01-05,abc\n", 1))
    error = refusal(shop(tmp_path, HEADER + ROW, path=str(tmp_path / "shop_*.csv")))
    assert (error.file, error.line) == (str(tmp_path / "shop_2.csv"), 3)


def test_a_short_row_of_a_glob_is_told_in_its_own_file(tmp_path):
    put(tmp_path / "shop_1.csv", HEADER + ROW * 3)
    put(tmp_path / "shop_2.csv", line_of("001,2024-01-05\n", 1))
    error = refusal(shop(tmp_path, HEADER + ROW, path=str(tmp_path / "shop_*.csv")))
    assert (error.file, error.line) == (str(tmp_path / "shop_2.csv"), 3)


# What is let in


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path):
    text = "\ufeff" + (HEADER + ROW).replace("\n", "\r\n")
    assert rows(shop(tmp_path, text), "customer_id", "amount") == [["001", Decimal("9.9500")]]


def test_a_quoted_value_may_hold_the_delimiter_a_quote_and_a_line_end(tmp_path):
    text = HEADER + '"a,""b""\nc",2024-01-05,1\n'
    assert rows(shop(tmp_path, text), "customer_id") == ['a,"b"\nc']


def test_an_optional_value_that_is_blank_is_missing(tmp_path):
    text = "who,when,paid,items,kind\n001,2024-01-05,1,,\n001,2024-01-06,1,  ,  \n"
    config = shop(tmp_path, text, columns={**COLUMNS, "quantity": "items", "category": "kind"})
    assert rows(config, "quantity", "category") == [[None, None], [None, None]]


def test_an_optional_value_that_is_wrong_is_refused(tmp_path):
    text = "who,when,paid,items\n001,2024-01-05,1,\n001,2024-01-06,1,few\n"
    error = refusal(shop(tmp_path, text, columns={**COLUMNS, "quantity": "items"}))
    assert (error.line, error.column) == (3, "items")


def test_amounts_are_exact_and_round_halves_away_from_zero(tmp_path):
    amounts = ["0.1", "-0.00005", "9999999999.9999", "1e3", ".5", "+2"]
    text = HEADER + "".join(f"001,2024-01-0{n + 1},{paid}\n" for n, paid in enumerate(amounts))
    expected = ["0.1000", "-0.0001", "9999999999.9999", "1000.0000", "0.5000", "2.0000"]
    assert [str(paid) for paid in rows(shop(tmp_path, text), "amount")] == expected


def test_another_delimiter_and_date_format_are_read_as_the_config_says(tmp_path):
    layout = {"kind": "csv", "delimiter": ";", "date_format": "%d.%m.%Y %H:%M"}
    text = "who;when;paid\n001;05.01.2024 10:30;9.95\n"
    assert rows(shop(tmp_path, text, format=layout), "occurred_at") == ["2024-01-05 10:30"]


def test_a_glob_is_read_as_one_table(tmp_path):
    put(tmp_path / "shop_1.csv", HEADER + ROW)
    put(tmp_path / "shop_2.csv", HEADER + ROW.replace("001", "002"))
    config = shop(tmp_path, ROW, path=str(tmp_path / "shop_*.csv"))
    assert rows(config, "customer_id") == ["001", "002"]
    assert load_tables(config).intake["transactions"].rows == 2


def test_a_file_of_a_glob_with_another_header_is_refused(tmp_path):
    put(tmp_path / "shop_1.csv", HEADER + ROW)
    put(tmp_path / "shop_2.csv", "when,who,paid\n" + ROW)
    error = refusal(shop(tmp_path, ROW, path=str(tmp_path / "shop_*.csv")))
    assert (error.file, error.line) == (str(tmp_path / "shop_2.csv"), 1)


@pytest.mark.parametrize("name", ["shop[1].csv", "shop[1].parquet", "shop*.csv", "shop?.csv"])
def test_a_name_that_a_file_bears_is_no_glob(tmp_path, name):
    ending = Path(name).suffix
    for number in (1, 2):
        put(tmp_path / f"shop{number}{ending}", sale("002", ending))
    assert rows(shop(tmp_path, sale("001", ending), name=name), "customer_id") == ["001"]


def sale(customer: str, ending: str) -> str | pa.Table:
    if ending == ".csv":
        return HEADER + ROW.replace("001", customer)
    return pa.table({"who": [customer], "when": ["2024-01-05"], "paid": [1]})


def test_several_duckdb_files_are_refused(tmp_path):
    (tmp_path / "a.duckdb").touch()
    config = shop(
        tmp_path,
        "",
        name="b.duckdb",
        path=str(tmp_path / "*.duckdb"),
        format={"kind": "duckdb", "table": "sales"},
    )
    assert refusal(config).expected == "one DuckDB file"


SPACED = {"kind": "whitespace", "names": ["who", "when", "paid"], "header": True}


def test_text_in_columns_is_read_with_its_own_names(tmp_path):
    text = "id date dollars\n 00001 2024-01-05  9.95\n\n\n 00002 2024-01-06 1\n"
    config = shop(tmp_path, text, format=SPACED)
    assert rows(config, "customer_id", "local_day") == [
        ["00001", "2024-01-05"],
        ["00002", "2024-01-06"],
    ]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (b" 1 2024-01-05\n", "found 2"),
        (b" 1 2024-01-05 abc\n", "found 'abc'"),
        (b" \xe9 2024-01-05 1\n", "the byte 0xe9"),
        (b" \0 2024-01-05 1\n", "a NUL byte"),
    ],
)
def test_a_wrong_line_of_text_in_columns_is_refused(tmp_path, wrong, said):
    text = b"id date dollars\n 1 2024-01-05 1\n\n" + wrong
    error = refusal(shop(tmp_path, text, format=SPACED))
    assert error.line == 4
    assert said in str(error)


# Ids


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (["00123", "1e5"], ["00123", "1e5"]),
        ([17850, 13047], ["17850", "13047"]),
        ([17850.0, None], ["17850"]),
        ([17850.0, float("nan")], ["17850"]),
        ([2**60 + 1, 7], ["1152921504606846977", "7"]),
    ],
    ids=["text", "integers", "floats", "floats with NaN", "large"],
)
def test_an_id_is_text_whatever_the_column_holds(tmp_path, ids, expected):
    table = pa.table({"who": ids, "when": ["2024-01-05", "2024-01-06"], "paid": [1, 2]})
    assert rows(shop(tmp_path, table, name="shop.parquet"), "customer_id") == expected


def test_white_space_around_an_id_is_no_part_of_it(tmp_path):
    text = HEADER + "".join(f"{who},2024-01-05,1\n" for who in ("\ta", "a\t", "a\u00a0", "\t"))
    tables = load_tables(shop(tmp_path, text))
    assert tables.need("transactions").customer_id.to_pyarrow().to_pylist() == ["a"] * 3
    assert tables.intake["transactions"].guests == 1


def test_white_space_within_an_id_is_a_part_of_it(tmp_path):
    text = line_of('"a b\tc\nd",2024-01-06,1\n', 1)
    assert rows(shop(tmp_path, text), "customer_id") == ["001", "a b\tc\nd"]


def test_the_type_that_an_id_cannot_be_of_is_told(tmp_path):
    table = pa.table({"who": [True], "when": ["2024-01-05"], "paid": [1]})
    assert "found 'true'; the config maps it to customer_id, but its type is BOOLEAN" in str(
        refusal(shop(tmp_path, table, name="shop.parquet"))
    )


@pytest.mark.parametrize("kind", [pa.int8(), pa.int16(), pa.int32()])
def test_the_least_amount_of_a_narrow_type_is_one(tmp_path, kind):
    least = -(2 ** (kind.bit_width - 1))
    table = pa.table({"who": ["1"], "when": ["2024-01-05"], "paid": pa.array([least], kind)})
    assert rows(shop(tmp_path, table, name="shop.parquet"), "amount") == [Decimal(least)]


@pytest.mark.parametrize("odd", [17850.5, float("inf"), 1e300])
def test_an_id_that_is_no_whole_number_is_refused_not_rounded(tmp_path, odd):
    table = pa.table({"who": [17850.0, odd], "when": ["2024-01-05"] * 2, "paid": [1, 2]})
    error = refusal(shop(tmp_path, table, name="shop.parquet"))
    assert (error.line, error.column, error.expected) == (2, "who", "an id")


def test_a_float_that_is_no_number_is_missing_where_it_may_be(tmp_path):
    table = pa.table(
        {
            "who": ["1", "2", "3"],
            "when": ["2024-01-05", "2024-01-06", "2024-01-07"],
            "paid": [1, 2, 3],
            "items": [1.0, float("nan"), 2.5],
            "kind": [7.0, float("nan"), 2.5],
        }
    )
    columns = {**COLUMNS, "quantity": "items", "category": "kind"}
    config = shop(tmp_path, table, name="shop.parquet", columns=columns)
    assert rows(config, "category") == ["7", None, "2.5"]
    assert rows(config, "quantity") == [Decimal("1.0000"), None, Decimal("2.5000")]


# Zones


@pytest.mark.parametrize(
    ("stamp", "utc"),
    [
        ("2024-01-05T10:00", "2024-01-05 15:00"),
        ("2024-01-05 10:00:00.5", "2024-01-05 15:00"),
        ("2024-01-05", "2024-01-05 05:00"),
        ("2024-07-05", "2024-07-05 04:00"),
        ("2024-01-05T10:00Z", "2024-01-05 10:00"),
        ("2024-01-05T10:00+02:00", "2024-01-05 08:00"),
        ("2024-01-05 10:00:00-0500", "2024-01-05 15:00"),
        ("2024-01-05 10:00:00+02", "2024-01-05 08:00"),
        ("2024-01-05 10:00 UTC", "2024-01-05 10:00"),
        ("2024-01-05 10:00 Asia/Tokyo", "2024-01-05 01:00"),
    ],
)
def test_a_stamp_is_in_the_sources_zone_unless_it_names_one(tmp_path, stamp, utc):
    config = shop(tmp_path, f"{HEADER}001,{stamp},1\n", timezone="America/New_York")
    assert rows(config, "occurred_at") == [utc]


def test_a_date_format_with_an_offset_names_the_zone(tmp_path):
    layout = {"kind": "csv", "date_format": "%d/%m/%Y %H:%M %z"}
    text = f"{HEADER}001,05/01/2024 10:00 +0200,1\n"
    config = shop(tmp_path, text, format=layout, timezone="America/New_York")
    assert rows(config, "occurred_at") == ["2024-01-05 08:00"]


@pytest.mark.parametrize(
    ("kind", "utc"),
    [
        (pa.date32(), "2024-01-05 05:00"),
        (pa.timestamp("ns"), "2024-01-05 05:00"),
        (pa.timestamp("s"), "2024-01-05 05:00"),
        (pa.timestamp("us", "Europe/Paris"), "2024-01-05 00:00"),
    ],
)
def test_a_typed_stamp_is_in_the_sources_zone_unless_it_has_one(tmp_path, kind, utc):
    day = pa.array([pd.Timestamp("2024-01-05")], pa.timestamp("us")).cast(kind)
    table = pa.table({"who": ["1"], "when": day, "paid": [1]})
    config = shop(tmp_path, table, name="shop.parquet", timezone="America/New_York")
    assert rows(config, "occurred_at") == [utc]


def test_a_day_is_the_bases_not_the_sources(tmp_path):
    # Half past eleven in London is the next day in Copenhagen.
    config = shop(tmp_path, f"{HEADER}001,2024-01-05T23:30,1\n", timezone="Europe/London")
    assert rows(config, "local_day") == ["2024-01-06"]


def test_known_at_defaults_to_when_it_occurred(tmp_path):
    text = "who,when,paid,known\n001,2024-01-05,1,\n001,2024-01-06,1,2024-02-01T08:00\n"
    config = shop(tmp_path, text, columns={**COLUMNS, "known_at": "known"})
    assert rows(config, "known_at") == ["2024-01-05 00:00", "2024-02-01 08:00"]


def test_the_first_and_last_day_are_local(tmp_path):
    text = HEADER + "001,2024-01-05T22:00,1\n001,2024-01-31T23:30,1\n"
    first, last = first_and_last_day(load_tables(shop(tmp_path, text)))
    assert (str(first), str(last)) == ("2024-01-05", "2024-02-01")


# Guests, duplicates, orders


def test_guests_are_dropped_and_counted(tmp_path):
    tables = load_tables(shop(tmp_path, line_of(",2024-01-05,1\n  ,2024-01-05,1\n", 2)))
    assert tables.need("transactions").count().execute() == 2
    assert tables.intake["transactions"].guests == 2


def test_guests_are_refused_with_the_first_of_them(tmp_path):
    text = line_of(",2024-01-05,1\n  ,2024-01-05,1\n", 2)
    error = refusal(shop(tmp_path, text, guests="refuse"))
    assert (error.line, error.column) == (4, "who")
    assert "(and in 1 more rows); set guests: drop" in str(error)


@pytest.mark.parametrize(("treated", "kept"), [("keep", 4), ("drop", 2)])
def test_duplicates_are_counted_and_kept_or_dropped(tmp_path, treated, kept):
    config = shop(tmp_path, line_of("002,2024-01-05,1\n", 3), duplicates=treated)
    tables = load_tables(config, count_duplicates=True)
    assert tables.need("transactions").count().execute() == kept
    assert tables.intake["transactions"].rows == 4
    assert tables.intake["transactions"].duplicates == 2


def test_an_order_is_its_id_else_the_local_day(tmp_path):
    text = "who,when,paid,order\n001,2024-01-05T22:00,1,A7\n001,2024-01-05T23:30,1,\n"
    config = shop(tmp_path, text, columns={**COLUMNS, "order_id": "order"})
    assert rows(config, "order_id") == ["A7", "2024-01-06"]


# Columns of several


def priced(folder: Path, lines: str, amount: dict) -> Config:
    return shop(folder, "who,when,a,b,c\n" + lines, columns={**COLUMNS, "amount": amount})


def test_an_amount_may_be_a_product(tmp_path):
    config = priced(tmp_path, "1,2024-01-05,3,0.335,\n", {"product": ["a", "b"]})
    assert rows(config, "amount") == [Decimal("1.0050")]


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        ("1000", "0.00125", "1.25"),
        ("-0.5", "0.0001", "-0.0001"),
        ("9999999999", "0.1", "999999999.9"),
    ],
)
def test_a_product_is_rounded_once(tmp_path, quantity, price, amount):
    config = priced(tmp_path, f"1,2024-01-05,{quantity},{price},\n", {"product": ["a", "b"]})
    assert rows(config, "amount") == [Decimal(amount)]


def test_a_product_of_floats_is_rounded_once(tmp_path):
    table = pa.table({"who": ["1"], "when": ["2024-01-05"], "a": [1000.0], "b": [0.00125]})
    columns = {**COLUMNS, "amount": {"product": ["a", "b"]}}
    config = shop(tmp_path, table, name="shop.parquet", columns=columns)
    assert rows(config, "amount") == [Decimal("1.25")]


def test_a_product_of_three_is_exact_past_a_million(tmp_path):
    config = priced(tmp_path, "1,2024-01-05,1000,2000.5,1.1\n", {"product": ["a", "b", "c"]})
    assert rows(config, "amount") == [Decimal("2200550.0000")]


def test_a_product_past_ten_billion_is_refused(tmp_path):
    lines = "1,2024-01-05,3,5,\n1,2024-01-06,9000000000,9000000000,\n"
    error = refusal(priced(tmp_path, lines, {"product": ["a", "b"]}))
    assert (error.line, error.column) == (3, "a × b")
    assert "found '9000000000 × 9000000000'" in str(error)


def test_a_part_of_a_product_that_is_missing_is_refused(tmp_path):
    error = refusal(priced(tmp_path, "1,2024-01-05,3,,\n", {"product": ["a", "b"]}))
    assert (error.line, error.column) == (2, "b")


def test_a_part_of_a_sum_that_is_missing_counts_as_nothing(tmp_path):
    lines = "1,2024-01-05,1,2,3.5\n1,2024-01-06,,2,\n1,2024-01-07,,,\n"
    config = priced(tmp_path, lines, {"sum": ["a", "b", "c"]})
    assert rows(config, "amount") == [Decimal("6.5"), Decimal(2), Decimal(0)]


def test_a_part_of_a_sum_that_is_wrong_is_refused(tmp_path):
    error = refusal(priced(tmp_path, "1,2024-01-05,1,few,\n", {"sum": ["a", "b"]}))
    assert (error.line, error.column) == (2, "b")


def test_a_sum_past_ten_billion_is_refused(tmp_path):
    lines = "1,2024-01-05,9000000000,9000000000,\n"
    error = refusal(priced(tmp_path, lines, {"sum": ["a", "b"]}))
    assert (error.line, error.column) == (2, "a + b")


# Joins


def joined(
    folder: Path, sales: str | pa.Table, products: str | pa.Table, name: str = "products.csv"
) -> Config:
    """Sales whose product's kind another file holds."""
    put(folder / name, products)
    join = {"path": str(folder / name), "key": "product", "columns": ["kind"]}
    columns = {**COLUMNS, "category": "kind"}
    ending = "csv" if isinstance(sales, str) else "parquet"
    return shop(folder, sales, name=f"shop.{ending}", columns=columns, join=[join])


SALES = "who,when,paid,product\n1,2024-01-05,1,p1\n2,2024-01-06,1,p9\n3,2024-01-07,1,\n"


def test_a_join_keeps_every_row(tmp_path):
    config = joined(tmp_path, SALES, "product,kind\np2,toys\np1,food\n")
    assert rows(config, "customer_id", "category") == [["1", "food"], ["2", None], ["3", None]]


def test_a_key_twice_in_a_joined_file_is_refused(tmp_path):
    products = 'product,kind\np1,"fo\nod"\np2,toys\np2,food\n'
    error = refusal(joined(tmp_path, SALES, products))
    assert (error.file, error.line) == (str(tmp_path / "products.csv"), 5)
    assert (error.column, error.found) == ("product", "'p2' more than once")


@pytest.mark.parametrize(
    ("products", "column"),
    [("product,kin\np1,x\n", "kind"), ("prod,kind\np1,x\n", "product")],
)
def test_a_joined_file_that_lacks_a_column_is_refused(tmp_path, products, column):
    error = refusal(joined(tmp_path, SALES, products))
    assert (error.file, error.column) == (str(tmp_path / "products.csv"), column)


def test_a_key_that_only_the_joined_file_has_is_refused(tmp_path):
    error = refusal(joined(tmp_path, SALES.replace("product", "pro"), "product,kind\np1,x\n"))
    assert (error.file, error.column) == (str(tmp_path / "shop.csv"), "product")


def test_a_joined_column_that_the_file_has_already_is_refused(tmp_path):
    sales = "who,when,paid,product,Kind\n1,2024-01-05,1,p1,x\n"
    error = refusal(joined(tmp_path, sales, "product,kind\np1,food\n"))
    assert (error.column, error.expected) == ("kind", "a name of its own")


def test_blanks_around_a_key_are_no_part_of_it(tmp_path):
    products = "product,kind\n p1,food\n,none\n ,none\n"
    config = joined(tmp_path, SALES.replace("p1", "p1\t"), products)
    assert rows(config, "category") == ["food", None, None]


@pytest.mark.parametrize("keys", [["7", " 7"], ["7", "7\t"]])
def test_a_key_twice_but_for_blanks_is_refused(tmp_path, keys):
    sales = pa.table({"who": ["1"], "when": ["2024-01-05"], "paid": [1], "product": [7]})
    products = "product,kind\n" + "".join(f"{key},food\n" for key in keys)
    error = refusal(joined(tmp_path, sales, products))
    assert (error.line, error.found) == (3, "'7' more than once")


def test_a_join_that_finds_nothing_is_refused(tmp_path):
    error = refusal(joined(tmp_path, SALES, "product,kind\nP1,food\n"))
    assert (error.file, error.column) == (str(tmp_path / "products.csv"), "product")
    assert f"expected a key of {tmp_path / 'shop.csv'}, found none in any row" in str(error)


def test_keys_of_two_types_meet_as_text(tmp_path):
    products = pa.table({"product": [7, 8], "kind": ["food", "toys"]})
    sales = SALES.replace("p1", "7")
    config = joined(tmp_path, sales, products, name="products.parquet")
    assert rows(config, "category") == ["food", None, None]


def test_the_line_is_right_after_a_join(tmp_path):
    sales = SALES + "4,2024-01-08,abc,p1\n"
    assert refusal(joined(tmp_path, sales, "product,kind\np1,food\n")).line == 5


# Customers


def described(folder: Path, content: str | pa.Table, attributes: dict, **changes) -> Tables:
    """Load a base whose customers this file describes."""
    ending = "csv" if isinstance(content, str) else "parquet"
    path = put(folder / f"people.{ending}", content)
    config = shop(folder, HEADER + ROW)
    people = {"path": str(path), "columns": {"customer_id": "who"}, "attributes": attributes}
    sources = {**config.sources.model_dump(mode="json", exclude_none=True), "customers": people}
    return load_tables(base(folder, sources, **changes))


def attribute(folder: Path, value: str, kind: str, **changes) -> object:
    """One customer's attribute, once loaded."""
    tables = described(folder, f"who,x\n1,{value}\n", {"x": {"kind": kind}}, **changes)
    return tables.need("customers").x.to_pyarrow().to_pylist()[0]


@pytest.mark.parametrize(
    ("kind", "value", "loaded"),
    [
        ("flag", "Yes", True),
        ("flag", "0", False),
        ("flag", "", None),
        ("number", "-2.5e3", -2500.0),
        ("number", "", None),
        ("category", " low ", "low"),
        ("category", "  ", None),
    ],
)
def test_an_attribute_is_of_its_kind_or_missing(tmp_path, kind, value, loaded):
    assert attribute(tmp_path, value, kind) == loaded


@pytest.mark.parametrize(
    ("kind", "value"), [("flag", "maybe"), ("number", "1e400"), ("number", "x"), ("date", "x")]
)
def test_an_attribute_of_another_kind_is_refused(tmp_path, kind, value):
    with pytest.raises(DataError) as caught:
        attribute(tmp_path, value, kind)
    assert (caught.value.line, caught.value.column) == (2, "x")


def test_a_flag_that_met_a_missing_value_on_its_way_is_still_one(tmp_path):
    people = pa.table({"who": ["1", "2", "3"], "x": [1.0, 0.0, None]})
    tables = described(tmp_path, people, {"x": {"kind": "flag"}})
    assert tables.need("customers").order_by("customer_id").x.to_pyarrow().to_pylist() == [
        True,
        False,
        None,
    ]


def test_a_column_may_be_used_as_two_kinds(tmp_path):
    attributes = {"number": {"kind": "number", "column": "who"}}
    tables = described(tmp_path, "who,x\n1,y\n", attributes)
    assert tables.need("customers").number.to_pyarrow().to_pylist() == [1.0]


@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Copenhagen", "Asia/Tokyo"])
def test_a_date_without_a_time_is_that_day_in_every_zone(tmp_path, zone):
    assert str(attribute(tmp_path, "2024-06-03", "date", timezone=zone)) == "2024-06-03"


def test_a_date_with_a_time_is_the_bases_day(tmp_path):
    day = attribute(tmp_path, "2024-06-03T23:30Z", "date", timezone="Europe/Copenhagen")
    assert str(day) == "2024-06-04"


def test_a_customer_described_twice_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        described(tmp_path, "who,x\n1,a\n2,b\n1,c\n", {"x": {"kind": "category"}})
    assert (caught.value.line, caught.value.column) == (4, "who")
    assert caught.value.found == "'1' more than once"


def test_a_customer_described_without_an_id_is_refused(tmp_path):
    with pytest.raises(DataError) as caught:
        described(tmp_path, "who,x\n1,a\n,b\n", {"x": {"kind": "category"}})
    assert (caught.value.line, caught.value.column) == (3, "who")


# The fingerprint


def test_the_fingerprint_follows_the_content_and_not_the_place(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one = fingerprint(shop(tmp_path / "a", HEADER + ROW))
    assert fingerprint(shop(tmp_path / "b", HEADER + ROW)) == one
    assert fingerprint(shop(tmp_path / "b", HEADER + ROW * 2)) != one


def test_the_fingerprint_follows_every_column_whatever_it_is_called(tmp_path):
    prints = set()
    for paid in (1, 2):
        path = str(tmp_path / f"{paid}.duckdb")
        with duckdb.connect(path) as database:
            row = f"SELECT '1' AS who, '2024-01-05' AS \"when\", {paid} AS paid, 'x' AS whole"
            database.execute(f"CREATE TABLE sales AS {row}")
        layout = {"kind": "duckdb", "table": "sales"}
        prints.add(fingerprint(shop(tmp_path, "", path=path, format=layout)))
    assert len(prints) == 2
