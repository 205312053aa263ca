"""The whole path by its commands, as a user types them; and every mistake told in a line."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

import stamkunde
from serving.demo import ask, free_port
from serving.server import wait_until_ready
from tests.trading import LAST_DAY, make_trading_shop

AS_OF = str(LAST_DAY + timedelta(days=1))
TASKS = ("churn", "clv", "segments")
IMPOSSIBLE = (
    *("--set", "segments.behaviour.min_stability=1.0"),
    *("--set", "segments.behaviour.min_share=0.5"),
)
COMMAND = str(Path(sys.executable).with_name("stamkunde"))


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: object
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def call(*arguments: object) -> Said:
    """Run the real entry point; an error that it does not tell of itself comes through."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", ["stamkunde", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            stamkunde.main()
    return Said(ended.value.code, out.getvalue(), err.getvalue())


def done(*arguments: object) -> Said:
    said = call(*arguments)
    assert said.code == 0, said.err + said.out
    return said


class Shop:
    """A base's config file, with run-time state of its own where a test wants that."""

    def __init__(self, config: Path, var: Path | None = None) -> None:
        self.config = config
        self.var = var or config.parent / "var"
        self.told = ["--config", config, "--set", f"paths.var={self.var}"]

    @property
    def state(self) -> Path:
        return self.var / "shop"

    def call(self, *arguments: object) -> Said:
        return call(*arguments, *self.told)

    def done(self, *arguments: object) -> Said:
        return done(*arguments, *self.told)

    def promotions(self) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(self.state / "ledger.db")) as ledger:
            rows = ledger.execute("SELECT entry FROM ledger ORDER BY seq").fetchall()
        entries = [json.loads(entry) for (entry,) in rows]
        return [each for each in entries if each["kind"] in ("promotion", "rollback")]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A base with a version of each task, a second of churn, and a second of segments refused."""
    shop = Shop(make_trading_shop(tmp_path_factory.mktemp("trained")))
    first = shop.done("train", "all", "--json")
    second = shop.done("train", "churn", "--trials", 1)
    refused = shop.call("train", "segments", *IMPOSSIBLE)
    return shop, first, second, refused


@pytest.fixture
def fresh(trained, tmp_path):
    """The trained base with nothing promoted yet."""
    return Shop(trained[0].config, tmp_path / "var")


@pytest.fixture(scope="module")
def promoted(trained, tmp_path_factory):
    """The trained base with its champions promoted and everybody scored; not to be changed."""
    shop = Shop(trained[0].config, tmp_path_factory.mktemp("promoted") / "var")
    for task in TASKS:
        shop.done("promote", task)
    out = shop.var / "scores.parquet"
    batch = shop.done("score", "--as-of", AS_OF, "--out", out, "--json").json
    return shop, batch, pd.read_parquet(out)


@pytest.fixture
def changed(promoted, tmp_path):
    """A copy of the promoted base, for a test to alter."""
    shop, batch, _ = promoted
    shutil.copytree(shop.var, tmp_path / "var")
    return Shop(shop.config, tmp_path / "var"), batch["batch_id"]


# The path


def test_check_says_that_the_data_are_fit(trained):
    shop = trained[0]
    found = {each["what"]: each for each in shop.done("check", "--json").json}
    assert {each["level"] for each in found.values()} <= {"fine", "look"}
    assert found["rows"]["found"].endswith("by 359 customers")
    assert "3 training cut-offs" in found["churn: customers"]["found"]
    assert "STOP" not in shop.done("check").out


def test_check_says_that_the_data_are_unfit(fresh):
    said = fresh.call("check", "--set", "churn.horizon=200d")
    assert said.code == 2
    assert "STOP" in said.out


def test_training_compares_judges_and_registers(trained):
    _, first, second, _ = trained
    assert [(made["task"], made["version"]) for made in first.json] == [(t, 1) for t in TASKS]
    assert all(made["verdict"]["passed"] for made in first.json)
    assert "beyond doubt better" in second.out
    assert "version 2, bundle " in second.out


def test_training_writes_the_report_where_it_says(trained):
    (page,) = [line for line in trained[2].out.splitlines() if line.startswith("report: ")]
    assert Path(page.removeprefix("report: ")).read_bytes().startswith(b"<!doctype html>")


def test_a_refused_verdict_ends_training_with_1(trained):
    refused = trained[3]
    assert refused.code == 1
    assert "REFUSED: " in refused.out
    assert "below the bound of 50.0%" in refused.out


def test_models_lists_every_version_with_its_verdict(trained):
    shop = trained[0]
    held = [
        (each["task"], each["number"], each["passed"])
        for each in shop.done("models", "--json").json
    ]
    assert held == [
        ("churn", 1, True),
        ("churn", 2, True),
        ("clv", 1, True),
        ("segments", 1, True),
        ("segments", 2, False),
    ]
    assert shop.done("models").out.count("refused") == 1


def test_models_stand_with_their_figure_beside_the_best_of_the_others(trained):
    churn, *_, refused = trained[0].done("models", "--json").json
    assert churn["metric"].startswith("Ranking of churners")
    assert churn["low"] < churn["value"] < churn["high"]
    assert churn["baseline_value"] < churn["value"]
    assert churn["baseline"] in ("Recency rule", "RFM logistic", "BG/NBD")
    assert refused["metric"].startswith("Stability")
    said = trained[0].done("models").out
    assert f"{churn['value']:.4g} ({churn['low']:.4g} to {churn['high']:.4g})" in said
    assert churn["digest"][:12] in said


def test_a_version_compared_with_itself_changes_nothing(trained):
    held = trained[0].done("compare", "churn", 1, 1, "--json").json
    assert {(each["a"] - each["b"], each["said"]) for each in held["metrics"]} == {
        (0.0, "no clear difference")
    }
    assert held["bands"]["changed"] == 0
    assert sum(each["customers"] for each in held["bands"]["moves"]) == held["customers"]


def test_two_versions_are_compared_as_their_cards_have_them(trained):
    shop, first, _, _ = trained
    held = shop.done("compare", "churn", 1, 2, "--json").json
    (card,) = [each for each in first.json[0]["metrics"] if each["name"] == "roc_auc"]
    (here,) = [each for each in held["metrics"] if each["metric"] == "roc_auc"]
    assert here["a"] == card["values"][first.json[0]["verdict"]["served"]]["value"]
    assert held["customers"] == first.json[0]["test"]["customers"]
    said = shop.done("compare", "churn", 1, 2).out
    assert f"{held['bands']['changed']:,} of {held['customers']:,} customers would change" in said
    assert "version 2 less version 1 (95 % interval)" in said
    assert held["warnings"] == []


def test_a_version_fitted_on_the_compared_days_is_told(trained):
    shop = trained[0]
    said = shop.done("compare", "churn", 1, 2, "--set", "timeline.test=2024-03-10").out
    assert "note: version 1 was fitted on outcomes of these days" in said


def test_segments_and_versions_that_are_not_there_are_not_compared(trained):
    shop = trained[0]
    assert_told(shop.call("compare", "segments", 1, 2), "segments have no outcome")
    assert_told(shop.call("compare", "churn", 1, 9), "version 9")


def test_promote_takes_the_latest_that_passed(fresh):
    versions = {task: fresh.done("promote", task, "--json").json["number"] for task in TASKS}
    assert versions == {"churn": 2, "clv": 1, "segments": 1}
    champions = [each for each in fresh.done("models", "--json").json if each["champion"]]
    assert {each["task"]: each["number"] for each in champions} == versions


def test_promote_refuses_what_the_gate_refused_and_names_the_way_out(fresh):
    said = fresh.call("promote", "segments", "--version", 2)
    assert said.code == 1
    assert said.out == ""
    assert "did not pass the gate" in said.err
    assert '--force "WHY"' in said.err
    assert fresh.call("promote", "segments", "--version", 2, "--force", " ").code == 1
    assert not fresh.state.exists()


def test_a_forced_promotion_stands_in_the_record_with_its_reason(fresh):
    why = "the board wants three; “asked” by Søren"
    said = fresh.done("promote", "segments", "--version", 2, "--force", why)
    assert "segments: version 2" in said.out
    (entry,) = fresh.promotions()
    assert entry["body"] | {"version": 2, "passed": False, "forced": why} == entry["body"]
    assert json.loads(fresh.done("audit", "show", entry["id"]).out)["body"]["forced"] == why


def test_a_reason_where_none_was_needed_is_no_forced_promotion(fresh):
    fresh.done("promote", "churn", "--force", "to be sure")
    assert fresh.promotions()[0]["body"]["forced"] is None


def test_rollback_goes_back_a_champion_at_a_time(fresh):
    fresh.done("promote", "churn", "--version", 1)
    fresh.done("promote", "churn", "--version", 2)
    said = fresh.done("rollback", "churn", "--json").json
    assert (said["task"], said["number"]) == ("churn", 1)
    champions = [each for each in fresh.done("models", "--json").json if each["champion"]]
    assert [each["number"] for each in champions if each["task"] == "churn"] == [1]
    assert [each["kind"] for each in fresh.promotions()] == ["promotion", "promotion", "rollback"]
    again = fresh.call("rollback", "churn")
    assert again.code == 2
    assert "there is none to go back to" in again.err


def test_rollback_changes_what_scores_are_made_with(fresh):
    bundles = []
    for command in (
        ("promote", "churn", "--version", 1),
        ("promote", "churn"),
        ("rollback", "churn"),
    ):
        fresh.done(*command)
        fresh.done("score", "--as-of", AS_OF, "--out", fresh.var / "s.parquet")
        bundles.append(set(pd.read_parquet(fresh.var / "s.parquet")["churn_bundle"].dropna()))
    first, second, third = bundles
    assert first == third != second
    assert len(first) == len(second) == 1


def test_features_written_twice_are_the_same_bytes(trained, tmp_path):
    shop = trained[0]
    files = [tmp_path / "a.parquet", tmp_path / "deep" / "er" / "b.parquet"]
    for file in files:
        said = shop.done("features", "--as-of", AS_OF, "--out", file, "--json").json
        assert said == {"customers": 359, "as_of": AS_OF, "out": str(file), "store": False}
    assert files[0].read_bytes() == files[1].read_bytes()
    table = pd.read_parquet(files[0])
    assert table["customer_id"].is_unique
    assert len(table) == 359
    assert {file.name for file in tmp_path.iterdir()} == {"a.parquet", "deep"}


def test_features_are_described_without_a_date(fresh):
    said = fresh.done("features", "--describe", "--json").json
    told = {each["name"]: each for each in said}
    assert told["purchases_in_30d"] == {
        "name": "purchases_in_30d",
        "unit": "count",
        "label": "purchases in the last 30 days",
        "label_da": "køb i de seneste 30 dage",
        "actionable": False,
        "idea": "frequency",
        "as_of_today": False,
        "window": 30,
        "table": "transactions",
    }
    assert told["newsletter"]["table"] == "customers"
    assert told["purchase_probability"]["table"] == "learned"
    lines = fresh.done("features", "--describe").out.splitlines()
    assert lines[0].split()[:3] == ["name", "unit", "window"]
    assert lines[-1] == f"{len(said)} features"


def test_features_fill_the_store(fresh):
    said = fresh.done("features", "--as-of", AS_OF, "--store", "--json").json
    assert said == {"customers": 359, "as_of": AS_OF, "out": None, "store": True}
    with closing(sqlite3.connect(fresh.state / "store.db")) as store:
        assert store.execute("SELECT count(*), min(as_of) FROM features").fetchone() == (359, AS_OF)


def test_a_batch_scores_everybody_with_reasons(promoted):
    _, batch, scores = promoted
    assert batch["customers"] == len(scores) == 359
    assert batch["scored"]["segments.behaviour"] == 359
    assert batch["scored"]["churn"] + batch["coded"]["churn:inactive"] == 359
    assert scores["customer_id"].is_monotonic_increasing
    assert scores["score_id"].tolist() == [f"{batch['batch_id']}/{n}" for n in range(1, 360)]
    known = scores.dropna(subset="churn_probability")
    assert known["churn_probability"].between(0, 1).all()
    assert (known["churn_raises"].map(len) + known["churn_lowers"].map(len)).min() > 0


def test_the_report_is_a_page_with_its_figures_beside_it(changed, tmp_path):
    shop, _ = changed
    told = shop.done("report", "--as-of", AS_OF, "--out", tmp_path / "r.html", "--json").json
    assert {Path(told[name]).name for name in ("page", "json", "parquet")} == {
        *("r.html", "r.json", "r.parquet"),
    }
    held = json.loads((tmp_path / "r.json").read_bytes())
    assert held["calls"]
    assert f"{held['figures']['all']['all']['end']['value']:,.0f} customers" in told["sentences"][0]
    assert b"Before you use it" not in (tmp_path / "r.html").read_bytes()
    assert shop.done("audit", "verify", "--json").json["entries"] == 5
    assert shop.done("audit", "replay", held["calls"][0]["score_id"], "--json").json["same"]


def test_the_record_is_whole_shows_and_replays(promoted):
    shop, batch, scores = promoted
    verified = shop.done("audit", "verify", "--json").json
    whole = {"entries": 4, "batches_rows": 359, "faults": [], "checkpoints": 0, "whole": True}
    assert verified == whole
    assert "4 entries and 359 rows of batches: whole" in shop.done("audit", "verify").out
    shown = json.loads(shop.done("audit", "show", batch["batch_id"]).out)
    assert (shown["kind"], shown["body"]["rows"]) == ("batch", 359)
    row = scores["score_id"][7]
    assert json.loads(shop.done("audit", "show", row).out)["as_of"] == AS_OF
    assert scores["customer_id"][7] not in shop.done("audit", "show", row).out
    assert shop.done("audit", "replay", row, "--json").json == {"id": row, "same": True}
    assert "the same bytes" in shop.done("audit", "replay", row).out
    drawn = shop.done("audit", "replay", "--sample", "20", "--json").json
    assert (drawn["drawn"], drawn["same"], drawn["others"]) == (20, 20, [])
    assert "3 scores drawn: 3 the same bytes" in shop.done("audit", "replay", "--sample", "3").out
    assert_told(shop.call("audit", "replay"), "say which score, by its ID, or how many")
    assert "359 scores in the index" in shop.done("audit", "reindex").out


def test_the_record_is_held_against_checkpoints_and_proven_to_who_has_one(promoted, tmp_path):
    shop, _, scores = promoted
    elsewhere, proof, script = (tmp_path / name for name in ("elsewhere", "proof.json", "p.py"))
    made = shop.done("audit", "checkpoint", "--to", elsewhere, "--json").json
    assert made["entries"] == 4
    whole = shop.done("audit", "verify", "--checkpoint", elsewhere)
    assert "whole, and as 1 checkpoint has it" in whole.out
    shop.done("audit", "prove", scores["score_id"][7], "--checkpoint", elsewhere, "--out", proof)
    script.write_text(done("audit", "proof-script").out)
    subprocess.run([sys.executable, "-I", script, proof, made["file"]], check=True)
    assert "4 entries, in version 2" in shop.done("audit", "migrate").out
    note = Path(made["file"])
    note.write_text(note.read_text().replace("\n4\n", "\n3\n"))
    refused = shop.call("audit", "verify", "--checkpoint", note)
    assert refused.code == 1
    assert "is not signed by the key" in refused.out


def test_the_champions_are_packaged(promoted):
    shop, _, _ = promoted
    tag = shop.done("package", "--json").json["tag"]
    name, _, version = tag.partition(":")
    assert name == "stamkunde-shop"
    assert (shop.state / "bentoml" / "bentos" / name / version / "bento.yaml").exists()


def test_the_champions_are_served_until_a_signal(changed):
    shop, _ = changed
    shop.done("features", "--as-of", AS_OF, "--store")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    command = [COMMAND, "serve", "--port", port, *shop.told]
    with (shop.var / "service.log").open("wb") as log:
        service = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
    try:
        wait_until_ready(url, service)
        (score,) = ask(url, ["cust-000007"])["results"]
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(60)
    assert code == 0
    assert score["customer_id"] == "cust-000007"
    assert shop.done("audit", "replay", score["id"], "--json").json["same"]


def test_a_fresh_process_says_the_same_and_gives_its_exit_code(promoted):
    shop, _, _ = promoted
    good = subprocess.run(
        [COMMAND, "audit", "verify", *map(str, shop.told)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (good.returncode, good.stdout) == (0, shop.done("audit", "verify").out)
    bad = subprocess.run(
        [COMMAND, "check", "-c", "no.yaml"], capture_output=True, text=True, check=False
    )
    assert (bad.returncode, bad.stdout) == (2, "")
    assert bad.stderr == "no.yaml: there is no such file\n"


def test_the_schema_is_json():
    assert done("schema").json["properties"]["churn"]


def test_help_is_given_for_every_command():
    for command in (
        "check",
        "features",
        "train",
        "promote",
        "rollback",
        "models",
        "package",
        "report",
        "serve",
    ):
        assert "--config" in done(command, "--help").out
    assert "verify" in done("audit", "-h").out


# What is wrong


def assert_told(said: Said, *parts: str, lines: int = 3) -> None:
    """A mistake of the user's is told on standard error, in few lines, with exit code 2."""
    assert said.code == 2, said
    assert said.out == ""
    assert "Traceback" not in said.err
    assert 1 <= len(said.err.strip().splitlines()) <= lines, said.err
    flat = " ".join(said.err.replace("│", " ").split())
    for part in parts:
        assert part in flat, said.err


