"""Features: golden numbers by hand, nothing of the future, the same bytes however built."""

import math
import zoneinfo
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from configs.load import load
from configs.schema import Config
from features.build import build, schema_of, write
from features.catalogue import behaviour_features
from features.engine import EngineError
from features.source import Tables, load_tables
from features.timeline import HistoryError
from tests.factories import make_shop, make_snapshot

CONFIGS = Path(__file__).parents[2] / "configs"
CUT_OFF = date(2024, 6, 3)
WHOLE_COLUMNS = [
    "customer", "when", "paid", "order", "items", "department", "channel", "discount"
]  # fmt: skip

SIMPLE = ["customer", "when", "paid"]

ROWS = [
    # a Monday, 91 days before the cut-off: an order of two lines
    ("00123", "2024-03-04T10:00", 10.10, "A", 1, "food", "shop", 0),
    ("00123", "2024-03-04T10:00", 20.20, "A", 2, "toys", "shop", 1.00),
    # a Saturday, 58 days before: two orders
    ("00123", "2024-04-06T09:00", 40.00, "B", 4, "food", "web", 0),
    ("00123", "2024-04-06T15:00", 5.50, "C", 1, "garden", "shop", 0.50),
    # 54 days before: the toys are brought back, with no word of a discount
    ("00123", "2024-04-10T12:00", -20.20, "D", -2, "toys", "shop", None),
    # a Saturday, 30 days before, just within the window
    ("00123", "2024-05-04T00:00", 0.10, "E", 1, "food", "web", 0),
    ("00123", "2024-05-04T00:00", 0.20, "E", 1, "food", "web", 0),
    # a gift: an order of nothing, 14 days before
    ("00123", "2024-05-20T12:00", 0.00, "F", 1, "food", "web", 2.00),
    # the Sunday before, half past eleven at night: a line is taken back in the shop at once
    ("00123", "2024-06-02T23:30", 12.00, "G", 2, "food", "web", 0),
    ("00123", "2024-06-02T23:30", 8.00, "G", 1, "garden", "web", 0),
    ("00123", "2024-06-02T23:31", -1.00, "G", -1, "food", "web", 0),
    # at the cut-off: not known
    ("00123", "2024-06-03T00:00", 100.00, "H", 9, "books", "telephone", 50.00),
    # a customer of one day, and one of a return alone
    ("00456", "2024-05-31T12:00", 7.00, "I", 1, "food", "web", 0),
    ("00789", "2024-05-01T12:00", -3.00, "J", -1, "food", "shop", None),
]

GOLDEN = {
    "days_since_purchase": 1,
    "days_since_order": 1,
    "tenure": 91,
    "active_span": 90,
    "purchase_days": 4,
    "purchases_in_30d": 2,
    "purchases_in_90d": 4,
    "spend_in_30d": 19.30,
    "spend_in_90d": 44.60,
    "spend_ever": 74.90,
    "spend_per_purchase_day": 95.10 / 4,
    "average_order_value": 95.10 / 5,
    "largest_order": 40,
    "last_spend": 19,
    "first_spend": 30.30,
    # the days' 30.30, 45.50, 0.30 and 19.00 lie 6.525, 21.725, -23.475 and -4.775 from 23.775
    "spend_deviation": math.sqrt(1088.4275 / 3),
    "order_share_in_30d": 3 / 7,
    "order_share_in_90d": 6 / 7,
    "spend_trend_30d": 20.30 / 46.50,
    "spend_trend_90d": 65.80 / 31.30,
    "year_on_year": np.nan,
    "season_ahead": np.nan,
    "usual_gap": 30,
    "gap_deviation": math.sqrt(7),  # of 33, 28 and 29
    "longest_gap": 33,
    "last_gap": 29,
    "pause_ratio": 1 / 30,
    "pause_score": -29 / math.sqrt(7),
    "weekend_share": 3 / 4,
    "lines_per_order": 9 / 5,
    "items_per_order": 12 / 5,
    "categories_per_order": 7 / 5,
    "categories_in_30d": 2,
    "categories_in_90d": 2,
    "category_concentration": (5**2 + 2**2 + 1**2) / 8**2,
    "main_category_share": 5 / 8,
    "channels_used": 2,
    "channel_concentration": (5**2 + 3**2) / 8**2,
    "main_channel_share": 5 / 8,
    "discount_share": 3.50 / 78.40,
    "discount_share_in_30d": 2.00 / 21.30,
    "discount_share_in_90d": 2.50 / 47.10,
    "discounted_share": 2 / 5,
    "return_share": 21.20 / 96.10,
    "returns": 1,
    "returns_in_30d": 0,
    "returns_in_90d": 1,
    "days_since_return": 54,
}

