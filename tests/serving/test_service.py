"""The real service over HTTP: the same bits however a customer is asked for, and bad input."""

import asyncio
import io
import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace

import httpx
import pyarrow.parquet as pq
import pytest

from serving import app, settings
from serving.api.answers import ScoreAnswer
from serving.api.models import ModelsAnswer
from serving.api.problems import Problem
from serving.batch.run import score_base
from serving.guard import door
from serving.guard import log as guard_log
from serving.record.merkle import canonical
from serving.releases.release import bundle_by_digest, current, publish
from serving.scoring.online import Online
from serving.scoring.score import replay
from tests.factories import AS_OF, make_config, make_features, make_posted

MARK = "PRIVATE-7d1f"  # in what is sent, and never to be in a log
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def shop(service):
    """The running service and who asks it."""
    with httpx.Client(base_url=service.url, timeout=30) as client:
        yield SimpleNamespace(
            config=service.config,
            release=service.release,
            tables=service.tables,
            log=service.log,
            client=client,
        )


def asked(shop, customers, **more) -> list:
    answer = shop.client.post("/v1/score", json={"customers": customers, **more})
    assert answer.status_code == 200, answer.text
    ScoreAnswer.model_validate_json(answer.content)
    return answer.json()["results"]


def post(shop, content, headers=JSON) -> httpx.Response:
    return shop.client.post("/v1/score", content=content, headers=headers)


def features_of(config) -> dict[str, dict]:
    table = make_features(config)
    rows = table.drop(columns=["as_of", "customer_id"]).to_dict("records")
    return {
        customer: {name: None if value != value else value for name, value in row.items()}
        for customer, row in zip(table["customer_id"], rows, strict=True)
    }


def without_ids(results) -> list[str]:
    return [json.dumps({**result, "id": ""}) for result in results]


def test_however_asked_the_bits_are_the_same(shop, tmp_path):
    given = features_of(shop.config)
    ids = [{"customer_id": customer} for customer in given]
    rows = [
        {"customer_id": customer, "features": features, "as_of": str(AS_OF)}
        for customer, features in given.items()
    ]
    posted = make_posted(shop.tables)
    own = [
        {"customer_id": customer, "rows": posted[customer], "as_of": str(AS_OF)}
        for customer in given
    ]
    by_id = without_ids(asked(shop, ids))
    with ThreadPoolExecutor(4) as threads:
        singly = [threads.submit(asked, shop, [one]) for one in (*ids, *rows, *own)]
    ways = [without_ids(future.result())[0] for future in singly]
    assert ways == by_id * 3
    assert without_ids(asked(shop, rows)) == by_id
    assert without_ids(asked(shop, own)) == by_id
    assert without_ids(asked(shop, rows[::-1] + ids + own))[: len(rows)] == by_id[::-1]
    out = tmp_path / "scores.parquet"
    score_base(shop.config, shop.tables, shop.release, AS_OF, out, datetime.now(UTC), 3, "en")
    for told, row in zip(map(json.loads, by_id), pq.read_table(out).to_pylist(), strict=True):
        assert told["customer_id"] == row["customer_id"]
        assert (told["churn"] or {}).get("probability") == row["churn_probability"]
        assert (told["clv"] or {}).get("value") == row["clv"]
        if told["clv"]:
            low, high = told["clv"]["intervals"]["95"]
            assert (low, high) == (row["clv_low_95"], row["clv_high_95"])
        for way, segment in told["segments"].items():
            segment = segment or {"id": None, "name": None, "potential": None}
            texts = [part["text"] for part in segment.get("reasons", {"apart": []})["apart"]]
            assert texts == (row[f"segment_{way}_apart"] or [])
            assert segment["id"] == row[f"segment_{way}"]
            assert segment["name"] == row[f"segment_{way}_name"]
            assert segment["potential"] == row[f"segment_{way}_potential"]


def test_a_score_and_a_batchs_row_are_recorded_alike_and_replay(shop, tmp_path):
    (told,) = asked(shop, [{"customer_id": "001"}])
    summary = score_base(
        shop.config,
        shop.tables,
        shop.release,
        AS_OF,
        tmp_path / "scores.parquet",
        datetime.now(UTC),
        3,
        "en",
    )
    ledger = settings.open_ledger(shop.config.name, shop.config.var)
    entry = ledger.get(told["id"])
    rows = pq.read_table(tmp_path / "scores.parquet")["customer_id"].to_pylist()
    row = ledger.get(f"{summary.batch_id}/{rows.index('001') + 1}")
    assert canonical(entry.body) == canonical(row.body)
    again = replay(entry.body, lambda digest: bundle_by_digest(shop.config.var, digest))
    assert canonical(again) == canonical(row.body)
    assert entry.body["scores"]["churn"]["served"] == told["churn"]["probability"]
    assert ledger.verify().whole