def test_a_config_that_is_not_there(tmp_path):
    (tmp_path / "shop.yaml").touch()
    told = call("check", "--config", tmp_path / "shap.yaml")
    assert_told(told, f"shap.yaml: there is no such file; did you mean {tmp_path / 'shop.yaml'}?")


def test_a_typo_in_a_key(trained, tmp_path):
    file = tmp_path / "typo.yaml"
    file.write_text(f"extends: {trained[0].config}\nchurn:\n  horizn: 30d\n")
    assert_told(call("check", "--config", file), f"{file}:3 churn.horizn", "horizon")


def test_yaml_that_is_none(tmp_path):
    file = tmp_path / "broken.yaml"
    file.write_text("name: [shop\n")
    assert_told(call("models", "--config", file), "broken.yaml:")


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("churn.horizon=three months", "must be a duration"),
        ("churn", "must be key=value"),
        ("churn.horizn=30d", "churn.horizn"),
        ("timezone=Mars/Olympus", "must be an IANA time zone"),
        ("tuning.trials=0", "tuning.trials"),
    ],
)
def test_an_override_that_cannot_be(fresh, override, said):
    assert_told(fresh.call("check", "--set", override), f"--set {override}", said)


HEADER = "customer,when,paid,department\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, ("expected a file, found none",)),
        ("", ()),
        (HEADER, ()),
        (
            HEADER.replace("paid", "payed") + "7,2024-02-03,9,toys\n",
            (":1 paid", "did you mean 'payed'?"),
        ),
        (HEADER + "7,2024-02-30,9.95,toys\n", (":2 when", "expected a date", "'2024-02-30'")),
        (HEADER + "7,2024-02-03,9.95,toys\n7,soon,1,toys\n", (":3 when", "'soon'")),
        (HEADER + "7,2024-02-03,9 DKK,toys\n", (":2 paid", "expected an amount", "'9 DKK'")),
        (HEADER + ",2024-02-03,9,toys\n", ("transactions.csv", "customer")),
        ("\x00\x01\x02", ()),
    ],
    ids=[
        "missing",
        "empty",
        "without rows",
        "wrong column",
        "no such day",
        "no date",
        "no amount",
        "only guests",
        "binary",
    ],
)
def test_data_that_cannot_be_read(fresh, tmp_path, content, said):
    file = tmp_path / "transactions.csv"
    if content is not None:
        file.write_text(content)
    for command in (("check",), ("train", "churn"), ("features", "--as-of", AS_OF, "--store")):
        told = fresh.call(*command, "--set", f"sources.transactions.path={file}")
        assert_told(told, str(file), *said)


