import json
from io import BytesIO

import numpy as np
import pyarrow.parquet as pq
import pytest

from serving.report.written import as_json, distribution, parquet
from tests.serving.report.contents import make_modelled, make_report, make_rows, make_table


def test_json_has_every_figure_under_its_group():
    held = json.loads(as_json(make_report()))
    assert held["base"] == "shop"
    assert held["period"] == {"start": "2024-05-02", "end": "2024-06-01", "days": 30}
    assert held["figures"]["all"]["all"]["retention_rate"] == {
        "value": 0.95,
        "customers": 100,
        "withheld": False,
    }
    low = held["figures"]["attribute:income"]["low"]["end"]
    assert low == {"value": None, "customers": None, "withheld": True}
    assert [each["figures"]["end"]["value"] for each in held["trend"]] == [1000.0, 1150.0]
    assert held["definitions"]["end"]["definition_da"] == "Hvad end er."


def test_json_has_what_the_models_say():
    held = json.loads(as_json(make_modelled()))
    assert [row["group"] for row in held["risk"]] == ["all", "best", "rest"]
    assert held["risk"][1]["high_band"] is None
    assert held["calls"][1]["customer_id"] == "=cmd|' /C calc'!A0"  # as it came
    assert held["segments"]["value"][0]["name"] == "best"
    assert held["migration"]["value"]["customers"][2] == [0, None, None]


def test_the_long_table_has_a_unit_and_a_row_a_figure():
    sink = BytesIO()
    parquet(make_report(), sink)
    table = pq.read_table(sink)
    assert table.num_rows == len(make_report().figures)
    assert table.column_names == [
        *("dimension", "group", "figure", "value", "customers", "withheld", "unit"),
    ]
    rows = table.to_pylist()
    assert rows[4]["unit"] == "money"
    assert rows[-1]["value"] is None
    assert rows[-1]["withheld"]
    assert table.schema.metadata[b"currency"] == b"DKK"


def test_names_stand_in_the_files_as_they_came():
    text = "=1+1 <b>\N{RIGHT-TO-LEFT OVERRIDE}\" 'æ"
    report = make_report(figures=make_table(make_rows("channel", text, {"end": 7.0})))
    sink = BytesIO()
    parquet(report, sink)
    assert pq.read_table(sink)["group"].to_pylist() == [text]
    assert list(json.loads(as_json(report))["figures"]["channel"]) == [text]


def test_values_are_told_by_quantiles_that_give_nobody_away():
    # Of 1 to 100, five lie beyond a quantile of 0.95 at the most: 0.99 is not told.
    told = distribution(np.arange(1.0, 101.0), least=5)
    assert told["customers"] == 100
    assert told["mean"] == 50.5
    assert told["quantiles"]["0.5"] == pytest.approx(50.5)
    assert list(told["quantiles"]) == ["0.1", "0.25", "0.5", "0.75", "0.9"]
    assert distribution(np.arange(19.0), least=5) is None
    assert distribution(None, least=5) is None