def test_reasons_are_as_many_and_in_the_language_asked(shop):
    (told,) = asked(shop, [{"customer_id": "001"}], reasons=1, language="da")
    reasons = told["clv"]["reasons"]
    assert (len(reasons["raises"]), len(reasons["lowers"])) == (1, 1)
    assert "typisk" in reasons["raises"][0]["text"]
    (told,) = asked(shop, [{"customer_id": "001"}], reasons=0)
    assert told["churn"]["reasons"] == {"raises": [], "lowers": []}


def test_one_bad_customer_spoils_no_other(shop):
    good = features_of(shop.config)["001"]
    items = [
        {"customer_id": "nobody"},
        {"customer_id": "a", "features": {**good, "tenur": 3}},
        {"customer_id": "b", "features": {k: v for k, v in good.items() if k != "tenure"}},
        {"customer_id": "c", "features": {**good, "tenure": "long"}},
        {"customer_id": "d", "features": {**good, "tenure": True}},
        {"customer_id": "e", "features": {**good, "tenure": 10**400}},
        {"customer_id": "f", "features": {**good, "tenure": [[[1]]]}},
        {"customer_id": "g", "features": {**good, "income": 3}},
        {"customer_id": "h", "features": {**good, "income": "x" * 201}},
        {"customer_id": "i", "features": {}},
        {"customer_id": "001", "features": good},
        {"customer_id": "002"},
    ]
    results = asked(shop, items)
    assert [result["customer_id"] for result in results] == [item["customer_id"] for item in items]
    errors = [result.get("error", {}) for result in results]
    assert [error.get("code") for error in errors] == [
        "unknown_customer",
        *["invalid_features"] * 9,
        None,
        None,
    ]
    assert errors[1]["message"].endswith("did you mean tenure?")
    assert errors[2]["message"] == "tenure is not given; give null if it is missing"
    assert [error.get("feature") for error in errors[1:9]] == ["tenur", *["tenure"] * 5] + [
        "income"
    ] * 2
    assert results[-2]["churn"]["probability"] > 0


def test_a_bad_row_is_told_and_spoils_no_other_customer(shop):
    good = [{"occurred_at": "2024-05-20T10:30:00", "amount": 10, "category": "toys"}]
    bad = [*good, {"occurred_at": MARK, "amount": 10}]
    results = asked(
        shop,
        [
            {"customer_id": "a", "as_of": str(AS_OF), "rows": {"transactions": held}}
            for held in (good, bad, good)
        ],
    )
    error = results[1]["error"]
    assert (error["code"], error["row"]["row"]) == ("invalid_rows", 2)
    assert error["message"].startswith("transactions, row 2, occurred_at: expected a date or time")
    assert results[0]["segments"] == results[2]["segments"]


def test_extreme_and_unseen_features_are_answered(shop):
    good = features_of(shop.config)["001"]
    results = asked(
        shop,
        [
            {"customer_id": "x", "features": {**good, "spend_ever": 1e308, "tenure": -1e300}},
            {"customer_id": "y", "features": {**good, "income": "æ\u0000☃"}},
            {"customer_id": "z", "features": dict.fromkeys(good)},
        ],
    )
    assert set(results[0]["codes"].values()) == {"out_of_range"}
    assert results[1]["flags"] == ["unseen_category:income"]
    silent = ("churn", "clv", "segments.lifecycle", "segments.value")
    assert results[2]["codes"] == dict.fromkeys(silent, "inactive")


