"""Files that are wrong in one place: at the start, in the middle or at the end of what is right."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

HEADER = "who,when,paid,kind\n"
COLUMNS = {"customer_id": "who", "occurred_at": "when", "amount": "paid", "category": "kind"}
ROWS = 60
PLACES = {"start": 0, "middle": ROWS // 2, "end": ROWS}


def row(number: int) -> str:
    return f"{number:03},2024-01-{number % 28 + 1:02}T10:00,{number}.50,toys\n"


@dataclass(frozen=True)
class Wrong:
    """A row that is wrong, and what is said of it: the column, the rule, what was found."""

    line: str | bytes
    column: str | None
    expected: str
    found: str


AMOUNT = "an amount below ten billion, with a point before its decimals"
STAMP = "a date or time between 1900 and 2100"
MARKED = b"\xef\xbb\xbf007,2024-01-05,1,toys\n"

WRONG_ROWS = {
    # Its width
    "a short row": Wrong("007,2024-01-05,1\n", "kind", "4 values", "3"),
    "a row of one value": Wrong("007\n", "when", "4 values", "1"),
    "a long row": Wrong("007,2024-01-05,1,toys,9\n", None, "4 values", "5"),
    "another delimiter": Wrong("007;2024-01-05;1;toys\n", "when", "4 values", "1"),
    "a decimal comma": Wrong("007,2024-01-05,1,50,toys\n", None, "4 values", "5"),
    "a line of blanks": Wrong("   \n", "when", "4 values", "1"),
    "an end-of-file sign": Wrong("\x1a\n", "when", "4 values", "1"),
    # Its bytes
    "a NUL byte": Wrong(b"0\x0007,2024-01-05,1,toys\n", None, "text", "a NUL byte"),
    "bad UTF-8": Wrong(b"007,2024-01-05,1,j\xf8rgen\n", "kind", "UTF-8 text", "the byte 0xf8"),
    "cut UTF-8": Wrong(b"007,2024-01-05,1,\xe2\x82\n", "kind", "UTF-8 text", "the byte 0xe2"),
    "a surrogate": Wrong(b"007,2024-01-05,1,\xed\xa0\x80\n", "kind", "UTF-8 text", "the byte 0xed"),
    "overlong UTF-8": Wrong(b"007,2024-01-05,1,\xc0\xaf\n", "kind", "UTF-8 text", "the byte 0xc0"),
    "a byte order mark": Wrong(MARKED, None, "text", "a byte order mark"),
    "another line end": Wrong("007,2024-01-05,1,toys\r\n", None, "line ends of one kind", "CRLF"),
    "a line end of old": Wrong("007,2024-01-05,1,toys\r", None, "line ends of one kind", "CR"),
    # Its quotes
    "an open quote": Wrong('"007,2024-01-05,1,toys\n', "who", "a closing quote", '"007'),
    "an open last quote": Wrong('007,2024-01-05,1,"toys\n', "kind", "a closing quote", '"toys'),
    "text after a quote": Wrong('"007"x,2024-01-05,1,toys\n', "who", "a closing quote", '"007"x'),
    "a quote escaped by a backslash": Wrong(
        '007,2024-01-05,1,"a \\" b"\n', "kind", "a closing quote", '"a'
    ),
    # Its stamp
    "no date": Wrong("007,,1,toys\n", "when", STAMP, "nothing"),
    "a word for a date": Wrong("007,soon,1,toys\n", "when", STAMP, "'soon'"),
    "a name for a date": Wrong("007,epoch,1,toys\n", "when", STAMP, "'epoch'"),
    "a day that is none": Wrong("007,2023-02-29,1,toys\n", "when", STAMP, "'2023-02-29'"),
    "a month that is none": Wrong("007,2023-13-01,1,toys\n", "when", STAMP, "'2023-13-01'"),
    "an hour that is none": Wrong("007,2023-01-01T25:00,1,toys\n", "when", STAMP, "'2023-01-01T25"),
    "a date in another format": Wrong("007,05.01.2024,1,toys\n", "when", STAMP, "'05.01.2024'"),
    "an American date": Wrong("007,01/31/2024,1,toys\n", "when", STAMP, "'01/31/2024'"),
    "a date in the far future": Wrong("007,9999-12-31,1,toys\n", "when", STAMP, "'9999-12-31'"),
    "a date past all": Wrong("007,294247-01-10,1,toys\n", "when", STAMP, "'294247-01-10'"),
    "a date before all": Wrong("007,0001-01-01,1,toys\n", "when", STAMP, "'0001-01-01'"),
    "a number of seconds": Wrong("007,1704448800,1,toys\n", "when", STAMP, "'1704448800'"),
    "a day of a spreadsheet": Wrong("007,45296,1,toys\n", "when", STAMP, "'45296'"),
    "an endless date": Wrong("007,infinity,1,toys\n", "when", STAMP, "'infinity'"),
    "a zone that is none": Wrong("007,2024-01-05 10:00 Mars,1,toys\n", "when", STAMP, "Mars"),
    "the header once more": Wrong(HEADER, "when", STAMP, "'when'"),
    "columns swapped": Wrong("2024-01-05,007,1,toys\n", "when", STAMP, "'007'"),
    # Its amount
    "no amount": Wrong("007,2024-01-05,,toys\n", "paid", AMOUNT, "nothing"),
    "an amount in words": Wrong("007,2024-01-05,ten,toys\n", "paid", AMOUNT, "'ten'"),
    "a quoted decimal comma": Wrong('007,2024-01-05,"1,50",toys\n', "paid", AMOUNT, "'1,50'"),
    "thousands by points": Wrong("007,2024-01-05,1.000.50,toys\n", "paid", AMOUNT, "'1.000.50'"),
    "thousands apart": Wrong("007,2024-01-05,1 000,toys\n", "paid", AMOUNT, "'1 000'"),
    "a currency": Wrong("007,2024-01-05,$5,toys\n", "paid", AMOUNT, "'$5'"),
    "an accountant's minus": Wrong("007,2024-01-05,(5),toys\n", "paid", AMOUNT, "'(5)'"),
    "an endless amount": Wrong("007,2024-01-05,inf,toys\n", "paid", AMOUNT, "'inf'"),
    "no number": Wrong("007,2024-01-05,NaN,toys\n", "paid", AMOUNT, "'NaN'"),
    "an exponent past all": Wrong("007,2024-01-05,1e999,toys\n", "paid", AMOUNT, "'1e999'"),
    "twelve billion": Wrong("007,2024-01-05,12000000000,toys\n", "paid", AMOUNT, "'12000000000'"),
    "a hexadecimal": Wrong("007,2024-01-05,0x10,toys\n", "paid", AMOUNT, "'0x10'"),
    # Its id, where it must have one
    "an empty id": Wrong(",2024-01-05,1,toys\n", "who", "an id", "nothing"),
    "a blank id": Wrong("  ,2024-01-05,1,toys\n", "who", "an id", "'  '"),
    "a quoted empty id": Wrong('"",2024-01-05,1,toys\n', "who", "an id", "nothing"),
}
"""What is refused, whatever its place."""

RIGHT_ROWS = {
    "a blank line": ("\n", None),
    "a quoted delimiter": ('"0,7",2024-01-05,1,toys\n', "0,7"),
    "a quoted line end": ('"0\n7",2024-01-05,1,toys\n', "0\n7"),
    "a doubled quote": ('"0""7",2024-01-05,1,toys\n', '0"7'),
    "a quote within a value": ('0"7,2024-01-05,1,toys\n', '0"7'),
    "blanks around a value": (" 007 , 2024-01-05 , 1 , toys \n", "007"),
    "blanks around a quoted value": (' "007" ,2024-01-05,1,toys\n', "007"),
    "an id of zeros": ("0007,2024-01-05,1,toys\n", "0007"),
    "an id like a number": ("1e5,2024-01-05,1,toys\n", "1e5"),
    "an id like nothing": ("NA,2024-01-05,1,toys\n", "NA"),
    "letters of all alphabets": ("Ærø-東京-🙂,2024-01-05,1,toys\n", "Ærø-東京-🙂"),
}
"""What is loaded by a rule: a row, and the id it must give."""


def text(inserted: str | bytes, *places: str) -> bytes:
    """Return a text of right rows with something before, among or after them."""
    rows = [row(number).encode() for number in range(ROWS)]
    odd = inserted.encode() if isinstance(inserted, str) else inserted
    for place in sorted(places, key=PLACES.__getitem__, reverse=True):
        rows.insert(PLACES[place], odd)
    return HEADER.encode() + b"".join(rows)


HEADERS = {
    "no header": ("", 1, "who", "found '000'"),
    "a wrong name": (HEADER.replace("when", "wen"), 1, "when", "did you mean 'wen'?"),
    "a missing name": ("who,when,paid\n", 2, None, "found 4"),
    "a name too many": (HEADER.replace("\n", ",more\n"), 2, "more", "found 4"),
    "a name twice": (HEADER.replace("kind", "when"), 1, "when", "found it twice"),
    "an empty name": (HEADER.replace("kind", ""), 1, None, "a header of names"),
    "another delimiter": (HEADER.replace(",", ";"), 1, None, "name another delimiter"),
    "tabs": (HEADER.replace(",", "\t"), 1, None, "name another delimiter"),
    "names swapped": ("when,who,paid,kind\n", 2, "when", "found '000'"),
    "a blank line first": ("\n" + HEADER, 1, None, "a header of names"),
    "a note first": ("Sales of 2024\n" + HEADER, 1, None, "a header of names"),
    "bad UTF-8": (b"wh\xf8,when,paid,kind\n", 1, None, "the byte 0xf8"),
    "an open quote": ('"who,when,paid,kind\n', 1, None, "a closing quote"),
    "a NUL byte": ("w\0ho,when,paid,kind\n", 1, None, "a NUL byte"),
    "names in capitals": (HEADER.upper(), 1, "who", "a column of this name"),
}
"""A header before right rows, and what is said: the line, the column, a part of the message."""


def parquet(wrong: object, column: str, place: str) -> bytes:
    """Return a Parquet file with one wrong value."""
    held: dict[str, list] = {
        "who": [f"{number:03}" for number in range(ROWS)],
        "when": ["2024-01-05"] * ROWS,
        "paid": ["1.50"] * ROWS,
        "kind": ["toys"] * ROWS,
    }
    held[column][min(PLACES[place], ROWS - 1)] = wrong
    if not isinstance(wrong, str | None):
        held[column] = [v if v is wrong else type(wrong)(1) for v in held[column]]
    return as_bytes(pa.table(held))


def as_bytes(table: pa.Table, **told: object) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **told)
    return out.getvalue()


WRONG_VALUES = {
    "no date": (None, "when", STAMP, "nothing"),
    "a word for a date": ("soon", "when", STAMP, "'soon'"),
    "no amount": (None, "paid", AMOUNT, "nothing"),
    "an amount in words": ("ten", "paid", AMOUNT, "'ten'"),
    "an endless amount": (float("inf"), "paid", AMOUNT, "'inf'"),
    "no number": (float("nan"), "paid", AMOUNT, "'nan'"),
    "twelve billion": (12_000_000_000, "paid", AMOUNT, "'12000000000'"),
    "a broken id": (7.5, "who", "an id", "'7.5'"),
    "no id": (None, "who", "an id", "nothing"),
    "an empty id": ("", "who", "an id", "nothing"),
}

Breaking = Callable[[bytes, int], bytes]


def cut(whole: bytes, at: int) -> bytes:
    return whole[:at]


def zeroed(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes(64) + whole[at + 64 :]


def flipped(whole: bytes, at: int) -> bytes:
    return whole[:at] + bytes(255 - b for b in whole[at : at + 24]) + whole[at + 24 :]


def packed() -> bytes:
    return gzip.compress(text("", "end") * 400, mtime=0)


def stored() -> bytes:
    """A Parquet file of several parts, big enough to break in the midst of values."""
    ids = [f"{number * 7919 % 100_003:06}" for number in range(30_000)]
    table = pa.table({"who": ids, "when": ids, "paid": ids, "kind": ids})
    return as_bytes(table, row_group_size=10_000, compression="zstd", use_dictionary=False)
