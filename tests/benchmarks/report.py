"""The report of retention of a million customers, and its figures beside the same in SQL by hand.

Every row is timed in a process of its own, from the files on. Of figures, both ways end with the
same numbers, which is checked first. ``--customers N`` takes another size.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from features.figures import cohorts, survival, table
from features.figures.definition import Period
from features.figures.orders import gathered
from features.figures.trend import trend
from features.source import load_tables
from serving.report.job import write_report
from tests.benchmarks import report_sql, shop
from tests.benchmarks.measure import FOLDER, in_a_process, report
from tests.benchmarks.report_shop import AS_OF, config_of, make

WHOLE, OURS, BY_SQL = "stamkunde report, models and all", "the figures alone", "the same in SQL"
MOST_S, MOST_RATIO = 120.0, 2.0


def whole(folder: Path, customers: int) -> int:
    """Write the report; return how many customers the models were asked about."""
    config = config_of(folder, customers)
    out, at = folder / "report" / "retention.html", datetime.combine(AS_OF, time(), UTC)
    made = write_report(config, load_tables(config), AS_OF, out, at)
    whole = made.report.figures.query("dimension == 'all' and figure == 'known'")
    return int(whole["value"].iloc[0])


def figures(folder: Path, customers: int) -> dict[str, pd.DataFrame]:
    """Return all figures that need no model: of groups, periods, cohorts and lives."""
    config = config_of(folder, customers)
    period = Period.before(AS_OF, config.report.period)
    with gathered(config, load_tables(config), AS_OF) as tables:
        held = cohorts.of_base(config, tables, AS_OF)
        return {
            "groups": table.of_period(config, tables, period),
            "trend": trend(config, tables, AS_OF),
            "retention": held.retention,
            "revenue": held.revenue,
            "survival": survival.curves(config, tables, AS_OF),
        }


def by_sql(folder: Path, customers: int) -> report_sql.ByHand:
    """Return the same by hand."""
    receipts = shop.receipts(folder, customers, channels=True)
    return report_sql.by_sql(receipts, shop.members(folder, customers), AS_OF)


def scan(folder: Path, customers: int) -> int:
    return report_sql.bare_scan(shop.receipts(folder, customers, channels=True), AS_OF)


def rows_of_figures(folder: Path, customers: int) -> int:
    return sum(map(len, figures(folder, customers).values()))


def rows_by_sql(folder: Path, customers: int) -> int:
    return len(by_sql(folder, customers))


def check_alike(folder: Path, customers: int) -> None:
    """Hold both ways to the same numbers, wherever ours are not withheld: to the last bit.

    A survival curve is a product of shares, which is taken in another order: that to 1e-12.
    """
    ours, theirs = figures(folder, customers), by_sql(folder, customers)
    sums = theirs.groups.set_index(["dimension", "group_"]).astype(float)
    _check_figures(ours["groups"], ["dimension", "group"], sums)
    periods = theirs.periods.set_index("period").astype(float)
    first = AS_OF - timedelta(days=report_sql.PERIOD * report_sql.PERIODS)
    number = ours["trend"]["start"].map(lambda day: (day - first).days // report_sql.PERIOD)
    _check_figures(ours["trend"].assign(period=number), ["period"], periods)
    cells = theirs.cohorts.assign(
        **{name: theirs.cohorts[name].dt.date for name in ("cohort", "unit")}
    ).set_index(["cohort", "unit"])
    _check_cohorts(ours["retention"], ours["revenue"], cells)
    curves = theirs.survival.set_index(["dimension", "group_", "days"])
    told = ours["survival"].query("not withheld")
    beside = curves.reindex(pd.MultiIndex.from_frame(told[["dimension", "group", "days"]]))
    assert told["at_risk"].tolist() == beside["at_risk"].tolist()
    np.testing.assert_allclose(told["surviving"], beside["surviving"], rtol=1e-12, atol=1e-12)


def _check_figures(ours: pd.DataFrame, keys: list[str], sums: pd.DataFrame) -> None:
    assert len(ours) > 0
    by_key: Mapping[Any, pd.Series] = dict(sums.iterrows())
    assert {*map(tuple, ours[keys].to_numpy())} == {
        key if isinstance(key, tuple) else (key,) for key in by_key
    }
    for row in ours[~ours["withheld"]].to_dict("records"):
        place = tuple(row[key] for key in keys)
        held = by_key[place if len(place) > 1 else place[0]]
        figure = table.FIGURES[row["figure"]]
        expected = figure.of(held)
        assert row["customers"] == held[figure.about], (place, figure.name)
        same = np.isnan(row["value"]) if expected is None else row["value"] == expected
        assert same, (place, figure.name, row["value"], expected)


def _check_cohorts(retention: pd.DataFrame, revenue: pd.DataFrame, cells: pd.DataFrame) -> None:
    shown = revenue[~revenue["withheld"]]
    beside = cells.reindex(pd.MultiIndex.from_frame(shown[["cohort", "start"]])).fillna(0)
    assert shown["revenue"].tolist() == beside["revenue"].tolist()
    assert shown["customers"].tolist() == beside["customers"].tolist()
    told = retention[retention["customers"].notna()]
    units = [
        (row.cohort, (pd.Period(row.cohort, "M") + row.offset).start_time.date())
        for row in told.itertuples()
    ]
    assert told["customers"].tolist() == cells["retained"].reindex(units).fillna(0).tolist()


def main() -> None:
    """Check, measure, and write ``var/bench/report.json``."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--customers", type=int, default=1_000_000)
    asked.add_argument("--repeats", type=int, default=3)
    given = asked.parse_args()
    folder = FOLDER.resolve()
    check_alike(folder, 20_000)
    make(folder, given.customers)
    ways = {WHOLE: whole, OURS: rows_of_figures, BY_SQL: rows_by_sql, "the bare scan": scan}
    found = {
        way: in_a_process(partial(work, folder, given.customers), given.repeats, warm=False)
        for way, work in ways.items()
    }
    seconds = {way: held["median_s"] for way, held in found.items()}
    measured = [
        ("seconds of the whole report", seconds[WHOLE], MOST_S),
        ("time of the figures, over that of SQL by hand", seconds[OURS] / seconds[BY_SQL], 2.0),
    ]
    bars = [
        {"bar": bar, "value": value, "bound": f"<= {bound:g}", "met": value <= bound}
        for bar, value, bound in measured
    ]
    report("report", [{"what": way, **held} for way, held in found.items()], bars)


if __name__ == "__main__":
    main()
