from datetime import date
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.load import dump
from features.source import load_tables
from serving.releases.release import Release
from serving.report.risk import at_risk, costs_to_serve
from serving.report.scored import Scored
from tests.factories import make_base, make_shop, make_transactions

AS_OF = date(2024, 6, 3)
CONFIG = make_base()  # least 5, the period 30 days, the horizon of CLV 28, the high band from 0.6


def a_scored(rows: list[dict[str, object]]) -> Scored:
    frame = pd.DataFrame(rows)
    frame.insert(0, "customer_id", [f"{place:03}" for place in range(len(rows))])
    features = frame[["customer_id"]].assign(as_of=AS_OF)
    return Scored(AS_OF, frame, features, Release("shop", {}))


def a_customer(segment: str | None, churn: float, stays: float, potential: float = np.nan):
    clv = stays / 2
    return {
        "churn": churn,
        "clv": clv,
        "value_if_stays": stays,
        "value_at_risk": churn * stays,
        "potential": potential,
        "unrealised": max(potential - clv, 0.0) if potential == potential else np.nan,
        "segment:rfm": segment,
    }


SILENT = {
    **dict.fromkeys(("churn", "clv", "value_if_stays", "value_at_risk"), np.nan),
    **dict.fromkeys(("potential", "unrealised"), np.nan),
}


def test_the_money_at_stake_is_as_worked_by_hand():
    """Six at home: ½ of 8 at risk, four of them with 10 − 4 to gain. Five asleep: ¾ of 16."""
    home = [a_customer("Home", 0.5, 8.0, 10.0)] * 4 + [a_customer("Home", 0.5, 8.0, 4.0)] * 2
    asleep = [a_customer("Asleep", 0.75, 16.0, 8.0)] * 5
    silent = [{**SILENT, "segment:rfm": None}] * 5
    found = at_risk(CONFIG, a_scored(home + asleep + silent))
    told = found.drop(columns=["withheld", "cost_to_serve"]).astype(object)
    told = told.where(told.notna(), None).to_numpy().tolist()
    #    dimension, group, rank, customers, leavers, mean, high band, clv, at risk, to gain, stake
    assert told == [
        ["all", "all", None, 16.0, 6.75, 6.75 / 11, 5.0, 64.0, 84.0, 24.0, 108.0],
        ["segment:rfm", "Asleep", 1, 5.0, 3.75, 0.75, 5.0, 40.0, 60.0, 0.0, 60.0],
        ["segment:rfm", "Home", 2, 6.0, 3.0, 0.5, 0.0, 24.0, 24.0, 24.0, 48.0],
        ["segment:rfm", "unknown", None, 5.0, None, None, None, None, None, None, None],
    ]
    assert not found["withheld"].any()
    assert found["cost_to_serve"].isna().all()


def test_serving_them_costs_what_it_did_scaled_to_the_horizon():
    """15 a customer in 30 days is 14 in 28; six at home cost 84 of the 24 + 24 at stake."""
    rows = [a_customer("Home", 0.5, 8.0, 8.0)] * 6 + [{**SILENT, "segment:rfm": None}] * 5
    scored = a_scored(rows)
    costs = pd.Series(15.0, index=scored.frame["customer_id"].to_numpy()[::-1])
    found = at_risk(CONFIG, scored, costs).set_index("group")
    assert found.loc["Home", ["unrealised", "cost_to_serve", "at_stake"]].tolist() == [24, 84, -36]
    assert found.loc["all", "at_stake"] == -36  # what is not at stake is not charged
    missing = at_risk(CONFIG, scored, costs.iloc[:5]).set_index("group")
    assert np.isnan(missing.loc["Home", "cost_to_serve"])  # the last five ids are the silent ones'
    assert missing.loc["Home", "at_stake"] == 48
    few = at_risk(CONFIG, scored, costs.iloc[5:8]).set_index("group")  # of the six, three cost 14
    assert few.loc["Home", ["cost_to_serve", "at_stake"]].isna().all()
    assert few.loc["Home", "value_at_risk"] == 24


def test_without_money_segments_come_in_the_order_of_their_leavers():
    rows = [{**SILENT, "churn": 0.2, "segment:rfm": "A"}] * 5
    rows += [{**SILENT, "churn": 0.4, "segment:rfm": "B"}] * 5
    found = at_risk(CONFIG, a_scored(rows))
    assert found["group"].tolist() == ["all", "B", "A"]
    assert found[["rank", "at_stake"]].isna().all(axis=None)