NO_PURCHASE = {
    "days_since_purchase": np.nan,
    "days_since_order": 33,
    "tenure": np.nan,
    "purchase_days": 0,
    "purchases_in_90d": 0,
    "spend_in_30d": 0,
    "spend_in_90d": -3,
    "spend_ever": -3,
    "average_order_value": np.nan,
    "order_share_in_30d": 0,
    "order_share_in_90d": 1,
    "spend_trend_30d": np.nan,
    "usual_gap": np.nan,
    "categories_in_90d": 0,
    "category_concentration": np.nan,
    "main_channel_share": np.nan,
    "channels_used": 0,
    "pause_score": np.nan,
    "season_ahead": np.nan,
    "returns": 1,
    "returns_in_30d": 0,
    "returns_in_90d": 1,
    "days_since_return": 33,
}

ONE_DAY = {
    "days_since_purchase": 3,
    "tenure": 3,
    "active_span": 0,
    "purchase_days": 1,
    "spend_deviation": np.nan,
    "usual_gap": np.nan,
    "gap_deviation": np.nan,
    "longest_gap": np.nan,
    "last_gap": np.nan,
    "pause_ratio": np.nan,
    "pause_score": np.nan,
    "return_share": 0,
    "returns": 0,
    "days_since_return": np.nan,
}


def purchases(rows: list, columns: list[str] = WHOLE_COLUMNS) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=columns)


def features_of(config: Config, *cutoffs: date, customers: list[str] | None = None) -> pd.DataFrame:
    return build(config, load_tables(config), cutoffs or [CUT_OFF], customers)


def one(frame: pd.DataFrame, customer: str) -> dict:
    (row,) = frame[frame["customer_id"] == customer].to_dict("records")
    return {name: row[name] for name in row if name not in ("as_of", "customer_id")}


def bits(frame: pd.DataFrame) -> list[tuple]:
    """A frame's rows: numbers as their bytes, as NaN must be told apart from nothing else."""
    columns = [
        frame[name].map(lambda number: np.float64(number).tobytes())
        if frame[name].dtype == float
        else frame[name]
        for name in frame
    ]
    return list(zip(*columns, strict=True))


# By hand


def test_every_feature_is_as_worked_out_by_hand(tmp_path):
    frame = features_of(make_shop(tmp_path, purchases(ROWS)))
    assert one(frame, "00123") == pytest.approx(GOLDEN, rel=1e-12, nan_ok=True)
    assert list(one(frame, "00123")) == list(GOLDEN)


def test_a_customer_of_one_day_has_no_rhythm(tmp_path):
    found = one(features_of(make_shop(tmp_path, purchases(ROWS))), "00456")
    assert {name: found[name] for name in ONE_DAY} == pytest.approx(ONE_DAY, nan_ok=True)


def test_a_customer_of_a_return_alone_has_bought_nothing(tmp_path):
    found = one(features_of(make_shop(tmp_path, purchases(ROWS))), "00789")
    assert {name: found[name] for name in NO_PURCHASE} == pytest.approx(NO_PURCHASE, nan_ok=True)


