"""Finding scores, and the page of one: what it tells, checks, hides and hands out as a file."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from math import fsum

import pytest

from features.source import load_tables
from serving.batch.run import score_base
from serving.pages.told_score import ToldScore
from serving.pages.verifying import verified
from serving.people.erasure import erase
from serving.record import recorded, replaying
from serving.record.tokens import customer_token
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.shop import opened

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
BROWSER = {"Accept": "text/html"}
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A base with scores of calls, one of them of a hostile text, and of a batch."""
    folder = tmp_path_factory.mktemp("pages")
    config = make_config(folder)
    with opened(config, make_bundles(folder / "made", config)) as held:
        yield held


@pytest.fixture(scope="module")
def ids(shop):
    """Of two scores of customer 001, and one of customer 002."""
    asked = {"customers": [{"customer_id": who} for who in ("001", "001", "002")]}
    results = shop.client.post("/v1/score", json=asked).json()["results"]
    return [held["id"] for held in results]


@pytest.fixture(scope="module")
def batch(shop, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "scores.parquet"
    tables = load_tables(shop.config)
    return score_base(shop.config, tables, shop.release, AS_OF, out, AT, 3, "en").batch_id


def text(shop, path, status=200, **more):
    answer = shop.client.get(path, headers=BROWSER, **more)
    assert answer.status_code == status, answer.text
    return answer.text


def found(shop, **asked):
    return shop.client.get("/audit/scores", params={**asked, "format": "json"}).json()["scores"]


def entry(shop, entry_id):
    told = shop.online.ledger.get(entry_id)
    return ToldScore.of(told, recorded.lookup(shop.release, shop.config.var))


def test_a_search_finds_by_customer_band_model_and_day(shop, ids):
    token = customer_token(shop.online.secret, shop.config.name, "001")
    mine = found(shop, customer=token)
    assert {held["id"] for held in mine} == set(ids[:2])
    assert {held["id"] for held in found(shop)} >= set(ids)
    for band in ("low", "middle", "high"):
        assert all(held["band"] == band for held in found(shop, band=band))
    digest = shop.release.digests["churn"]
    assert len(found(shop, model=digest)) == len(found(shop))
    assert found(shop, model="0" * 64) == []
    assert found(shop, until="2001-01-01") == []


def test_a_customers_id_is_in_no_address_and_on_no_page(shop, ids):
    led = shop.client.post("/audit/find", data={"customer_id": " 001 ", "band": ""})
    assert led.status_code == 303
    place = led.headers["location"]
    assert re.fullmatch(r"/audit/scores\?customer=[0-9a-f]{32}", place)
    said = text(shop, place)
    assert all(f"/audit/scores/{each}" in said for each in ids[:2])
    assert f"/audit/scores/{ids[2]}" not in said
    assert ">001<" not in said


@pytest.mark.parametrize(
    "asked",
    [
        {"customer": "001"},
        {"since": "yesterday"},
        {"until": "2024-02-30"},
        {"band": "huge"},
        {"model": "../../etc"},
        {"after": "!"},
        {"format": "xml"},
    ],
)
def test_what_cannot_be_looked_for_is_refused_in_words(shop, asked):
    assert "cannot be looked up" in text(shop, "/audit/scores", 422, params={**asked, "lang": "en"})
    assert shop.client.get("/audit/scores", params=asked).json()["status"] == 422


def test_the_page_of_a_score_tells_the_answer_as_recorded_in_both_languages(shop, ids):
    body = shop.online.ledger.get(ids[0]).body
    english, danish = (text(shop, f"/audit/scores/{ids[0]}?lang={tag}") for tag in ("en", "da"))
    chance = round(100 * body["scores"]["churn"]["served"])
    assert f"about {chance} were expected" in english
    assert f"omkring {chance} " in danish
    assert '<html lang="da">' in danish
    for said in (english, danish):
        assert body["bundles"]["churn"] in said
        assert body["customer"] in said
        assert f"/audit/scores/{ids[1]}" in said  # the customer's other score
    assert "Of 100 customers" not in danish


def test_the_steps_lead_from_the_base_to_the_recorded_value(shop, ids):
    told = entry(shop, ids[0])
    for task, held in told.tasks.items():
        fall, recorded_ = held.waterfall("en"), told.body["scores"][task]
        assert fall.base + fsum(step.by for step in fall.steps) == pytest.approx(
            recorded_["served"], rel=1e-9
        )
        assert fall.base_margin + fsum(step.margin for step in fall.steps) == pytest.approx(
            recorded_["margin"], rel=1e-9
        )
        ends = [(step.begin, step.end) for step in fall.steps]
        assert [begin for begin, _ in ends[1:]] == [end for _, end in ends[:-1]]
        assert all(0 <= fall.at(end) <= 1000 for _, end in ends)


def test_every_features_part_is_that_which_was_answered(shop, ids):
    told = entry(shop, ids[0])
    reasons = shop.client.get(f"/v1/scores/{ids[0]}?reasons=50").json()["churn"]["reasons"]
    answered = {held["idea"]: held["contribution"] for way in reasons.values() for held in way}
    sums: dict[str, float] = {}
    for held in told.features("en"):
        if "churn" in held.added:
            sums[held.column.idea] = sums.get(held.column.idea, 0.0) + held.added["churn"]
    for idea, value in answered.items():
        assert sums[idea] == pytest.approx(value, rel=1e-9)


def test_what_would_have_changed_a_risk_is_told_where_it_is_not_low(shop, batch):
    shown = 0
    for number in range(1, 41):
        path = f"/audit/scores/{batch}/{number}"
        data = shop.client.get(f"{path}?format=json").json()
        band, told = data["recorded"]["scores"]["churn"].get("band"), data["otherwise"]
        assert (told is None) == (band in (None, "low"))
        if told and not shown:
            said = text(shop, f"{path}?lang=en")
            assert said.count("instead of") >= len(told)
            assert all(held["band"] != band for held in told)
            shown += 1
    assert shown


def test_a_row_of_a_batch_has_a_page_too(shop, batch):
    said = text(shop, f"/audit/scores/{batch}/1?lang=en&replay=1&verify=1")
    assert f"{batch}, row 1" in said
    assert "to the last digit" in said
    assert "as it was written, and the fingerprint" in said


def test_it_is_computed_again_and_verified_where_that_is_asked(shop, ids):
    plain = text(shop, f"/audit/scores/{ids[0]}?lang=en")
    assert "to the last digit" not in plain
    said = text(shop, f"/audit/scores/{ids[0]}?lang=en&replay=1&verify=1")
    assert "to the last digit" in said
    assert "as it was written, and the fingerprint" in said
    assert shop.online.ledger.get(ids[0]).leaf_hash.hex() in said


@pytest.mark.parametrize("row", ["", "/1"])
def test_the_proof_handed_out_is_checked_by_the_script_handed_out(shop, ids, batch, row, tmp_path):
    entry_id = f"{batch}{row}" if row else ids[0].partition("/")[0]
    answer = shop.client.get(f"/audit/proofs/{entry_id if row else ids[0]}")
    assert "attachment" in answer.headers["content-disposition"]
    proof, script, checkpoint = (tmp_path / name for name in ("p.json", "check.py", "c"))
    proof.write_bytes(answer.content)
    checkpoint.write_text(answer.json()["checkpoint"])
    script.write_bytes(shop.client.get("/audit/proof-script").content)
    command = [sys.executable, "-I", str(script), str(proof), str(checkpoint)]
    assert subprocess.run(command, check=False).returncode == 0
    changed = answer.json()
    changed["entry"]["bytes"] = base64.b64encode(b"{}").decode()
    proof.write_text(json.dumps(changed))
    assert subprocess.run(command, check=False, capture_output=True).returncode != 0


def test_an_entry_that_was_changed_is_not_held_by_the_record(shop, ids):
    entry = shop.online.ledger.get(ids[2].partition("/")[0])
    assert verified(shop.online.ledger, entry).held
    with sqlite3.connect(shop.config.var / "ledger.db") as connection:
        put = "UPDATE ledger SET entry = ? WHERE id = ?"
        connection.execute(put, (entry.bytes.replace(b'"v":1', b'"v":2'), entry.id))
        connection.commit()
        assert not verified(shop.online.ledger, shop.online.ledger.get(entry.id)).held
        connection.execute(put, (entry.bytes, entry.id))


def test_the_file_of_a_score_has_every_feature_and_the_whole_record(shop, ids):
    data = shop.client.get(f"/audit/scores/{ids[0]}?format=json&replay=1").json()
    body = shop.online.ledger.get(ids[0]).body
    assert data["recorded"] == json.loads(json.dumps(body))
    assert data["replayed"]["same"] is True
    answer = shop.client.get(f"/audit/scores/{ids[0]}?format=csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert [row["feature"] for row in rows] == [held["feature"] for held in data["features"]]
    assert float(rows[0]["adds_to_churn"]) == data["features"][0]["adds_to_churn"]


def test_what_a_caller_writes_is_shown_as_text(shop):
    """A category is the text that a caller can put on record."""
    schema = shop.release.bundles["churn"].model.inputs
    features = {column.name: None for column in schema.columns}
    name = next(column.name for column in schema.columns if column.kind == "category")
    asked = {"customers": [{"customer_id": HOSTILE, "features": {**features, name: HOSTILE}}]}
    result = shop.client.post("/v1/score", json=asked).json()["results"][0]
    said = text(shop, f"/audit/scores/{result['id']}")
    assert "<script>" not in said
    assert "<img" not in said
    assert "&lt;script&gt;alert(1)" in said
    formula = {**features, name: "=1+1"}
    asked = {"customers": [{"customer_id": "x", "features": formula}]}
    result = shop.client.post("/v1/score", json=asked).json()["results"][0]
    answer = shop.client.get(f"/audit/scores/{result['id']}?format=csv")
    assert ",'=1+1," in answer.content.decode("utf-8-sig")


def test_a_page_asks_nobody_for_anything_and_runs_nothing(shop, ids):
    for path in ("/audit", "/audit/scores", f"/audit/scores/{ids[0]}"):
        answer = shop.client.get(path, headers=BROWSER)
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
        assert not re.search(r"<script|\son\w+=|\sstyle=|src=|url\(|https?://", answer.text)


@pytest.mark.parametrize("path", ["nothing", "nothing/1", "a b", "%3Cscript%3E"])
def test_an_address_of_no_score_is_a_page_that_says_so(shop, path):
    said = text(shop, f"/audit/scores/{path}?lang=en", 404)
    assert "There is nothing here" in said
    assert "<script" not in said


def test_a_score_whose_model_is_gone_is_told_by_its_numbers(shop, ids):
    told = shop.online.ledger.get(ids[0])

    def gone(digest):
        raise recorded.ReleaseError(digest)

    held = ToldScore.of(told, gone)
    assert held.lost == ["churn", "clv", "segments"]
    assert held.tasks == {}
    assert held.features("en") == []
    assert [each["name"] for each in held.segments("da")]


def test_a_score_that_comes_out_otherwise_is_told_with_how_far_it_moved(shop, ids, monkeypatch):
    real = replaying.replay

    def other(body, bundle_of):
        again = real(body, bundle_of)
        again["scores"]["churn"]["served"] += 0.25
        return again

    monkeypatch.setattr(replaying, "replay", other)
    monkeypatch.setattr(replaying, "_moved_on", lambda *_: {"numpy": ("2.0", "99.0")})
    said = text(shop, f"/audit/scores/{ids[0]}?lang=en&replay=1")
    assert "is NOT the same" in said
    assert "<dd>0.25</dd>" in said
    assert "numpy 2.0 → 99.0" in said


@pytest.mark.usefixtures("ids")
def test_the_overview_tells_how_much_is_on_record(shop):
    said = text(shop, "/audit?lang=en")
    assert f"<b>{shop.online.ledger.head().size:,}</b>" in said
    assert 'action="/audit/find?lang=en"' in said


def test_what_an_erased_customer_was_answered_is_gone_and_the_page_says_why(shop):
    asked = {"customers": [{"customer_id": "005"}]}
    entry_id = shop.client.post("/v1/score", json=asked).json()["results"][0]["id"]
    together = {"customers": [{"customer_id": who} for who in ("005", "006")]}
    rows = [held["id"] for held in shop.client.post("/v1/score", json=together).json()["results"]]
    text(shop, f"/audit/scores/{entry_id}")
    erase(shop.config, "005", AT)
    for gone in (entry_id, rows[0]):
        for lang, said in (("en", "asked to be forgotten"), ("da", "bedt om at blive glemt")):
            assert said in text(shop, f"/audit/scores/{gone}?lang={lang}", 410)
        assert shop.client.get(f"/audit/scores/{gone}?format=json").json()["status"] == 410
    assert "as it was written, and the fingerprint" in text(
        shop, f"/audit/scores/{rows[1]}?lang=en&verify=1"
    )
    token = customer_token(shop.online.secret, shop.config.name, "005")
    assert found(shop, customer=token) == []


def test_an_address_of_no_page_is_told_on_a_page_that_leads_on(shop):
    told = text(shop, "/audit/nowhere/at/all?lang=da", status=404)
    assert "Her er ikke noget" in told
    assert 'href="/audit/models?lang=da"' in told