BAD_BODIES = {
    "nothing": (b"", 400),
    "no JSON": (b'{"customers": [' + MARK.encode(), 400),
    "bad UTF-8": (b'{"customers": [{"customer_id": "\xff' + MARK.encode() + b'"}]}', 400),
    "NaN": (b'{"customers": [{"customer_id": "1", "features": {"tenure": NaN}}]}', 400),
    "Infinity": (b'{"customers": [{"customer_id": "1", "features": {"tenure": -Infinity}}]}', 400),
    "1e999": (b'{"customers": [{"customer_id": "1", "features": {"tenure": 1e999}}]}', 400),
    "5000 digits": (b'{"customers": [{"customer_id": ' + b"9" * 5000 + b"}]}", 400),
    "huge integer": (b'{"customers": [{"customer_id": "1"}], "reasons": ' + b"9" * 400 + b"}", 422),
    "key twice": (b'{"customers": [{"customer_id": "1", "customer_id": "2"}]}', 400),
    "half a pair": (b'{"customers": [{"customer_id": "\\ud800"}]}', 400),
    "deep": (b"[" * 100_000 + b"]" * 100_000, 400),
    "deep object": (b'{"customers":' * 50_000 + b"1" + b"}" * 50_000, 400),
    "a list": (b"[]", 422),
    "null": (b"null", 422),
    "a number for an id": (b'{"customers": [{"customer_id": 1}]}', 422),
    "an empty id": (b'{"customers": [{"customer_id": ""}]}', 422),
    "a control character": (b'{"customers": [{"customer_id": "a\\u0000b"}]}', 422),
    "no customers": (b'{"customers": []}', 422),
    "unknown key": (json.dumps({"customers": [{"customer_id": "1"}], MARK: 1}).encode(), 422),
    "unknown language": (b'{"customers": [{"customer_id": "1"}], "language": "sv"}', 422),
    "too many reasons": (b'{"customers": [{"customer_id": "1"}], "reasons": 51}', 422),
    "half a reason": (b'{"customers": [{"customer_id": "1"}], "reasons": 1.5}', 422),
    "a day by id": (b'{"customers": [{"customer_id": "1", "as_of": "2024-06-03"}]}', 422),
    "no such day": (
        b'{"customers": [{"customer_id": "1", "features": {}, "as_of": "2024-02-30"}]}',
        422,
    ),
    "features as a list": (b'{"customers": [{"customer_id": "1", "features": [1]}]}', 422),
    "1,001 customers": (json.dumps({"customers": [{"customer_id": MARK}] * 1001}).encode(), 422),
    "over the limit": (b" " * 1_100_000, 413),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_the_callers_own_and_told_clearly(shop, name):
    body, status = BAD_BODIES[name]
    answer = post(shop, body)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = Problem.model_validate_json(answer.content)
    assert problem.status == status
    if status == 422:
        assert problem.errors
    (told,) = asked(shop, [{"customer_id": "001"}])
    assert told["segments"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"customers": [{"customer_id": "1"}, {"customer_id": 2}]}, "/customers/1/customer_id"),
        ({"customers": [{}]}, "/customers/0/customer_id"),
        ({"customers": [{"customer_id": "1", "a/b~": 1}]}, "/customers/0/a~1b~0"),
        ({"customers": "all"}, "/customers"),
        ({"customers": [{"customer_id": "1"}], "reasons": "3"}, "/reasons"),
    ],
)
def test_a_fault_has_its_place(shop, body, pointer):
    problem = Problem.model_validate_json(post(shop, json.dumps(body).encode()).content)
    assert problem.errors
    assert [fault.pointer for fault in problem.errors] == [pointer]


def test_a_body_of_no_declared_length_is_measured_while_it_is_read(shop):
    answer = post(shop, (b" " * 100_000 for _ in range(12)))
    assert answer.status_code == 413
    assert Problem.model_validate_json(answer.content).detail == "a body may have 1 MB; send less"


@pytest.mark.parametrize("kind", ["text/plain", "application/vnd.bentoml+pickle", ""])
def test_only_json_is_read(shop, kind):
    answer = post(shop, b"{}", {"Content-Type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/score", 405),
        ("DELETE", "/v1/models", 405),
        ("GET", f"/v1/score/{MARK}", 404),
        ("POST", f"/{MARK}?{MARK}", 404),
        ("GET", "/", 404),
        ("GET", "/docs.json", 404),
        ("GET", "/schema.json", 404),
    ],
)
def test_what_is_not_there_is_a_problem_too(shop, method, path, status):
    answer = shop.client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    if status == 405:
        assert answer.headers["allow"]


def test_bentomls_own_probes_work_and_keep_no_path(shop):
    for path in ("/livez", "/readyz", "/healthz"):
        assert shop.client.get(path).status_code == 200
    shop.client.get(f"/v1/{MARK}")
    figures = shop.client.get("/metrics").text
    assert 'stamkunde_calls_total{method="POST",route="/v1/score",status="200"}' in figures
    assert 'route="unknown",status="404"' in figures
    assert MARK not in figures


def test_models_names_what_is_served(shop):
    told = ModelsAnswer.model_validate_json(shop.client.get("/v1/models").content)
    assert told.release == shop.release.digest
    assert {task: champion.digest for task, champion in told.models.items()} == shop.release.digests
    assert told.models["churn"].papers["metrics"] == {"roc_auc": 0.8}
    assert str(shop.config.var) not in shop.client.get("/v1/models").text