def test_without_the_optional_columns_the_rest_is_the_same(tmp_path):
    rows = purchases(ROWS)[["customer", "when", "paid", "order"]]
    found = one(features_of(make_shop(tmp_path, rows)), "00123")
    gone = set(GOLDEN) - set(found)
    assert gone == {
        "items_per_order",
        "categories_per_order",
        "categories_in_30d",
        "categories_in_90d",
        "category_concentration",
        "main_category_share",
        "channels_used",
        "channel_concentration",
        "main_channel_share",
        "discount_share",
        "discount_share_in_30d",
        "discount_share_in_90d",
        "discounted_share",
    }
    kept = {name: value for name, value in GOLDEN.items() if name not in gone}
    assert found == pytest.approx(kept, rel=1e-12, nan_ok=True)


def test_without_order_ids_an_order_is_a_day(tmp_path):
    found = one(features_of(make_shop(tmp_path, purchases(ROWS).drop(columns="order"))), "00123")
    assert found["purchases_in_90d"] == 3
    assert found["largest_order"] == 45.50


def test_an_order_over_midnight_is_of_its_first_day(tmp_path):
    rows = [("a", "2024-06-01T23:50", 5, "A"), ("a", "2024-06-02T00:10", 6, "A")]
    shop = make_shop(tmp_path, purchases(rows, ["customer", "when", "paid", "order"]))
    found = one(features_of(shop), "a")
    assert (found["purchase_days"], found["last_spend"]) == (1, 11)
    assert found["days_since_purchase"] == 2


YEARS = [
    ("a", "2023-03-01", 99.00),  # 460 days before the cut-off
    ("a", "2023-03-07", 9.00),  # 454
    ("a", "2023-06-02", 4.00),  # 367
    ("a", "2023-06-04", 50.00),  # 365: the first day of the quarter ahead, a year ago
    ("a", "2023-09-01", 70.00),  # 276: its last day
    ("a", "2023-09-02", 30.00),  # 275
    ("a", "2024-06-02", 6.00),
    ("just a year", "2023-06-04", 1.00),
    ("almost a year", "2023-06-05", 1.00),
]


def test_seasons_are_held_against_those_of_the_year_before(tmp_path):
    frame = features_of(make_shop(tmp_path, purchases(YEARS, SIMPLE)))
    found = {name: one(frame, name) for name in ("a", "just a year", "almost a year")}
    assert found["a"]["year_on_year"] == 7 / 14
    assert found["a"]["season_ahead"] == 2 / 4
    assert found["just a year"]["season_ahead"] == 1
    assert math.isnan(found["almost a year"]["season_ahead"])
    assert math.isnan(found["just a year"]["year_on_year"])


def test_the_margin_is_held_against_the_spend(tmp_path):
    rows = [("a", "2024-06-01", 5, 2), ("a", "2024-06-02", 4, 1.5), ("a", "2024-06-02", -1, -0.5)]
    nothing = [("b", "2024-06-01", 1, 1), ("b", "2024-06-01", -1, -1)]
    shop = make_shop(tmp_path, purchases([*rows, *nothing], [*SIMPLE, "margin"]))
    frame = features_of(shop)
    assert one(frame, "a")["margin_share"] == 3 / 8
    assert math.isnan(one(frame, "b")["margin_share"])


def test_a_missing_category_is_no_category(tmp_path):
    rows = [("a", "2024-06-01", 5, "food"), ("a", "2024-06-02", 5, None)]
    shop = make_shop(tmp_path, purchases(rows, ["customer", "when", "paid", "department"]))
    found = one(features_of(shop), "a")
    assert (found["categories_in_30d"], found["category_concentration"]) == (1, 1)


