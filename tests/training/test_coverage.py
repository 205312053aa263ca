"""Coverage is counted on the later rows, of all and of those who bought once."""

import numpy as np
import pytest

from tests.training.bases import make_examples, make_reader, make_schema
from training.calibrate import Intervals
from training.coverage import coverage
from training.model import Model
from training.predictors import Linear
from training.split import Split

# From half a value to one and a half at 80 %, from nothing to twice it at 95 %.
HELD = Intervals(0.0, (), {"80": ((-0.5, 0.5),), "95": ((-1.0, 1.0),)})
SERVED = np.array([10.0, 10.0, 10.0, 20.0])
CAME = np.array([5.0, 0.0, 16.0, 41.0])


def made(*names: str, bought: tuple[float, ...] = (1, 1, 2, 3)) -> Split:
    rows = make_examples(np.tile(np.array(bought)[:, None], len(names)), CAME)
    return Split(make_schema(*names), (), rows, rows, rows.matrix, None, None)


def model(intervals: Intervals | None = HELD, floor: float | None = 0.0) -> Model:
    schema = make_schema("purchase_days")
    linear = Linear(1, 0.0, ())
    calibration = make_reader("reader", 0, 1).calibration
    return Model("clv", "m", schema, (linear,), calibration, intervals=intervals, floor=floor)


def test_coverage_worked_by_hand():
    found = coverage(model(), made("purchase_days"), SERVED)
    # At 80 % only 5 lies in its interval, on the end; at 95 % so do 0, on the end, and 16.
    assert found == [
        {"level": 80, "who": "all customers", "customers": 4, "covered": 0.25, "width": 12.5},
        {"level": 80, "who": "one-order customers", "customers": 2, "covered": 0.5, "width": 10.0},
        {"level": 95, "who": "all customers", "customers": 4, "covered": 0.75, "width": 25.0},
        {"level": 95, "who": "one-order customers", "customers": 2, "covered": 1.0, "width": 20.0},
    ]


def test_widths_are_measured_after_the_floor():
    found = coverage(model(floor=8.0), made("purchase_days"), SERVED)
    assert found[0]["width"] == pytest.approx((3 * (15 - 8) + (30 - 10)) / 4)


def test_nobody_is_one_who_bought_once_where_none_did_or_it_is_not_told():
    for data in (made("purchase_days", bought=(2, 2, 3, 4)), made("mrr")):
        assert [each["who"] for each in coverage(model(), data, SERVED)] == ["all customers"] * 2


def test_without_intervals_nothing_is_covered():
    assert coverage(model(intervals=None), made("purchase_days"), SERVED) == []
