"""Jobs over the base: real processes, one at a time, whatever becomes of them told."""

import csv
import io
import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pyarrow.parquet as pq
import pytest

from features.source import load_tables
from serving import settings
from serving.api.jobs import Job as JobAnswer
from serving.batch import base_job, jobs
from serving.batch.jobs import BusyError, Job, Jobs, as_told
from serving.batch.run import score_base
from serving.batch.stored import StoredBaseError, stored
from serving.settings import Settings
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.idempotency.test_remembered import AT
from tests.serving.shop import client_of, opened

# Stands in for the work of a job that takes long, as its own process with its own lock.
SLEEPER = "tests.serving.sleeper"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return make_bundles(folder, make_config(folder))


@pytest.fixture(scope="module")
def shop(tmp_path_factory, made):
    with opened(make_config(tmp_path_factory.mktemp("shop")), made) as shop:
        yield shop


@pytest.fixture
def own(tmp_path, made):
    """One for a test that changes the store."""
    with opened(make_config(tmp_path), made) as shop:
        yield shop


def job_of(name: str, **more) -> Job:
    return Job(name * 32, "queued", {}, 3, "en", "parquet", f"2024-06-03T0{name}:00:00Z", **more)


def until(shop, place, *states):
    deadline = time.monotonic() + 60
    while True:
        answer = shop.client.get(place)
        JobAnswer.model_validate_json(answer.content)
        if answer.json()["state"] in states:
            return answer.json()
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def test_the_base_is_scored_as_the_batch_does_and_the_file_is_given(shop, tmp_path):
    answer = shop.client.post("/v1/score/batch", json={"reasons": 2, "language": "da"})
    JobAnswer.model_validate_json(answer.content)
    place = answer.headers["location"]
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    assert place == f"/v1/score/batch/{answer.json()['job']}"
    told = until(shop, place, "done", "failed")
    assert told["why"] is None
    assert (told["done"], told["total"], told["as_of"]) == (40, 40, str(AS_OF))
    assert told["asked_at"] <= told["began_at"] <= told["ended_at"]
    file = shop.client.get(told["result"])
    assert file.headers["content-type"] == "application/vnd.apache.parquet"
    assert file.headers["content-disposition"] == f'attachment; filename="scores-{AS_OF}.parquet"'
    table = pq.read_table(io.BytesIO(file.content))
    due = tmp_path / "due.parquet"
    tables = load_tables(shop.config)
    score_base(shop.config, tables, shop.release, AS_OF, due, AT, 2, "da")
    assert table.drop("score_id").equals(pq.read_table(due).drop("score_id"))
    assert table["score_id"][0].as_py() == f"{told['batch']}/1"
    assert shop.online.ledger.get(told["batch"]).body["rows"] == 40
    assert shop.online.ledger.verify().whole


def test_a_file_of_csv_has_no_formula_and_an_empty_store_is_told_of(own):
    store, schemas = settings.open_store(own.config.var), own.online.schemas
    for digest in schemas:
        rows = [held for _, held in store.rows("shop", digest)]
        names = [*(f"{number:03}" for number in range(1, len(rows))), "=1+1"]
        store.replace("shop", digest, str(AS_OF), names, [held.values for held in rows])
    place = ran(own, "a", own.release.digests)
    assert own.client.get(place).json()["state"] == "done"
    file = own.client.get(f"{place}/result")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(file.text)))
    assert [row["customer_id"] for row in rows] == [*names[:-1], "'=1+1"]
    assert {type(json.loads(row["codes"])) for row in rows} == {list}
    for digest in schemas:
        store.replace("shop", digest, str(AS_OF), [], [])
    store.close()
    place = ran(own, "b", own.release.digests)
    told = own.client.get(place).json()
    assert told["state"] == "failed"
    assert "stamkunde features --store" in told["why"]
    assert own.client.get(f"{place}/result").status_code == 409


def ran(shop, name, bundles) -> str:
    """Do a job for CSV in this process; return where it is told of."""
    job = Job(name * 32, "queued", bundles, 0, "en", "csv", "2024-06-03T00:00:00Z")
    base_job.run(Settings(shop.config.var, shop.config, {}), Jobs(shop.config.var), job)
    return f"/v1/score/batch/{job.job}"


def test_one_call_is_one_job_and_another_is_told_where_it_is(shop, monkeypatch):
    monkeypatch.setattr(jobs, "WORK", SLEEPER)
    headers = {"Idempotency-Key": "tonight"}
    with ThreadPoolExecutor(3) as threads:
        calls = [
            threads.submit(shop.client.post, "/v1/score/batch", headers=headers) for _ in range(3)
        ]
    answers = [call.result() for call in calls]
    first = next(answer for answer in answers if answer.status_code == 202)
    again = shop.client.post("/v1/score/batch", headers=headers)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    busy = shop.client.post("/v1/score/batch", json={"format": "csv"})
    assert (busy.status_code, busy.headers["location"]) == (409, first.headers["location"])
    assert busy.headers["content-type"] == "application/problem+json"
    pid = until(shop, first.headers["location"], "running")["done"]
    early = shop.client.get(f"{first.headers['location']}/result")
    assert early.status_code == 409
    # The service goes and comes again: the job goes on, and is told of.
    with client_of(shop.config, shop.release) as client:
        assert client.get(first.headers["location"]).json()["state"] == "running"
        os.kill(pid, signal.SIGKILL)
        told = until(shop, first.headers["location"], "failed")
        assert "ended before it was done" in told["why"]
        other = client.post("/v1/score/batch", json={"format": "csv"})
        assert other.status_code == 202
        os.kill(until(shop, other.headers["location"], "running")["done"], signal.SIGKILL)