def test_cents_add_up_exactly(tmp_path):
    rows = [
        *(("two", "2024-06-01", paid) for paid in (0.1, 0.2)),
        *(("ten", "2024-06-01", 0.1) for _ in range(10)),
        *(("back", "2024-06-01", paid) for paid in (1000000.1, 0.2, -1000000.1)),
    ]
    frame = features_of(make_shop(tmp_path, purchases(rows, SIMPLE)))
    spent = dict(zip(frame["customer_id"], frame["spend_ever"], strict=True))
    assert spent == {"two": 0.3, "ten": 1.0, "back": 0.2}


def test_days_alike_have_no_spread_even_where_money_is_large(tmp_path):
    rows = [("a", f"2024-05-{day:02}", 9_999_999_999.99) for day in range(1, 29)]
    found = one(features_of(make_shop(tmp_path, purchases(rows, SIMPLE))), "a")
    assert found["spend_deviation"] == 0
    assert found["spend_ever"] == 279_999_999_999.72


def test_ids_stay_text_to_the_letter(tmp_path):
    rows = [("00123", "2024-06-01", 1), ("123", "2024-06-01", 2), ("1e2", "2024-06-01", 3)]
    frame = features_of(make_shop(tmp_path, purchases(rows, SIMPLE)))
    assert dict(zip(frame["customer_id"], frame["spend_ever"], strict=True)) == {
        "00123": 1,
        "123": 2,
        "1e2": 3,
    }


# Time


def test_a_purchase_falls_on_its_local_day(tmp_path):
    ages = {
        (date(2024, 4, 1), "2024-03-31T23:30"): 1,  # clocks go forward on March 31
        (date(2024, 4, 1), "2024-03-31T00:00"): 1,
        (date(2024, 4, 1), "2024-03-30T23:30"): 2,
        (date(2024, 3, 31), "2024-03-30T23:30"): 1,
        (date(2024, 10, 28), "2024-10-27T23:30"): 1,  # and back on October 27
        (date(2024, 10, 28), "2024-10-27T00:00"): 1,
        (date(2024, 10, 28), "2024-10-26T23:30"): 2,
        (date(2024, 10, 27), "2024-10-26T23:30"): 1,
        (date(2024, 6, 3), "2024-06-02T21:59Z"): 1,  # a minute before midnight in Copenhagen
        (date(2024, 6, 3), "2024-06-01T22:00Z"): 1,
        (date(2024, 6, 3), "2024-06-01T21:59Z"): 2,
    }
    assert ages_of(tmp_path, list(ages)) == ages


def test_what_happens_at_the_cut_off_is_not_known(tmp_path):
    at = [
        (date(2024, 3, 31), "2024-03-31T00:00"),
        (date(2024, 4, 1), "2024-03-31T22:00Z"),
        (date(2024, 6, 3), "2024-06-03T00:00"),
        (date(2024, 10, 27), "2024-10-26T22:00Z"),
        (date(2024, 10, 28), "2024-10-27T23:00Z"),
    ]
    assert ages_of(tmp_path, at) == {}


def ages_of(folder: Path, asked: list[tuple[date, str]]) -> dict[tuple[date, str], float]:
    """Days since a purchase as of a date, for each pair of a date and a stamp."""
    rows = [(when, when, 1) for when in dict.fromkeys(when for _, when in asked)]
    frame = features_of(make_shop(folder, purchases(rows, SIMPLE)), *(day for day, _ in asked))
    keys = zip(frame["as_of"], frame["customer_id"], strict=True)
    ages = dict(zip(keys, frame["days_since_purchase"], strict=True))
    return {pair: ages[pair] for pair in asked if pair in ages}


