import csv
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from features.contract import DataError
from features.formulas import neutral, restored
from features.rejects import Reject, Rejects, write_rejects
from tests.factories import make_config

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
BREAKS = "\t\r\n"
NASTY = st.text(st.sampled_from(SIGNS + BREAKS + "'\";, aø1"), max_size=8)


@given(NASTY | st.text(max_size=20))
@example("''=1")
@example("a;\t=1")
def test_a_text_is_told_back(text):
    assert restored(neutral(text)) == text


@given(st.lists(NASTY, min_size=1, max_size=4))
@example(["x;=1+1"])
@example(["x\n=1+1"])
@example(["", ';"=1+1'])
def test_no_spreadsheet_finds_a_formula_whatever_it_takes_for_what_parts_cells(texts):
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([map(neutral, texts)] * 2)
    for mark in ",;\t":
        for row in csv.reader(io.StringIO(out.getvalue(), newline=""), delimiter=mark):
            # By another mark, quotes are misread as well, and the line's own end may be in a cell.
            cells = row if mark == "," else [cell.lstrip(BREAKS) for cell in row]
            assert not any(cell.startswith(tuple(SIGNS + BREAKS)) for cell in cells), (mark, row)


@pytest.mark.parametrize("text", ["", "'s-Hertogenbosch", "Aarhus-Nord", "12,-", "a = b", "ø@x.dk"])
def test_harmless_texts_stay_as_they_are(text):
    assert neutral(text) == text


def test_bad_rows_set_aside_hold_no_formula(tmp_path):
    source = make_config(tmp_path).sources.transactions.model_copy(update={"max_rejects": 1})
    aside = Rejects(source)
    error = DataError("a.csv", line=-2, column="paid", expected="a number", found="=HYPERLINK(1)")
    aside.add(Reject.of(error, "@SUM(A1),=2,3"))
    write_rejects(tmp_path / "rejects.csv", [aside])
    with (tmp_path / "rejects.csv").open(newline="") as file:
        header, row = csv.reader(file)
    assert header == ["file", "line", "column", "expected", "found", "row"]
    assert row[1] == "-2"  # a number stays one
    assert row[4:] == ["'=HYPERLINK(1)", "'@SUM(A1),=2,3"]
    assert restored(row[5]) == "@SUM(A1),=2,3"
