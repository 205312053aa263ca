"""Once a person is erased nothing yields them, and all else is as it was."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pandas as pd
import pytest

from features.marks import Marks
from features.source import load_tables
from serving import settings
from serving.api.asked import ScoreRequest
from serving.batch.fill import fill_store
from serving.batch.run import score_base
from serving.idempotency.remembered import Call
from serving.idempotency.resumed import scored_once
from serving.people.erasure import erase, person_of
from serving.people.files import ParquetRows
from serving.people.subject import subject
from serving.record import batch_rows
from serving.record.audit import replays_alike
from serving.record.redaction import KIND
from serving.record.seal import ErasedError
from serving.releases.shadow import Recent
from tests.factories import AS_OF, make_bundles, make_config
from tests.serving.people.everywhere import AT, OTHER, SOURCES, Held
from tests.serving.people.persons import ANNA, INCOME, traces
from tests.serving.shop import client_of


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Models that did not learn from the person: those that did are named in the receipt."""
    folder = tmp_path_factory.mktemp("made")
    return make_bundles(folder / "made", make_config(folder))


@pytest.fixture(scope="module")
def base(tmp_path_factory, made):
    return Held(tmp_path_factory.mktemp("base"), made)


@pytest.fixture(scope="module")
def erased(tmp_path_factory, base):
    """A base before and after: what was there, and the receipt."""
    held = base.copied(tmp_path_factory.mktemp("erased"))
    held.before = traces(held.folder)
    held.subject = subject(held.config, ANNA)
    held.receipt = erase(held.config, ANNA, AT)
    return held


def test_she_was_everywhere_and_now_is_nowhere(erased):
    there = " ".join(erased.before)
    for name in ("store.db", "s.parquet", "s.csv.gz", "crm.db", "batches", "latest", "predictions"):
        assert name in there
    # The user's own tables are theirs to mend: the mark keeps what they say out.
    left = [held for held in traces(erased.folder) if not held.startswith(SOURCES)]
    assert left == []


def test_the_record_is_whole_and_everybody_elses_scores_replay(erased):
    ledger = erased.ledger()
    assert ledger.verify().faults == ()
    assert replays_alike(erased.config, erased.scores[1])
    assert replays_alike(erased.config, erased.scores[3])
    for name in (erased.batches[0], erased.call):
        gone = erased.receipt.rows[name]
        for number in range(1, ledger.get(name).body["rows"] + 1):
            if number not in gone:
                assert replays_alike(erased.config, f"{name}/{number}")
    ledger.close()


def test_a_row_that_is_emptied_in_secret_is_named(tmp_path, base):
    held = base.copied(tmp_path)
    ledger = held.ledger()
    batch, call = (ledger.get(name) for name in (held.batches[0], held.call))
    batch_rows.erase(ledger.folder / f"{batch.id}.parquet", batch.body, [3])
    ledger.erase_rows(call, [2])
    assert ledger.verify().faults == tuple(
        f"seq {entry.seq} ({entry.id}): its row {row} is emptied, and no erasure on record says so "
        "(if one was broken off, run it again)"
        for entry, row in ((call, 2), (batch, 3))
    )
    ledger.close()


def test_her_scores_say_that_they_are_erased(erased):
    ledger = erased.ledger()
    for place in (erased.scores[0], erased.scores[2]):
        with pytest.raises(ErasedError):
            _ = ledger.get(place).body
        with pytest.raises(ErasedError):
            replays_alike(erased.config, place)
    for batch, numbers in erased.receipt.rows.items():
        assert len(numbers) == 1
        with pytest.raises(ErasedError, match="nothing is left"):
            ledger.get(f"{batch}/{numbers[0]}")
    ledger.close()


def test_the_receipt_tells_what_was_removed_and_names_nobody(erased):
    told = erased.receipt
    assert told.removed["feature store"] == 1
    assert told.removed["scores on record"] == 2
    assert told.removed["rows of batches and large calls on record"] == 4
    assert told.removed["remembered answers"] == 1
    assert told.removed["latest batch"] == 1
    assert told.removed["predictions of run churn-1"] == 1
    assert sum("crm.db" in place for place in told.removed) == 1
    assert sum("s.csv.gz" in place for place in told.removed) == 2
    assert sorted(told.rows) == sorted([*erased.batches, erased.call])
    assert [(held["run"], held["held"]) for held in told.models] == [
        ("churn-1", True),
        ("old-1", None),
    ]
    assert ANNA not in json.dumps(vars(told)) + "\n".join(told.lines())
    ledger = erased.ledger()
    body = ledger.get(told.entry).body
    assert body == {"removed": told.removed, "rows": told.rows, "models": told.models}
    assert [entry.id for entry in ledger.entries(KIND)] == [told.entry]
    ledger.close()


def test_over_http_her_scores_are_gone_and_others_are_told(erased):
    with client_of(erased.config, erased.release) as client:
        rows = [f"{name}/{row}" for name, (row,) in erased.receipt.rows.items()]
        for gone in (erased.scores[0], *rows):
            told = client.get(f"/v1/scores/{gone}")
            assert (told.status_code, told.json()["title"]) == (410, "Gone")
        assert client.get(f"/v1/scores/{erased.scores[1]}").json()["replayed"]
        names = [
            each["customer_id"]
            for each in client.get("/v1/customers/at-risk?limit=100").json()["items"]
        ]
        assert names
        assert ANNA not in names