def test_data_too_short_to_train_on(fresh):
    said = fresh.call("train", "churn", "--set", "churn.horizon=200d")
    assert said.code == 2
    assert "set timeline.cutoffs to 9 or more, or shorten the horizon of 200d" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", ["train", "promote", "rollback"])
def test_a_task_that_the_base_has_not(fresh, command):
    assert_told(fresh.call(command, "chrun"), "chrun: no task of shop; it has churn, clv, segments")


def test_champions_are_moved_one_task_at_a_time(fresh):
    assert_told(fresh.call("promote", "all"), "name one at a time")


def test_a_version_that_is_not_there(fresh):
    assert_told(fresh.call("promote", "churn", "--version", 99), "shop.churn has no version 99")


def test_a_version_that_is_no_number(fresh):
    assert_told(
        fresh.call("promote", "churn", "--version", "best"), "--version", "integer", lines=8
    )


def test_no_versions_at_all(fresh, tmp_path):
    elsewhere = ("--set", f"paths.mlruns={tmp_path / 'mlruns'}")
    assert_told(fresh.call("promote", "churn", *elsewhere), "run: stamkunde train churn")
    assert "run: stamkunde train all" in fresh.done("models", *elsewhere).out


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_entry_that_is_not_on_record(promoted, command):
    shop, batch, _ = promoted
    for name in ("nobody", f"{batch['batch_id']}/360", f"{batch['batch_id']}/x", "../ledger"):
        assert_told(shop.call("audit", command, name), f"no entry {name!r} in the record of shop")


