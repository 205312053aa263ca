"""The page of drift: the PSI of scores and features, week by week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from serving.settings import open_seen
from serving.watching.bins import Reference
from serving.watching.seen import Of, week_of
from tests.factories import make_bundles, make_config
from tests.serving.pages.cards import make_card
from tests.serving.shop import opened

INCOME = "income"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base whose customers' incomes moved this week, and nothing else did."""
    folder = tmp_path_factory.mktemp("drift")
    config = make_config(folder)
    made = make_bundles(folder / "made", config, cards={"churn": make_card()})
    with opened(config, made) as held:
        reference = Reference(held.release.bundles["churn"])
        bins = [*reference.features, reference.scores]
        counts = {each.name: 30 * np.asarray(each.expected, int) for each in bins}
        moved = np.zeros_like(counts[INCOME])
        moved[0] = counts[INCOME].sum()
        this = week_of(datetime.now(UTC), config.timezone)
        digest = held.release.digests["churn"]
        seen = open_seen(config.name, config.var)
        seen.add({Of(this - timedelta(weeks=1), "churn", digest): counts})
        seen.add({Of(this, "churn", digest): {**counts, INCOME: moved}})
        yield held


def test_what_moved_is_named_and_what_did_not_is_stable(shop):
    said = shop.client.get("/audit/drift?lang=en").text
    assert "1 moved much" in said
    assert said.count('class="n psi moved-much"') == 2  # among the ten, and among all


def test_every_week_and_feature_is_a_row_of_the_file(shop):
    rows = shop.client.get("/audit/drift?format=json").json()["drift"]
    assert len({row["week"] for row in rows}) == 8
    assert max(rows, key=lambda row: row["psi"] or 0.0)["feature"] == INCOME
    assert sum(row["psi"] is not None for row in rows) == len(rows) // 4  # two weeks of eight


def test_in_danish_decimals_and_days_are_danish(shop):
    said = shop.client.get("/audit/drift?lang=da").text
    assert "Har kunderne ændret sig?" in said
    assert "0,00" in said
