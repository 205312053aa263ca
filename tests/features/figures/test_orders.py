from datetime import date

import pandas as pd
import pytest

from features.figures import cohorts, survival
from features.figures.orders import gathered, orders
from features.figures.trend import trend
from tests.features.figures.trade import figures, loaded, row, shop

JUNE = date(2024, 6, 1)

ROWS = [
    row("a", "2024-03-01", 10, "a1", margin=3),
    row("a", "2024-05-04", -4, "a1", margin=-1),  # of an order of March
    row("b", "2024-04-02", 10, "b1", margin=5),
    row("b", "2024-04-02", 7, "b2", margin=2),
    row("c", "2024-05-30", 20, "c1", margin=9, known_at="2024-06-02T12:00"),
]


@pytest.mark.parametrize("without", [(), ("order_id", "margin")])
def test_figures_are_the_same_of_orders_that_were_gathered_before(without):
    config = shop(without)
    tables = loaded(config, [{k: v for k, v in held.items() if k not in without} for held in ROWS])

    def told(base):
        held = cohorts.of_base(config, base, JUNE)
        lives = survival.curves(config, base, JUNE)
        return [figures(config, base), trend(config, base, JUNE), *vars(held).values(), lives]

    with gathered(config, tables, JUNE) as base:
        for ours, alone in zip(told(base), told(tables), strict=True):
            assert len(ours) > 0
            pd.testing.assert_frame_equal(ours, alone)


def test_orders_gathered_as_of_one_day_are_not_told_of_another():
    config = shop()
    tables = loaded(config, ROWS)
    with gathered(config, tables, JUNE) as base:
        later = orders(config, base, date(2024, 6, 3))
        assert tables.backend.to_pyarrow(later.count()).as_py() == 4  # c's, known on 2 June
        assert tables.backend.to_pyarrow(base.orders.count()).as_py() == 3
