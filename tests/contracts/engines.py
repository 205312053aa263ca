"""What every engine must hold; each inherits it, and runs it."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from configs.schema import Config
from features.build import build, schema_of
from features.labels import cancelled, future, recurring
from features.source import Tables, first_and_last_day, load_tables
from tests.contracts.bases import AFTER_ALL, BASES, CUT_OFF, EARLIER, LONG_AGO, MUCH, NAMES
from tests.features.test_build import GOLDEN, bits, one


@dataclass
class Engine:
    """The small bases on one engine; each is loaded once, and each build of it made once."""

    settings: dict[str, Any]
    folder: Path
    _loaded: dict[str, tuple[Config, Tables]] = field(default_factory=dict)
    _built: dict[tuple, pd.DataFrame] = field(default_factory=dict)

    def base(self, name: str) -> tuple[Config, Tables]:
        """Return a base's config and tables."""
        if name not in self._loaded:
            made = BASES[name](self.folder / name).model_dump(mode="json")
            config = Config.model_validate({**made, "engine": self.settings})
            self._loaded[name] = config, load_tables(config)
        return self._loaded[name]

    def features(
        self, name: str, *cutoffs: date, customers: tuple[str, ...] | None = None
    ) -> pd.DataFrame:
        """Return a base's features."""
        asked = (name, cutoffs, customers)
        if asked not in self._built:
            self._built[asked] = self.rebuilt(*asked)
        return self._built[asked]

    def rebuilt(
        self, name: str, cutoffs: tuple[date, ...], customers: tuple[str, ...] | None = None
    ) -> pd.DataFrame:
        """Return a base's features, built anew."""
        return build(*self.base(name), cutoffs, customers)