def test_a_row_that_comes_late_counts_from_when_it_is_known(tmp_path):
    columns = [*SIMPLE, "known"]
    rows = [
        ("a", "2024-06-01T12:00", 1, None),
        ("a", "2024-06-01T13:00", 2, "2024-06-04T00:00"),
        ("b", "2024-06-01T12:00", 4, "2024-06-03T23:59"),
    ]
    frame = features_of(
        make_shop(tmp_path, purchases(rows, columns)), *(date(2024, 6, day) for day in range(2, 6))
    )
    known = {
        (str(as_of), customer): spent
        for as_of, customer, spent in zip(
            frame["as_of"], frame["customer_id"], frame["spend_ever"], strict=True
        )
    }
    assert known == {
        ("2024-06-02", "a"): 1,
        ("2024-06-03", "a"): 1,
        ("2024-06-04", "a"): 1,  # known at the cut-off is not known before it
        ("2024-06-04", "b"): 4,
        ("2024-06-05", "a"): 3,
        ("2024-06-05", "b"): 4,
    }


def test_a_row_that_is_known_ahead_counts_from_when_it_occurs(tmp_path):
    rows = [("a", "2024-06-03T00:00", 1, "2024-05-01T12:00")]
    shop = make_shop(tmp_path, purchases(rows, [*SIMPLE, "known"]))
    frame = features_of(shop, CUT_OFF, date(2024, 6, 4))
    assert frame["as_of"].tolist() == [date(2024, 6, 4)]


MIDNIGHT = datetime.combine(CUT_OFF, time(), zoneinfo.ZoneInfo("Europe/Copenhagen")).astimezone(UTC)
DAY = 24 * 60
minutes = st.sampled_from([-1, 0, 1]) | st.integers(-100 * DAY, 30 * DAY)
receipts = st.lists(
    st.tuples(
        st.sampled_from("abc"),
        minutes,  # from the cut-off
        st.integers(-5_000, 9_000),  # cents
        st.sampled_from([0, 0, 0, 1, DAY, 40 * DAY, -9 * DAY]),  # minutes until it is known
        st.sampled_from([None, "A", "B"]),
        st.sampled_from([None, "food", "toys"]),
    ),
    max_size=12,
)
KNOWN = ("a", -DAY, 100, 0, None, "food")
"""A row that is known, as a file must have one."""


def stamped(rows: list) -> pd.DataFrame:
    def stamp(offset: int) -> str:
        return (MIDNIGHT + timedelta(minutes=offset)).strftime("%Y-%m-%dT%H:%MZ")

    return pd.DataFrame(
        {
            "customer": [row[0] for row in rows],
            "when": [stamp(row[1]) for row in rows],
            "paid": [row[2] / 100 for row in rows],
            "known": [stamp(row[1] + row[3]) for row in rows],
            "order": [row[4] for row in rows],
            "department": [row[5] for row in rows],
        }
    )


drawn = settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


ONE_WINDOW = {"windows": ["30d"]}
EARLIER = CUT_OFF - timedelta(days=30)


@given(
    rows=receipts,
    day=st.sampled_from([EARLIER, CUT_OFF]),
    customers=st.sampled_from([None, ["a"], ["b"], ["c", "a"]]),
)
@drawn
def test_a_cut_off_and_a_customer_alone_are_the_same_to_the_last_bit(
    tmp_path, rows, day, customers
):
    config = make_shop(tmp_path, stamped([KNOWN, *rows]), features=ONE_WINDOW)
    tables = load_tables(config)
    together = build(config, tables, [CUT_OFF, EARLIER])
    alone = build(config, tables, [day], customers)
    asked = together["customer_id"].isin(customers or ["a", "b", "c"])
    assert bits(alone) == bits(together[asked & (together["as_of"] == day)])


def test_however_the_base_is_planned_its_features_are_the_same_bytes(tmp_path):
    rows = purchases(ROWS)[[*SIMPLE, "department"]]
    rows["customer"] = rows["customer"].where(rows.index % 3 > 0, "else")
    days = [date(2024, 4, 10), date(2024, 5, 5), CUT_OFF]
    others = {
        "one at a time": rows,
        "known late": rows.assign(known=rows["when"]),
        "order ids": rows.assign(order=rows["when"].str[:10]),
        "both": rows.assign(known=rows["when"], order=rows["when"].str[:10]),
    }
    told = bits(features_of(make_shop(tmp_path / "a", rows, features=ONE_WINDOW), *days))
    for name, held in others.items():
        config = make_shop(tmp_path / name, held, features=ONE_WINDOW)
        tables = load_tables(config)
        if name == "one at a time":
            found = pd.concat([build(config, tables, [day]) for day in days])
        else:
            found = build(config, tables, days)
        assert bits(found) == told, name


