"""The pages of the models: who was champion when, and what each model is."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest

from serving.pages.charts import by_week, reliability
from serving.releases.promotion import promote, rollback
from serving.releases.release import publish
from serving.settings import open_ledger
from tests.factories import make_bundles, make_config
from tests.serving.pages.cards import make_card
from tests.serving.shelf import Shelf, Version
from tests.serving.shop import opened

NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base whose first churn model was followed by a refused one, and brought back."""
    folder = tmp_path_factory.mktemp("models")
    config = make_config(folder)
    first = make_bundles(folder / "made", config, cards={"churn": make_card()})
    second = make_bundles(folder / "made", config, seed=4)
    shelf = Shelf([Version(1, first["churn"], True), Version(2, second["churn"], False)])
    publish(config.var, config.name, first)
    promote(config, shelf, "churn", at=NOW)
    hour = timedelta(hours=1)
    promote(config, shelf, "churn", at=NOW + hour, number=2, force="the old one failed on 7 June")
    rollback(config, shelf, "churn", at=NOW + 2 * hour)
    with opened(config, first) as held:
        yield held


def text(shop, path, **more):
    answer = shop.client.get(path, **more)
    assert answer.status_code == 200, answer.text
    return answer.text


def table(shop, path):
    written = shop.client.get(path).content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(written)))


def test_every_champion_stands_with_its_time_and_the_reason_of_a_forced_verdict(shop):
    said = text(shop, "/audit/models?lang=en")
    assert "the old one failed on 7 June" in said
    assert said.count("3 June 2024 at 12:00:00") == 2  # an end and a beginning
    assert "Brought back" in said
    assert said.count("still in use") == 1
    assert "The record does not say how it came into use." in said  # of CLV and of segments


def test_champions_are_a_table_with_one_reign_a_row(shop):
    rows = table(shop, "/audit/models?format=csv")
    assert [row["version"] for row in rows] == ["1", "2", "1"]
    assert [row["until"] for row in rows] == [rows[1]["since"], rows[2]["since"], ""]
    held = shop.client.get("/audit/models?format=json").json()["models"]
    assert held[1]["forced"] == "the old one failed on 7 June"
    assert held[1]["entry"] in {
        entry.id for entry in open_ledger("shop", shop.config.var).entries()
    }


def test_a_model_is_told_by_its_card(shop):
    said = text(shop, f"/audit/models/{shop.release.digests['churn']}?lang=en")
    for part in (
        "Better than a rule of thumb",
        "0.750 to 0.850",
        "days since the last purchase",
        "too few to judge",
        "Can its numbers be taken at their word?",
        "2 percentage points off",
    ):
        assert part in said
    assert said.count('class="dot off"') == 1  # 0.9 came, and chance alone goes to 0.8


def test_in_danish_features_and_checks_are_danish_and_the_cards_english_is_marked(shop):
    said = text(shop, f"/audit/models/{shop.release.digests['churn']}?lang=da")
    assert "dage siden sidste køb" in said
    assert "Bedre end en tommelfingerregel" in said
    assert "0,750 til 0,850" in said
    assert '<p class="lead" lang="en">Who will leave?' in said


def test_a_model_whose_card_says_nothing_is_still_told_by_where_it_comes_from(shop):
    digest = shop.release.digests["segments"]
    said = text(shop, f"/audit/models/{digest}?lang=en")
    assert digest in said
    assert "nothing more" in said


def test_figures_of_a_model_are_rows(shop):
    digest = shop.release.digests["churn"]
    rows = table(shop, f"/audit/models/{digest}?format=csv")
    assert {row["part"] for row in rows} >= {"metric", "feature", "tenth", "slice tenure"}
    held = shop.client.get(f"/audit/models/{digest}?format=json").json()
    assert held["card"]["gate"][0]["check"] == "naive_rule"


def test_the_card_is_given_as_it_was_made_and_may_run_nothing(shop):
    answer = shop.client.get(f"/audit/models/{shop.release.digests['churn']}/card")
    assert answer.content == b"<!doctype html>\n"
    assert "sandbox" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("digest", ["0" * 64, "x", "..%2F..%2Fkeys"])
def test_of_a_model_that_is_not_kept_it_is_said_that_there_is_none(shop, digest):
    assert shop.client.get(f"/audit/models/{digest}").status_code == 404


def test_a_tenth_stands_at_its_prediction_and_at_what_came():
    drawn = reliability([{"customers": 1, "predicted": 0.0, "actual": 1.0}], str)
    assert [(dot.x, dot.kind) for dot in drawn.dots] == [(drawn.left, "held")]
    assert reliability([{"predicted": 1.0, "actual": 0.0}], str).dots[0].y == drawn.bottom


def test_a_week_without_a_figure_breaks_the_line():
    drawn = by_week(["a", "b", "c", "d"], [1.0, 2.0, None, 3.0], str, [(2.5, "much")])
    assert [line.points.count(",") for line in drawn.lines] == [2]
    assert len(drawn.dots) == 3
    assert drawn.across[0].said == "d"
