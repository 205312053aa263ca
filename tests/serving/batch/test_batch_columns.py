"""A batch's columns and record say of each customer what the service's answer and record do."""

import hmac
from datetime import UTC, date, datetime
from hashlib import sha256

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.build import write as write_features
from features.schema import FeatureError
from features.source import load_tables
from serving.batch import features as batch_features
from serving.batch.run import score_base
from serving.record.batch_layout import Layout, leaves, spelt
from serving.record.merkle import canonical, leaf_hash
from serving.record.tokens import customer_token, customer_tokens
from serving.record.tree import merkle_root
from serving.releases.release import bundle_by_digest
from serving.scoring.score import answer, assess, record, replay
from serving.settings import open_ledger, open_secret
from tests.factories import AS_OF, make_features
from training.reasons import Options

AT = datetime(2024, 6, 3, 2, tzinfo=UTC)


def reasons(scored, *ways):
    return [[reason["text"] for reason in scored["reasons"][way]] for way in ways]


def told(score):
    """What the columns must say, by the names that the README gives them."""
    row = {"codes": [f"{name}:{code}" for name, code in score["codes"].items()]}
    row |= {"flags": score["flags"], "customer_id": score["customer_id"]}
    if churn := score["churn"]:
        row |= {"churn_probability": churn["probability"], "band": churn["band"]}
        row |= {f"no_purchase_within_{d}d": p for d, p in churn["no_purchase_within"].items()}
        row["next_purchase"] = churn["next_purchase"]["date"]
        row["churn_raises"], row["churn_lowers"] = reasons(churn, "raises", "lowers")
    if clv := score["clv"]:
        row["clv"] = clv["value"]
        for level, ends in clv["intervals"].items():
            row[f"clv_low_{level}"], row[f"clv_high_{level}"] = ends
        row["clv_raises"], row["clv_lowers"] = reasons(clv, "raises", "lowers")
    if at_risk := score["value_at_risk"]:
        row |= {"value_at_risk": at_risk["amount"], "value_if_stays": at_risk["if_stays"]}
    for way, segment in score["segments"].items():
        if segment:
            name = f"segment_{way}"
            row |= {name: segment["id"], f"{name}_name": segment["name"]}
            row[f"{name}_potential"] = segment["potential"]
            (row[f"{name}_apart"],) = reasons(segment, "apart")
    return row


OF_ALL = {"score_id", "as_of", "valid_until", "release", "base"} | {
    f"{task}_bundle" for task in ("churn", "clv", "segments")
}


@pytest.mark.parametrize(("count", "language"), [(3, "en"), (2, "da"), (0, "en")])
def test_columns_and_record_are_those_of_each_customer_alone(
    tmp_path, config, release, count, language
):
    file = tmp_path / "customers.csv"
    file.write_text(file.read_text().replace("001,low", "001,unheard of"))
    out = tmp_path / "scores.parquet"
    tables = load_tables(config)
    summary = score_base(config, tables, release, AS_OF, out, AT, count, language)
    options = Options(count, language, config.serving.bands)
    assessed = assess(release, make_features(config), explained=count > 0)
    key, ledger = open_secret(config.var), open_ledger(config.name, config.var)
    rows = pq.read_table(out).to_pylist()
    assert len(rows) == len(assessed) == 40
    for number, row in enumerate(rows):
        due = told(answer(assessed, number, options))
        found = {
            name: str(value) if isinstance(value, date) else value
            for name, value in row.items()
            if name not in OF_ALL and (value is not None or name in due)
        }
        assert found == due
        assert (row["release"], row["as_of"]) == (release.digest, AS_OF)
        assert row["valid_until"] == date(2024, 6, 10)  # seven days on
        token = customer_token(key, config.name, row["customer_id"])
        entry = ledger.get(row["score_id"])
        assert canonical(entry.body) == canonical(record(assessed, number, token, options))
        assert entry.leaf_hash == leaf_hash(entry.bytes)
        assert ("contributions" in canonical(entry.body).decode()) == (count > 0)
    again = replay(entry.body, lambda digest: bundle_by_digest(config.var, digest))
    assert canonical(again) == canonical(entry.body)
    assert ledger.verify().whole
    assert summary.flagged == sum(bool(row["flags"]) for row in rows) > 0


def test_chunks_and_threads_change_no_bit(tmp_path, config, release, monkeypatch):
    tables, roots, scores = load_tables(config), [], []
    ledger = open_ledger(config.name, config.var)
    for size in (16_384, 7):  # one chunk, or six, in two threads
        monkeypatch.setattr(batch_features, "CHUNK", size)
        out = tmp_path / f"{size}.parquet"
        name = score_base(config, tables, release, AS_OF, out, AT, 3, "en").batch_id
        roots.append(ledger.get(name).body["root"])
        scores.append(pq.read_table(out).drop(["score_id"]).combine_chunks().to_pylist())
    assert roots[0] == roots[1]
    assert scores[0] == scores[1]
    assert ledger.verify().batches_rows == 80


