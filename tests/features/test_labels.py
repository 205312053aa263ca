"""What customers did in the label window, worked out by hand."""

from datetime import date
from pathlib import Path

import pandas as pd

from configs.schema import Config
from features.labels import future, snapshot_labels
from features.source import load_tables
from tests.factories import make_shop, make_snapshot

CUT_OFF = date(2024, 6, 3)
HORIZON = 28  # up to and with June 30

ROWS = [
    ("early", "2024-06-02T23:59", 10, 1),
    ("first", "2024-06-03T00:00", 10, 1),
    ("last", "2024-06-30T23:59", 10, 1),
    ("late", "2024-07-01T00:00", 10, 1),
    ("many", "2024-06-10T09:00", 20, 2),  # one order of two lines
    ("many", "2024-06-10T17:00", 5.5, 1),
    ("many", "2024-06-11T09:00", 7, 2),
    ("many", "2024-06-12T09:00", -4, -1),  # a return is no purchase, and takes from the value
    ("free", "2024-06-10T09:00", 0, 0),
    ("swap", "2024-06-10T09:00", 9, 3),  # bought and brought back on one day
    ("swap", "2024-06-10T10:00", -9, -3),
]


def shop(folder: Path, rows: list = ROWS, **changes) -> Config:
    return make_shop(
        folder, pd.DataFrame(rows, columns=["customer", "when", "paid", "margin"]), **changes
    )


def bought(config: Config, *cutoffs: date, value: str = "amount") -> dict:
    """Purchases and value by customer, or by cut-off and customer where there are several."""
    frame = future(config, load_tables(config), cutoffs, HORIZON, value)
    keys = zip(frame["as_of"], frame["customer_id"], strict=True)
    told = list(zip(frame["purchases"], frame["value"], strict=True))
    return {key if len(cutoffs) > 1 else key[1]: pair for key, pair in zip(keys, told, strict=True)}


def test_only_the_window_counts(tmp_path):
    assert bought(shop(tmp_path), CUT_OFF) == {
        "first": (1, 10.0),
        "last": (1, 10.0),
        "many": (2, 28.5),
        "free": (0, 0.0),
        "swap": (0, 0.0),
    }


def test_the_gap_moves_the_window(tmp_path):
    timeline = {"every": "28d", "cutoffs": 2, "history": "30d", "gap": "8d"}
    assert bought(shop(tmp_path, timeline=timeline), CUT_OFF) == {
        "last": (1, 10.0),
        "late": (1, 10.0),
        "many": (1, 3.0),  # of June 10 nothing, as the window begins on the 11th
    }


def test_the_value_may_be_the_margin(tmp_path):
    found = bought(shop(tmp_path), CUT_OFF, value="margin")
    assert found["many"] == (2, 4.0)
    assert found["swap"] == (0, 0.0)


def test_several_cut_offs_have_each_their_own_window(tmp_path):
    config = shop(tmp_path)
    earlier = date(2024, 5, 6)
    together = bought(config, CUT_OFF, earlier)
    assert together == {
        **{(CUT_OFF, customer): pair for customer, pair in bought(config, CUT_OFF).items()},
        (earlier, "early"): (1, 10.0),
    }


def test_the_window_follows_the_clocks(tmp_path):
    # The window from March 4 ends with March 31, a day of 23 hours.
    rows = [("in", "2024-03-31T23:59", 1, 1), ("out", "2024-04-01T00:00", 1, 1)]
    assert list(bought(shop(tmp_path, rows), date(2024, 3, 4))) == ["in"]


def test_cents_add_up_exactly(tmp_path):
    rows = [("a", f"2024-06-1{n}T09:00", 0.1, 0) for n in range(3)]
    assert bought(shop(tmp_path, rows), CUT_OFF) == {"a": (3, 0.3)}


def test_a_snapshots_label_is_its_positive_value_and_no_other(tmp_path):
    rows = pd.DataFrame(
        {"customer": ["02", "01", "03"], "left": ["Yes", "No", "yes"], "tenure": [1, 2, 3]}
    )
    config = make_snapshot(tmp_path, rows, {"tenure": {"kind": "number"}})
    labels = snapshot_labels(config, load_tables(config))
    assert labels["customer_id"].tolist() == ["01", "02", "03"]
    assert labels["churned"].tolist() == [0, 1, 0]