def test_what_so_few_bring_is_withheld_and_cannot_be_got_by_subtraction():
    rows = [a_customer("A", 0.5, 8.0)] * 9 + [a_customer("B", 0.5, 8.0)] * 6
    rows += [a_customer("C", 0.5, 8.0)] * 4
    found = at_risk(CONFIG, a_scored(rows)).set_index("group")
    assert found.loc[["B", "C"], "withheld"].all()  # all less A and B would be C
    shown = found.drop(columns=["dimension", "rank", "withheld", "unrealised", "cost_to_serve"])
    assert shown.loc[["B", "C"]].isna().all(axis=None)
    assert shown.loc[["A", "all"]].notna().all(axis=None)
    assert found.index.tolist() == ["all", "A", "B", "C"]


def test_a_figure_is_withheld_by_how_many_it_is_about():
    """Ten are in each segment, but of B only three are asked whether they leave."""
    asked, silent = a_customer("B", 0.5, 8.0), {**SILENT, "segment:rfm": "B"}
    rows = [a_customer("A", 0.5, 8.0)] * 10 + [asked] * 3 + [silent] * 7
    found = at_risk(CONFIG, a_scored(rows)).set_index("group")
    assert found.loc[["A", "B"], "customers"].tolist() == [10, 10]
    assert found.loc[["A", "B"], ["mean_churn", "value_at_risk", "at_stake"]].isna().all(axis=None)
    assert found.loc["all", "expected_leavers"] == 6.5


@pytest.mark.parametrize(
    "rows", [[], [a_customer("A", 0.5, 8.0)], [{**SILENT, "segment:rfm": "A"}]]
)
def test_bases_of_nobody_and_of_one_tell_nothing(rows):
    columns = ["customer_id", *a_customer("A", 0.5, 8.0)]
    held = a_scored(rows) if rows else None
    frame = held.frame if held else pd.DataFrame({name: [] for name in columns})
    found = at_risk(CONFIG, Scored(AS_OF, frame, frame, Release("shop", {})))
    assert found.drop(columns=["dimension", "group", "rank", "withheld"]).isna().all(axis=None)


CUSTOMERS = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "C", None]),
        st.floats(0, 1),
        st.floats(0, 1e6),
        st.one_of(st.floats(0, 1e6), st.just(np.nan)),
    ),
    min_size=1,
    max_size=40,
)


@given(CUSTOMERS, st.randoms(use_true_random=False))
@settings(max_examples=30)
def test_the_order_of_customers_changes_no_bit_and_segments_add_up(customers, random):
    rows = [a_customer(*held) for held in customers]
    found = at_risk(CONFIG, a_scored(rows))
    shuffled = random.sample(rows, len(rows))
    pd.testing.assert_frame_equal(at_risk(CONFIG, a_scored(shuffled)), found, check_exact=True)
    parts = found[found["dimension"] == "segment:rfm"]
    for name in ("customers", "clv", "value_at_risk", "expected_leavers"):
        exact = sum(Fraction(row["clv"]) for row in rows) if name == "clv" else None
        if parts[name].notna().all() and found.loc[0, name] == found.loc[0, name]:
            assert parts[name].sum() == pytest.approx(found.loc[0, name], rel=1e-9)
            assert exact is None or found.loc[0, name] == float(exact)
    for at_stake, value, gain in zip(
        found["at_stake"], found["value_at_risk"], found["unrealised"], strict=True
    ):
        if at_stake == at_stake:
            assert at_stake == np.nan_to_num(value) + np.nan_to_num(gain)


def test_costs_are_asked_for_only_where_the_config_gives_them(tmp_path):
    config = make_shop(tmp_path, make_transactions())
    assert costs_to_serve(config, load_tables(config), AS_OF) is None


def test_costs_are_those_of_the_reports_period(tmp_path):
    """A purchase costs 2.50: the first bought twice in the 30 days before 3 June, and once before.

    The second bought last in April, the third brings back what they bought.
    """
    days = ["2024-04-01", "2024-05-10", "2024-05-20", "2024-04-02", "2024-05-11", "2024-05-12"]
    rows = pd.DataFrame(
        {"customer": ["a", "a", "a", "b", "c", "c"], "when": days, "paid": [9, 9, 9, 9, 9, -9]}
    )
    report = {**dump(CONFIG)["report"], "costs_to_serve": {"purchase": 2.5, "return": 4.0}}
    config = make_shop(tmp_path, rows, report=report)
    found = costs_to_serve(config, load_tables(config), AS_OF)
    assert found.to_dict() == {"a": 5.0, "b": 0.0, "c": 6.5}