def many(customers: int = 3_000, rows: int = 150_000) -> pd.DataFrame:
    rng = np.random.default_rng(11)
    minute = rng.integers(0, 200 * DAY, rows)
    return pd.DataFrame(
        {
            "customer": rng.integers(0, customers, rows).astype(str),
            "when": pd.Timestamp("2023-12-01") + pd.to_timedelta(minute, "min"),
            "paid": rng.integers(-2_000, 9_000, rows) / 100,
            "department": rng.choice(["food", "toys", "garden"], rows),
        }
    )


def test_threads_and_the_order_of_rows_change_no_bit(tmp_path):
    rows = many()
    config = make_shop(tmp_path / "a", rows, features=ONE_WINDOW)
    shuffled = make_shop(tmp_path / "b", rows.sample(frac=1, random_state=5), features=ONE_WINDOW)
    tables = load_tables(config)
    tables.backend.raw_sql("SET threads = 1")
    single = build(config, tables, [CUT_OFF])
    tables.backend.raw_sql("SET threads = 8")
    several = build(config, tables, [CUT_OFF])
    assert len(single) == 3_000
    assert bits(single) == bits(several) == bits(features_of(shuffled))
    assert bits(build(config, tables, [CUT_OFF], ["1234"])) == bits(
        single[single["customer_id"] == "1234"]
    )


def test_nobody_is_asked_for_nobody_is_given(tmp_path):
    shop = make_shop(tmp_path, purchases(ROWS))
    assert features_of(shop, customers=["nobody"]).empty
    nobody = features_of(shop, customers=[])
    assert nobody.empty
    assert list(nobody) == ["as_of", "customer_id", *GOLDEN]


# Written


def test_writing_again_gives_the_same_bytes(tmp_path):
    config = make_shop(tmp_path, purchases(ROWS))
    written = []
    for name in ("one", "two"):
        assert write(config, load_tables(config), CUT_OFF, tmp_path / name / "f.parquet") == 3
        written.append((tmp_path / name / "f.parquet").read_bytes())
    assert written[0] == written[1]
    assert [file.name for file in (tmp_path / "one").iterdir()] == ["f.parquet"]


def test_a_written_file_holds_the_features_and_tells_its_schema(tmp_path):
    config = make_shop(tmp_path, purchases(ROWS))
    tables = load_tables(config)
    write(config, tables, CUT_OFF, tmp_path / "f.parquet")
    told = pq.read_schema(tmp_path / "f.parquet").metadata
    assert told[b"stamkunde.as_of"] == b"2024-06-03"
    assert told[b"stamkunde.schema"].decode() == schema_of(config, tables).digest
    held = pd.read_parquet(tmp_path / "f.parquet")
    assert bits(held) == bits(features_of(config))


def test_nothing_is_written_where_nobody_is_known(tmp_path):
    config = make_shop(tmp_path, purchases(ROWS))
    with pytest.raises(HistoryError, match="the first row is of 2024-03-04"):
        write(config, load_tables(config), date(2024, 1, 1), tmp_path / "f.parquet")
    assert not (tmp_path / "f.parquet").exists()


def test_the_schema_names_the_columns_that_are_built(tmp_path):
    config = make_shop(tmp_path, purchases(ROWS))
    tables = load_tables(config)
    assert list(build(config, tables, [CUT_OFF])) == [
        "as_of",
        "customer_id",
        *schema_of(config, tables).names,
    ]


# Attributes

