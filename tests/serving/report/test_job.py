import json
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow.parquet as pq
import pytest

from features.source import load_tables
from serving import settings
from serving.record import audit
from serving.releases.release import publish
from serving.report.job import ReportError, gather, write_report
from tests import factories

NOW = datetime(2024, 6, 3, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base, its tables, and a folder of its own."""
    folder = tmp_path_factory.mktemp("shop")
    config = factories.make_config(folder)
    return config, load_tables(config), folder


@pytest.fixture(scope="module")
def bare(shop):
    config, tables, folder = shop
    return write_report(config, tables, factories.AS_OF, folder / "bare" / "report.html", NOW)


@pytest.fixture(scope="module")
def modelled(shop, bare):  # noqa: ARG001 - the former is made before anything is promoted
    config, tables, folder = shop
    publish(config.var, config.name, factories.make_bundles(folder / "bundles", config))
    return write_report(config, tables, factories.AS_OF, folder / "modelled" / "report.html", NOW)


def test_figures_are_told_before_anything_is_promoted(bare):
    held = json.loads(bare.json.read_bytes())
    whole = held["figures"]["all"]["all"]
    # 40 customers, of whom number 5 alone only ever took money back.
    assert whole["known"]["value"] == 40
    end = whole["start"]["value"] + whole["gained"]["value"] - whole["lost"]["value"]
    assert whole["end"]["value"] == end
    assert held["risk"] == held["calls"] == []
    assert "stamkunde train all" in held["cautions"][0]
    assert b"stamkunde promote" in bare.page.read_bytes()


def test_the_three_files_tell_the_same(bare):
    rows = pq.read_table(bare.parquet).to_pylist()
    figures = json.loads(bare.json.read_bytes())["figures"]
    for row in rows:
        told = figures[row["dimension"]][row["group"]][row["figure"]]
        assert told == {name: row[name] for name in ("value", "customers", "withheld")}
    assert sum(len(group) for held in figures.values() for group in held.values()) == len(rows)


def test_models_add_money_calls_segments_and_a_track_record(modelled):
    held = json.loads(modelled.json.read_bytes())
    assert {row["dimension"] for row in held["risk"]} >= {"all", "segment:behaviour"}
    assert held["calls"]
    assert held["calls"] == sorted(held["calls"], key=lambda row: row["rank"])
    assert held["segments"]["behaviour"]
    assert set(held["track_record"]) == {"churn", "clv"}
    assert held["origin"]["release"]
    assert "segment:behaviour" in held["figures"]


def test_the_same_base_gives_the_same_bytes(shop, modelled):
    config, tables, folder = shop
    again = write_report(config, tables, factories.AS_OF, folder / "again" / "report.html", NOW)
    assert again.page.read_bytes() == modelled.page.read_bytes()
    assert again.json.read_bytes() == modelled.json.read_bytes()
    assert again.parquet.read_bytes() == modelled.parquet.read_bytes()


def test_a_day_before_all_data_is_refused(shop):
    config, tables, folder = shop
    out = folder / "early" / "report.html"
    with pytest.raises(ReportError, match="the data begin on 2024-01-0"):
        write_report(config, tables, date(2020, 1, 1), out, NOW)
    assert not out.parent.exists()


def test_a_page_is_not_named_as_the_files_beside_it(shop):
    config, tables, folder = shop
    with pytest.raises(ReportError, match=r"name it report\.html"):
        write_report(config, tables, factories.AS_OF, folder / "report.json", NOW)


def test_customers_who_were_all_learnt_of_late_have_moved_from_nowhere(tmp_path):
    """Whatever happened before the period became known only within it."""
    rows = factories.make_transactions()
    rows["known"] = rows["when"].where(rows["when"] >= "2024-05-20", "2024-05-20T00:00:00")
    config = factories.make_shop(tmp_path, rows)
    bundles = factories.make_bundles(tmp_path / "bundles", config)
    publish(config.var, config.name, bundles)
    report = gather(config, load_tables(config), factories.AS_OF, NOW, lambda _: None)
    assert report.migration == {}
    assert report.risk is not None


def test_data_that_end_before_the_period_are_told(shop, tmp_path):
    config, tables, _ = shop
    late = factories.AS_OF + timedelta(days=30)
    made = write_report(config, tables, late, tmp_path / "report.2024-07-03", NOW)
    assert made.json.name == "report.2024-07-03.json"  # no ending: a date, which is kept
    cautions = json.loads(made.json.read_bytes())["cautions"]
    assert any(said.startswith("The data end on 31 May 2024") for said in cautions)


def test_a_snapshot_has_figures_and_no_time(tmp_path):
    rows = pd.DataFrame(
        {
            "customer": [f"{number:02}" for number in range(40)],
            "left": ["Yes" if number % 4 == 0 else "No" for number in range(40)],
            "plan": ["a" if number < 20 else "b" for number in range(40)],
        }
    )
    attributes = {"plan": {"kind": "category", "label": "plan", "label_da": "plan"}}
    config = factories.make_snapshot(tmp_path, rows, attributes)
    made = write_report(
        config, load_tables(config), date(2024, 6, 1), tmp_path / "report.html", NOW
    )
    held = json.loads(made.json.read_bytes())
    assert held["period"] is None
    # 10 of 40 left.
    assert held["figures"]["all"]["all"]["snapshot_churn_rate"]["value"] == 0.25
    assert held["trend"] == held["survival"] == []


def test_the_scores_of_those_to_call_are_on_record_once_and_replay(shop, modelled):
    config, tables, folder = shop
    calls, entry = modelled.report.calls, modelled.report.calls_entry
    ledger = settings.open_ledger(config.name, config.var)
    before = len(list(ledger.entries()))
    again = write_report(config, tables, factories.AS_OF, folder / "once" / "report.html", NOW)
    assert again.report.calls_entry == entry
    assert len(list(ledger.entries())) == before  # the same list is one entry
    assert ledger.get(entry).body["rows"] == len(calls)
    assert calls["score_id"].tolist() == [f"{entry}/{rank}" for rank in calls["rank"]]
    for row in calls.head(2).itertuples():
        scores = ledger.get(row.score_id).body["scores"]
        assert scores["churn"]["served"] == row.churn
        assert audit.replays_alike(config, row.score_id)
    assert ledger.verify().whole
    ledger.close()