def test_a_file_of_features_gives_what_building_them_does(tmp_path, config, release):
    tables = load_tables(config)
    features, out = tmp_path / "features.parquet", tmp_path / "scores.parquet"
    write_features(config, tables, AS_OF, features)
    ledger = open_ledger(config.name, config.var)
    roots = set()
    for given in (None, features):
        made = score_base(config, tables, release, AS_OF, out, AT, 1, "en", features=given)
        roots.add(ledger.get(made.batch_id).body["root"])
    assert len(roots) == 1
    with pytest.raises(FeatureError, match="as of 2024-06-03, not 2024-06-04"):
        score_base(config, tables, release, date(2024, 6, 4), out, AT, 1, "en", features=features)
    whole = pq.read_table(features)
    pq.write_table(whole.take(list(reversed(range(40)))), features)
    with pytest.raises(FeatureError, match="sorted by id"):
        score_base(config, tables, release, AS_OF, out, AT, 1, "en", features=features)
    pq.write_table(whole.replace_schema_metadata({}), features)
    with pytest.raises(FeatureError, match="not written by stamkunde features"):
        score_base(config, tables, release, AS_OF, out, AT, 1, "en", features=features)
    features.write_bytes(b"PAR1")
    with pytest.raises(FeatureError, match="no file of features"):
        score_base(config, tables, release, AS_OF, out, AT, 1, "en", features=features)


def test_the_latest_scores_are_kept_with_most_at_risk_first(tmp_path, config, release):
    out = tmp_path / "scores.parquet"
    score_base(config, load_tables(config), release, AS_OF, out, AT, 0, "en")
    kept = pq.read_table(config.var / "latest.parquet").to_pylist()
    scores = {row["customer_id"]: row for row in pq.read_table(out).to_pylist()}

    def place(customer):
        amount = scores[customer]["value_at_risk"]
        return (amount is None, -(amount or 0.0), customer)

    assert [row["customer_id"] for row in kept] == sorted(scores, key=place)
    for row in kept:
        assert row.items() <= scores[row["customer_id"]].items()
    segments = {name for name in kept[0] if name.startswith("segment_")}
    assert segments == {f"segment_{way}" for way in ("behaviour", "lifecycle", "value")}


LAYOUT = Layout({"margin": 1, "contributions": 2}, ("code",))


def make_rows(codes=("inactive", None)) -> pa.Table:
    pairs = pa.FixedSizeListArray.from_arrays(
        pa.array([1.0, np.nan, 2.0, 3.0]), type=LAYOUT.schema.field("contributions").type
    )
    columns = [
        pa.array(["ab", "é"]),
        pa.array([0.5, -1.0]),
        pairs,
        pa.array(codes, pa.string()).dictionary_encode(),
    ]
    return pa.table(columns, schema=LAYOUT.schema)


def test_the_bytes_of_a_row_by_hand():
    # A length in 32 bits and UTF-8, then doubles, then the other texts; no text is all ones.
    half, one, nan = "000000000000e03f", "000000000000f03f", "000000000000f87f"
    two, three, minus = "0000000000000040", "0000000000000840", "000000000000f0bf"
    first = "02000000" + b"ab".hex() + half + one + nan + "08000000" + b"inactive".hex()
    second = "02000000" + "c3a9" + minus + two + three + "ffffffff"
    due = [bytes.fromhex(first), bytes.fromhex(second)]
    assert spelt(LAYOUT, make_rows()) == due
    assert leaves(LAYOUT, make_rows()) == [sha256(b"\0" + row).digest() for row in due]
    assert Layout.from_dict(LAYOUT.to_dict()) == LAYOUT


def changed(rows: pa.Table) -> dict[str, pa.Table]:
    """The rows of a batch as somebody might leave them."""
    served, names = rows.column("churn.served").to_pylist(), rows.column("customer").to_pylist()
    served[3], names[0] = np.nextafter(served[3], 1.0), "00" * 16
    fields = {name: (rows.column_names.index(name), rows.schema.field(name)) for name in OF_ROW}
    return {
        "value": rows.set_column(*fields["churn.served"], pa.array(served)),
        "text": rows.set_column(*fields["customer"], pa.array(names)),
        "order": rows.take([1, 0, *range(2, 40)]),
        "gone": rows.slice(0, 39),
        "column": rows.drop(["churn.served"]),
    }


OF_ROW = ("churn.served", "customer")


def test_a_changed_file_of_columns_shows(tmp_path, config, release):
    out = tmp_path / "out.parquet"
    score_base(config, load_tables(config), release, AS_OF, out, AT, 1, "en")
    path = next((config.var / "batches").iterdir())
    ledger, rows = open_ledger(config.name, config.var), pq.read_table(path)
    for how, altered in changed(rows).items():
        pq.write_table(altered, path)
        assert len(ledger.verify().faults) == 1, how
    path.write_bytes(b"nothing of the sort")
    assert "cannot be read" in ledger.verify().faults[0]
    pq.write_table(rows, path)
    assert ledger.verify().whole  # it is the rows that count, not the file's bytes


def test_many_customers_are_named_as_one_is():
    key = bytes(range(32))
    plain, odd = ["001", "", "a b~[]"], ["é", 'a"b', "a\\b", "a\nb", "\x7f"]
    for ids in (plain, [*plain, *odd]):
        assert customer_tokens(key, "shop", ids) == [
            hmac.digest(key, canonical(["shop", customer]), "sha256").hex()[:32] for customer in ids
        ]


def test_rows_spelt_as_json_stay_readable_beside_columns(tmp_path, config, release):
    ledger = open_ledger(config.name, config.var)
    row = {"customer": "c1", "p": 0.25}
    ledger.append_batch("old", [row], {}, AT)
    score_base(config, load_tables(config), release, AS_OF, tmp_path / "out.parquet", AT, 1, "en")
    assert ledger.get("old/1").body == row
    assert ledger.get("old").body["root"] == merkle_root([leaf_hash(canonical(row))]).hex()
    assert ledger.verify().batches_rows == 41