class EngineContract:
    """The tests of an engine: its inheritor says in ``settings`` which.

    ``other_threads`` is a statement that changes how the engine parts its work.
    """

    settings: ClassVar[dict[str, Any]]
    other_threads: ClassVar[str]

    @pytest.fixture(scope="class")
    def engine(self, request, tmp_path_factory) -> Engine:
        return Engine(request.cls.settings, tmp_path_factory.mktemp("bases"))

    # By hand

    def test_every_feature_is_as_worked_out_by_hand(self, engine):
        found = one(engine.features("shop", CUT_OFF), "00123")
        behaved = {name: found[name] for name in GOLDEN}
        assert behaved == pytest.approx(GOLDEN, rel=1e-12, nan_ok=True)

    def test_ids_are_text_sorted_by_their_bytes(self, engine):
        found = engine.features("shop", CUT_OFF)["customer_id"].tolist()
        assert found == ["00123", "00456", "00789", *NAMES[:2], "rich", *NAMES[2:]]

    def test_attributes_are_those_of_the_cut_off_to_the_letter(self, engine):
        frame = engine.features("shop", EARLIER, CUT_OFF)
        held = frame[frame["income"].notna()]
        found = list(zip(held["as_of"], held["customer_id"], held["income"], strict=True))
        assert found == [
            (EARLIER, "00123", "høj"),
            (EARLIER, "Østergård", "低い"),
            (CUT_OFF, "00123", "middel"),
            (CUT_OFF, "Østergård", "低い"),
        ]
        np.testing.assert_array_equal(held["age"], [41.5, np.nan, 42, np.nan])
        np.testing.assert_array_equal(held["newsletter"], [1, 0, np.nan, 0])
        ages = [(day - date(1969, 12, 31)).days for day in (EARLIER, CUT_OFF)]
        np.testing.assert_array_equal(held["renews"], [np.nan, ages[0], np.nan, ages[1]])
        ages = [(day - date(1950, 1, 1)).days for day in (EARLIER, CUT_OFF)]
        np.testing.assert_array_equal(held["signed_up"], [1, ages[0], 1, ages[1]])

    def test_categories_are_in_their_order(self, engine):
        assert schema_of(*engine.base("shop"))["income"].categories == ("høj", "middel", "低い")

    def test_much_money_is_summed_to_the_cent(self, engine):
        found = one(engine.features("shop", CUT_OFF), "rich")
        cents = [round(100 * paid) for paid in MUCH]
        assert found["spend_ever"] == sum(cents) / 100
        squares = len(cents) * sum(each * each for each in cents) - sum(cents) ** 2
        variance = squares / 10_000 / (len(cents) * (len(cents) - 1))
        assert found["spend_deviation"] == math.sqrt(variance)

    def test_products_of_money_keep_every_digit(self, engine):
        _, tables = engine.base("long_ago")
        paid = tables.need("transactions").amount
        spread = paid.count() * (paid * paid).sum() - paid.sum() * paid.sum()
        found = tables.backend.to_pyarrow(spread.cast("float64").as_table()).column(0)
        amounts = [Decimal(str(each)) for _, _, each in LONG_AGO]
        exact = len(amounts) * sum(each**2 for each in amounts) - sum(amounts) ** 2
        assert found.to_pylist() == [float(exact)]

    def test_days_before_1970_are_days(self, engine):
        found = one(engine.features("long_ago", AFTER_ALL, date(2027, 3, 1)).head(1), "old")
        days = [date(1900, 1, 6), date(1969, 12, 28), date(1970, 1, 1), date(2027, 1, 5)]
        gaps = [(later - day).days for day, later in pairwise(days)]
        assert found["tenure"] == (AFTER_ALL - days[0]).days
        assert found["longest_gap"] == max(gaps)
        assert found["weekend_share"] == 2 / 4
        assert found["gap_deviation"] == pytest.approx(statistics.stdev(gaps), rel=1e-12)

    def test_a_row_counts_from_when_it_is_known(self, engine):
        frame = engine.features("late", EARLIER, CUT_OFF, date(2024, 6, 4))
        keys = zip(frame["as_of"].astype(str), frame["customer_id"], strict=True)
        assert dict(zip(keys, frame["spend_ever"], strict=True)) == {
            ("2024-05-04", "a"): 1,
            ("2024-06-03", "a"): 3,
            ("2024-06-03", "b"): 8,
            ("2024-06-04", "a"): 7,
            ("2024-06-04", "b"): 8,
        }

    def test_subscriptions_run_as_was_known(self, engine):
        frame = engine.features("club", EARLIER, CUT_OFF)
        assert one(frame[frame["as_of"] == EARLIER], "a")["running_subscriptions"] == 2
        now = frame[frame["as_of"] == CUT_OFF]
        assert now["customer_id"].tolist() == ["a", "b", "only", "Østergård"]
        np.testing.assert_array_equal(now["running_subscriptions"], [2, 0, 0, 1])
        np.testing.assert_array_equal(now["mrr"], [270.45, 0, 0, 0])

    def test_a_snapshot_is_the_same_at_every_date(self, engine):
        frame = engine.features("snapshot", EARLIER, CUT_OFF)
        assert frame["customer_id"].tolist() == list(NAMES) * 2
        assert frame["plan"].tolist() == ["guld", None, "sølv", "guld"] * 4
        np.testing.assert_array_equal(frame["months"], [3, np.nan, 0.1, 1e15] * 4)
        np.testing.assert_array_equal(frame["online"], [0, 1, np.nan, 0] * 4)

    def test_the_future_is_labelled(self, engine):
        config, tables = engine.base("shop")
        label = future(config, tables, [date(2024, 6, 2), date(2024, 6, 3)], horizon=28)
        found = label[["customer_id", "purchases", "value"]].to_dict("split")["data"]
        assert found == [["00123", 2, 119.0], ["00123", 1, 100.0]]
        config, tables = engine.base("club")
        label = cancelled(config, tables, [date(2024, 5, 13)], horizon=28)
        found = label[["customer_id", "churned", "mrr", "mrr_lost"]].to_dict("split")["data"]
        lost = [["a", 0, 270.45, 19.95], ["b", 1, 100.0, 100.0], ["Østergård", 0, 0.0, 0.0]]
        assert found == lost
        assert first_and_last_day(tables) == (date(1969, 6, 1), date(2024, 6, 3))

    def test_what_subscriptions_bring_is_the_same_to_the_last_bit(self, engine):
        config, tables = engine.base("club")
        label = recurring(config, tables, [date(2024, 5, 13), CUT_OFF], 28)
        now = label[label["as_of"] == date(2024, 5, 13)]
        days = {"a": 28 * 250.5 + 18 * 19.95, "b": 700.0, "c": 700.0, "Østergård": 0.0}
        assert now["customer_id"].tolist() == list(days)
        assert now["value"].tolist() == [held / 30.4375 for held in days.values()]
        early = recurring(config, tables, [date(2024, 5, 13)], 28, known_before=date(2024, 6, 10))
        told_late = 28 * 250.5 + 28 * 19.95
        assert early["value"].tolist() == [told_late / 30.4375, *now["value"].tolist()[1:]]

    # However it is asked for

    @pytest.mark.parametrize("base", ["shop", "club"])
    def test_cut_offs_at_once_are_the_same_as_one_at_a_time(self, engine, base):
        alone = pd.concat([engine.features(base, EARLIER), engine.features(base, CUT_OFF)])
        assert bits(engine.features(base, EARLIER, CUT_OFF)) == bits(alone)

    def test_customers_alone_are_the_same_as_among_all(self, engine):
        asked = ("00123", "日本", "rich")
        everybody = engine.features("shop", CUT_OFF)
        alone = engine.features("shop", CUT_OFF, customers=asked)
        assert bits(alone) == bits(everybody[everybody["customer_id"].isin(asked)])

    def test_a_rerun_is_the_same(self, engine):
        again = engine.rebuilt("shop", (CUT_OFF,))
        assert bits(again) == bits(engine.features("shop", CUT_OFF))

    def test_threads_and_the_order_of_rows_change_no_bit(self, engine):
        before = engine.features("many", CUT_OFF)
        engine.base("shuffled")[1].backend.raw_sql(self.other_threads)
        assert len(before) == 200
        assert bits(engine.features("shuffled", CUT_OFF)) == bits(before)

    def test_nobody_has_the_columns_of_everybody(self, engine):
        nobody = engine.features("shop", CUT_OFF, customers=())
        assert nobody.empty
        assert list(nobody) == list(engine.features("shop", CUT_OFF))