def scores_counted(shop) -> float:
    """How many scores the service says it gave."""
    figures = shop.client.get("/metrics").text
    told = [line for line in figures.splitlines() if line.startswith("stamkunde_scores_total ")]
    return float(told[0].split()[1]) if told else 0.0


def test_a_call_made_twice_a_score_told_again_and_a_job_work_through_the_whole_service(shop):
    body = {"customers": [{"customer_id": "001"}, {"customer_id": "nobody"}]}
    before = scores_counted(shop)
    calls = [
        shop.client.post("/v1/score", json=body, headers={"Idempotency-Key": "whole"}) for _ in "ab"
    ]
    assert calls[0].content == calls[1].content
    assert scores_counted(shop) == before + 1  # of one customer, and once
    said, _ = calls[0].json()["results"]
    again = shop.client.get(f"/v1/scores/{said['id']}").json()
    assert (again["replayed"], again["churn"]) == (True, said["churn"])
    assert shop.client.get("/v1/customers/at-risk?limit=5").status_code in (200, 404)
    page = shop.client.get("/v1/models/clv/card", headers={"Accept": "text/html"})
    assert page.headers["content-security-policy"].endswith("sandbox")
    deadline = time.monotonic() + 60
    while (started := shop.client.post("/v1/score/batch")).status_code == 409:
        assert time.monotonic() < deadline  # others' tests may have begun one
        time.sleep(0.1)
    assert started.status_code == 202
    while (told := shop.client.get(started.headers["location"]).json())["state"] != "done":
        assert told["state"] != "failed", told["why"]
        assert time.monotonic() < deadline
        time.sleep(0.1)
    rows = pq.read_table(io.BytesIO(shop.client.get(told["result"]).content)).to_pylist()
    (row,) = (row for row in rows if row["customer_id"] == "001")
    assert row["churn_probability"] == said["churn"]["probability"]


def test_the_log_has_no_data_of_a_caller(shop):
    post(shop, json.dumps({"customers": [{"customer_id": MARK}]}).encode())
    for body, _ in BAD_BODIES.values():
        post(shop, body)
    log = shop.log.read_text()
    assert '"route":"/v1/score","status":200' in log
    assert '"status":422' in log
    assert MARK not in log
    assert "Traceback" not in log
    assert '"status":5' not in log


@pytest.fixture
def broken(tmp_path, monkeypatch, shop):
    """The application within this process, whose record cannot be written."""
    config = make_config(tmp_path)
    bundles = shop.release.bundles
    publish(config.var, config.name, {task: bundles[task].path for task in bundles})
    (config.var / "ledger.db").mkdir()
    (config.var / settings.FILE).write_bytes(settings.written(config, {}))
    monkeypatch.setenv(settings.VARIABLE, str(config.var))
    settings.read.cache_clear()
    lines: list[str] = []

    def keep(*words: object, **more: object) -> None:
        lines.append(f"{words} {more}")

    log = SimpleNamespace(info=print, warning=keep, error=keep)
    for module in (app, door, guard_log):
        monkeypatch.setattr(module, "log", log)
    yield SimpleNamespace(features=features_of(config)["001"], lines=lines)
    settings.read.cache_clear()


def answered(broken) -> httpx.Response:
    body = {"customers": [{"customer_id": MARK, "features": broken.features}]}
    inner = app.application(lambda told: current(told.var))
    outer = door.Guard(inner, inner, settings.read)
    transport = httpx.ASGITransport(outer, raise_app_exceptions=False)

    async def post() -> httpx.Response:
        async with (
            inner.router.lifespan_context(inner),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as client,
        ):
            return await client.post("/v1/score", json=body)

    return asyncio.run(post())


def test_what_cannot_be_recorded_is_not_answered(broken):
    answer = answered(broken)
    problem = Problem.model_validate_json(answer.content)
    assert (answer.status_code, problem.status) == (503, 503)
    assert "probability" not in answer.text
    assert MARK not in answer.text + "".join(broken.lines)
    assert "ledger.db" in broken.lines[0]
    assert "ledger.db" not in answer.text


def test_a_failure_tells_its_place_and_nothing_of_the_caller(broken, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError(MARK)

    monkeypatch.setattr(Online, "together", fail)
    answer = answered(broken)
    assert Problem.model_validate_json(answer.content).status == answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert MARK not in answer.text + "".join(broken.lines)
    warming, call, *_ = [line for line in broken.lines if "'failed'" in line]
    assert "'warming'" in warming  # which keeps nobody from being served by what works
    for line in (warming, call):
        assert "RuntimeError" in line
        assert "test_service.py:" in line
