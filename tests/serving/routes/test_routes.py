"""Scores told again, model cards, and who is at risk: asked of the real application."""

import json
import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.source import load_tables
from serving.api.at_risk import AtRiskAnswer
from serving.api.models import ModelsAnswer
from serving.api.problems import Problem
from serving.api.recorded import RecordedScore
from serving.batch.at_risk import FILE, Latests
from serving.batch.run import score_base
from serving.record import recorded
from serving.releases.release import publish
from tests.browser import CHROMIUM, MISSING
from tests.browser import opened as browsing
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.shop import client_of, opened
from training.bundle import MANIFEST, sha256, to_json
from training.card import card

AT = datetime(2024, 6, 3, 9, tzinfo=UTC)
FACTS = {
    "question": "Who will buy nothing in the 28 days after 2024-05-06?",
    "metrics": [
        {
            "name": "roc_auc",
            "label": "ROC AUC",
            "unit": "",
            "higher_is_better": True,
            "values": {"xgboost": {"value": 0.84, "low": 0.83, "high": 0.85}},
        }
    ],
    "models": [{"name": "xgboost", "label": "Boosted trees", "role": "candidate"}],
    "verdict": {"passed": True, "served": "xgboost", "reasons": ["Better than the rule."]},
    "warnings": ["Two features are today's values."],
    "limits": ["Not for credit."],
    "features": [{"name": "pause", "label": "days since", "importance": 0.6, "actionable": True}],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    config = make_config(folder)
    bundles = make_bundles(folder / "bundles", config)
    told, page = card(FACTS, {})
    _with_card(bundles["churn"], told, page)
    return bundles


def _with_card(folder, told, page):
    """Give a bundle a card that says something."""
    manifest = json.loads((folder / MANIFEST).read_bytes())
    for name, content in (("card.json", told), ("card.html", page)):
        (folder / name).write_bytes(content)
        manifest["files"][name] = sha256(content)
    (folder / MANIFEST).write_bytes(to_json(manifest))


@pytest.fixture(scope="module")
def shop(tmp_path_factory, made):
    with opened(make_config(tmp_path_factory.mktemp("shop")), made) as shop:
        yield shop


def scored(shop, **more) -> list:
    ids = [{"customer_id": customer} for customer in ("001", "002", "003")]
    answer = shop.client.post("/v1/score", json={"customers": ids, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()["results"]


def problem_of(answer, status) -> Problem:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return Problem.model_validate_json(answer.content)


# Scores told again


def test_a_score_is_told_again_as_it_was_and_names_nobody(shop):
    for said in scored(shop, reasons=2, language="da"):
        answer = shop.client.get(f"/v1/scores/{said['id']}")
        RecordedScore.model_validate_json(answer.content)
        again = answer.json()
        assert again["replayed"] is True
        assert (again["customer_id"], again["why"]) == (None, None)
        assert len(again["customer"]) == 32
        assert {name: again[name] for name in said if name != "customer_id"} == {
            name: held for name, held in said.items() if name != "customer_id"
        }


def test_reasons_are_told_in_the_language_and_number_asked(shop):
    (said, *_) = scored(shop, reasons=1)
    place = f"/v1/scores/{said['id']}"

    def reasons(query="", **headers):
        return shop.client.get(place + query, headers=headers).json()["clv"]["reasons"]["raises"]

    assert reasons() == said["clv"]["reasons"]["raises"]
    assert len(reasons("?reasons=3")) > 1
    assert reasons("?reasons=0") == []
    (danish,) = reasons(**{"Accept-Language": "da-DK, en;q=0.5"})
    assert "typisk" in danish["text"]
    assert reasons("?language=en", **{"Accept-Language": "da"}) == reasons()


def test_a_batchs_row_is_told_too_and_the_batch_itself_is_no_score(shop, tmp_path):
    out = tmp_path / "scores.parquet"
    tables = load_tables(shop.config)
    summary = score_base(shop.config, tables, shop.release, AS_OF, out, AT, 3, "en")
    rows = pq.read_table(out).to_pylist()
    place = next(number for number, row in enumerate(rows, 1) if row["clv"] is not None)
    answer = shop.client.get(f"/v1/scores/{summary.batch_id}/{place}")
    RecordedScore.model_validate_json(answer.content)
    told, row = answer.json(), rows[place - 1]
    assert told["id"] == row["score_id"]
    assert told["replayed"] is True
    assert told["churn"]["probability"] == row["churn_probability"]
    texts = [reason["text"] for reason in told["clv"]["reasons"]["raises"]]
    assert texts == row["clv_raises"]
    for missing in (summary.batch_id, f"{summary.batch_id}/{len(rows) + 1}", "nothing", "a/1"):
        problem_of(shop.client.get(f"/v1/scores/{missing}"), 404)


@pytest.mark.parametrize(
    "path",
    ["-", "a%20b", "%00", "x" * 201, "a/0", "a/01", "a/-1", "a/b", "a?reasons=51", "a?reasons=-1",
     "a?reasons=1&reasons=2", "a?language=sv", "a?reasons=%D9%A1", "a?other=1"],
)  # fmt: skip
def test_what_cannot_be_an_id_or_a_way_of_telling_is_refused(shop, path):
    problem_of(shop.client.get(f"/v1/scores/{path}"), 422)


def test_without_its_bundle_a_batchs_row_that_has_no_reasons_is_told_too(tmp_path, made):
    config = make_config(tmp_path)
    other = tmp_path / "other"
    shutil.copytree(made["clv"], other)
    _with_card(other, b"{}", b"another")
    with opened(config, made) as shop:
        tables, out = load_tables(config), tmp_path / "scores.parquet"
        batch = score_base(config, tables, shop.release, AS_OF, out, AT, 0, "en").batch_id
        rows = pq.read_table(out, columns=["clv"]).column("clv").to_pylist()
        place = next(number for number, value in enumerate(rows, 1) if value is not None)
        former = config.var / "releases" / "bundles" / shop.release.digests["clv"]
        release = publish(config.var, config.name, {"clv": other})
    shutil.rmtree(former)
    recorded._former.cache_clear()
    with client_of(config, release) as client:
        answer = client.get(f"/v1/scores/{batch}/{place}")
    RecordedScore.model_validate_json(answer.content)
    told = answer.json()
    assert (told["replayed"], told["clv"]["value"]) == (False, rows[place - 1])
    assert told["clv"]["base"] is None


def test_without_its_bundle_a_score_is_told_in_bare_numbers(tmp_path, made):
    config = make_config(tmp_path)
    other = tmp_path / "other"
    shutil.copytree(made["clv"], other)
    _with_card(other, b"{}", b"another")
    with opened(config, made) as shop:
        said = scored(shop)[0]
        former = config.var / "releases" / "bundles" / shop.release.digests["clv"]
        release = publish(config.var, config.name, {"clv": other})
    with client_of(config, release) as client:
        # A former release's bundle is found where promoted bundles are kept, until it is gone.
        assert client.get(f"/v1/scores/{said['id']}").json()["clv"] == said["clv"]
    shutil.rmtree(former)
    recorded._former.cache_clear()
    with client_of(config, release) as client:
        answer = client.get(f"/v1/scores/{said['id']}")
    RecordedScore.model_validate_json(answer.content)
    told = answer.json()
    assert told["replayed"] is False
    assert "no longer kept" in told["why"]
    for task, value in (("churn", "probability"), ("clv", "value")):
        assert told[task]["reasons"] is None
        for name in (value, "base", "margin"):
            assert told[task][name] == said[task][name]
    assert told["clv"]["intervals"] == said["clv"]["intervals"]
    assert told["churn"]["no_purchase_within"] == said["churn"]["no_purchase_within"]
    assert told["codes"] == said["codes"]
    for way, segment in said["segments"].items():
        bare = told["segments"][way]
        assert bare == (segment and {**segment, "reasons": None})


# Models and cards


def test_a_model_is_told_with_its_card_in_short(shop):
    answer = shop.client.get("/v1/models")
    ModelsAnswer.model_validate_json(answer.content)
    churn = answer.json()["models"]["churn"]
    assert churn["card"] == {
        "question": FACTS["question"],
        "metrics": {"roc_auc": {"value": 0.84, "low": 0.83, "high": 0.85}},
        "verdict": FACTS["verdict"],
        "cautions": ["Two features are today's values.", "Not for credit."],
    }
    whole = shop.client.get(churn["card_at"])
    assert whole.headers["content-type"] == "application/json"
    assert whole.json()["features"] == FACTS["features"]


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html; charset=utf-8"),
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html;q=0.4, application/json;q=0.5", "application/json"),
        ("text/html;q=high", "application/json"),
    ],
)
def test_a_card_is_a_page_for_who_likes_pages(shop, accept, kind):
    answer = shop.client.get("/v1/models/churn/card", headers={"Accept": accept})
    assert (answer.headers["content-type"], answer.headers["vary"]) == (kind, "Accept")


def test_there_is_no_card_of_what_is_not_served_or_was_altered(shop, tmp_path, made):
    problem_of(shop.client.get("/v1/models/revenue/card"), 404)
    config = make_config(tmp_path)
    with opened(config, made) as other:
        (other.release.bundles["churn"].path / "card.html").write_text("<script>")
        answer = other.client.get("/v1/models/churn/card", headers={"Accept": "text/html"})
        assert "<script>" not in problem_of(answer, 503).model_dump_json()


@pytest.mark.skipif(not CHROMIUM.exists(), reason=MISSING)
def test_a_card_is_whole_under_its_policy_which_forbids_all_else(shop):
    answer = shop.client.get("/v1/models/churn/card", headers={"Accept": "text/html"})
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    with browsing() as browser:
        page = browser.new_page()
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text))
        headers = dict(answer.headers)

        def serve(body):
            page.unroute_all()
            page.route("**/*", lambda route: route.fulfill(body=body, headers=headers, status=200))
            page.goto("http://cards.example/")
            return page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth")

        assert serve(answer.content) == "1056px"  # 66rem: the style sheet is taken
        assert complaints == []
        # Another style than the card's own is refused: the policy bites.
        assert serve(answer.content.replace(b"66rem", b"67rem")) == "none"
        assert complaints