def test_an_entry_that_is_no_score_cannot_be_replayed(promoted):
    shop, batch, _ = promoted
    entry = shop.promotions()[0]
    assert_told(shop.call("audit", "replay", entry["id"]), "is a promotion, not a score")
    assert_told(shop.call("audit", "replay", batch["batch_id"]), "a batch's scores are")


@pytest.mark.parametrize("to", ["--out", "--store"])
def test_features_before_the_first_row(fresh, tmp_path, to):
    where = ("--out", tmp_path / "f.parquet") if to == "--out" else ("--store",)
    assert_told(fresh.call("features", "--as-of", "2020-01-01", *where), "nobody is known")
    assert list(tmp_path.glob("*.parquet")) == []


def test_scores_before_the_first_row(changed):
    shop, _ = changed
    out = shop.var / "none.parquet"
    assert_told(shop.call("score", "--as-of", "2020-01-01", "--out", out), "nobody is known")
    assert not out.exists()
    assert shop.done("audit", "verify", "--json").json["entries"] == 4


@pytest.mark.parametrize("day", ["2024-13-45", "yesterday", "2024-05-01T10:00"])
def test_a_date_that_is_none(fresh, day):
    told = fresh.call("features", "--as-of", day, "--store")
    assert_told(told, "--as-of", f"'{day}'", lines=8)


