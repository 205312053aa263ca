"""How long customers stay, worked out by hand."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from features.figures import survival
from features.source import load_tables
from tests.factories import make_club, make_shop, make_snapshot, make_transactions
from tests.features.figures.test_cohorts import REPORT

AS_OF = date(2024, 6, 1)  # with 60 days of silence, lives are followed until April 2

LIVES = [
    *[(f"once{n:02}", ["2024-01-01"]) for n in range(10)],
    *[(f"twice{n:02}", ["2024-01-01", "2024-01-11"]) for n in range(10)],
    *[(f"still{n:02}", ["2024-01-01", "2024-05-01"]) for n in range(20)],
    *[(f"young{n:02}", ["2024-04-20"]) for n in range(5)],
]


def shop(folder, lives=LIVES, **report):
    lines = [(who, f"{day}T09:00", 10) for who, days in lives for day in days]
    frame = pd.DataFrame(lines, columns=["customer", "when", "paid"])
    return make_shop(folder, frame, report={**REPORT, **report})


def of(config, segments=None, as_of=AS_OF):
    return survival.curves(config, load_tables(config), as_of, segments)


def test_kaplan_and_meiers_estimate():
    # Ten lives; + is one that is not over.
    lives = [(1, 1), (2, 1), (2, 0), (3, 1), (4, 0), (5, 1), (5, 1), (6, 0), (8, 1), (9, 0)]
    days, left = zip(*lives, strict=True)
    curve = survival.kaplan_meier(days, left).set_index("days")
    # S(1) = 9/10; S(2) = S(1) · 8/9; S(3) = S(2) · 6/7; S(5) = S(3) · 3/5; S(8) = S(5) · 1/2
    by_hand = {0: 1, 1: 0.9, 2: 0.8, 3: 24 / 35, 4: 24 / 35, 5: 72 / 175, 6: 72 / 175}
    by_hand |= {8: 36 / 175, 9: 36 / 175}
    assert curve["surviving"].to_dict() == pytest.approx(by_hand)
    assert curve["at_risk"].to_dict() == {0: 10, 1: 10, 2: 9, 3: 7, 4: 6, 5: 5, 6: 3, 8: 2, 9: 1}
    # After one of ten: 0.9 to the power of exp(±1.96 · √(1 / (10 · 9)) / ln 0.9).
    assert curve.loc[1, ["low", "high"]].tolist() == pytest.approx([0.4730, 0.9853], abs=1e-4)
    assert curve.loc[0, ["low", "high"]].tolist() == [1.0, 1.0]


def test_where_all_have_left_there_is_no_interval():
    curve = survival.kaplan_meier([3, 4], [True, True])
    assert curve["surviving"].tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(curve["low"].iloc[-1])


def test_who_has_been_silent_left_with_the_last_purchase(tmp_path):
    whole = of(shop(tmp_path)).query("dimension == 'all'")
    # Of 40 who came before April 2, ten never came again, ten came until day 10, and twenty were
    # still there as April 2 began, 92 days after January 1.
    assert whole["days"].tolist() == [0, 10, 92]
    assert whole["surviving"].tolist() == pytest.approx([0.75, 0.5, 0.5])
    assert whole["at_risk"].tolist() == [40, 30, 20]


def test_lives_are_told_by_segment_and_year(tmp_path):
    names = {"once": "came once", "twic": "came twice", "stil": "come"}
    held = [(who, names[who[:4]]) for who, _ in LIVES if who[:4] != "youn"]
    more = [(f"twice{n}", ["2024-01-01", "2024-01-11"]) for n in range(10, 20)]
    more += [(f"once{n}", ["2024-01-01"]) for n in range(10, 20)]
    segments = pd.DataFrame(held, columns=["customer_id", "habit"])
    found = of(shop(tmp_path, LIVES + more), segments)
    parts = found[~found["withheld"]].groupby(["dimension", "group"])["at_risk"].max()
    assert parts.to_dict() == {
        ("all", "all"): 60,
        ("cohort", "2024"): 60,
        ("segment:habit", "come"): 20,
        ("segment:habit", "unknown"): 20,
    }
    withheld = found[found["withheld"]]  # ten each are too few for a curve
    assert sorted(withheld["group"]) == ["came once", "came twice"]
    assert withheld[["days", "surviving", "low", "high", "at_risk"]].isna().all(axis=None)


def test_a_small_year_takes_the_next_with_it(tmp_path):
    early = [(f"early{n}", ["2023-06-01"]) for n in range(3)]
    found = of(shop(tmp_path, LIVES + early))
    assert found.groupby(["dimension", "group"])["withheld"].all().to_dict() == {
        ("all", "all"): False,
        ("cohort", "2023"): True,
        ("cohort", "2024"): True,
    }


def test_a_curve_ends_where_few_are_left_and_has_at_most_a_hundred_points(tmp_path):
    first = date(2023, 1, 1)
    lives = [(f"c{n:03}", [first, first + timedelta(days=n)]) for n in range(300)]
    whole = of(shop(tmp_path, lives, least=5)).query("dimension == 'all'")
    assert len(whole) == 100
    assert whole["days"].iloc[[0, -1]].tolist() == [0, 295]
    assert whole["at_risk"].iloc[-1] == 5
    # Nobody's life is cut short: the share who stay longer than t days is that of n > t.
    assert whole["surviving"].tolist() == pytest.approx([(299 - t) / 300 for t in whole["days"]])


def test_neither_the_order_of_rows_nor_what_comes_later_changes_anything(tmp_path):
    lines = make_transactions(60)
    later = lines.assign(when="2024-09-01T10:00:00")
    mixed = pd.concat([later, lines]).sample(frac=1, random_state=3)
    one, two = (
        of(make_shop(tmp_path / name, held, report=REPORT))
        for name, held in (("one", lines), ("two", mixed))
    )
    assert len(one) > 10
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_a_subscriber_has_left_if_none_runs(tmp_path):
    held = [(f"left{n}", "2024-01-01", "2024-01-11") for n in range(10)]
    held += [(f"back{n}", "2024-01-01", "2024-01-11") for n in range(10)]
    held += [(f"back{n}", "2024-02-01", None) for n in range(10)]
    held += [(f"told{n}", "2024-01-01", "2024-07-01") for n in range(5)]  # will end
    frame = pd.DataFrame(held, columns=["customer", "start", "end"])
    whole = of(make_club(tmp_path, frame, report=REPORT)).query("dimension == 'all'")
    # Ten of 25 stayed 10 days; the others stay on, 152 days after January 1.
    assert whole["days"].tolist() == [0, 10, 152]
    assert whole["surviving"].tolist() == pytest.approx([1, 0.6, 0.6])
    assert whole["at_risk"].tolist() == [25, 25, 15]


def test_a_snapshot_and_a_base_of_nobody_have_no_curves(tmp_path):
    people = pd.DataFrame({"customer": ["1", "2"], "left": ["Yes", "No"], "tenure": [1, 2]})
    snapshot = make_snapshot(tmp_path / "s", people, {"tenure": {"kind": "number"}})
    for config, as_of in ((snapshot, AS_OF), (shop(tmp_path), date(2023, 1, 1))):
        found = of(config, as_of=as_of)
        assert found.empty
        assert tuple(found.columns) == survival.COLUMNS