# Who is at risk


def write_latest(shop, rows: int, batch: str | None = None):
    """What a batch leaves: those with most at stake first."""
    if batch is None:
        body = {"as_of": str(AS_OF), "release": shop.release.digest}
        batch = f"batch-{len(list(shop.online.ledger.entries()))}"
        shop.online.ledger.append_batch(batch, [], body, AT)
    table = pa.table(
        {
            "customer_id": [f"c{number:03}" for number in range(rows)],
            "score_id": [f"{batch}/{number + 1}" for number in range(rows)],
            "churn_probability": [None if number == 7 else 0.5 for number in range(rows)],
            "band": [("low", "middle", "high")[number % 3] for number in range(rows)],
            "value_at_risk": [float(rows - number) for number in range(rows)],
            "segment_behaviour": pa.array([number % 2 for number in range(rows)], pa.int32()),
            "segment_value": pa.array([None] * rows, pa.int32()),
        }
    )
    pq.write_table(table, shop.config.var / FILE)
    return batch


def listed(shop, query=""):
    answer = shop.client.get(f"/v1/customers/at-risk{query}")
    assert answer.status_code == 200, answer.text
    AtRiskAnswer.model_validate_json(answer.content)
    return answer.json()


def ids(told):
    return [int(item["customer_id"][1:]) for item in told["items"]]