def test_features_as_of_no_date(fresh):
    assert_told(fresh.call("features", "--store"), "say as of when: --as-of DATE")


def test_features_that_go_nowhere(fresh):
    assert_told(fresh.call("features", "--as-of", AS_OF), "--out FILE.parquet, --store, or both")


@pytest.mark.parametrize(
    "command",
    [("package",), ("serve",), ("score", "--as-of", AS_OF, "--out", "s.parquet")],
    ids=["package", "serve", "score"],
)
def test_before_anything_is_promoted(fresh, command):
    assert_told(fresh.call(*command), "nothing is promoted for shop yet", "stamkunde promote")


def outputs(folder: Path) -> Iterator[Path]:
    """Places where no file can be written, whoever one is."""
    (folder / "file").write_text("in the way")
    yield folder / "file" / "out.parquet"
    yield folder / "file" / "deeper" / "out.parquet"
    yield folder


def test_features_that_cannot_be_written_where_asked(fresh, tmp_path):
    for out in outputs(tmp_path):
        told = fresh.call("features", "--as-of", AS_OF, "--out", out)
        assert_told(told, lines=8)
        assert str(tmp_path)[:30] in told.err


def test_a_report_that_cannot_be_made_leaves_nothing_behind(fresh, tmp_path):
    for out in outputs(tmp_path):
        assert_told(fresh.call("report", "--as-of", AS_OF, "--out", out), lines=8)
    early = fresh.call("report", "--as-of", "2020-01-01", "--out", tmp_path / "early.html")
    assert_told(early, "nobody is known before 2020-01-01", "name a later --as-of")
    assert list(tmp_path.glob("*.html")) == []


