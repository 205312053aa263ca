"""The page of outcomes: what came beside what was predicted, and estimates marked as such."""

from __future__ import annotations

from datetime import UTC, date, datetime
from math import nan
from zoneinfo import ZoneInfo

import pytest

from serving.pages.model_words import tick
from serving.pages.words import Words
from serving.watching import kept
from serving.watching.outcome import OutcomeWeek
from tests.factories import make_bundles, make_config
from tests.serving.shop import opened
from training.bootstrap import Interval

NOW = datetime(2024, 9, 1, 9, tzinfo=UTC)


def make_week(bundle, monday, estimate, **metrics):
    until = date(2024, 8, 1)
    return OutcomeWeek(monday, "churn", bundle, 900, 4, False, until, estimate, metrics)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outcomes")
    config = make_config(folder)
    with opened(config, make_bundles(folder / "made", config)) as held:
        yield held


@pytest.fixture(scope="module")
def told(shop):
    """Three weeks: one came as predicted, one did not, and one is not over."""
    assert "Nothing has been held" in shop.client.get("/audit/outcomes?lang=en").text
    bundle = shop.release.digests["churn"]
    level = {
        "mean_predicted": Interval(0.2, 0.19, 0.21),
        "mean_actual": Interval(0.21, 0.18, 0.24),
    }
    weeks = (
        make_week(
            bundle, date(2024, 6, 3), False, **level, mean_excess=Interval(-0.01, -0.04, 0.02)
        ),
        make_week(bundle, date(2024, 6, 10), False, **level, mean_excess=Interval(0.1, 0.05, 0.2)),
        make_week(
            bundle,
            date(2024, 6, 17),
            True,
            mean_predicted=Interval(0.2, nan, nan),
            roc_auc=Interval(0.81, 0.78, 0.84),
        ),
    )
    kept.write(shop.config.var, kept.Kept(NOW, date(2024, 9, 1), weeks))
    return shop


def test_weeks_that_came_otherwise_are_marked_and_so_are_estimates(told):
    said = told.client.get("/audit/outcomes?lang=en").text
    assert "Of the 2 weeks that are over, 1 had an outcome that agrees" in said
    assert said.count('<span class="tag">estimate</span>') == 1
    assert said.count("not as predicted") == 1
    assert said.count('class="dot guess"') == 3
    assert said.count('class="dot held"') == 2
    assert "8 customers more" not in said
    assert "12 customers more were scored" in said


def test_a_model_in_use_and_the_measures_are_told_to_who_knows_neither(told):
    said = told.client.get("/audit/outcomes?lang=en").text
    assert '<span class="tag">In use now</span>' in said
    assert "0.5 is a coin toss, 1 is perfect" in said
    said = told.client.get("/audit/outcomes?lang=da").text
    assert '<span class="tag">I brug nu</span>' in said
    assert "0,5 er plat eller krone, 1 er perfekt" in said


@pytest.mark.parametrize(
    ("language", "due"), [("en", ["USD 0", "USD 50", "USD 150"]), ("da", ["0 USD", "50 USD"])]
)
def test_whole_money_on_an_axis_has_no_cents(language, due):
    words = Words(language, ZoneInfo("UTC"), {})
    said = [tick(value, "currency", "USD", words) for value in (0.0, 50.0, 150.0)]
    assert [each.replace("\xa0", " ") for each in said[: len(due)]] == due
    assert tick(0.5, "currency", "USD", words).replace("\xa0", " ") in ("USD 0.50", "0,50 USD")


def test_figures_are_danish_in_danish(told):
    said = told.client.get("/audit/outcomes?lang=da").text
    assert "0,810" in said
    assert "skøn" in said


def test_every_figure_is_in_the_files(told):
    held = told.client.get("/audit/outcomes?format=json").json()
    assert held["as_of"] == "2024-09-01"
    assert held["weeks"][2]["metrics"]["mean_predicted"]["low"] is None
    lines = told.client.get("/audit/outcomes?format=csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 1 + 3 + 3 + 2