def test_before_any_batch_nobody_is_listed(shop):
    (shop.config.var / FILE).unlink(missing_ok=True)
    problem_of(shop.client.get("/v1/customers/at-risk"), 404)


def test_the_pages_of_the_list_are_all_of_it_in_its_order(shop):
    batch = write_latest(shop, 250)
    due = [number for number in range(250) if number != 7]  # who has no chance has no risk
    found, cursor = [], ""
    for _ in range(3):
        told = listed(shop, f"?limit=100{cursor}")
        assert (told["batch"], told["total"]) == (batch, 249)
        assert (told["as_of"], told["release"]) == (str(AS_OF), shop.release.digest)
        assert told["currency"] == "DKK"
        found += ids(told)
        cursor = f"&cursor={told['next']}"
    assert (found, told["next"]) == (due, None)
    assert ids(listed(shop)) == due[:100]
    assert told["items"][0]["segments"] == {"behaviour": 1, "value": None}


def test_the_list_is_of_the_segments_and_the_band_asked_for(shop):
    write_latest(shop, 60)
    assert ids(listed(shop, "?segment=behaviour:1&limit=3")) == [1, 3, 5]
    # Of 0 to 59 those with n % 3 == 2 and n % 2 == 1 are 5, 11, 17, ... 59.
    told = listed(shop, "?segment=behaviour:1&band=high")
    assert (ids(told), told["total"]) == (list(range(5, 60, 6)), 10)
    held = listed(shop, "?segment=behaviour:1&band=high&limit=4")
    rest = listed(shop, f"?segment=behaviour:1&band=high&limit=6&cursor={held['next']}")
    assert ids(held) + ids(rest) == list(range(5, 60, 6))
    assert rest["next"] is None
    # A segment that the model has and nobody is in; both at once, which nobody is.
    assert listed(shop, "?segment=value:10")["total"] == 0
    assert listed(shop, "?segment=behaviour:1&segment=behaviour:0")["items"] == []


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=1e2", "limit=", "limit=5&limit=6", "segment=behaviour",
     "segment=behaviour:99", "segment=other:1", "segment=:1", "band=highest", "cursor=!",
     "cursor=AAAA", "cursor=", "since=2024-01-01"],
)  # fmt: skip
def test_a_list_that_cannot_be_is_refused(shop, query):
    write_latest(shop, 10)
    said = problem_of(shop.client.get(f"/v1/customers/at-risk?{query}"), 422)
    assert "2024-01-01" not in said.detail


def test_a_newer_batch_is_taken_up_and_older_pages_end(shop):
    write_latest(shop, 10)
    old = listed(shop, "?limit=5")
    batch = write_latest(shop, 20)
    assert listed(shop)["batch"] == batch != old["batch"]
    problem_of(shop.client.get(f"/v1/customers/at-risk?cursor={old['next']}"), 409)


def test_the_list_is_read_once_a_batch(shop):
    write_latest(shop, 10)
    latests = Latests(shop.config.var / FILE)
    held = latests.get(shop.online.ledger)
    assert latests.get(shop.online.ledger) is held
    write_latest(shop, 10)
    assert latests.get(shop.online.ledger) is not held


def test_a_list_that_is_broken_is_told_so(shop):
    (shop.config.var / FILE).write_bytes(b"no Parquet")
    problem_of(shop.client.get("/v1/customers/at-risk"), 503)