PEOPLE = pd.DataFrame(
    {
        "customer": ["00123", "00456", "unseen"],
        "income": ["low", None, "high"],
        "newsletter": ["yes", "no", "no"],
        "age": [41, None, 50],
        "renews": ["2024-06-02", "2024-06-03", "2024-01-01"],
        "joined": ["2024-06-02T23:30", "2024-06-03T00:00", "2024-01-01"],
    }
)
ATTRIBUTES = {
    "income": {"kind": "category"},
    "newsletter": {"kind": "flag"},
    "age": {"kind": "number", "protected": True},
    "renews": {"kind": "date"},
}


def described(folder: Path, **changes) -> Config:
    """The base worked out by hand, with two of its three customers described."""
    folder.mkdir(exist_ok=True)
    PEOPLE.to_csv(folder / "people.csv", index=False)
    people = {
        "path": str(folder / "people.csv"),
        "timezone": "Europe/Copenhagen",
        "columns": {"customer_id": "customer", "signed_up_at": "joined"},
        "attributes": ATTRIBUTES,
    }
    return make_shop(folder, purchases(ROWS), sources={"customers": people}, **changes)


def test_attributes_stand_beside_what_was_done(tmp_path):
    frame = features_of(described(tmp_path))
    assert frame["customer_id"].tolist() == ["00123", "00456", "00789"]
    assert frame["income"].tolist() == ["low", None, None]
    np.testing.assert_array_equal(frame["newsletter"], [1, 0, np.nan])


def test_a_date_at_or_after_the_cut_off_is_missing(tmp_path):
    frame = features_of(described(tmp_path))
    np.testing.assert_array_equal(frame["renews"], [1, np.nan, np.nan])
    np.testing.assert_array_equal(frame["signed_up"], [1, np.nan, np.nan])


def test_who_signs_up_after_midnight_signs_up_on_the_local_day(tmp_path):
    config = described(tmp_path)
    late = PEOPLE.assign(joined="2024-05-31T00:30")  # still the day before in UTC
    late.to_csv(tmp_path / "people.csv", index=False)
    np.testing.assert_array_equal(features_of(config)["signed_up"], [3, 3, np.nan])


@pytest.mark.parametrize("use", [False, True])
def test_a_protected_attribute_is_no_feature_unless_asked(tmp_path, use):
    config = described(tmp_path, features={"windows": ["30d"], "use_protected": use})
    tables = load_tables(config)
    assert ("age" in build(config, tables, [CUT_OFF])) == use
    assert ("age" in schema_of(config, tables).names) == use


def test_attributes_are_marked_as_todays_values(tmp_path):
    config = described(tmp_path)
    schema = schema_of(config, load_tables(config))
    assert [column.name for column in schema.columns if column.as_of_today] == [
        "income",
        "newsletter",
        "renews",
        "signed_up",
    ]
    assert schema["income"].categories == ("high", "low")


def test_a_snapshot_has_its_attributes_at_every_date(tmp_path):
    rows = pd.DataFrame(
        {
            "customer": ["02", "01"],
            "left": ["Yes", "No"],
            "plan": ["gold", None],
            "tenure": [3, None],
            "online": ["no", "yes"],
            "gender": ["f", "m"],
        }
    )
    attributes = {
        "plan": {"kind": "category"},
        "tenure": {"kind": "number"},
        "online": {"kind": "flag"},
        "gender": {"kind": "category", "protected": True},
    }
    config = make_snapshot(tmp_path, rows, attributes)
    frame = features_of(config, CUT_OFF, date(2024, 1, 1))
    assert list(frame) == ["as_of", "customer_id", "plan", "tenure", "online"]
    assert frame["customer_id"].tolist() == ["01", "02"] * 2
    assert frame["as_of"].tolist() == [date(2024, 1, 1)] * 2 + [CUT_OFF] * 2
    assert frame["plan"].tolist() == [None, "gold"] * 2
    np.testing.assert_array_equal(frame["tenure"], [np.nan, 3] * 2)
    np.testing.assert_array_equal(frame["online"], [1, 0] * 2)
    assert bits(features_of(config, customers=["02"])) == bits(frame[3:])
    assert schema_of(config, load_tables(config)).names == ("plan", "tenure", "online")