def test_scores_that_cannot_be_written_where_asked_are_not_recorded(changed, tmp_path):
    shop, _ = changed
    for out in outputs(tmp_path):
        assert_told(shop.call("score", "--as-of", AS_OF, "--out", out), lines=8)
    assert shop.done("audit", "verify", "--json").json["entries"] == 4


@pytest.mark.parametrize("path", ["paths.var", "paths.mlruns"])
@pytest.mark.parametrize(
    "command",
    [("models",), ("promote", "churn"), ("rollback", "churn"), ("train", "segments"), ("package",)],
    ids=lambda command: command[0],
)
def test_run_time_state_that_cannot_be_kept_where_the_config_says(fresh, tmp_path, path, command):
    (tmp_path / "file").write_text("in the way")
    said = fresh.call(*command, "--set", f"{path}={tmp_path / 'file'}")
    if said.code == 0:  # it needs nothing there
        return
    assert said.code == 2, said
    assert "Traceback" not in said.err
    assert "\n" not in said.err.strip().splitlines()[-1]


def test_an_altered_bundle_scores_nobody(changed):
    shop, batch = changed
    bundle = next(shop.state.glob("releases/bundles/*/predictor_0.ubj"))
    held = bundle.read_bytes()
    bundle.write_bytes(held[:-1] + bytes([held[-1] ^ 1]))
    digest = bundle.parent.name
    out = shop.var / "none.parquet"
    for command in (
        ("score", "--as-of", AS_OF, "--out", out),
        ("package",),
        ("serve",),
    ):
        assert_told(shop.call(*command), digest, "predictor_0.ubj")
    replayed = shop.call("audit", "replay", f"{batch}/1")
    assert replayed.code == 1
    assert digest in replayed.out
    assert "predictor_0.ubj" in replayed.out
    assert not out.exists()
    assert shop.done("audit", "verify", "--json").json["whole"]