def test_a_job_that_cannot_be_done_says_why(shop):
    place = ran(shop, "c", {"churn": "0" * 64})
    assert "no bundle" in shop.client.get(place).json()["why"]


def test_an_error_of_another_kind_tells_its_place_alone(shop, monkeypatch):
    def fail(*_, **__):
        raise ValueError("PRIVATE")

    monkeypatch.setattr(base_job, "score_rows", fail)
    why = shop.client.get(ran(shop, "d", shop.release.digests)).json()["why"]
    assert why.startswith("ValueError at test_jobs.py:")


def test_why_a_job_failed_names_no_place_on_this_machine(shop, monkeypatch):
    def fail(*_, **__):
        raise StoredBaseError(f"{shop.config.var}/store.db: cannot be read")

    monkeypatch.setattr(base_job, "score_rows", fail)
    why = shop.client.get(ran(shop, "e", shop.release.digests)).json()["why"]
    assert why == "store.db: cannot be read"


def test_what_a_killed_job_left_goes_with_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr(Jobs, "_run", lambda *_: None)
    held = Jobs(tmp_path)
    held.start(job_of("1"))
    left = tmp_path / "jobs" / ".abc.part"
    left.write_bytes(b"half of the scores")
    held.start(job_of("2"))
    assert not left.exists()


@pytest.mark.parametrize(
    ("path", "status"),
    [("0" * 32, 404), ("0" * 32 + "/result", 404), ("x", 422), ("..%2F" + "0" * 32, 404)],
)
def test_a_job_that_there_is_not(shop, path, status):
    assert shop.client.get(f"/v1/score/batch/{path}").status_code == status


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"[]", "application/json", 422),
        (b'{"format": "xlsx"}', "application/json", 422),
        (b'{"reasons": 51}', "application/json", 422),
        (b'{"customers": []}', "application/json", 422),
        (b"{", "application/json", 400),
        (b"{}", "text/plain", 415),
    ],
)
def test_a_job_is_asked_for_as_it_should_be(shop, body, kind, status):
    headers = {"Content-Type": kind}
    answer = shop.client.post("/v1/score/batch", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_the_last_jobs_are_kept_with_their_files(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "_KEPT", 3)
    monkeypatch.setattr(Jobs, "_run", lambda *_: None)
    held = Jobs(tmp_path)
    for name in "12345":
        held.start(job_of(name))
        held.write(replace(job_of(name), state="done"))
        held.result(job_of(name)).write_bytes(b"scores")
    left = sorted(file.name[0] for file in (tmp_path / "jobs").glob("*.parquet"))
    assert left == ["3", "4", "5"]
    assert held.get("1" * 32) is None


def test_a_job_that_was_started_is_not_started_again(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(Jobs, "_run", lambda _, job, __: started.append(job.job))
    held = Jobs(tmp_path)
    held.start(job_of("1"))
    # No process holds its lock: what never began has failed, and is not begun anew.
    assert held.start(job_of("1")).state == "failed"
    assert started == ["1" * 32]
    assert as_told(held.get("1" * 32))["result"] is None


def test_the_stored_base_is_of_one_day_and_the_same_customers(shop):
    store, schemas = settings.open_store(shop.config.var), shop.online.schemas
    (digest, schema) = next(iter(schemas.items()))
    base = stored(store, "shop", schemas)
    assert (base.as_of, base.customers) == (AS_OF, 40)
    assert sum(table.num_rows for table in base.tables) == 40
    twice = {digest: schema, "other": schema}
    row = [None] * len(schema.names)
    for customers, day in (
        (["001"], str(AS_OF)),
        ([f"{n:03}" for n in range(1, 41)], "2024-06-04"),
    ):
        store.replace("shop", "other", day, customers, [row] * len(customers))
        with pytest.raises(StoredBaseError, match="not of the same customers and day"):
            list(stored(store, "shop", twice).tables)
    store.close()


def test_while_one_starts_no_other_does(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "WORK", SLEEPER)
    held = Jobs(tmp_path)
    held.start(job_of("1"))
    with pytest.raises(BusyError) as refused:
        Jobs(tmp_path).start(job_of("2"))
    assert refused.value.job == "1" * 32
    while (job := held.get("1" * 32)).state != "running":
        time.sleep(0.02)
    os.kill(job.done, signal.SIGKILL)
    while held.get("1" * 32).state != "failed":
        time.sleep(0.02)
    held.start(job_of("2"))
    while (job := held.get("2" * 32)).state != "running":
        time.sleep(0.02)
    os.kill(job.done, signal.SIGKILL)
