"""What became of cohorts, worked out by hand."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from features.figures import cohorts
from features.source import load_tables
from tests.factories import make_club, make_shop, make_snapshot, make_transactions

AS_OF = date(2024, 4, 10)
JAN, FEB, MAR, APR = (date(2024, month, 1) for month in (1, 2, 3, 4))
REPORT = {
    "period": "30d",
    "periods": 3,
    "active_within": "60d",
    "cohorts": "month",
    "least": 1,
    "calls": 100,
}
BOUGHT = [
    ("ann", "2024-01-05T09:00", 100),
    ("ann", "2024-02-03T09:00", 50),
    ("ann", "2024-03-01T09:00", -20),  # a return is no purchase, and takes from the revenue
    ("bob", "2024-01-20T09:00", 40),
    ("bob", "2024-04-01T00:30", 10),  # in April here, though still March in UTC
    ("cai", "2024-02-28T09:00", 30),
    ("cai", "2024-02-28T10:00", -30),  # brought back the same day: nothing was bought
    ("cai", "2024-03-02T09:00", 60),
    ("dan", "2024-04-02T09:00", 80),  # April is not over
    ("eve", "2024-03-15T09:00", -5),  # never bought: of no cohort
]


def shop(folder, rows=BOUGHT, columns=("customer", "when", "paid"), **report):
    return make_shop(folder, pd.DataFrame(rows, columns=columns), report={**REPORT, **report})


def of(config, as_of=AS_OF):
    return cohorts.of_base(config, load_tables(config), as_of)


def rows(frame: pd.DataFrame) -> list[tuple]:
    """Rows as plain values, None for what is missing."""
    return [tuple(None if pd.isna(held) else held for held in row) for row in frame.to_numpy()]


def test_a_cohort_is_followed_through_the_months_that_are_over(tmp_path):
    assert rows(of(shop(tmp_path)).retention) == [
        (JAN, 2, 0, 2, 1.0, False),
        (JAN, 2, 1, 1, 0.5, False),  # ann
        (JAN, 2, 2, 0, 0.0, False),
        (MAR, 1, 0, 1, 1.0, False),  # cai
        (APR, 1, 0, None, None, False),  # dan, of a month that is not over
    ]


def test_revenue_is_net_and_of_the_cohorts_own_month_and_later(tmp_path):
    assert rows(of(shop(tmp_path)).revenue) == [
        (JAN, JAN, 140.0, 2, False),
        (JAN, FEB, 50.0, 1, False),
        (JAN, MAR, -20.0, 1, False),
        (MAR, MAR, 60.0, 1, False),
    ]


def test_a_month_is_over_on_the_first_of_the_next(tmp_path):
    found = of(shop(tmp_path), date(2024, 5, 1)).retention
    april = found[found["cohort"] == APR]
    assert rows(april) == [(APR, 1, 0, 1, 1.0, False)]
    assert found[(found["cohort"] == JAN) & (found["offset"] == 3)]["customers"].item() == 1  # bob
    before = of(shop(tmp_path), date(2024, 4, 30)).retention
    assert before["offset"].max() == 2


@pytest.mark.parametrize(
    ("unit", "firsts"),
    [("quarter", [JAN, APR]), ("year", [JAN])],
)
def test_cohorts_may_be_longer(tmp_path, unit, firsts):
    found = of(shop(tmp_path, cohorts=unit)).retention
    assert found["cohort"].unique().tolist() == firsts
    assert found["size"].sum() == 4


def test_a_purchase_counts_from_when_it_was_known(tmp_path):
    late = [(*row, row[1]) for row in BOUGHT[:4]] + [
        ("bob", "2024-01-02T09:00", 1, "2024-04-11T00:00"),
        ("fay", "2024-01-02T09:00", 1, "2024-04-10T00:00"),
    ]
    columns = ("customer", "when", "paid", "known")
    found = of(shop(tmp_path, late, columns))
    assert found.retention["size"].tolist() == [2, 2, 2]
    assert found.revenue["revenue"].sum() == 170.0


def test_an_order_lies_in_the_month_of_its_first_line(tmp_path):
    lines = [("ann", "2024-01-31T23:00", 5, "o1"), ("ann", "2024-02-01T01:00", 7, "o1")]
    found = of(shop(tmp_path, lines, ("customer", "when", "paid", "order")))
    assert found.retention["customers"].tolist() == [1, 0, 0]
    assert found.revenue["revenue"].tolist() == [12.0, 0.0, 0.0]


def test_neither_the_order_of_rows_nor_what_comes_later_changes_anything(tmp_path):
    lines = make_transactions()
    later = lines.assign(when="2024-09-01T10:00:00")
    mixed = pd.concat([lines, later]).sample(frac=1, random_state=3)
    one, two = (
        of(make_shop(tmp_path / name, held, report=REPORT), date(2024, 6, 3))
        for name, held in (("one", lines), ("two", mixed))
    )
    pd.testing.assert_frame_equal(one.retention, two.retention, check_exact=True)
    pd.testing.assert_frame_equal(one.revenue, two.revenue, check_exact=True)


def test_cohorts_add_up_to_the_base(tmp_path):
    lines = make_transactions()
    lines = lines[lines["paid"] > 0]
    found = of(make_shop(tmp_path, lines, report=REPORT), date(2024, 6, 1))
    assert found.revenue["revenue"].sum() == pytest.approx(lines["paid"].sum(), abs=1e-6)
    firsts = found.retention[found.retention["offset"] == 0]
    assert firsts["size"].sum() == lines["customer"].nunique()
    months = lines.groupby(lines["when"].str[:7])["customer"].nunique()
    there = found.retention.assign(
        month=[
            str(pd.Period(cohort, "M") + int(offset))
            for cohort, offset in zip(
                found.retention["cohort"], found.retention["offset"], strict=True
            )
        ]
    )
    assert there.groupby("month")["customers"].sum().to_dict() == months.to_dict()


def test_small_cohorts_are_withheld_and_not_to_be_had_by_subtraction(tmp_path):
    lines = [(f"j{n}", "2024-01-05T09:00", 10) for n in range(20)]
    lines += [(f"j{n}", "2024-02-05T09:00", 10) for n in range(9)]
    lines += [("j0", "2024-03-05T09:00", 10)]
    lines += [(f"f{n}", "2024-02-05T09:00", 10) for n in range(2)]
    lines += [(f"m{n}", "2024-03-05T09:00", 10) for n in range(6)]
    found = of(shop(tmp_path, lines, least=5))
    # February's 2 are too few, and alone they would be the whole less the others: March's 6, too.
    hidden = found.retention.groupby("cohort")["withheld"].all()
    assert hidden.to_dict() == {JAN: False, FEB: True, MAR: True}
    kept = found.retention[found.retention["withheld"]]
    assert kept[["size", "customers", "share"]].isna().all(axis=None)
    # Of January's cohort 20, 9 and 1 bought: the last one's money would be told, and in February
    # nobody's is told either, as the withheld 2 would be what is left of all.
    january = found.revenue[found.revenue["cohort"] == JAN]
    assert january["withheld"].tolist() == [False, True, True]
    assert rows(january)[0] == (JAN, JAN, 200.0, 20, False)


def test_a_subscriber_is_there_with_any_subscription_running_as_the_month_ends(tmp_path):
    held = [
        ("ann", "2024-01-10", "2024-02-10", 10),
        ("ann", "2024-02-10", None, 20),  # a change of plan
        ("bob", "2024-01-15", "2024-03-01", 30),  # ran until February had ended
        ("cai", "2024-02-05", "2024-02-20", 5),
        ("cai", "2024-03-20", None, 7),  # and is back
        ("dan", "2024-04-02", None, 9),
    ]
    frame = pd.DataFrame(held, columns=["customer", "start", "end", "mrr"])
    found = of(make_club(tmp_path, frame, report=REPORT))
    assert rows(found.retention) == [
        (JAN, 2, 0, 2, 1.0, False),
        (JAN, 2, 1, 2, 1.0, False),
        (JAN, 2, 2, 1, 0.5, False),
        (FEB, 1, 0, 0, 0.0, False),
        (FEB, 1, 1, 1, 1.0, False),
        (APR, 1, 0, None, None, False),
    ]
    assert rows(found.revenue) == [
        (JAN, JAN, 40.0, 2, False),
        (JAN, FEB, 50.0, 2, False),
        (JAN, MAR, 20.0, 1, False),
        (FEB, FEB, 0.0, 0, False),
        (FEB, MAR, 7.0, 1, False),
    ]
    no_money = make_club(tmp_path / "no", frame.drop(columns="mrr"), report=REPORT)
    assert of(no_money).retention.equals(found.retention)
    assert of(no_money).revenue.empty


def test_an_end_that_was_not_known_is_none(tmp_path):
    held = [("ann", "2024-01-10", "2024-02-10", "2024-04-11")]
    frame = pd.DataFrame(held, columns=["customer", "start", "end", "end_known"])
    config = make_club(tmp_path, frame, report=REPORT)
    assert of(config).retention["share"].tolist() == [1.0, 1.0, 1.0]
    assert of(config, date(2024, 4, 12)).retention["share"].tolist() == [1.0, 0.0, 0.0]


def test_a_snapshot_has_no_cohorts(tmp_path):
    people = pd.DataFrame({"customer": ["1", "2"], "left": ["Yes", "No"], "tenure": [1, 2]})
    found = of(make_snapshot(tmp_path, people, {"tenure": {"kind": "number"}}))
    assert found.retention.empty
    assert tuple(found.retention.columns) == cohorts.RETENTION
    assert tuple(found.revenue.columns) == cohorts.REVENUE


def test_before_the_first_purchase_there_is_nothing(tmp_path):
    found = of(shop(tmp_path), date(2023, 6, 1))
    assert found.retention.empty
    assert found.revenue.empty
    assert tuple(found.retention.columns) == cohorts.RETENTION
    assert np.dtype(found.retention["share"].dtype) == np.float64