def test_an_altered_release_is_told(changed):
    shop, _ = changed
    (shop.state / "releases" / "current").write_text("0" * 64)
    assert_told(
        shop.call("score", "--as-of", AS_OF, "--out", "s.parquet"), "promote a version again"
    )


def altered_entry(shop: Shop) -> str:
    """Make the first promotion's version another one, in the database."""
    with closing(sqlite3.connect(shop.state / "ledger.db")) as ledger:
        name, entry = ledger.execute("SELECT id, entry FROM ledger WHERE seq = 1").fetchone()
        other = bytes(entry).replace(b'"version":2', b'"version":1')
        assert other != entry
        ledger.execute("UPDATE ledger SET entry = ? WHERE seq = 1", (other,))
        ledger.commit()
    return name


def test_an_altered_record_is_told_by_its_entry(changed):
    shop, _ = changed
    name = altered_entry(shop)
    said = shop.call("audit", "verify", "--json")
    assert said.code == 1
    assert not said.json["whole"]
    assert said.json["faults"][0].startswith(f"seq 1 ({name}): ")
    shown = shop.call("audit", "verify")
    assert (shown.code, shown.err) == (1, "")
    assert "NOT whole" in shown.out
    assert f"seq 1 ({name}): its bytes are not those recorded" in shown.out


def test_a_removed_entry_and_an_altered_batch_are_told(changed):
    shop, batch = changed
    with closing(sqlite3.connect(shop.state / "ledger.db")) as ledger:
        ledger.execute("DELETE FROM ledger WHERE seq = 2")
        ledger.commit()
    rows = shop.state / "batches" / f"{batch}.parquet"
    rows.write_bytes(rows.read_bytes()[:-10])
    faults = shop.call("audit", "verify", "--json").json["faults"]
    assert [
        fault for fault in faults if fault.startswith("seq 3 (") and "stands where seq 2" in fault
    ]
    assert [fault for fault in faults if batch in fault and "cannot be read" in fault]
    assert_told(shop.call("audit", "show", f"{batch}/1"), str(rows))


def test_a_base_of_another_name_has_nothing(promoted, tmp_path):
    shop, _, _ = promoted
    other = Shop(tmp_path / "other.yaml", shop.var)
    told = yaml.safe_load(shop.config.read_text()) | {"name": "other"}
    other.config.write_text(yaml.safe_dump(told))
    assert_told(other.call("score", "--as-of", AS_OF, "--out", "s.parquet"), "nothing is promoted")
    assert other.done("models", "--json").json == []
    assert other.done("audit", "verify", "--json").json["entries"] == 0