# The real bases


@pytest.fixture(scope="module")
def complete_journey() -> tuple[Config, Tables]:
    config = load(CONFIGS / "complete_journey.yaml")
    return config, load_tables(config)


@pytest.fixture(scope="module")
def cdnow() -> tuple[Config, Tables]:
    config = load(CONFIGS / "cdnow.yaml")
    return config, load_tables(config)


def totals(tables: Tables) -> tuple:
    rows = tables.need("transactions")
    counted = rows.aggregate(
        rows=rows.count(), customers=rows.customer_id.nunique(), amount=rows.amount.sum()
    )
    (found,) = counted.to_pyarrow().to_pylist()
    return found["rows"], found["customers"], float(found["amount"])


def test_complete_journey_is_loaded_whole(complete_journey):
    assert totals(complete_journey[1]) == (1_469_307, 2_469, 4_596_039.58)


def test_cdnow_is_loaded_whole(cdnow):
    assert totals(cdnow[1]) == (69_659, 23_570, 2_500_315.63)


# Neither base tells of a return; the one begins less than a year before its test.
NO_RETURN = {"returns", "return_share", "days_since_return"}
NO_YEAR = {"season_ahead", "year_on_year"}


@pytest.mark.parametrize(
    ("base", "dull"), [("complete_journey", NO_RETURN | NO_YEAR), ("cdnow", NO_RETURN)]
)
def test_a_real_base_has_thirty_features_of_behaviour_that_vary(base, dull, request):
    config, tables = request.getfixturevalue(base)
    names = [feature.name for feature in behaviour_features(config)]
    frame = build(config, tables, [config.timeline.test])
    varied = {name for name in names if frame[name].nunique() > 1}
    assert len(varied) >= 30
    assert {name for name in set(names) - varied if not name.startswith("returns_in")} == dull


def test_one_real_customer_alone_is_the_same_to_the_last_bit(complete_journey):
    config, tables = complete_journey
    everybody = build(config, tables, [config.timeline.test])
    customer = everybody["customer_id"].iloc[1000]
    alone = build(config, tables, [config.timeline.test], [customer])
    assert bits(alone) == bits(everybody[everybody["customer_id"] == customer])


@pytest.mark.parametrize(
    ("zone", "late", "day"),
    [
        ("America/St_Johns", "2010-11-06T23:30", date(2010, 11, 7)),  # back at a minute past
        ("Africa/Casablanca", "2026-10-03T23:30", date(2026, 10, 4)),
    ],
)
def test_where_clocks_are_odd_several_cut_offs_see_what_one_does(tmp_path, zone, late, day):
    stamps = map(datetime.fromisoformat, ("2010-09-01T10:00", late))
    when = [stamp.replace(tzinfo=zoneinfo.ZoneInfo(zone)).isoformat() for stamp in stamps]
    rows = pd.DataFrame({"customer": "a", "when": when, "paid": [5, 7]})
    config, days = make_shop(tmp_path, rows, timezone=zone), [day, day + timedelta(days=13)]
    apart = pd.concat([features_of(config, each) for each in days], ignore_index=True)
    pd.testing.assert_frame_equal(features_of(config, *days), apart, check_exact=True)


def test_an_order_beyond_all_measure_is_told_of(tmp_path):
    rows = pd.DataFrame(
        {"customer": "a", "when": "2024-05-01T10:00", "paid": [9_000_000_000] * 12_000}
    )
    with pytest.raises(EngineError, match="look for amounts that cannot be meant"):
        features_of(make_shop(tmp_path, rows))