def test_what_the_service_keeps_of_recent_calls_forgets_her(erased):
    recent = Recent()
    for customers in ([ANNA], [ANNA, OTHER], [OTHER]):
        recent.note(
            ScoreRequest.model_validate({"customers": [{"customer_id": c} for c in customers]})
        )
    recent.forget(Marks(erased.var, "shop"))
    assert [[each.customer_id for each in call.customers] for call in recent._calls] == [
        [OTHER],
        [OTHER],
    ]


def test_others_keep_all_that_they_had(erased):
    held = subject(erased.config, OTHER)["held"]
    assert len(held["scores on record"]) == 3
    assert len(held["rows of batches and large calls on record"]) == 4
    assert len(held["latest batch"]) == 1
    for out in erased.outs:
        read = pd.read_csv if out.suffix == ".gz" else pd.read_parquet
        assert len(read(out)) == 39


def test_all_that_was_held_could_be_seen_before(erased):
    told = erased.subject
    assert not told["forgotten"]
    assert set(told["held"]) == set(erased.receipt.removed)
    scores = told["held"]["scores on record"]
    assert {held["id"] for held in scores} == {erased.scores[0], erased.scores[2]}
    assert INCOME in json.dumps(scores)
    assert INCOME in json.dumps(told["held"]["rows of batches and large calls on record"])
    after = subject(erased.config, ANNA)
    assert (after["forgotten"], after["held"]) == (True, {})


def test_once_more_is_the_same_receipt_and_no_other_entry(erased):
    assert erase(erased.config, ANNA, AT) == erased.receipt


def test_the_next_load_does_not_bring_her_back(erased):
    config = erased.config
    tables = load_tables(config)
    store = settings.open_store(config.var)
    assert fill_store(config, tables, erased.release, AS_OF, store) == 39
    store.close()
    out = erased.folder / "again.parquet"
    assert score_base(config, tables, erased.release, AS_OF, out, AT, 3, "en").customers == 39
    left = [held for held in traces(erased.folder) if not held.startswith(SOURCES)]
    assert left == []


def test_a_call_that_is_made_again_after_its_process_died_says_who_is_erased(erased):
    with client_of(erased.config, erased.release) as client:
        online = client.online
        asked = {"customers": [{"customer_id": held} for held in (ANNA, OTHER)]}
        request = ScoreRequest.model_validate(asked)
        remembered = settings.open_remembered(erased.config, erased.var)
        note = remembered.begin(Call.of("", "k9", b"again"), AT)
        remembered.close()
        token = person_of(erased.config, ANNA).token
        name = note.name(online.secret, "shop", 0)
        online.ledger.append([(name, "score", {"customer": token, "late": True})], AT)
        _destroy(erased, token)

        def score(wanted, name, _):
            return online.score(wanted, AT, name=name)["results"]

        told = scored_once(online, erased.var, request, replace(note, again=True), score)
        assert told[0]["customer_id"] == ANNA
        assert told[0]["error"]["code"] == "erased"
        assert told[1]["id"] == note.name(online.secret, "shop", 1)


def _destroy(held, token):
    keys, ledger = settings.open_keyring("shop", held.var), held.ledger()
    ledger.append([], AT, together_with=lambda connection: keys.destroy(connection, token))
    keys.close()
    ledger.close()


KILLED = """
import os, sys
from datetime import UTC, datetime
from configs.schema import Config
from serving.people import erasure
config = Config.model_validate_json(sys.stdin.read())
count = int(sys.argv[1])
def counted(place):
    remove = type(place).remove
    def killing(self, person):
        global count
        count -= 1
        remove(self, person)
        if count == 0:
            os.kill(os.getpid(), 9)
    type(place).remove = killing
with erasure.inventory.opened(config) as held:
    for kind in {type(place): place for place in held.holdings}.values():
        counted(kind)
erasure.erase(config, sys.argv[2], datetime(2024, 6, 3, 9, tzinfo=UTC))
"""


def killed(held: Held) -> None:
    """Erase in a process that is killed once five places are done."""
    command = [sys.executable, "-c", KILLED, "5", ANNA]
    done = subprocess.run(
        command,
        input=held.config.model_dump_json(),
        text=True,
        cwd=Path(__file__).parents[3],
        env={**os.environ},
        check=False,
    )
    assert done.returncode == -9


def interrupted(at_call: int) -> Callable[[Held], None]:
    """Erase, and break off before a place is done."""

    def erasing(held: Held) -> None:
        calls = count(1)

        def failing(self, person):
            if next(calls) == at_call:
                raise KeyboardInterrupt
            whole(self, person)

        whole = ParquetRows.remove
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ParquetRows, "remove", failing)
            with pytest.raises(KeyboardInterrupt):
                erase(held.config, ANNA, AT)

    return erasing


@pytest.mark.parametrize("broken_off", [killed, interrupted(1), interrupted(4)])
def test_broken_off_in_between_and_run_again_it_is_one_erasure(tmp_path, base, broken_off):
    held = base.copied(tmp_path)
    expected = {name: len(rows) for name, rows in subject(held.config, ANNA)["held"].items()}
    broken_off(held)
    receipt = erase(held.config, ANNA, AT)
    assert receipt.removed == expected
    assert len(receipt.rows) == 4
    assert [found for found in traces(tmp_path) if not found.startswith(SOURCES)] == []
    ledger = held.ledger()
    assert ledger.verify().whole
    assert [entry.id for entry in ledger.entries(KIND)] == [receipt.entry]
    ledger.close()
