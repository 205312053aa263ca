from datetime import UTC, date, datetime

import pyarrow.parquet as pq
import pytest

from features.build import schema_of
from features.schema import FeatureError
from features.source import load_tables
from serving.batch.fill import fill_store
from serving.batch.run import score_base
from serving.record.draft import LedgerError
from serving.record.ledger import Ledger
from serving.record.merkle import canonical
from serving.releases.release import bundle_by_digest, publish
from serving.scoring.score import replay, schemas
from serving.settings import open_ledger, open_store
from tests.factories import AS_OF, make_bundles, make_config, make_features

AT = datetime(2024, 6, 3, 2, tzinfo=UTC)


def test_scores_the_whole_base_in_order_and_on_record(tmp_path, config, release):
    out = tmp_path / "scores" / "base.parquet"
    summary = score_base(config, load_tables(config), release, AS_OF, out, AT, 2, "da")
    table = pq.read_table(out)
    rows = table.to_pylist()
    assert [row["customer_id"] for row in rows] == sorted(make_features(config)["customer_id"])
    assert [row["score_id"] for row in rows] == [
        f"{summary.batch_id}/{number}" for number in range(1, len(rows) + 1)
    ]
    assert {row["as_of"] for row in rows} == {AS_OF}
    assert summary.customers == len(rows) == 40
    scored = [row for row in rows if row["churn_probability"] is not None]
    assert summary.scored == {
        "churn": len(scored),
        "clv": len(scored),
        "segments.behaviour": 40,
        "segments.lifecycle": 39,  # one only ever returned
        "segments.value": len(scored),
    }
    coded = dict.fromkeys(
        ("churn:inactive", "clv:inactive", "segments.value:inactive"), 40 - len(scored)
    )
    assert summary.coded == {**coded, "segments.lifecycle:inactive": 1}
    silent = next(row for row in rows if row["churn_probability"] is None)
    assert silent["codes"][:3] == ["churn:inactive", "clv:inactive", "segments.value:inactive"]
    assert (silent["clv"], silent["churn_raises"]) == (None, None)
    for row in scored:
        assert row["clv_low_95"] <= row["clv_low_80"] <= row["clv"] <= row["clv_high_80"]
        assert 0 < len(row["churn_raises"] + row["churn_lowers"]) <= 4
        assert row["churn_bundle"] == release.digests["churn"]
        assert row["segment_behaviour_name"] in ("stamkunder", "sovende", "midten")
        assert row["segment_behaviour_apart"] or row["segment_behaviour"] == 3
        assert 1 <= row["segment_value"] <= 10
        assert row["segment_value_potential"] > 0
        assert row["segment_behaviour_potential"] is None
        assert row["no_purchase_within_30d"] < row["churn_probability"]  # which is of 28 days
        assert row["no_purchase_within_90d"] < row["no_purchase_within_60d"]
        assert row["next_purchase"] is None or row["next_purchase"] >= AS_OF
    assert {row["next_purchase"] is None for row in scored} == {True, False}
    assert (silent["no_purchase_within_30d"], silent["next_purchase"]) == (None, None)
    place = table.column_names.index("band")
    assert table.column_names[place + 1 : place + 5] == [
        "no_purchase_within_30d",
        "no_purchase_within_60d",
        "no_purchase_within_90d",
        "next_purchase",
    ]


def test_the_record_commits_to_the_rows_and_replays_them(tmp_path, config, release):
    out = tmp_path / "scores.parquet"
    summary = score_base(config, load_tables(config), release, AS_OF, out, AT, 3, "en")
    ledger = open_ledger(config.name, config.var)
    assert ledger.verify().whole
    entry = ledger.get(summary.batch_id)
    assert entry.body["rows"] == ledger.verify().batches_rows == 40
    assert entry.body["release"] == release.digest
    for row in pq.read_table(out).to_pylist():
        recorded = ledger.get(row["score_id"])
        churn = recorded.body["scores"]["churn"]
        assert churn.get("served") == row["churn_probability"]
        within, due = churn.get("no_purchase_within", {}), churn.get("next_purchase", {})
        assert within.get("60") == row["no_purchase_within_60d"]
        assert due.get("date") == (row["next_purchase"] and str(row["next_purchase"]))
        again = replay(recorded.body, lambda digest: bundle_by_digest(config.var, digest))
        assert canonical(again) == canonical(recorded.body)
        assert row["customer_id"].encode() + b'"' not in recorded.bytes


def test_scores_that_cannot_be_recorded_leave_no_file(tmp_path, config, release, monkeypatch):
    def refuse(*_):
        raise LedgerError("the disk is full")

    out = tmp_path / "scores.parquet"
    monkeypatch.setattr(Ledger, "append_columns", refuse)
    with pytest.raises(LedgerError):
        score_base(config, load_tables(config), release, AS_OF, out, AT, 3, "en")
    assert not out.exists()
    assert not list(tmp_path.glob(".*.part"))


def test_an_earlier_day_knows_less(tmp_path, config, release):
    early = date(2024, 2, 1)
    out = tmp_path / "scores.parquet"
    summary = score_base(config, load_tables(config), release, early, out, AT, 0, "en")
    assert 0 < summary.customers < 40
    assert summary.batch_id.startswith("batch-20240201-")


def test_the_store_is_filled_under_each_schema_of_the_release(tmp_path, config, release):
    assert len(schemas(release)) == 1
    narrow = make_config(tmp_path / "narrow", features={"windows": ["30d"]})
    bundles = make_bundles(tmp_path / "narrow" / "made", narrow)
    both = publish(config.var, config.name, {"clv": bundles["clv"]})
    store = open_store(config.var)
    assert len(schemas(both)) == 2
    assert fill_store(config, load_tables(config), both, AS_OF, store) == 40
    assert {(digest, count) for digest, _, count in store.status(config.name)} == {
        (digest, 40) for digest in schemas(both)
    }


def test_before_a_promotion_the_present_schema_is_filled(config):
    store = open_store(config.var)
    tables = load_tables(config)
    fill_store(config, tables, None, AS_OF, store)
    assert store.status(config.name) == [(schema_of(config, tables).digest, str(AS_OF), 40)]


def test_features_computed_otherwise_than_in_training_are_refused(tmp_path, release):
    other = make_config(tmp_path / "other", features={"windows": ["7d"]})
    store = open_store(other.var)
    with pytest.raises(FeatureError, match="train again"):
        fill_store(other, load_tables(other), release, AS_OF, store)
    with pytest.raises(FeatureError, match="train again"):
        score_base(other, load_tables(other), release, AS_OF, tmp_path / "out.parquet", AT, 3, "en")
    assert store.status(other.name) == []


def test_a_category_that_training_did_not_see_is_flagged(tmp_path, config, release):
    file = tmp_path / "customers.csv"
    file.write_text(file.read_text().replace("001,low", "001,unheard of"))
    out = tmp_path / "scores.parquet"
    summary = score_base(config, load_tables(config), release, AS_OF, out, AT, 3, "en")
    flagged = [row["customer_id"] for row in pq.read_table(out).to_pylist() if row["flags"]]
    assert flagged == ["001"]
    assert summary.flagged == 1
